/** tus 1.0.0, the extensions: creation, with upload, with a length that comes later, expiration, checksum, termination. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  bodyOf,
  expectOutcome,
  headersOf,
  inUpload,
  isKept,
  leftOf,
  locationOf,
  metadataOf,
  type Pending,
  TUS,
  tusBegin,
  tusPatch,
  tusPost,
} from '../support/uploading.ts';

const MIB = 1024 * 1024;
const head = ({ send }: Pending, location: string) => send('HEAD', location, { headers: TUS });
const offsetOf = async (pending: Pending, location: string) =>
  Number(expectOutcome(await head(pending, location), '204').headers.get('upload-offset'));
const sumOf = (algorithm: string, bytes: Uint8Array) =>
  `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`;
const DEFERRED = { 'upload-length': undefined, 'upload-defer-length': '1' };

describe('Creation', () => {
  it('answers 201 with Location, and the upload stands at 0', () =>
    inUpload({}, async (pending) => {
      const made = expectOutcome(await tusPost(pending), '201');
      const location = locationOf(made);
      assert.deepEqual([made.body.upload.offset, await offsetOf(pending, location)], [0, 0]);
    }));

  for (const [what, extra] of [
    ['neither a length nor the word that it comes later', { 'upload-length': undefined }],
    ['both', { 'upload-defer-length': '1' }],
    ['Upload-Defer-Length: 0', { ...DEFERRED, 'upload-defer-length': '0' }],
    ['Upload-Defer-Length: 2', { ...DEFERRED, 'upload-defer-length': '2' }],
    ['Upload-Length: -1', { 'upload-length': '-1' }],
    ['Upload-Length: 1.0', { 'upload-length': '1.0' }],
    ['Upload-Length: 1e3', { 'upload-length': '1e3' }],
    ['Upload-Concat', { 'upload-concat': 'partial' }],
  ] as const)
    it(`with ${what} is answered 400`, () =>
      inUpload({}, async (pending, house) => {
        expectOutcome(await tusPost(pending, extra), '400 upload_malformed');
        assert.deepEqual(await leftOf(house), [0, 0, 0]);
      }));

  it('of more than Tus-Max-Size is answered 413', () =>
    inUpload({ house: { env: { SAFE_MAX_UPLOAD_BYTES: '1MB' } } }, async (pending) => {
      expectOutcome(await tusPost(pending, { 'upload-length': String(MIB) }), '201');
      expectOutcome(await tusPost(pending, { 'upload-length': String(MIB + 1) }), '413 upload_too_large');
    }));

  it('of nothing is complete at once, and refused, since nothing is not sealed', () =>
    inUpload({}, async (pending, house) => {
      const empty = createHash('sha256').digest('hex');
      const metadata = metadataOf(pending, { sha256_hex: empty });
      const answer = await tusPost(pending, { 'upload-length': '0', 'upload-metadata': metadata });
      expectOutcome(answer, '400 not_sealed');
      assert.deepEqual(await leftOf(house), [0, 0, 0]);
    }));

  it('with a length that comes later: HEAD says so until it came, and then it stays', () =>
    inUpload({}, async (pending) => {
      const { bytes } = pending;
      const location = await tusBegin(pending, DEFERRED);
      const names = ['upload-defer-length', 'upload-length'];
      assert.deepEqual(headersOf(await head(pending, location), ...names), ['1', null]);
      expectOutcome(await tusPatch(pending, location, 0, bytes.subarray(0, 9)), '204');
      assert.deepEqual(headersOf(await head(pending, location), ...names), ['1', null]);
      const length = String(bytes.length);
      const said = { 'upload-length': length };
      expectOutcome(await tusPatch(pending, location, 9, bytes.subarray(9, 20), said), '204');
      assert.deepEqual(headersOf(await head(pending, location), ...names), [null, length]);
      const other = { 'upload-length': String(bytes.length + 1) };
      expectOutcome(
        await tusPatch(pending, location, 20, bytes.subarray(20), other),
        '400 upload_length_mismatch',
      );
      expectOutcome(await tusPatch(pending, location, 20, bytes.subarray(20)), '204');
      await isKept(pending);
    }));

  it('with a length that comes last, when all bytes are there, ends with an empty PATCH', () =>
    inUpload({}, async (pending) => {
      const location = await tusBegin(pending, DEFERRED);
      const { length } = pending.bytes;
      expectOutcome(await tusPatch(pending, location, 0, pending.bytes), '204');
      const less = { 'upload-length': String(length - 1) };
      expectOutcome(await tusPatch(pending, location, length, undefined, less), '400 upload_length_mismatch');
      expectOutcome(
        await tusPatch(pending, location, length, undefined, { 'upload-length': String(length) }),
        '204',
      );
      await isKept(pending);
    }));
});

describe('Upload-Metadata', () => {
  it('comes back from HEAD as it was sent', () =>
    inUpload({}, async (pending) => {
      const given = `${metadataOf(pending, { original_filename: 'clip é.enc' })} , filename`;
      const location = await tusBegin(pending, { 'upload-metadata': given });
      assert.equal((await head(pending, location)).headers.get('upload-metadata'), given);
    }));

  const bad: readonly (readonly [string, (pending: Pending) => string | undefined, string?])[] = [
    ['that is not there', () => undefined],
    ['that is empty', () => ''],
    ['without a stream', (pending) => metadataOf(pending, { stream_id: undefined })],
    ['without a digest', (pending) => metadataOf(pending, { sha256_hex: undefined })],
    ['with a key twice', (pending) => `${metadataOf(pending)},stream_id eA==`],
    ['with an unknown key', (pending) => metadataOf(pending, { is_confidential: 'yes' })],
    ['with a key of an object', (pending) => metadataOf(pending, { constructor: 'x', __proto__x: 'y' })],
    ['with a value that is no Base64', (pending) => `${metadataOf(pending)},filename a`],
    ['with Base64 that has no padding', (pending) => `${metadataOf(pending)},filename eA`],
    ['with URL-safe Base64', (pending) => `${metadataOf(pending)},filename -_8=`],
    ['with a value that is not text', (pending) => `${metadataOf(pending)},filename /w==`],
    ['with three words', (pending) => `${metadataOf(pending)},filename eA== eA==`],
    ['with nothing between commas', (pending) => `${metadataOf(pending)},,`],
    ['that is too long', (pending) => metadataOf(pending, { filename: 'x'.repeat(4000) })],
    ['that is not ASCII', (pending) => `${metadataOf(pending)},filename é`],
    ['with index 0', (pending) => metadataOf(pending, { chunk_index: '0' }), 'invalid_chunk_index'],
    ['with another media type', (pending) => metadataOf(pending, { media_type: 'x' }), 'invalid_media_type'],
    ['with a bad time', (pending) => metadataOf(pending, { started_at: 'now' }), 'invalid_started_at'],
    ['with a bad digest', (pending) => metadataOf(pending, { sha256_hex: 'AB' }), 'invalid_sha256_hex'],
  ];
  for (const [what, header, code = 'invalid_field'] of bad)
    it(`${what} is answered 400`, () =>
      inUpload({}, async (pending, house) => {
        expectOutcome(await tusPost(pending, { 'upload-metadata': header(pending) }), `400 ${code}`);
        assert.deepEqual(await leftOf(house), [0, 0, 0]);
      }));
});

describe('Creation With Upload', () => {
  it('keeps the beginning that it brings, and says how far that is', () =>
    inUpload({}, async (pending) => {
      const made = expectOutcome(await tusPost(pending, {}, pending.bytes.subarray(0, 77)), '201');
      assert.equal(made.headers.get('upload-offset'), '77');
      expectOutcome(await tusPatch(pending, locationOf(made), 77, pending.bytes.subarray(77)), '204');
      await isKept(pending);
    }));

  it('with all of it is the chunk at once', () =>
    inUpload({}, async (pending) => {
      const made = expectOutcome(await tusPost(pending, {}, pending.bytes), '201');
      const names = ['upload-offset', 'content-location'];
      assert.deepEqual(headersOf(made, ...names), [String(pending.bytes.length), pending.path]);
      await isKept(pending);
    }));

  it('that brings bytes of another type is answered 415', () =>
    inUpload({}, async (pending) => {
      const extra = { 'content-type': 'text/plain' };
      expectOutcome(await tusPost(pending, extra, pending.bytes), '415 unsupported_media_type');
    }));

  for (const [what, end, code] of [
    ['breaks off', 'break', '400 request_aborted'],
    ['brings more than it said', 'close', '400 upload_length_mismatch'],
  ] as const)
    it(`that ${what} leaves nothing, since nobody was told where it is`, () =>
      inUpload({ size: 2 * MIB }, async (pending, house) => {
        const body = bodyOf([pending.bytes, pending.bytes], end);
        const extra = end === 'break' ? { 'upload-length': String(9 * MIB) } : {};
        expectOutcome(await tusPost(pending, extra, body), code);
        assert.deepEqual(await leftOf(house), [0, 0, 0]);
      }));
});

describe('Expiration', () => {
  it('is said in answers to POST, PATCH and HEAD, as an HTTP date', () =>
    inUpload({}, async (pending, { clock }) => {
      const end = new Date(clock.now() + 24 * 3600_000).toUTCString();
      const made = expectOutcome(await tusPost(pending), '201');
      const location = locationOf(made);
      const answers = [
        made,
        await head(pending, location),
        await tusPatch(pending, location, 5),
        await tusPatch(pending, location, 0, pending.bytes.subarray(0, 5)),
        await tusPatch(pending, location, 5, pending.bytes.subarray(5)),
      ];
      for (const answer of answers) assert.deepEqual(headersOf(answer, 'upload-expires'), [end]);
    }));

  it('ends an upload: it is not there any more, and its bytes are swept', () =>
    inUpload({ house: { env: { SAFE_SESSION_TTL: '72h' } } }, async (pending, house) => {
      const location = await tusBegin(pending);
      expectOutcome(await tusPatch(pending, location, 0, pending.bytes.subarray(0, 9)), '204');
      house.clock.advance(24 * 3600_000);
      assert.equal((await head(pending, location)).status, 404);
      await house.sweep();
      assert.deepEqual(await leftOf(house), [0, 0, 0]);
    }));
});

describe('Checksum', () => {
  for (const algorithm of ['sha1', 'sha256'])
    for (const size of [100, 2 * MIB + 5])
      it(`${algorithm} that holds keeps ${size} bytes; one that does not keeps none of them`, () =>
        inUpload({ size }, async (pending) => {
          const { bytes } = pending;
          const location = await tusBegin(pending);
          expectOutcome(await tusPatch(pending, location, 0, bytes.subarray(0, 10)), '204');
          const rest = bytes.subarray(10);
          const wrong = { 'upload-checksum': sumOf(algorithm, bytes) };
          const answer = await tusPatch(pending, location, 10, rest, wrong);
          expectOutcome(answer, '460 upload_checksum_mismatch');
          assert.equal(await offsetOf(pending, location), 10);
          const right = { 'upload-checksum': sumOf(algorithm, rest) };
          expectOutcome(await tusPatch(pending, location, 10, rest, right), '204');
          await isKept(pending);
        }));

  it('of bytes that break off keeps none of them, and leaves none lying', () =>
    inUpload({ size: 3 * MIB }, async (pending, house) => {
      const location = await tusBegin(pending);
      const body = bodyOf([pending.bytes.subarray(0, 2 * MIB)], 'break');
      const extra = { 'upload-checksum': sumOf('sha1', pending.bytes) };
      expectOutcome(await tusPatch(pending, location, 0, body, extra), '400 request_aborted');
      assert.equal(await offsetOf(pending, location), 0);
      assert.deepEqual(await leftOf(house), [1, 1, 0]);
    }));

  for (const [what, value] of [
    ['an unknown algorithm', `md5 ${'A'.repeat(22)}==`],
    ['upper case', `SHA1 ${'A'.repeat(27)}=`],
    ['a digest of another length', `sha1 ${'A'.repeat(43)}=`],
    ['no digest', 'sha1'],
    ['no algorithm', `${'A'.repeat(27)}=`],
    ['nothing', ''],
    ['a digest that is no Base64', `sha1 ${'!'.repeat(27)}=`],
  ] as const)
    it(`with ${what} is answered 400, and nothing is kept`, () =>
      inUpload({}, async (pending) => {
        const location = await tusBegin(pending);
        const answer = await tusPatch(pending, location, 0, pending.bytes, { 'upload-checksum': value });
        expectOutcome(answer, '400 upload_malformed');
        assert.equal(await offsetOf(pending, location), 0);
      }));
});

describe('Termination', () => {
  it('answers 204, frees what was kept, and is the end', () =>
    inUpload({ size: 2 * MIB }, async (pending, house) => {
      const location = await tusBegin(pending);
      expectOutcome(await tusPatch(pending, location, 0, pending.bytes.subarray(0, MIB)), '204');
      expectOutcome(await pending.send('DELETE', location, { headers: TUS }), '204');
      assert.deepEqual(await leftOf(house), [0, 0, 0]);
      assert.equal((await head(pending, location)).status, 404);
      expectOutcome(await tusPatch(pending, location, MIB), '404 upload_not_found');
      expectOutcome(await pending.send('DELETE', location, { headers: TUS }), '404 upload_not_found');
    }));

  it('of a completed upload forgets the upload and keeps the chunk', () =>
    inUpload({}, async (pending) => {
      const location = await tusBegin(pending);
      expectOutcome(await tusPatch(pending, location, 0, pending.bytes), '204');
      expectOutcome(await pending.send('DELETE', location, { headers: TUS }), '204');
      await isKept(pending);
    }));
});
