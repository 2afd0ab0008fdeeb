/** `sallyport verify` against the log: what nobody can do to a bundle, the operator included, without its showing. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stampCheckpoints } from '../../runtime/timestamp.ts';
import { receiptFor, tendLog } from '../../src/core/log.ts';
import { logConsistency } from '../../src/core/operator-log.ts';
import { signerOf, verifierKey } from '../../src/crypto/signed-note.ts';
import { type Packed, pack } from '../support/archives.ts';
import { CHILD_ENV } from '../support/child-env.ts';
import { newIncident, type Owner, ownerIn } from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import {
  download,
  entriesOf,
  incidentBundlePath,
  type Recording,
  recording,
  streamBundlePath,
} from '../support/recordings.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { noTimestamps, type TimestampAuthority, timestampAuthority } from '../support/timestamp-authority.ts';

const CLI = fileURLToPath(new URL('../../cli/sallyport.ts', import.meta.url));
const signer = await signerOf('vault.example/log', new Uint8Array(32).fill(3));
const KEY = verifierKey(signer);

// biome-ignore lint/suspicious/noExplicitAny: reports are read by the test that knows them
type Json = any;

function verify(...args: string[]): Promise<{ code: number; report: Json; said: string }> {
  return new Promise((resolve) => {
    const all = [CLI, 'verify', '--json', ...args];
    execFile(process.execPath, all, { env: CHILD_ENV }, (error, out, said) => {
      const code = typeof error?.code === 'number' ? error.code : 0;
      resolve({ code, report: out === '' ? undefined : JSON.parse(out), said });
    });
  });
}

const codesOf = ({ report }: { report: Json }) =>
  [report.verdict, ...report.problems.map(({ code }: Json) => code)].join(' ');

describe('sallyport verify and the log', () => {
  let dir: TempDir;
  let house: House;
  let owner: Owner;
  let incident: string;
  let first: Recording;
  let files = 0;

  /** Keeps bytes as a file. */
  async function file(bytes: Uint8Array | string): Promise<string> {
    files += 1;
    const path = join(dir.path, `file-${files}`);
    await writeFile(path, bytes);
    return path;
  }
  const taken = async (path: string) => (await download(house, path, owner.as)).bytes;
  /** A bundle with one entry changed. */
  async function changed(bytes: Uint8Array, name: string, change: (text: string) => string | undefined) {
    const packed: Packed[] = [...entriesOf(bytes)].flatMap(([entry, content]) => {
      if (entry !== name) return [{ name: entry, bytes: content }];
      const text = change(Buffer.from(content).toString('latin1'));
      return text === undefined ? [] : [{ name: entry, bytes: Buffer.from(text, 'latin1') }];
    });
    return file(await pack(packed));
  }
  const record = (mediaType: 'video' | 'audio' | 'location') =>
    recording(house, owner.as, incident, {
      mediaType,
      media: [Buffer.alloc(10, 1), Buffer.alloc(11, 2), Buffer.alloc(12, 3)],
    });

  before(async () => {
    dir = await tempDir();
    house = await openHouse({ ports: { signer } });
    owner = await ownerIn(house);
    incident = await newIncident(house, owner.as);
    first = await record('video');
    house.clock.advance(1000);
    await tendLog(house.deps);
  });
  after(async () => {
    await house?.close();
    await dir?.remove();
  });

  it('proves every chunk, and says whose signature it is', async () => {
    const bundle = await file(await taken(incidentBundlePath(incident)));
    const open = await verify(bundle);
    assert.equal(codesOf(open), 'ok');
    assert.equal(open.code, 0);
    assert.deepEqual(
      [
        open.report.custody.state,
        open.report.custody.key,
        open.report.custody.key_trusted,
        open.report.custody.chunks_proven,
      ],
      ['checked', KEY, false, 3],
    );
    const trusting = await verify(bundle, '--key', KEY);
    assert.deepEqual([trusting.code, trusting.report.custody.key_trusted], [0, true]);
    const byFile = await verify(bundle, '--key', await file(`${KEY}\n`));
    assert.equal(byFile.report.custody.key_trusted, true);
  });

  it('says so when the key is another one', async () => {
    const bundle = await file(await taken(incidentBundlePath(incident)));
    const other = verifierKey(await signerOf('vault.example/log', new Uint8Array(32).fill(4)));
    const answer = await verify(bundle, '--key', other);
    assert.deepEqual([answer.code, codesOf(answer)], [1, 'failed custody_key']);
    assert.equal((await verify(bundle, '--key', 'no key')).code, 2);
  });

  it('notices every change to the proofs', async () => {
    const bytes = await taken(streamBundlePath(first));
    const leaves = 'custody/leaves.jsonl';
    const cases: readonly (readonly [string, (text: string) => string | undefined, RegExp])[] = [
      [leaves, (text) => text.replace('"index":', '"index":1'), /custody_inclusion/],
      [
        leaves,
        (text) => text.replace(/at=13:(\d)/, (_, digit) => `at=13:${(Number(digit) + 1) % 10}`),
        /custody_inclusion/,
      ],
      [leaves, (text) => text.replace(/sha256=64:../, 'sha256=64:00'), /custody_differs/],
      [leaves, (text) => text.split('\n').slice(1).join('\n'), /custody_missing/],
      [leaves, (text) => `${text + text.split('\n')[0]}\n`, /custody_leaf/],
      [leaves, (text) => text.replace(/"proof":\["./, '"proof":["x'), /custody_malformed|custody_inclusion/],
      [leaves, (text) => text.slice(0, -1), /custody_malformed/],
      [leaves, () => '{}\n', /custody_malformed/],
      [leaves, () => undefined, /custody_malformed/],
      ['custody/checkpoint', (text) => text.replace(/\n\d+\n/, '\n999\n'), /custody_signature/],
      ['custody/verifier-key', () => 'nothing\n', /custody_signature/],
    ];
    for (const [name, change, expected] of cases) {
      const answer = await verify(await changed(bytes, name, change));
      assert.equal(answer.code, 1, name);
      assert.match(codesOf(answer), new RegExp(`^failed .*(${expected.source})`), name);
    }
  });

  it('notices a chunk that was exchanged together with its manifest', async () => {
    const bytes = await taken(streamBundlePath(first));
    const sha = /"sha256_hex":"([0-9a-f]{64})"/.exec(Buffer.from(bytes).toString('latin1'))?.[1] ?? '';
    const path = await changed(bytes, 'manifest.json', (text) =>
      text.replace(
        sha,
        sha.replace(/./, (digit) => (digit === 'a' ? 'b' : 'a')),
      ),
    );
    assert.match(codesOf(await verify(path)), /^failed .*custody_differs/);
  });

  it('holds the log against earlier bundles and checkpoints', async () => {
    const before = await taken(incidentBundlePath(incident));
    const earlier = await file(before);
    await record('audio');
    house.clock.advance(1000);
    await tendLog(house.deps);
    const after = await file(await taken(incidentBundlePath(incident)));
    const good = await verify(after, '--earlier', earlier);
    assert.deepEqual([good.code, codesOf(good)], [0, 'ok']);
    // The other way round: the newer one proves that it continues this.
    assert.equal(codesOf(await verify(earlier, '--earlier', after)), 'ok');

    const note = Buffer.from(entriesOf(before).get('custody/checkpoint') ?? []).toString();
    const checkpoint = await file(note);
    assert.equal(codesOf(await verify(after, '--key', KEY, '--earlier', checkpoint)), 'ok');
    assert.equal((await verify(after, '--earlier', checkpoint)).code, 2);
  });

  it('takes a proof by the operator for a checkpoint that no bundle of these streams can prove', async () => {
    // Somebody kept a checkpoint from between: no bundle was ever made with it.
    await newIncident(house, owner.as);
    const between = (await tendLog(house.deps)) ?? assert.fail('no checkpoint');
    await record('location');
    const newest = (await tendLog(house.deps)) ?? assert.fail('no checkpoint');
    const bundle = await file(await taken(incidentBundlePath(incident)));
    const holding = [bundle, '--key', KEY, '--earlier', await file(between.note)];
    const without = await verify(...holding);
    assert.deepEqual([without.code, codesOf(without)], [1, 'not_proven custody_consistency_unknown']);
    const told = without.report.problems[0].message;
    assert.ok(told.endsWith(`sallyport log consistency ${between.size} ${newest.size}`), told);

    const proof = await logConsistency(house.deps, between.size, newest.size);
    const line = (value: object) => file(`${JSON.stringify(value)}\n`);
    const other = await logConsistency(house.deps, between.size, between.size + 1);
    const good = await verify(
      ...holding,
      '--consistency',
      await line(other),
      '--consistency',
      await line(proof),
    );
    assert.deepEqual([good.code, codesOf(good)], [0, 'ok']);
    const elsewhere = await verify(...holding, '--consistency', await line(other));
    assert.equal(codesOf(elsewhere), 'not_proven custody_consistency_unknown');
    const forged = { ...proof, proof: proof.proof.toReversed() };
    const bad = await verify(...holding, '--consistency', await line(forged));
    assert.deepEqual([bad.code, codesOf(bad)], [1, 'failed custody_inconsistent']);
    for (const nothing of ['no proof\n', '{}\n', `${JSON.stringify({ ...proof, proof: ['x'] })}\n`])
      assert.equal((await verify(...holding, '--consistency', await file(nothing))).code, 2, nothing);
  });

  it('notices a log that was begun anew, and a chunk that was taken back', async () => {
    const kept = await file(await taken(incidentBundlePath(incident)));
    const other = await openHouse({ ports: { signer } });
    try {
      // The same signer, and another history: what an operator would have who restored half a database.
      const someone = await ownerIn(other);
      const elsewhere = await newIncident(other, someone.as);
      for (const mediaType of ['video', 'audio', 'location'] as const)
        await recording(other, someone.as, elsewhere, {
          mediaType,
          media: Array.from({ length: 9 }, () => Buffer.alloc(9, 9)),
        });
      await tendLog(other.deps);
      const bundle = await file((await download(other, incidentBundlePath(elsewhere), someone.as)).bytes);
      const answer = await verify(bundle, '--earlier', kept);
      assert.match(codesOf(answer), /^(failed custody_inconsistent|not_proven custody_consistency_unknown)/);
      assert.equal(answer.code, 1);
    } finally {
      await other.close();
    }
  });

  it('holds the log against receipts', async () => {
    const chunks = await house.deps.store.chunks.page(first.streamId, 0, 10);
    const receipts = await Promise.all(chunks.map((chunk) => receiptFor({ signer }, chunk)));
    const lines = (some: readonly (string | undefined)[]) =>
      some.map((one) => `${JSON.stringify(one)}\n`).join('');
    const bundle = await file(await taken(streamBundlePath(first)));
    const met = await verify(bundle, '--receipts', await file(lines(receipts)));
    assert.deepEqual([met.code, met.report.custody.receipts_met], [0, 3]);

    const [chunk] = chunks;
    assert.ok(chunk);
    // Signed for a fourth chunk that the log does not have: it was dropped after it had been taken in.
    const dropped = await receiptFor({ signer }, { ...chunk, chunkIndex: 4 });
    const unmet = await verify(bundle, '--receipts', await file(lines([...receipts, dropped])));
    assert.deepEqual([unmet.code, codesOf(unmet)], [1, 'failed receipt_unmet']);
    const forged = await receiptFor(
      { signer: await signerOf('vault.example/log', new Uint8Array(32).fill(9)) },
      chunk,
    );
    assert.equal(
      codesOf(await verify(bundle, '--receipts', await file(lines([forged])))),
      'failed receipt_invalid',
    );
    assert.equal((await verify(bundle, '--receipts', await file('no receipt\n'))).code, 2);
  });

  it('says that a bundle without proofs has none', async () => {
    const fresh = await newIncident(house, owner.as);
    await recording(house, owner.as, fresh, { mediaType: 'audio', media: [Buffer.alloc(10)] });
    const bundle = await file(await taken(incidentBundlePath(fresh)));
    const answer = await verify(bundle);
    assert.deepEqual([answer.code, answer.report.custody.state], [0, 'absent']);
    assert.equal(codesOf(await verify(bundle, '--key', KEY)), 'not_proven custody_absent');
  });

  describe('with timestamps', { skip: noTimestamps }, () => {
    let authority: TimestampAuthority;
    before(async () => {
      authority = await timestampAuthority();
    });
    after(() => authority?.close());

    it('checks when an outside authority saw the checkpoint', async () => {
      const { log } = house.deps.store;
      authority.broken = true;
      await assert.rejects(stampCheckpoints(authority.url, log, () => false));
      authority.broken = false;
      await stampCheckpoints(authority.url, log, () => false);
      const asked = authority.asked;
      await stampCheckpoints(authority.url, log, () => false);
      assert.equal(authority.asked, asked, 'what has a timestamp is not stamped again');

      const bytes = await taken(streamBundlePath(first));
      const bundle = await file(bytes);
      const open = await verify(bundle);
      assert.deepEqual([open.code, open.report.custody.timestamp?.trusted], [0, false]);
      const ca = await file(authority.authorities);
      const trusting = await verify(bundle, '--timestamp-ca', ca);
      assert.deepEqual([trusting.code, trusting.report.custody.timestamp?.trusted], [0, true]);

      const stranger = await timestampAuthority();
      const wrong = await verify(bundle, '--timestamp-ca', await file(stranger.authorities));
      await stranger.close();
      assert.equal(codesOf(wrong), 'failed custody_timestamp');
      const other = await changed(
        bytes,
        'custody/timestamp.tsr',
        (text) => text.slice(0, -9) + 'x'.repeat(9),
      );
      assert.equal(codesOf(await verify(other)), 'failed custody_timestamp');
    });
  });
});
