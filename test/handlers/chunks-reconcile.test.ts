/** Asking whether what the server keeps is what the recorder has: in any state, and without changing anything. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, ask, post, type Session } from '../support/ask.ts';
import {
  type ChunkSpec,
  inEvidence,
  newIncident,
  newStream,
  ownerIn,
  setDeletionState,
} from '../support/evidence.ts';
import type { House } from '../support/house.ts';
import { type Answer, ENDED, kept, STARTED, upload } from '../support/uploads.ts';

type Chunk = Answer['body'];

/** A chunk that is kept, and what a client says about it. */
async function keptOne(
  house: House,
  as: Session,
): Promise<{ spec: ChunkSpec; chunk: Chunk; expected: object }> {
  const incidentId = await newIncident(house, as);
  const spec = { incidentId, streamId: await newStream(house, as, incidentId), index: 7 };
  const chunk = kept(await upload(house, as, spec, { fields: { original_filename: 'a.opus' } }));
  const expected = {
    stream_id: spec.streamId,
    chunk_index: 7,
    media_type: 'audio',
    started_at: STARTED,
    ended_at: ENDED,
    byte_size: chunk.byte_size,
    sha256_hex: chunk.sha256_hex,
    original_filename: 'a.opus',
  };
  return { spec, chunk, expected };
}

/** Every row of every table. */
async function everything({ db }: House): Promise<string> {
  const sql =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
  const [tables] = await db.batch([{ sql }], 'read');
  const selects = (tables?.rows ?? []).map(([name]) => ({ sql: `SELECT * FROM "${String(name)}"` }));
  const rows = (await db.batch(selects, 'read')).map((result) => result.rows);
  return JSON.stringify(rows, (_, value) => (value instanceof Uint8Array ? [...value] : value));
}

const reconcile = (house: House, as: Session, { incidentId }: ChunkSpec, body: unknown) =>
  ask(house, `/v1/incidents/${incidentId}/chunks/reconcile`, { as, body });

