/** tus 1.0.0: what the core protocol and the extensions that are announced demand of a server, section by section. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sha256Hex } from '../support/evidence.ts';
import {
  begin,
  bodyOf,
  chunkBytes,
  expectOutcome,
  handBody,
  headersOf,
  inUpload,
  isKept,
  leftOf,
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

describe('Tus-Resumable', () => {
  it('is in every answer to those who send it, refusals too', () =>
    inUpload({}, async (pending) => {
      const location = await tusBegin(pending);
      const nowhere = '/v1/uploads/uop_01ARZ3NDEKTSV4RRFFQ69G5FAV';
      const answers = [
        await tusPost(pending),
        await tusPost(pending, { 'upload-length': undefined }),
        await head(pending, location),
        await head(pending, nowhere),
        await tusPatch(pending, location, 5),
        await tusPatch(pending, location, 0, pending.bytes),
        await pending.send('DELETE', location, { headers: TUS }),
        await pending.send('DELETE', nowhere, { headers: TUS }),
        await pending.send('HEAD', location, {
          headers: TUS,
          as: { way: 'bearer', token: 'x'.repeat(43) },
        }),
      ];
      for (const { status, headers } of answers)
        assert.equal(headers.get('tus-resumable'), '1.0.0', String(status));
    }));

  for (const version of ['0.2.2', '1.0.1', '1.0.0, 1.0.0', '', 'x'])
    it(`${version || 'an empty one'} is answered 412 with Tus-Version, and nothing is done`, () =>
      inUpload({}, async (pending) => {
        const location = await tusBegin(pending);
        const other = { 'tus-resumable': version };
        const refused = [
          await tusPost(pending, other),
          await tusPatch(pending, location, 0, pending.bytes, other),
          await pending.send('DELETE', location, { headers: other }),
        ];
        for (const answer of refused) {
          expectOutcome(answer, '412 precondition_failed');
          assert.equal(answer.headers.get('tus-version'), '1.0.0');
        }
        const asked = await pending.send('HEAD', location, { headers: other });
        assert.deepEqual([asked.status, asked.headers.get('tus-version')], [412, '1.0.0']);
        assert.equal(await offsetOf(pending, location), 0);
      }));

  it('is missed at creation like a wrong one', () =>
    inUpload({}, async (pending) => {
      expectOutcome(await tusPost(pending, { 'tus-resumable': undefined }), '412 precondition_failed');
    }));
});

describe('OPTIONS', () => {
  it('answers 204 with version, extensions, size and checksums, whatever Tus-Resumable says', () =>
    inUpload({ house: { env: { SAFE_MAX_UPLOAD_BYTES: '5MB' } } }, async ({ doors, tusPath }) => {
      for (const path of [tusPath, '/v1/uploads/uop_01ARZ3NDEKTSV4RRFFQ69G5FAV']) {
        for (const headers of [{}, { 'tus-resumable': '0.0.1' }]) {
          const init = { method: 'OPTIONS', headers };
          const answer = await doors.main(new Request(`http://door.test${path}`, init));
          assert.equal(answer.status, 204);
          const extensions =
            'creation,creation-with-upload,creation-defer-length,expiration,checksum,termination';
          assert.equal(answer.headers.get('tus-version'), '1.0.0');
          assert.equal(answer.headers.get('tus-extension'), extensions);
          assert.equal(answer.headers.get('tus-max-size'), String(5 * MIB));
          assert.equal(answer.headers.get('tus-checksum-algorithm'), 'sha1,sha256');
        }
      }
    }));
});

describe('HEAD', () => {
  it('says the offset also when it is 0 and when the upload is complete, the length, and that nobody keeps it', () =>
    inUpload({}, async (pending) => {
      const location = await tusBegin(pending);
      const { length } = pending.bytes;
      for (const [from, to] of [
        [0, 60],
        [60, length],
      ] as const) {
        assert.equal(await offsetOf(pending, location), from);
        expectOutcome(await tusPatch(pending, location, from, pending.bytes.subarray(from, to)), '204');
      }
      const answer = await head(pending, location);
      const names = ['upload-offset', 'upload-length', 'cache-control'];
      assert.deepEqual(headersOf(answer, ...names), [String(length), String(length), 'no-store']);
    }));

  it('of what is not there says no offset', () =>
    inUpload({}, async (pending) => {
      const answer = await head(pending, '/v1/uploads/uop_01ARZ3NDEKTSV4RRFFQ69G5FAV');
      assert.deepEqual([answer.status, answer.headers.get('upload-offset')], [404, null]);
    }));

  it('of what was refused says no offset: it cannot go on', () =>
    inUpload({}, async (pending) => {
      const location = await tusBegin(pending, {
        'upload-metadata': metadataOf(pending, { sha256_hex: sha256Hex('other') }),
      });
      const answer = await tusPatch(pending, location, 0, pending.bytes);
      expectOutcome(answer, '400 hash_mismatch');
      const asked = await head(pending, location);
      assert.deepEqual([asked.status, asked.headers.get('upload-offset')], [404, null]);
      expectOutcome(await tusPatch(pending, location, pending.bytes.length), '400 hash_mismatch');
    }));

  it('commits what was all there when nobody lived to do so, before it says that all is there', () =>
    inUpload({}, async (pending, { db }) => {
      const location = await tusBegin(pending, { 'upload-length': undefined, 'upload-defer-length': '1' });
      expectOutcome(await tusPatch(pending, location, 0, pending.bytes), '204');
      const sql = 'UPDATE uploads SET length = ?';
      await db.batch([{ sql, args: [pending.bytes.length] }], 'write');
      assert.equal(await chunkBytes(pending), undefined);
      assert.equal(await offsetOf(pending, location), pending.bytes.length);
      await isKept(pending);
    }));
});

describe('PATCH', () => {
  it('answers 204 with the new offset: the old one and the bytes of the request', () =>
    inUpload({ size: 3 * MIB }, async (pending) => {
      const location = await tusBegin(pending);
      const sizes = [1, 700, MIB, MIB + 1, 0];
      let offset = 0;
      for (const size of sizes) {
        const answer = await tusPatch(
          pending,
          location,
          offset,
          pending.bytes.subarray(offset, offset + size),
        );
        offset += size;
        assert.equal(expectOutcome(answer, '204').headers.get('upload-offset'), String(offset));
      }
      const last = await tusPatch(pending, location, offset, pending.bytes.subarray(offset));
      const names = ['upload-offset', 'content-location'];
      assert.deepEqual(headersOf(expectOutcome(last, '204'), ...names), [
        String(pending.bytes.length),
        pending.path,
      ]);
      await isKept(pending);
    }));

  for (const type of [undefined, 'application/octet-stream', 'application/partial-upload', 'x'])
    it(`of ${type ?? 'no type'} is answered 415`, () =>
      inUpload({}, async (pending) => {
        const location = await tusBegin(pending);
        const answer = await tusPatch(pending, location, 0, pending.bytes, { 'content-type': type });
        expectOutcome(answer, '415 unsupported_media_type');
        assert.equal(await offsetOf(pending, location), 0);
      }));

  it('at another offset is answered 409, and the upload is as it was', () =>
    inUpload({}, async (pending) => {
      const location = await tusBegin(pending);
      await tusPatch(pending, location, 0, pending.bytes.subarray(0, 50));
      for (const offset of [0, 49, 51, 1_000_000])
        expectOutcome(await tusPatch(pending, location, offset, pending.bytes), '409 upload_offset_mismatch');
      expectOutcome(await tusPatch(pending, location, 50, pending.bytes.subarray(50)), '204');
      await isKept(pending);
    }));

  for (const offset of ['-1', '1.5', '0x0', '', ' ', '+0', '1e1', '?1', '0, 0'])
    it(`with Upload-Offset "${offset}" is answered 400`, () =>
      inUpload({}, async (pending) => {
        const location = await tusBegin(pending);
        const answer = await tusPatch(pending, location, 0, pending.bytes, { 'upload-offset': offset });
        expectOutcome(answer, '400 upload_malformed');
      }));

  it('that breaks off keeps what had arrived', () =>
    inUpload({ size: 3 * MIB }, async (pending) => {
      const location = await tusBegin(pending);
      const body = bodyOf([pending.bytes.subarray(0, 1_500_000)], 'break');
      expectOutcome(await tusPatch(pending, location, 0, body), '400 request_aborted');
      assert.equal(await offsetOf(pending, location), 1_500_000);
      expectOutcome(await tusPatch(pending, location, 1_500_000, pending.bytes.subarray(1_500_000)), '204');
      await isKept(pending);
    }));

  it('of a completed upload changes nothing', () =>
    inUpload({}, async (pending) => {
      const location = await tusBegin(pending);
      const { bytes } = pending;
      expectOutcome(await tusPatch(pending, location, 0, bytes), '204');
      expectOutcome(await tusPatch(pending, location, bytes.length), '204');
      expectOutcome(await tusPatch(pending, location, bytes.length, bytes), '400 upload_complete');
      expectOutcome(await tusPatch(pending, location, 0, bytes), '409 upload_offset_mismatch');
      await isKept(pending);
    }));
});

describe('X-HTTP-Method-Override', () => {
  const over = (method: string) => ({ ...TUS, 'x-http-method-override': method });

  it('makes PATCH and DELETE of a POST', () =>
    inUpload({}, async (pending) => {
      const location = await tusBegin(pending);
      const headers = {
        ...over('PATCH'),
        'content-type': 'application/offset+octet-stream',
        'upload-offset': '0',
      };
      const body = pending.bytes.subarray(0, 50);
      const patched = await pending.send('POST', location, { headers, body });
      assert.equal(expectOutcome(patched, '204').headers.get('upload-offset'), '50');
      expectOutcome(await pending.send('POST', location, { headers: over('DELETE') }), '204');
      assert.equal((await head(pending, location)).status, 404);
    }));

  it('counts more than the method that was sent', () =>
    inUpload({}, async (pending) => {
      const location = await tusBegin(pending);
      expectOutcome(await pending.send('PATCH', location, { headers: over('DELETE') }), '204');
      assert.equal((await head(pending, location)).status, 404);
    }));

  it('never makes a request that changes things of one that is safe', () =>
    inUpload({}, async (pending) => {
      const location = await tusBegin(pending);
      for (const method of ['GET', 'HEAD'])
        for (const wanted of ['DELETE', 'PATCH'])
          assert.equal((await pending.send(method, location, { headers: over(wanted) })).status, 400);
      assert.equal(await offsetOf(pending, location), 0);
    }));

  it('of any other method, in any other protocol or place, finds nothing', () =>
    inUpload({}, async (pending) => {
      const location = await tusBegin(pending);
      for (const method of ['POST', 'PUT', 'delete', 'CONNECT', 'PATCH, DELETE', ''])
        expectOutcome(await pending.send('POST', location, { headers: over(method) }), '404 not_found');
      expectOutcome(await pending.send('POST', location, { headers: TUS }), '404 not_found');
      const bare = { 'x-http-method-override': 'DELETE' };
      expectOutcome(await pending.send('POST', location, { headers: bare }), '404 not_found');
      expectOutcome(await tusPost(pending, { 'x-http-method-override': 'DELETE' }), '404 not_found');
      const path = `/v1/incidents/${pending.incidentId}`;
      expectOutcome(await pending.send('POST', path, { headers: over('DELETE') }), '404 not_found');
      assert.equal(await offsetOf(pending, location), 0);
    }));
});

it('an append that another request takes over adds nothing more', () =>
  inUpload({}, async (pending) => {
    const location = await tusBegin(pending);
    const slow = handBody();
    const wanted = slow.wanted();
    const stale = tusPatch(pending, location, 0, slow.stream);
    await wanted;
    assert.equal(await offsetOf(pending, location), 0);
    slow.write(pending.bytes);
    slow.end();
    expectOutcome(await stale, '409 upload_offset_mismatch');
    expectOutcome(await tusPatch(pending, location, 0, pending.bytes), '204');
    await isKept(pending);
  }));

it('an upload of one protocol is not there for the other', () =>
  inUpload({}, async (pending, house) => {
    const tus = await tusBegin(pending);
    const draft = await begin(pending);
    for (const method of ['HEAD', 'GET', 'DELETE']) {
      assert.equal((await pending.send(method, tus)).status, 404, method);
      assert.equal((await pending.send(method, draft, { headers: TUS })).status, 404, method);
    }
    expectOutcome(await tusPatch(pending, draft, 0, pending.bytes), '404 upload_not_found');
    assert.equal((await leftOf(house))[0], 2);
  }));
