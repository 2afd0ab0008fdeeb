/** The draft "Resumable Uploads for HTTP", interop version 8: appending, two requests at once, giving up, digests. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  begin,
  bodyOf,
  chunkBytes,
  closeIncident,
  digestOf,
  expectOutcome,
  handBody,
  headersOf,
  inUpload,
  isKept,
  leftOf,
  type Pending,
  patch,
  putHeaders,
} from '../support/uploading.ts';

const MIB = 1024 * 1024;
const head = ({ send }: Pending, location: string) => send('HEAD', location);
const offsetOf = async (pending: Pending, location: string) =>
  Number(expectOutcome(await head(pending, location), '204').headers.get('upload-offset'));

describe('Upload Append', () => {
  it('with ?0 answers 204 with Upload-Complete: ?0 and the offset; with ?1 as the PUT would have, with ?1', () =>
    inUpload({ size: 2 * MIB }, async (pending) => {
      const { bytes } = pending;
      const location = await begin(pending, {}, bytes.subarray(0, 1000));
      const more = expectOutcome(
        await patch(pending, location, 1000, '?0', bytes.subarray(1000, MIB + 5)),
        '204',
      );
      assert.deepEqual(headersOf(more, 'upload-offset', 'upload-complete'), [String(MIB + 5), '?0']);
      assert.equal(await chunkBytes(pending), undefined, 'parts are visible to nobody');
      const last = expectOutcome(
        await patch(pending, location, MIB + 5, '?1', bytes.subarray(MIB + 5)),
        '201',
      );
      assert.equal(last.headers.get('upload-complete'), '?1');
      assert.equal(last.body.chunk_index, pending.index);
      await isKept(pending);
    }));

  it('with ?1 and no content completes what is all there', () =>
    inUpload({}, async (pending) => {
      const location = await begin(pending, {}, pending.bytes);
      expectOutcome(await patch(pending, location, pending.bytes.length, '?1'), '201');
      await isKept(pending);
    }));

  it('with ?1 that is refused says so with Upload-Complete: ?1, and says it again', () =>
    inUpload({}, async (pending) => {
      const location = await begin(pending, { 'repr-digest': digestOf(Buffer.from('other')) });
      for (const body of [pending.bytes, undefined]) {
        const offset = body === undefined ? pending.bytes.length : 0;
        const answer = await patch(pending, location, offset, '?1', body);
        assert.equal(expectOutcome(answer, '400 hash_mismatch').headers.get('upload-complete'), '?1');
      }
    }));

  it('of which the answer was lost answers again, marked as a repetition', () =>
    inUpload({}, async (pending) => {
      const location = await begin(pending);
      const first = expectOutcome(await patch(pending, location, 0, '?1', pending.bytes), '201');
      const again = expectOutcome(await patch(pending, location, pending.bytes.length, '?1'), '200');
      assert.deepEqual(headersOf(again, 'upload-complete', 'idempotency-replayed'), ['?1', 'true']);
      assert.equal(again.body.id, first.body.id);
    }));

  it('at another offset is answered 409 with the right one and Upload-Complete: ?0, and changes nothing', () =>
    inUpload({}, async (pending) => {
      const location = await begin(pending, {}, pending.bytes.subarray(0, 40));
      for (const offset of [0, 39, 41, 100_000])
        for (const complete of ['?0', '?1'] as const) {
          const answer = await patch(pending, location, offset, complete, pending.bytes);
          expectOutcome(answer, '409 upload_offset_mismatch');
          assert.deepEqual(headersOf(answer, 'upload-offset', 'upload-complete'), ['40', '?0']);
        }
      expectOutcome(await patch(pending, location, 40, '?1', pending.bytes.subarray(40)), '201');
      await isKept(pending);
    }));

  it('to a completed upload adds nothing', () =>
    inUpload({}, async (pending) => {
      const location = await begin(pending);
      const { bytes } = pending;
      expectOutcome(await patch(pending, location, 0, '?1', bytes), '201');
      const end = bytes.length;
      for (const [offset, complete, body, code] of [
        [end, '?1', bytes, '400 upload_complete'],
        [end, '?0', bytes, '400 upload_complete'],
        [end, '?0', undefined, '400 upload_complete'],
        [end, '?1', bodyOf([bytes]), '400 upload_complete'],
        [0, '?1', bytes, '409 upload_offset_mismatch'],
      ] as const) {
        const answer = await patch(pending, location, offset, complete, body);
        assert.equal(expectOutcome(answer, code).headers.get('upload-complete'), '?0');
        assert.equal(answer.headers.get('upload-offset'), String(end));
      }
      await isKept(pending);
    }));

  for (const end of ['break', 'hang'] as const)
    it(`with ?1 that ${end === 'break' ? 'breaks off' : 'falls silent'} keeps what came and completes nothing`, () =>
      inUpload({ size: 2 * MIB }, async (pending, { clock }) => {
        const { bytes } = pending;
        const location = await begin(pending);
        const body = handBody();
        const wanted = body.wanted();
        const length = { 'content-length': String(bytes.length) };
        const asked = patch(pending, location, 0, '?1', body.stream, length);
        await wanted;
        const more = body.wanted();
        body.write(bytes.subarray(0, MIB + 77));
        // Whoever asks for more has what came before, and waits for as long as it may.
        await more;
        if (end === 'break') body.fail();
        else clock.advance(31_000);
        expectOutcome(await asked, end === 'break' ? '400 request_aborted' : '408 request_timeout');
        const { headers } = await head(pending, location);
        assert.deepEqual(
          [headers.get('upload-offset'), headers.get('upload-complete')],
          [String(MIB + 77), '?0'],
        );
        expectOutcome(await patch(pending, location, MIB + 77, '?1', bytes.subarray(MIB + 77)), '201');
        await isKept(pending);
      }));

  it('that ends before its Content-Length is one that broke off', () =>
    inUpload({}, async (pending) => {
      const location = await begin(pending);
      const short = bodyOf([pending.bytes.subarray(0, 60)]);
      const declared = { 'content-length': String(pending.bytes.length) };
      expectOutcome(await patch(pending, location, 0, '?1', short, declared), '400 request_aborted');
      assert.equal(await offsetOf(pending, location), 60);
    }));

  it('keeps what lies in memory when nothing comes for a while, before the connection is given up, whoever sets the clock', () =>
    inUpload({}, async (pending, { clock, db }) => {
      const location = await begin(pending);
      const slow = handBody();
      const first = slow.wanted();
      const asked = patch(pending, location, 0, '?1', slow.stream);
      await first;
      const second = slow.wanted();
      slow.write(pending.bytes.subarray(0, 30));
      await second;
      // As somebody may who finds it an hour ahead.
      clock.set(-3_600_000);
      const third = slow.wanted();
      slow.write(pending.bytes.subarray(30, 60));
      await third;
      clock.advance(1000);
      const staged = async () =>
        (await db.batch([{ sql: 'SELECT sum(bytes) FROM loose_blobs' }], 'read'))[0]?.rows[0]?.[0];
      let kept = 0;
      for (let round = 0; round < 1000 && kept !== 60; round += 1) {
        kept = Number(await staged());
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(kept, 60);
      slow.write(pending.bytes.subarray(60));
      slow.end();
      expectOutcome(await asked, '201');
      await isKept(pending);
    }));

  for (const type of [undefined, 'application/octet-stream', 'application/offset+octet-stream', 'x'])
    it(`of ${type ?? 'no type'} is answered 415`, () =>
      inUpload({}, async (pending) => {
        const location = await begin(pending);
        const answer = await patch(pending, location, 0, '?1', pending.bytes, { 'content-type': type });
        expectOutcome(answer, '415 unsupported_media_type');
        assert.equal(await offsetOf(pending, location), 0);
      }));

  for (const extra of [
    ...[undefined, '-1', '0.0', '"0"', '?0', '', '0,0', '1e1'].map((value) => ({ 'upload-offset': value })),
    ...[undefined, '1', 'true', '', '?2', '?0, ?0'].map((value) => ({ 'upload-complete': value })),
  ])
    it(`with ${JSON.stringify(extra)} is answered 400`, () =>
      inUpload({}, async (pending) => {
        const location = await begin(pending);
        const answer = await patch(pending, location, 0, '?1', pending.bytes, extra);
        expectOutcome(answer, '400 upload_malformed');
        assert.equal(await offsetOf(pending, location), 0);
      }));

  it('reads structured values with parameters', () =>
    inUpload({}, async (pending) => {
      const location = await begin(pending);
      const extra = {
        'upload-offset': '0;a=1',
        'upload-complete': '?1;b',
        'content-type': 'Application/Partial-Upload; x=y',
      };
      expectOutcome(await patch(pending, location, 0, '?1', pending.bytes, extra), '201');
    }));
});

describe('Integrity Digests', () => {
  it('a Repr-Digest is required when an upload begins, and is what the whole must have', () =>
    inUpload({}, async (pending) => {
      for (const digest of [undefined, 'sha-256=:AAAA:', 'md5=:AAAA:', 'x', ''])
        expectOutcome(
          await pending.send('PUT', pending.path, {
            headers: { ...putHeaders(pending), 'upload-complete': '?0', 'repr-digest': digest },
          }),
          '400 invalid_content_digest',
        );
    }));

  it('both digests of a whole upload must say the same, and either will do', () =>
    inUpload({}, async (pending) => {
      const both = { ...putHeaders(pending), 'upload-complete': '?1' };
      const other = { ...both, 'content-digest': digestOf(Buffer.from('other')) };
      const refused = await pending.send('PUT', pending.path, { headers: other, body: pending.bytes });
      expectOutcome(refused, '400 invalid_content_digest');
      const alone = { ...both, 'repr-digest': undefined, 'content-digest': digestOf(pending.bytes) };
      expectOutcome(await pending.send('PUT', pending.path, { headers: alone, body: pending.bytes }), '201');
    }));

  for (const size of [100, 2 * MIB + 9])
    it(`a Content-Digest that does not hold keeps none of the ${size} bytes of an append`, () =>
      inUpload({ size }, async (pending, house) => {
        const location = await begin(pending, {}, pending.bytes.subarray(0, 7));
        const rest = pending.bytes.subarray(7);
        const wrong = { 'content-digest': digestOf(pending.bytes) };
        const answer = await patch(pending, location, 7, '?1', rest, wrong);
        assert.deepEqual(
          headersOf(expectOutcome(answer, '400 hash_mismatch'), 'upload-offset', 'upload-complete'),
          ['7', '?0'],
        );
        assert.deepEqual(await leftOf(house), [1, 1, 1]);
        const right = { 'content-digest': digestOf(rest) };
        expectOutcome(await patch(pending, location, 7, '?1', rest, right), '201');
        await isKept(pending);
      }));

  it('a Content-Digest that does not hold creates nothing', () =>
    inUpload({}, async (pending, house) => {
      const headers = {
        ...putHeaders(pending),
        'upload-complete': '?0',
        'content-digest': digestOf(Buffer.from('x')),
      };
      expectOutcome(
        await pending.send('PUT', pending.path, { headers, body: pending.bytes }),
        '400 hash_mismatch',
      );
      assert.deepEqual(await leftOf(house), [0, 0, 0]);
    }));
});

describe('Concurrency', () => {
  it('an offset that was answered is accepted, though an append was still under way', () =>
    inUpload({ size: 3 * MIB }, async (pending) => {
      const { bytes } = pending;
      const location = await begin(pending);
      const slow = handBody();
      const wanted = slow.wanted();
      const stale = patch(pending, location, 0, '?0', slow.stream);
      await wanted;
      const taken = slow.wanted();
      slow.write(bytes.subarray(0, MIB + 100));
      await taken;
      const offset = await offsetOf(pending, location);
      assert.equal(offset, MIB, 'whole segments are kept as they arrive');
      // The old request goes on sending: none of it may count.
      slow.write(bytes.subarray(MIB + 100, 2 * MIB + 200));
      const answer = expectOutcome(await stale, '409 upload_offset_mismatch');
      assert.deepEqual(headersOf(answer, 'upload-offset', 'upload-complete'), [String(MIB), '?0']);
      assert.equal(await offsetOf(pending, location), offset);
      expectOutcome(await patch(pending, location, offset, '?1', bytes.subarray(offset)), '201');
      await isKept(pending);
    }));

  it('of two appends the later one goes on, and the earlier one adds nothing more', () =>
    inUpload({}, async (pending) => {
      const { bytes } = pending;
      const location = await begin(pending);
      const slow = handBody();
      const wanted = slow.wanted();
      const stale = patch(pending, location, 0, '?1', slow.stream);
      await wanted;
      expectOutcome(await patch(pending, location, 0, '?0', bytes.subarray(0, 60)), '204');
      slow.write(bytes);
      slow.end();
      expectOutcome(await stale, '409 upload_offset_mismatch');
      expectOutcome(await patch(pending, location, 60, '?1', bytes.subarray(60)), '201');
      await isKept(pending);
    }));

  it('a cancellation ends an append that is under way', () =>
    inUpload({}, async (pending, house) => {
      const location = await begin(pending);
      const slow = handBody();
      const wanted = slow.wanted();
      const stale = patch(pending, location, 0, '?1', slow.stream);
      await wanted;
      expectOutcome(await pending.send('DELETE', location), '204');
      slow.write(pending.bytes);
      slow.end();
      expectOutcome(await stale, '404 upload_not_found');
      assert.deepEqual(await leftOf(house), [0, 0, 0]);
      assert.equal(await chunkBytes(pending), undefined);
    }));

  it('who completes an upload twice at once gets one chunk, and the same one', () =>
    inUpload({}, async (pending) => {
      const location = await begin(pending, {}, pending.bytes);
      const asked = Array.from({ length: 6 }, () => patch(pending, location, pending.bytes.length, '?1'));
      const answers = await Promise.all(asked);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 200, 200, 201]);
      assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
    }));
});

describe('Upload Cancellation', () => {
  it('answers 204; the upload and its bytes are gone, and nobody can go on with it', () =>
    inUpload({ size: 2 * MIB }, async (pending, house) => {
      const location = await begin(pending, {}, pending.bytes);
      expectOutcome(await pending.send('DELETE', location), '204');
      assert.deepEqual(await leftOf(house), [0, 0, 0]);
      assert.equal((await head(pending, location)).status, 404);
      expectOutcome(await pending.send('DELETE', location), '404 upload_not_found');
    }));

  it('of a completed upload forgets the upload and keeps the chunk', () =>
    inUpload({}, async (pending) => {
      const location = await begin(pending);
      expectOutcome(await patch(pending, location, 0, '?1', pending.bytes), '201');
      expectOutcome(await pending.send('DELETE', location), '204');
      await isKept(pending);
    }));
});

it('rights are asked again at the end: an incident that was closed meanwhile takes nothing', () =>
  inUpload({}, async (pending) => {
    const location = await begin(pending, {}, pending.bytes);
    await closeIncident(pending);
    const answer = await patch(pending, location, pending.bytes.length, '?1');
    assert.equal(expectOutcome(answer, '409 incident_closed').headers.get('upload-complete'), '?1');
  }));
