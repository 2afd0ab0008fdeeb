/** The draft "Resumable Uploads for HTTP", interop version 8: what it demands of a server, section by section. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openHouse } from '../support/house.ts';
import {
  begin,
  bodyOf,
  chunkBytes,
  digestOf,
  expectOutcome,
  headersOf,
  inUpload,
  isKept,
  leftOf,
  locationOf,
  outcomeOf,
  type Pending,
  patch,
  pendingChunk,
  putHeaders,
} from '../support/uploading.ts';

const MIB = 1024 * 1024;
const head = ({ send }: Pending, location: string) => send('HEAD', location);
const offsetOf = async (pending: Pending, location: string) =>
  Number(expectOutcome(await head(pending, location), '204').headers.get('upload-offset'));

describe('Limits', () => {
  it('OPTIONS says the limits wherever an upload can be created, to anybody, and nothing to be guessed from', () =>
    inUpload({ house: { env: { SAFE_MAX_UPLOAD_BYTES: '5MB' } } }, async ({ doors, path }) => {
      for (const place of [path, '/v1/incidents/x/streams/y/chunks/1']) {
        const answer = await doors.main(new Request(`http://door.test${place}`, { method: 'OPTIONS' }));
        assert.equal(answer.status, 204);
        assert.equal(answer.headers.get('upload-limit'), `max-size=${5 * MIB}, max-age=86400`);
      }
    }));

  it('max-age is what is left, and its end does not move', () =>
    inUpload({}, async (pending, { clock }) => {
      const location = await begin(pending);
      clock.advance(3600_000);
      const limit = (await head(pending, location)).headers.get('upload-limit');
      assert.match(limit ?? '', /^max-size=\d+, max-age=82800$/);
    }));
});

describe('Upload Creation', () => {
  it('with ?0 answers 201 with Location, Upload-Limit, the offset and Upload-Complete: ?0', () =>
    inUpload({}, async (pending) => {
      const headers = { ...putHeaders(pending), 'upload-complete': '?0', 'upload-length': '900' };
      const body = pending.bytes.subarray(0, 30);
      const made = expectOutcome(await pending.send('PUT', pending.path, { headers, body }), '201');
      assert.deepEqual(headersOf(made, 'upload-complete', 'upload-offset'), ['?0', '30']);
      assert.match(made.headers.get('upload-limit') ?? '', /^max-size=\d+, max-age=86400$/);
      const { id, offset, length } = made.body.upload;
      assert.deepEqual([`/v1/uploads/${id}`, offset, length], [locationOf(made), 30, 900]);
    }));

  it('with ?0 may bring nothing yet, and all of it without completing it', () =>
    inUpload({}, async (pending) => {
      assert.equal(await offsetOf(pending, await begin(pending)), 0);
      const location = await begin(pending, {}, pending.bytes);
      const { headers } = await head(pending, location);
      assert.equal(headers.get('upload-offset'), String(pending.bytes.length));
      assert.equal(headers.get('upload-complete'), '?0');
      assert.equal(await chunkBytes(pending), undefined);
      expectOutcome(await patch(pending, location, pending.bytes.length, '?1'), '201');
      await isKept(pending);
    }));

  it('with ?1 is the request that it would be without, and its answer says so with Upload-Complete: ?1', () =>
    inUpload({}, async (pending, house) => {
      const headers = { ...putHeaders(pending), 'upload-complete': '?1' };
      const made = await pending.send('PUT', pending.path, { headers, body: pending.bytes });
      assert.equal(expectOutcome(made, '201').headers.get('upload-complete'), '?1');
      assert.equal(made.body.stream_id, pending.streamId);
      await isKept(pending);
      const again = await pending.send('PUT', pending.path, { headers, body: pending.bytes });
      assert.equal(expectOutcome(again, '409 duplicate_chunk').headers.get('upload-complete'), '?1');
      assert.deepEqual(await leftOf(house), [0, 0, 1]);
    }));

  it('with ?1 that is interrupted completes nothing and leaves nothing, since nobody knows where it is', () =>
    inUpload({}, async (pending, house) => {
      const headers = { ...putHeaders(pending), 'upload-complete': '?1' };
      const body = bodyOf([pending.bytes], 'break');
      expectOutcome(await pending.send('PUT', pending.path, { headers, body }), '400 request_aborted');
      assert.deepEqual(await leftOf(house), [0, 0, 0]);
    }));

  it('with ?0 that is interrupted leaves nothing either', () =>
    inUpload({ size: 2 * MIB }, async (pending, house) => {
      const headers = { ...putHeaders(pending), 'upload-complete': '?0' };
      const body = bodyOf([pending.bytes], 'break');
      expectOutcome(await pending.send('PUT', pending.path, { headers, body }), '400 request_aborted');
      assert.deepEqual(await leftOf(house), [0, 0, 0]);
    }));

  for (const value of ['1', '?2', 'true', '"?1"', '?0, ?1', '(?1)', '?', ''])
    it(`ignores Upload-Complete: ${value}, as if it had not been sent`, () =>
      inUpload({}, async (pending) => {
        const headers = { ...putHeaders(pending), 'upload-complete': value };
        const body = pending.bytes;
        // An ordinary PUT, then, which wants a Content-Digest.
        expectOutcome(
          await pending.send('PUT', pending.path, { headers, body }),
          '400 invalid_content_digest',
        );
        const digest = { ...headers, 'content-digest': digestOf(body) };
        const made = expectOutcome(await pending.send('PUT', pending.path, { headers: digest, body }), '201');
        assert.equal(made.headers.get('upload-complete'), null);
      }));

  it('never sends an interim response, whatever interop version is asked for', () =>
    inUpload({}, async (pending) => {
      for (const version of ['8', '7', 'x']) {
        const headers = {
          ...putHeaders(pending),
          'upload-complete': '?0',
          'upload-draft-interop-version': version,
        };
        const made = await pending.send('PUT', pending.path, { headers });
        assert.equal(expectOutcome(made, '201').headers.get('upload-draft-interop-version'), null);
      }
    }));
});

describe('Length', () => {
  it('is recorded from the creation, and from an append that knows it', () =>
    inUpload({}, async (pending) => {
      const { length } = pending.bytes;
      const known = await begin(pending, { 'upload-length': String(length) });
      assert.equal((await head(pending, known)).headers.get('upload-length'), String(length));
      const unknown = await begin(pending);
      assert.equal((await head(pending, unknown)).headers.get('upload-length'), null);
      const more = pending.bytes.subarray(0, 10);
      expectOutcome(await patch(pending, unknown, 0, '?0', more, { 'upload-length': String(length) }), '204');
      assert.equal((await head(pending, unknown)).headers.get('upload-length'), String(length));
    }));

  it('is recorded from a completing append by its Content-Length, even when that breaks off', () =>
    inUpload({}, async (pending) => {
      const location = await begin(pending, {}, pending.bytes.subarray(0, 10));
      const rest = pending.bytes.subarray(10);
      const declared = { 'content-length': String(rest.length) };
      const body = bodyOf([rest.subarray(0, 10)], 'break');
      expectOutcome(await patch(pending, location, 10, '?1', body, declared), '400 request_aborted');
      const { headers } = await head(pending, location);
      assert.equal(headers.get('upload-length'), String(pending.bytes.length));
      assert.equal(headers.get('upload-offset'), '20');
    }));

  it('must be the same by both indicators of one request', () =>
    inUpload({}, async (pending) => {
      const { bytes } = pending;
      const headers = {
        ...putHeaders(pending),
        'upload-complete': '?1',
        'upload-length': String(bytes.length + 1),
      };
      const made = await pending.send('PUT', pending.path, { headers, body: bytes });
      assert.equal(expectOutcome(made, '400 upload_length_mismatch').headers.get('upload-complete'), '?0');
      const location = await begin(pending, {}, bytes.subarray(0, 10));
      const wrong = { 'upload-length': String(bytes.length - 1) };
      const answer = await patch(pending, location, 10, '?1', bytes.subarray(10), wrong);
      assert.equal(expectOutcome(answer, '400 upload_length_mismatch').headers.get('upload-complete'), '?0');
      assert.equal(await offsetOf(pending, location), 10);
    }));

  it('must be the same in every request', () =>
    inUpload({}, async (pending) => {
      const location = await begin(pending, { 'upload-length': '500' });
      for (const length of ['499', '501', '0']) {
        const answer = await patch(pending, location, 0, '?0', undefined, { 'upload-length': length });
        expectOutcome(answer, '400 upload_length_mismatch');
      }
      expectOutcome(
        await patch(pending, location, 0, '?1', pending.bytes.subarray(0, 20)),
        '400 upload_length_mismatch',
      );
      assert.equal(await offsetOf(pending, location), 0);
    }));

  for (const value of ['-1', '1.0', '1e3', '"100"', '?1', '1, 2', 'x', '9999999999999999'])
    it(`is ignored where it is ${value}`, () =>
      inUpload({}, async (pending) => {
        const location = await begin(pending, { 'upload-length': value });
        assert.equal((await head(pending, location)).headers.get('upload-length'), null);
      }));

  it('a completed upload that is shorter than was said is refused, and can still go on', () =>
    inUpload({}, async (pending) => {
      const location = await begin(pending, { 'upload-length': String(pending.bytes.length) });
      const body = bodyOf([pending.bytes.subarray(0, 50)]);
      expectOutcome(await patch(pending, location, 0, '?1', body), '400 upload_length_mismatch');
      expectOutcome(await patch(pending, location, 50, '?1', pending.bytes.subarray(50)), '201');
      await isKept(pending);
    }));

  it('an offset beyond it is refused, and nothing of such an upload can be used any more', () =>
    inUpload({}, async (pending, house) => {
      const location = await begin(pending, { 'upload-length': '50' });
      const body = bodyOf([pending.bytes.subarray(0, 40), pending.bytes.subarray(40, 60)]);
      expectOutcome(await patch(pending, location, 0, '?0', body), '400 upload_length_mismatch');
      for (const method of ['HEAD', 'GET', 'DELETE'])
        assert.equal((await pending.send(method, location)).status, 404, method);
      expectOutcome(await patch(pending, location, 0, '?0'), '404 upload_not_found');
      assert.deepEqual(await leftOf(house), [0, 0, 0]);
    }));
});

describe('Offset Retrieval', () => {
  for (const method of ['HEAD', 'GET'])
    it(`${method} says offset, completeness, length, limits, and that nobody may keep the answer`, () =>
      inUpload({}, async (pending) => {
        const location = await begin(pending, { 'upload-length': '900' }, pending.bytes.subarray(0, 25));
        const { status, headers, text } = await pending.send(method, location);
        assert.deepEqual([status, text], [204, '']);
        assert.equal(headers.get('upload-offset'), '25');
        assert.equal(headers.get('upload-complete'), '?0');
        assert.equal(headers.get('upload-length'), '900');
        assert.match(headers.get('upload-limit') ?? '', /^max-size=\d+, max-age=86400$/);
        assert.equal(headers.get('cache-control'), 'no-store');
      }));

  it('says Upload-Complete: ?1 once there was a final answer, a chunk or a refusal', () =>
    inUpload({}, async (pending) => {
      const kept = await begin(pending);
      expectOutcome(await patch(pending, kept, 0, '?1', pending.bytes), '201');
      const refused = await begin(pending, {
        'repr-digest': digestOf(Buffer.from('other')),
        'idempotency-key': 'k',
      });
      expectOutcome(await patch(pending, refused, 0, '?1', pending.bytes), '400 hash_mismatch');
      for (const location of [kept, refused]) {
        const { headers } = await head(pending, location);
        assert.equal(headers.get('upload-complete'), '?1');
        assert.equal(headers.get('upload-offset'), String(pending.bytes.length));
      }
    }));

  it('the offset never goes back, through appends, refusals and interruptions', () =>
    inUpload({ size: 3 * MIB }, async (pending) => {
      const location = await begin(pending);
      const { bytes } = pending;
      let before = 0;
      for (const end of ['close', 'break', 'close', 'break', 'break'] as const) {
        const piece = bytes.subarray(before, before + 400_000);
        await patch(pending, location, before, '?0', bodyOf([piece], end));
        await patch(pending, location, before + 1, '?0', piece);
        await patch(pending, location, before, '?0', piece, { 'content-digest': digestOf(bytes) });
        const now = await offsetOf(pending, location);
        assert.ok(now >= before, `${now} after ${before}`);
        before = now;
      }
      assert.equal(before, 2_000_000);
      expectOutcome(await patch(pending, location, before, '?1', bytes.subarray(before)), '201');
      await isKept(pending);
    }));

  it('an upload whose bytes are lost is not there any more', () =>
    inUpload({}, async (pending, { db }) => {
      const location = await begin(pending, {}, pending.bytes.subarray(0, 10));
      await db.batch([{ sql: 'DELETE FROM loose_blobs' }], 'write');
      assert.equal((await head(pending, location)).status, 404);
      expectOutcome(await patch(pending, location, 10, '?0'), '404 upload_not_found');
    }));
});

it('two processes that complete one upload at once make one chunk of it, and answer the same', () =>
  inUpload({}, async (pending, house) => {
    const other = await openHouse({ data: house.db, clock: house.clock });
    for (let index = 1; index <= 10; index += 1) {
      const next = await pendingChunk(house, pending.as, { ...pending, index });
      const elsewhere = await pendingChunk(other, pending.as, { ...pending, index });
      const location = await begin(next, {}, next.bytes);
      const end = next.bytes.length;
      const both = await Promise.all([next, elsewhere].map((by) => patch(by, location, end, '?1')));
      assert.deepEqual(both.map(outcomeOf).sort(), ['200', '201']);
      assert.equal(both[0]?.body.id, both[1]?.body.id);
      await isKept(next);
    }
  }));
