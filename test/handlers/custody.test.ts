/** What bundles carry to be held against the log: complete, and enough to notice every change. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { tendLog } from '../../src/core/log.ts';
import { decodePaddedBase64 } from '../../src/crypto/base64.ts';
import { utf8 } from '../../src/crypto/hash.ts';
import { isConsistent, isIncluded, leafHash } from '../../src/crypto/merkle.ts';
import {
  type CheckpointText,
  openNote,
  parseVerifierKey,
  readCheckpoint,
  signerOf,
} from '../../src/crypto/signed-note.ts';
import { answers, ask, type Session } from '../support/ask.ts';
import { inEvidence, newIncident, newStream, sealedChunk, sha256Hex } from '../support/evidence.ts';
import type { House } from '../support/house.ts';
import {
  download,
  entriesOf,
  incidentBundlePath,
  type Recording,
  recording,
  streamBundlePath,
} from '../support/recordings.ts';

const signer = await signerOf('vault.example/log', new Uint8Array(32).fill(3));
const signing = { ports: { signer } };
const TEN = Buffer.alloc(10, 1);

async function taken(house: House, as: Session, path: string) {
  const { status, bytes, headers } = await download(house, path, as);
  assert.equal(status, 200);
  const entries = entriesOf(bytes);
  const text = (name: string) => Buffer.from(entries.get(name) ?? []).toString('utf8');
  return { names: [...entries.keys()], text, etag: headers.get('etag'), bytes };
}

type Taken = Awaited<ReturnType<typeof taken>>;

const parsed = (lines: string) =>
  lines
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
const hashesOf = (proof: readonly string[]) =>
  proof.map((hash) => decodePaddedBase64(hash) ?? new Uint8Array());

async function checkpointIn(bundle: Taken): Promise<CheckpointText> {
  const verifier = parseVerifierKey(bundle.text('custody/verifier-key').trim());
  assert.deepEqual(verifier?.publicKey, signer.publicKey);
  const checkpoint = readCheckpoint((await openNote(bundle.text('custody/checkpoint'), signer)) ?? '');
  assert.ok(checkpoint);
  return checkpoint;
}

/** Every chunk of these recordings is proven, and nothing else is in the leaves. */
async function proves(bundle: Taken, ...recordings: Recording[]): Promise<CheckpointText> {
  const { size, rootHash, origin } = await checkpointIn(bundle);
  const leaves = parsed(bundle.text('custody/leaves.jsonl'));
  for (const { index, leaf, proof } of leaves) {
    assert.ok(isIncluded(leafHash(utf8(leaf)), index, size, hashesOf(proof), rootHash));
  }
  assert.deepEqual(
    leaves.map(({ leaf }) => /sha256=64:(.*)\n$/.exec(leaf)?.[1]),
    recordings.flatMap(({ sealed }) => sealed.map(sha256Hex)),
  );
  return { size, rootHash, origin };
}