describe('reconciling', () => {
  it('what is kept answers that it matches', () =>
    inEvidence({}, async (house, as) => {
      const { spec, chunk, expected } = await keptOne(house, as);
      const { body, text } = answers(await reconcile(house, as, spec, expected), 200);
      assert.deepEqual(body, {
        reconciliation: {
          status: 'matched',
          identity: {
            incident_id: spec.incidentId,
            stream_id: spec.streamId,
            chunk_index: 7,
            media_type: 'audio',
          },
          chunk_id: chunk.id,
          byte_size: chunk.byte_size,
          sha256_hex: chunk.sha256_hex,
          started_at: STARTED,
          ended_at: ENDED,
          created_at: chunk.created_at,
        },
      });
      assert.ok(!text.includes('a.opus'));
    }));

  it('compares times and file names as they are kept, not as they are written', () =>
    inEvidence({}, async (house, as) => {
      const { spec, expected } = await keptOne(house, as);
      const otherwise = {
        started_at: '2026-01-02T05:04:05.000+02:00',
        original_filename: ' C:\\rec\\a.opus',
      };
      answers(await reconcile(house, as, spec, { ...expected, ...otherwise }), 200);
    }));

  const CHANGES = {
    media_type: 'video',
    started_at: '2026-01-02T03:04:04Z',
    ended_at: '2026-01-02T03:04:15.000000001Z',
    original_filename: 'b.opus',
    byte_size: 1,
    sha256_hex: 'a'.repeat(64),
  } as const;

  for (const [name, value] of Object.entries(CHANGES)) {
    it(`with another ${name} answers a conflict that names it`, () =>
      inEvidence({}, async (house, as) => {
        const { spec, expected } = await keptOne(house, as);
        const asked = { ...expected, [name]: value };
        const { body, headers } = answers(
          await reconcile(house, as, spec, asked),
          409,
          'duplicate_chunk_conflict',
        );
        assert.deepEqual(body, {
          error: {
            code: 'duplicate_chunk_conflict',
            message: 'existing chunk does not match expected ciphertext or metadata',
            request_id: headers.get('x-request-id'),
          },
          reconciliation: {
            status: 'conflict',
            identity: {
              incident_id: spec.incidentId,
              stream_id: spec.streamId,
              chunk_index: 7,
              media_type: name === 'media_type' ? 'video' : 'audio',
            },
            mismatched_fields: [name],
          },
        });
      }));
  }

  it('with everything different names everything in one order, and no value of what is kept', () =>
    inEvidence({}, async (house, as) => {
      const { spec, chunk, expected } = await keptOne(house, as);
      const answer = await reconcile(house, as, spec, { ...expected, ...CHANGES });
      assert.deepEqual(answer.body.reconciliation.mismatched_fields, Object.keys(CHANGES));
      for (const value of [chunk.id, chunk.sha256_hex, STARTED, ENDED, 'a.opus'])
        assert.ok(!answer.text.includes(String(value)), String(value));
    }));

  it('without the file name that is kept is a conflict, and so is one that is not kept', () =>
    inEvidence({}, async (house, as) => {
      const { spec, expected } = await keptOne(house, as);
      const { original_filename: _, ...nameless } = expected as Record<string, unknown>;
      const answer = await reconcile(house, as, spec, nameless);
      assert.deepEqual(answer.body.reconciliation.mismatched_fields, ['original_filename']);
    }));

  it('works after the stream is complete or failed and the incident is closed, not while it is deleted', () =>
    inEvidence({}, async (house, as) => {
      const { spec, expected } = await keptOne(house, as);
      const path = `/v1/incidents/${spec.incidentId}`;
      answers(await post(house, `${path}/streams/${spec.streamId}/fail`, as), 200);
      answers(await reconcile(house, as, spec, expected), 200);
      answers(await post(house, `${path}/close`, as), 200);
      answers(await reconcile(house, as, spec, expected), 200);
      await setDeletionState(house, spec.incidentId, 'deletion_pending');
      answers(await reconcile(house, as, spec, expected), 409, 'incident_deleting');
    }));

  it('changes nothing in any table, the audit included', () =>
    inEvidence({}, async (house, as) => {
      const { spec, expected } = await keptOne(house, as);
      const before = await everything(house);
      answers(await reconcile(house, as, spec, expected), 200);
      const other = { ...expected, byte_size: 1 };
      answers(await reconcile(house, as, spec, other), 409, 'duplicate_chunk_conflict');
      assert.equal(await everything(house), before);
    }));

  it('says what is not there', () =>
    inEvidence({}, async (house, as) => {
      const { spec, expected } = await keptOne(house, as);
      answers(await reconcile(house, as, spec, { ...expected, chunk_index: 8 }), 404, 'chunk_not_found');
      for (const stream_id of ['str_00000000000000000000000000', 'x', '', 'a\0b'])
        answers(await reconcile(house, as, spec, { ...expected, stream_id }), 404, 'stream_not_found');
      const other = (await ownerIn(house, 'another')).as;
      answers(await reconcile(house, other, spec, expected), 404, 'incident_not_found');
    }));

  for (const [code, name, ...values] of [
    ['invalid_chunk_index', 'chunk_index', 0, -1, 1.5, '1', null, 2 ** 53],
    ['invalid_media_type', 'media_type', 'image', 1, null],
    ['invalid_started_at', 'started_at', 'now', 1, null],
    ['invalid_ended_at', 'ended_at', 'now', {}, undefined],
    ['invalid_time_range', 'ended_at', '2026-01-02T03:04:04Z'],
    ['invalid_sha256_hex', 'sha256_hex', 'A'.repeat(64), 1, []],
    ['invalid_byte_size', 'byte_size', 0, -1, 1.5, '1', null, undefined, 2 ** 53],
    ['invalid_field', 'stream_id', 1, null, undefined],
    ['invalid_field', 'original_filename', 1, null, 'x'.repeat(256)],
    ['invalid_json', 'unknown', 1],
  ] as const) {
    it(`with a bad ${name} is ${code}`, () =>
      inEvidence({}, async (house, as) => {
        const { spec, expected } = await keptOne(house, as);
        for (const value of values)
          answers(await reconcile(house, as, spec, { ...expected, [name]: value }), 400, code);
      }));
  }

  it('takes small JSON objects alone', () =>
    inEvidence({}, async (house, as) => {
      const { spec } = await keptOne(house, as);
      for (const body of ['', '[]', '{', 'null', '{}{}'])
        answers(await reconcile(house, as, spec, body), 400, 'invalid_json');
      answers(await reconcile(house, as, spec, '{}'), 400, 'invalid_field');
      answers(await reconcile(house, as, spec, ' '.repeat(65_537)), 413, 'request_too_large');
    }));
});
