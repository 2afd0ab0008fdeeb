/** Chunks back to their owner: the list of them, and the ciphertext of each, whole or in part. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, credentials, post, type Session } from '../support/ask.ts';
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
import { type House, ORIGIN } from '../support/house.ts';
import { digestOf, kept, put, putPath, send, upload } from '../support/uploads.ts';

const MIB = 1024 * 1024;

interface Kept {
  readonly spec: ChunkSpec;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly id: string;
}

async function keptOne(house: House, as: Session, media = 1000): Promise<Kept> {
  const incidentId = await newIncident(house, as);
  const spec = { incidentId, streamId: await newStream(house, as, incidentId) };
  const bytes = await sealedChunk({ ...spec, media: new Uint8Array(media) });
  return { spec, bytes, id: kept(await upload(house, as, spec, { bytes, filename: '' })).id };
}

const read = (
  house: House,
  as: Session,
  spec: ChunkSpec,
  headers: Record<string, string> = {},
  method = 'GET',
) => send(house, putPath(spec), { method, as, headers });

describe('the list of chunks', () => {
  const list = (house: House, as: Session, id: string, query = '') =>
    send(house, `/v1/incidents/${id}/chunks${query}`, { as });

  it('is a bare array of what the uploads answered, in the order in which they came', () =>
    inEvidence({}, async (house, as) => {
      const { spec } = await keptOne(house, as);
      const video = await newStream(house, as, spec.incidentId, { media_type: 'video' });
      const empty = await newIncident(house, as);
      assert.deepEqual(answers(await list(house, as, empty), 200).body, []);
      house.clock.advance(1);
      const second = kept(await put(house, as, { ...spec, streamId: video, mediaType: 'video', index: 5 }));
      const { body, headers } = answers(await list(house, as, spec.incidentId), 200);
      assert.equal(body.length, 2);
      assert.deepEqual(body[1], second);
      assert.equal(headers.get('link'), null);
    }));

  it('comes in pages, and a Link leads from each to the next', () =>
    inEvidence({}, async (house, as) => {
      const { spec } = await keptOne(house, as);
      for (let index = 2; index <= 5; index += 1) kept(await put(house, as, { ...spec, index }));
      const whole = answers(await list(house, as, spec.incidentId), 200).body;
      const found: unknown[] = [];
      let next: string | undefined = `/v1/incidents/${spec.incidentId}/chunks?limit=2`;
      const sizes: number[] = [];
      while (next !== undefined) {
        const { body, headers } = answers(await send(house, next, { as }), 200);
        found.push(...body);
        sizes.push(body.length);
        next = /^<([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
      }
      assert.deepEqual(sizes, [2, 2, 1]);
      assert.deepEqual(found, whole);
      for (const limit of ['5000', '9999999999', '9'.repeat(400)]) {
        const capped = await list(house, as, spec.incidentId, `?limit=${limit}`);
        assert.equal(answers(capped, 200).body.length, 5);
      }
    }));

  it('takes ids of chunks and whole numbers alone', () =>
    inEvidence({}, async (house, as) => {
      const { spec } = await keptOne(house, as);
      for (const limit of ['0', '-1', 'x', '1.5', ''])
        answers(await list(house, as, spec.incidentId, `?limit=${limit}`), 400, 'invalid_limit');
      for (const after of ['', 'x', spec.streamId, "chk_'"])
        answers(await list(house, as, spec.incidentId, `?after=${after}`), 400, 'invalid_cursor');
    }));

  it("is the owner's, also while the incident is being deleted", () =>
    inEvidence({}, async (house, as) => {
      const { spec } = await keptOne(house, as);
      const other = (await ownerIn(house, 'another', 'admin')).as;
      answers(await list(house, other, spec.incidentId), 404, 'incident_not_found');
      await setDeletionState(house, spec.incidentId, 'deletion_pending');
      assert.equal(answers(await list(house, as, spec.incidentId), 200).body.length, 1);
      await setDeletionState(house, spec.incidentId, 'deleted');
      answers(await list(house, as, spec.incidentId), 404, 'incident_not_found');
    }));
});

describe('the ciphertext of a chunk', () => {
  for (const media of [1, MIB - 2000, 3 * MIB + 17]) {
    it(`of ${media} bytes of media comes back as it was sent, with its digest, length and tag`, () =>
      inEvidence({}, async (house, as) => {
        const { spec, bytes } = await keptOne(house, as, media);
        const answer = await read(house, as, spec);
        assert.equal(answer.status, 200);
        assert.ok(Buffer.from(answer.bytes).equals(bytes));
        const { headers } = answer;
        assert.equal(headers.get('content-type'), 'application/octet-stream');
        assert.equal(headers.get('content-length'), String(bytes.length));
        assert.equal(headers.get('content-digest'), digestOf(bytes));
        assert.equal(headers.get('etag'), `"${sha256Hex(bytes)}"`);
        assert.equal(headers.get('accept-ranges'), 'bytes');
        assert.equal(headers.get('x-content-type-options'), 'nosniff');
        const head = await read(house, as, spec, { range: 'bytes=0-0' }, 'HEAD');
        assert.equal(head.status, 200);
        assert.equal(head.bytes.length, 0);
        for (const name of ['content-length', 'content-digest', 'etag', 'accept-ranges', 'content-type'])
          assert.equal(head.headers.get(name), headers.get(name), name);
      }));
  }

  it('comes in parts over every edge between segments, and the parts make the whole', () =>
    inEvidence({}, async (house, as) => {
      const { spec, bytes } = await keptOne(house, as, 2 * MIB + 500);
      const etag = `"${sha256Hex(bytes)}"`;
      const { length } = bytes;
      for (const [start, end] of [
        [0, 1],
        [MIB - 1, MIB + 1],
        [MIB, MIB + 1],
        [MIB - 1, MIB],
        [MIB, 2 * MIB],
        [5, length],
        [length - 1, length],
      ] as const) {
        const headers = { range: `bytes=${start}-${end - 1}`, 'if-range': etag };
        const answer = await read(house, as, spec, headers);
        assert.equal(answer.status, 206);
        assert.ok(Buffer.from(answer.bytes).equals(bytes.subarray(start, end)), `${start} to ${end}`);
        assert.equal(answer.headers.get('content-range'), `bytes ${start}-${end - 1}/${length}`);
        assert.equal(answer.headers.get('content-length'), String(end - start));
        assert.equal(answer.headers.get('repr-digest'), digestOf(bytes));
        assert.equal(answer.headers.get('content-digest'), null);
      }
      const beyond = await read(house, as, spec, { range: `bytes=${length}-` });
      answers(beyond, 416, 'range_not_satisfiable');
      assert.equal(beyond.headers.get('content-range'), `bytes */${length}`);
      const changed = await read(house, as, spec, { range: 'bytes=0-0', 'if-range': '"other"' });
      assert.deepEqual([changed.status, changed.bytes.length], [200, length]);
    }));

  it('is there in every state of its stream and after the incident is closed, not while it is deleted', () =>
    inEvidence({}, async (house, as) => {
      const { spec } = await keptOne(house, as);
      const path = `/v1/incidents/${spec.incidentId}`;
      answers(
        await post(house, `${path}/streams/${spec.streamId}/complete`, as, { expected_chunk_count: 1 }),
        200,
      );
      assert.equal((await read(house, as, spec)).status, 200);
      answers(await post(house, `${path}/close`, as), 200);
      assert.equal((await read(house, as, spec)).status, 200);
      await setDeletionState(house, spec.incidentId, 'deletion_pending');
      answers(await read(house, as, spec), 409, 'incident_deleting');
    }));

  it('that is not there is told by what is missing', () =>
    inEvidence({}, async (house, as) => {
      const { spec } = await keptOne(house, as);
      answers(await read(house, as, { ...spec, index: 2 }), 404, 'chunk_not_found');
      for (const index of ['0', '01', 'x', '1e0', '%20', '99999999999999999999'])
        answers(await read(house, as, { ...spec, index: index as never }), 404, 'chunk_not_found');
      for (const streamId of ['str_00000000000000000000000000', 'x', spec.incidentId])
        answers(await read(house, as, { ...spec, streamId }), 404, 'stream_not_found');
      const elsewhere = { ...spec, incidentId: await newIncident(house, as) };
      answers(await read(house, as, elsewhere), 404, 'stream_not_found');
      const other = (await ownerIn(house, 'another', 'admin')).as;
      answers(await read(house, other, spec), 404, 'incident_not_found');
    }));

  it('is recorded when it is taken, not when its head is asked for or a range is refused', () =>
    inEvidence({}, async (house, as) => {
      const { spec, id } = await keptOne(house, as);
      await read(house, as, spec, {}, 'HEAD');
      await read(house, as, spec, { range: 'bytes=99999-' });
      assert.deepEqual(await auditOf(house, 'chunk_download'), []);
      await read(house, as, spec);
      const row = { outcome: 'ok', incidentId: spec.incidentId, subjectId: id };
      assert.deepEqual(await auditOf(house, 'chunk_download'), [row]);
    }));

  it('breaks off rather than ending where bytes are gone or are not what came in', () =>
    inEvidence({}, async (house, as) => {
      const { spec, bytes } = await keptOne(house, as, 2 * MIB + 500);

      const raw = async () => {
        const headers = await credentials(house, as);
        const response = await house.main(new Request(`${ORIGIN}${putPath(spec)}`, { headers }));
        assert.equal(response.status, 200);
        assert.equal(response.headers.get('content-length'), String(bytes.length));
        let got = 0;
        const all = (async () => {
          for await (const piece of response.body ?? []) got += piece.length;
        })();
        await assert.rejects(all);
        assert.ok(got < bytes.length);
      };
      const change = (sql: string) => house.db.batch([{ sql, args: [] }], 'write');
      await change(`UPDATE segments SET bytes = zeroblob(length(bytes)) WHERE idx = 2`);
      await raw();
      await change('DELETE FROM segments WHERE idx = 1');
      await raw();
      assert.equal(house.log.filter(({ broken }) => broken !== undefined).length, 2);
    }));
});

describe('a chunk of no stream', () => {
  it('is read by its media type and index', () =>
    inEvidence({}, async (house, as) => {
      const { spec, bytes } = await keptOne(house, as);
      const path = (mediaType: string, index: string) =>
        `/v1/incidents/${spec.incidentId}/chunks/${mediaType}/${index}`;
      answers(await send(house, path('audio', '0'), { as }), 404, 'chunk_not_found');
      // Only an import can have brought one.
      const columns =
        'media_type, started_at, ended_at, byte_size, sha256, crc32, fingerprint, created_at, incident_id';
      await house.db.batch(
        [
          {
            sql: `INSERT INTO chunks (id, stream_id, chunk_index, blob, ${columns})
              SELECT 'chk_00000000000000000000000000', NULL, 0, 'legacy', ${columns} FROM chunks`,
          },
          { sql: `INSERT INTO segments (blob, idx, bytes) SELECT 'legacy', idx, bytes FROM segments` },
        ],
        'write',
      );
      const answer = await send(house, path('audio', '0'), { as });
      assert.equal(answer.status, 200);
      assert.ok(Buffer.from(answer.bytes).equals(bytes));
      answers(await send(house, path('video', '0'), { as }), 404, 'chunk_not_found');
      answers(await send(house, path('audio', '00'), { as }), 404, 'chunk_not_found');
      const listed = answers(await send(house, `/v1/incidents/${spec.incidentId}/chunks`, { as }), 200).body;
      assert.deepEqual([listed.length, 'stream_id' in listed[0]], [2, false]);
    }));

  it('of a media type that nobody knows is not there, as one with an index that nothing has', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as);
      const path = (mediaType: string) => `/v1/incidents/${incidentId}/chunks/${mediaType}/1`;
      const other = (await ownerIn(house, 'another', 'admin')).as;
      for (const mediaType of ['audio', 'zzz', 'AUDIO', 'image', '%20', '__proto__', 'reconcile']) {
        answers(await send(house, path(mediaType), { as }), 404, 'chunk_not_found');
        answers(await send(house, path(mediaType), { as: other }), 404, 'incident_not_found');
        answers(await send(house, path(mediaType)), 401, 'authentication_required');
        assert.equal((await send(house, path(mediaType), { method: 'HEAD', as })).status, 404);
      }
      // What stands beside it stays what it was.
      const beside = `/v1/incidents/${incidentId}/chunks/reconcile`;
      answers(await send(house, beside, { as }), 404, 'not_found');
      answers(await post(house, beside, as, {}), 400, 'invalid_field');
      answers(await post(house, path('zzz'), as, {}), 404, 'not_found');
    }));
});
