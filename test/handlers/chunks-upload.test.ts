/** Uploading a chunk as a form: what it becomes, and what becomes of the same upload again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, ask, post, verified, WEB } from '../support/ask.ts';
import {
  auditOf,
  type ChunkSpec,
  inEvidence,
  newIncident,
  newStream,
  ownerIn,
  sealedChunk,
  setDeletionState,
  sha256Hex,
} from '../support/evidence.ts';
import type { House } from '../support/house.ts';
import { type Answer, kept, leftovers, put, send, upload } from '../support/uploads.ts';

const MIB = 1024 * 1024;
const ID = /^chk_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** A place for chunks. */
async function placeIn(house: House, as: Parameters<typeof newIncident>[1]): Promise<ChunkSpec> {
  const incidentId = await newIncident(house, as);
  return { incidentId, streamId: await newStream(house, as, incidentId) };
}

const replayed = ({ headers }: Answer) => headers.get('idempotency-replayed');

describe('an upload', () => {
  it('answers the chunk that it became', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      const bytes = await sealedChunk(spec);
      const answer = await upload(house, as, spec, { bytes, fields: { original_filename: 'rec.opus' } });
      const { id, ...rest } = kept(answer);
      assert.match(id, ID);
      assert.deepEqual(Object.keys(answer.body), [
        'id',
        'incident_id',
        'stream_id',
        'chunk_index',
        'media_type',
        'started_at',
        'ended_at',
        'original_filename',
        'byte_size',
        'sha256_hex',
        'created_at',
      ]);
      assert.deepEqual(rest, {
        incident_id: spec.incidentId,
        stream_id: spec.streamId,
        chunk_index: 1,
        media_type: 'audio',
        started_at: '2026-01-02T03:04:05Z',
        ended_at: '2026-01-02T03:04:15Z',
        original_filename: 'rec.opus',
        byte_size: bytes.length,
        sha256_hex: sha256Hex(bytes),
        created_at: new Date(house.clock.now()).toISOString(),
      });
      assert.equal(replayed(answer), null);
    }));

  it('keeps times to the nanosecond, in UTC', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      const fields = {
        started_at: '2026-01-02T04:04:05.120+01:00',
        ended_at: '2026-01-02T03:04:05.123456789Z',
      };
      const chunk = kept(await upload(house, as, spec, { fields }));
      assert.equal(chunk.started_at, '2026-01-02T03:04:05.12Z');
      assert.equal(chunk.ended_at, '2026-01-02T03:04:05.123456789Z');
    }));

  for (const size of [1, 64 * 1024, MIB - 1000, MIB, MIB + 1, 3 * MIB + 5]) {
    it(`of ${size} bytes of media can be read back`, () =>
      inEvidence({}, async (house, as) => {
        const spec = { ...(await placeIn(house, as)), media: new Uint8Array(size).fill(size) };
        const bytes = await sealedChunk(spec);
        kept(await upload(house, as, spec, { bytes }));
        const path = `/v1/incidents/${spec.incidentId}/streams/${spec.streamId}/chunks/1`;
        assert.ok(Buffer.from((await send(house, path, { as })).bytes).equals(bytes));
        assert.equal((await leftovers(house)).loose, 0);
      }));
  }

  it('may come in any order of chunks, and have any whole number', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      for (const index of [3, 1, 2, 999_999, 1_000_000, Number.MAX_SAFE_INTEGER]) {
        assert.equal(kept(await upload(house, as, { ...spec, index })).chunk_index, index);
      }
    }));

  it('counts for its stream and its account, and only once', () =>
    inEvidence({}, async (house, as, owner) => {
      const spec = await placeIn(house, as);
      const { byte_size: size } = kept(await upload(house, as, spec, { key: 'once' }));
      const stream = await house.deps.store.streams.find(
        { incidentId: spec.incidentId, accountId: owner.person.account.id },
        spec.streamId,
      );
      assert.ok(typeof stream === 'object');
      assert.deepEqual([stream.chunkCount, stream.totalBytes], [1, size]);
      assert.equal(await house.deps.store.chunks.usage(owner.person.account.id), size);
    }));

  it('by a browser needs its CSRF token', () =>
    inEvidence({ env: WEB }, async (house, _as, { person }) => {
      const as = await verified(house, person, 'cookie');
      const spec = await placeIn(house, as);
      kept(await upload(house, as, spec));
      const { token } = as;
      const bare = await ask(house, `/v1/incidents/${spec.incidentId}/chunks`, {
        method: 'POST',
        headers: { cookie: `__Host-sallyport_session=${token}` },
      });
      answers(bare, 403, 'csrf_required');
    }));

  it('writes one row into the audit, and a row for each conflict', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      const { incidentId } = spec;
      const { id } = kept(await upload(house, as, spec, { key: 'k' }));
      // Within a millisecond the order of ids is chance.
      house.clock.advance(1);
      const bytes = await sealedChunk(spec);
      answers(await upload(house, as, spec, { bytes }), 409, 'duplicate_chunk');
      answers(await upload(house, as, spec, { bytes, key: 'k' }), 409, 'idempotency_conflict');
      await post(house, `/v1/incidents/${incidentId}/close`, as);
      answers(await upload(house, as, spec), 409, 'incident_closed');
      const rows = await auditOf(house, 'chunk_commit');
      assert.deepEqual(
        rows.map(({ outcome }) => outcome),
        ['ok', 'conflict', 'conflict', 'conflict'],
      );
      assert.deepEqual(rows[0], { outcome: 'ok', incidentId, subjectId: id });
      assert.ok(rows.every((row) => row.incidentId === incidentId));
    }));
});