describe('custody in a bundle', () => {
  it('is not there before a checkpoint covers its chunks, and then stays as it is', () =>
    inEvidence(signing, async (house, as) => {
      const incident = await newIncident(house, as);
      const made = await recording(house, as, incident, { mediaType: 'video', media: [TEN, TEN, TEN] });
      const before = await taken(house, as, incidentBundlePath(incident));
      assert.deepEqual(
        before.names.filter((name) => name.startsWith('custody/')),
        [],
      );
      await tendLog(house.deps);

      const bundle = await taken(house, as, incidentBundlePath(incident));
      assert.notEqual(bundle.etag, before.etag);
      assert.deepEqual(bundle.names.slice(before.names.length), [
        'custody/checkpoint',
        'custody/verifier-key',
        'custody/leaves.jsonl',
        'custody/consistency.jsonl',
      ]);
      await proves(bundle, made);

      // The log grows, the bundle does not change.
      await recording(house, as, await newIncident(house, as), { mediaType: 'audio', media: [TEN] });
      await tendLog(house.deps);
      const later = await taken(house, as, incidentBundlePath(incident));
      assert.equal(later.etag, bundle.etag);
      assert.ok(Buffer.from(later.bytes).equals(Buffer.from(bundle.bytes)));
    }));

  it('shows that the log it is from continues that of every earlier bundle', () =>
    inEvidence(signing, async (house, as) => {
      const incident = await newIncident(house, as);
      const recordings: Recording[] = [];
      const earlier: CheckpointText[] = [];
      let newest: Taken | undefined;
      for (const mediaType of ['video', 'audio', 'location', 'metadata'] as const) {
        const made = await recording(house, as, incident, { mediaType, media: [TEN, TEN] });
        house.clock.advance(1000);
        recordings.push(made);
        await tendLog(house.deps);
        newest = await taken(house, as, incidentBundlePath(incident));
        earlier.push(await proves(newest, ...recordings));
        earlier.push(await proves(await taken(house, as, streamBundlePath(made)), made));
      }
      assert.ok(newest);
      const last = await checkpointIn(newest);
      const proofs = new Map(
        parsed(newest.text('custody/consistency.jsonl')).map(({ size, proof }) => [size, hashesOf(proof)]),
      );
      for (const { size, rootHash } of earlier.filter((one) => one.size < last.size)) {
        const proof = proofs.get(size);
        assert.ok(proof, `no proof from ${size}`);
        assert.ok(isConsistent(size, last.size, proof, rootHash, last.rootHash));
      }
      assert.deepEqual(
        [...proofs.keys()],
        [...new Set(earlier.map(({ size }) => size))].filter((size) => size < last.size),
      );
    }));

  it('proves hundreds of chunks among those of others', () =>
    inEvidence(signing, async (house, as) => {
      const incident = await newIncident(house, as);
      const other = await newIncident(house, as);
      const media = Array.from({ length: 230 }, () => TEN);
      const [made] = await Promise.all([
        recording(house, as, incident, { mediaType: 'audio', media }),
        recording(house, as, other, { mediaType: 'audio', media: media.slice(0, 60) }),
      ]);
      await tendLog(house.deps);
      await proves(await taken(house, as, streamBundlePath(made)), made);
    }));

  it('gives any part of it, like the rest of the bundle', () =>
    inEvidence(signing, async (house, as) => {
      const incident = await newIncident(house, as);
      const made = await recording(house, as, incident, { mediaType: 'video', media: [TEN, TEN, TEN] });
      await tendLog(house.deps);
      const whole = Buffer.from((await taken(house, as, streamBundlePath(made))).bytes);
      for (let start = 0; start < whole.length; start += 173) {
        const part = await download(house, streamBundlePath(made), as, {
          range: `bytes=${start}-${start + 400}`,
        });
        assert.equal(part.status, 206);
        assert.ok(Buffer.from(part.bytes).equals(whole.subarray(start, start + 401)), `from ${start}`);
      }
    }));
});

describe('the receipt of an upload', () => {
  it('is signed, says what the leaf says, and is the same for a replay', () =>
    inEvidence(signing, async (house, as) => {
      const incident = await newIncident(house, as);
      const streamId = await newStream(house, as, incident);
      const bytes = await sealedChunk({ incidentId: incident, streamId });
      const put = async () => {
        const answer = await house.main(
          new Request(`http://door.test/v1/incidents/${incident}/streams/${streamId}/chunks/1`, {
            method: 'PUT',
            headers: {
              authorization: `Bearer ${as.token}`,
              'content-digest': `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
              'x-media-type': 'audio',
              'x-started-at': '2026-01-02T03:04:05Z',
              'x-ended-at': '2026-01-02T04:04:05.25+01:00',
              'idempotency-key': 'a-key-of-the-client',
            },
            body: new Uint8Array(bytes),
          }),
        );
        return { status: answer.status, body: JSON.parse(await answer.text()) };
      };
      const first = await put();
      const { receipt, ...chunk } = first.body;
      assert.equal(first.status, 201);
      assert.deepEqual(await put(), { status: 200, body: first.body });
      const listed = answers(await ask(house, `/v1/incidents/${incident}/chunks`, { as }), 200).body;
      assert.deepEqual(listed, [chunk]);
      const said = await openNote(receipt, signer);
      const [leaf] = await house.deps.store.log.leavesOfStream(streamId, -1, 10);
      assert.equal(said?.replace('sallyport-receipt/1', 'sallyport-leaf/1'), leaf?.text);
    }));
});