describe('the same upload again', () => {
  it('under its key answers the first chunk, byte for byte, and adds nothing', () =>
    inEvidence({}, async (house, as) => {
      const spec = { ...(await placeIn(house, as)), media: new Uint8Array(2 * MIB) };
      const bytes = await sealedChunk(spec);
      const first = await upload(house, as, spec, { bytes, key: 'a-key' });
      const before = await leftovers(house);
      house.clock.advance(60_000);
      const again = await upload(house, as, spec, { bytes, key: 'a-key' });
      kept(again, 200);
      assert.equal(again.text, first.text);
      assert.equal(replayed(again), 'true');
      assert.deepEqual(await leftovers(house), before);
    }));

  it('may come in the other form, and with its times written otherwise', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      const bytes = await sealedChunk(spec);
      const first = await upload(house, as, spec, { bytes, key: 'k', filename: '..' });
      const fields = { started_at: '2026-01-02T05:04:05.000+02:00' };
      assert.equal(
        kept(await upload(house, as, spec, { bytes, key: 'k', fields, filename: '' }), 200).id,
        first.body.id,
      );
      const plain = await put(house, as, spec, { bytes, key: 'k' });
      assert.equal(plain.text, first.text);
      assert.equal(replayed(plain), 'true');
    }));

  it('under another key is a replay as well, and the new key counts from then on', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      const bytes = await sealedChunk(spec);
      const { id } = kept(await upload(house, as, spec, { bytes, filename: '' }));
      assert.equal(kept(await upload(house, as, spec, { bytes, key: 'one', filename: '' }), 200).id, id);
      assert.equal(kept(await upload(house, as, spec, { bytes, key: 'two', filename: '' }), 200).id, id);
      const other = { ...spec, index: 2 };
      answers(await upload(house, as, other, { key: 'two' }), 409, 'idempotency_conflict');
    }));

  it('without a key is a duplicate', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      const bytes = await sealedChunk(spec);
      kept(await upload(house, as, spec, { bytes }));
      answers(await upload(house, as, spec, { bytes }), 409, 'duplicate_chunk');
    }));

  it('changed in anything is a conflict under its key, and a duplicate under another', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      const bytes = await sealedChunk(spec);
      kept(await upload(house, as, spec, { bytes, key: 'k', filename: '' }));
      for (const [name, change] of Object.entries({
        bytes: { bytes: await sealedChunk(spec) },
        started: { bytes, fields: { started_at: '2026-01-02T03:04:05.000000001Z' } },
        ended: { bytes, fields: { ended_at: '2026-01-02T03:04:16Z' } },
        filename: { bytes, fields: { original_filename: 'x' } },
      })) {
        answers(
          await upload(house, as, spec, { filename: '', ...change, key: 'k' }),
          409,
          'idempotency_conflict',
        );
        answers(
          await upload(house, as, spec, { filename: '', ...change, key: name }),
          409,
          'duplicate_chunk',
        );
      }
    }));

  it('of somebody else under the same key is no business of anybody', () =>
    inEvidence({}, async (house, as) => {
      const other = (await ownerIn(house, 'another')).as;
      const [mine, theirs] = [await placeIn(house, as), await placeIn(house, other)];
      kept(await upload(house, as, mine, { key: 'the-key' }));
      kept(await upload(house, other, theirs, { key: 'the-key' }));
    }));

  it('keeps its key as a hash', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      kept(await upload(house, as, spec, { key: 'a-key-nobody-may-read' }));
      const sql = 'SELECT key_hash FROM upload_keys';
      const rows = (await house.db.batch([{ sql }], 'read'))[0]?.rows;
      assert.deepEqual(rows, [[sha256Hex('a-key-nobody-may-read')]]);
    }));
});

describe('an upload to an incident', () => {
  for (const state of ['deletion_pending', 'deleting', 'deletion_failed'] as const) {
    it(`that is ${state} is refused before anything is read`, () =>
      inEvidence({}, async (house, as) => {
        const spec = await placeIn(house, as);
        await setDeletionState(house, spec.incidentId, state);
        answers(await upload(house, as, spec, { key: 'bad key' }), 409, 'incident_deleting');
        answers(await put(house, as, spec), 409, 'incident_deleting');
      }));
  }

  it('that is closed is refused, also a retry of what is there', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      const bytes = await sealedChunk(spec);
      kept(await upload(house, as, spec, { bytes, key: 'k' }));
      await post(house, `/v1/incidents/${spec.incidentId}/close`, as);
      answers(await upload(house, as, spec, { bytes, key: 'k' }), 409, 'incident_closed');
    }));
});
