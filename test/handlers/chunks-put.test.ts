/** Uploading a chunk as a plain body with headers: the same checks and answers as in a form. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { answers, type Session } from '../support/ask.ts';
import {
  auditOf,
  type ChunkSpec,
  newIncident,
  newStream,
  ownerIn,
  sealedChunk,
  sha256Hex,
} from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import { digestOf, kept, leftovers, put, putHeaders, putPath, send, upload } from '../support/uploads.ts';

let house: House;
let as: Session;
let spec: ChunkSpec;
let bytes: Uint8Array<ArrayBuffer>;

before(async () => {
  house = await openHouse();
  ({ as } = await ownerIn(house));
  const incidentId = await newIncident(house, as);
  spec = { incidentId, streamId: await newStream(house, as, incidentId) };
  bytes = await sealedChunk(spec);
});
after(() => house?.close());

const refusal = async (headers: Readonly<Record<string, string>>, code: string): Promise<void> => {
  answers(await put(house, as, spec, { bytes, headers }), 400, code);
};

describe('Content-Digest', () => {
  const right = () => digestOf(bytes);

  for (const [what, header] of [
    ['nothing', ''],
    ['no dictionary', 'sha-256'],
    ['a boolean', 'sha-256=?1'],
    ['a string', `sha-256="${'a'.repeat(64)}"`],
    ['an inner list', 'sha-256=(:AAAA:)'],
    ['another algorithm alone', 'sha-512=:AAAA:'],
    ['a short digest', 'sha-256=:AAAA:'],
    ['no base64', 'sha-256=:!!!!:'],
    ['an open byte sequence', 'sha-256=:AAAA'],
    ['hex in place of base64', `sha-256=:${'ab'.repeat(32)}:`],
    ['capital letters in its key', 'SHA-256=:AAAA:'],
    ['an empty digest', 'sha-256=::'],
  ] as const) {
    it(`with ${what} is invalid_content_digest`, () =>
      refusal({ 'content-digest': header }, 'invalid_content_digest'));
  }

  it('with garbage after it is invalid_content_digest', () =>
    refusal({ 'content-digest': `${right()} and more` }, 'invalid_content_digest'));

  it('that is missing is invalid_content_digest', async () => {
    const { 'content-digest': _, ...headers } = putHeaders(spec, bytes);
    const answer = await send(house, putPath(spec), { method: 'PUT', as, headers, body: bytes });
    answers(answer, 400, 'invalid_content_digest');
  });

  it('of other bytes is hash_mismatch', () =>
    refusal({ 'content-digest': digestOf(new Uint8Array(1)) }, 'hash_mismatch'));

  it('may name other algorithms and parameters besides', async () => {
    const headers = { 'content-digest': `unixsum=30637, sha-512=:AAAA:, ${right()};now` };
    kept(await put(house, as, spec, { bytes, headers, key: 'a' }));
  });
});

describe('the headers of a plain upload', () => {
  for (const [name, code, ...values] of [
    ['x-media-type', 'invalid_media_type', '', 'AUDIO', 'audio, audio'],
    ['x-started-at', 'invalid_started_at', '', 'now', '2026-01-02T03:04:05Z, 2026-01-02T03:04:05Z'],
    ['x-ended-at', 'invalid_ended_at', '', 'now'],
    ['x-ended-at', 'invalid_time_range', '2026-01-02T03:04:04.999999999Z'],
  ] as const) {
    it(`refuse a bad ${name} as ${code}`, async () => {
      for (const value of values) await refusal({ [name]: value }, code);
    });
  }

  it('are told of before the body is read', async () => {
    let read = false;
    const body = new ReadableStream(
      {
        pull(controller) {
          read = true;
          controller.enqueue(bytes);
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { ...putHeaders(spec, bytes), 'x-media-type': 'image' };
    answers(
      await send(house, putPath(spec), { method: 'PUT', as, headers, body }),
      400,
      'invalid_media_type',
    );
    assert.equal(read, false);
  });

  it('refuse a bad index as invalid_chunk_index', async () => {
    for (const index of ['0', '-1', '01', '1.0', 'x', '%31%30x', '9007199254740992', '٣']) {
      const path = `/v1/incidents/${spec.incidentId}/streams/${spec.streamId}/chunks/${index}`;
      const headers = putHeaders(spec, bytes);
      answers(
        await send(house, path, { method: 'PUT', as, headers, body: bytes }),
        400,
        'invalid_chunk_index',
      );
    }
  });

  it('never name a file', async () => {
    const second = { ...spec, index: 2 };
    const chunk = kept(await put(house, as, second, { headers: { 'x-original-filename': 'a.opus' } }));
    assert.ok(!('original_filename' in chunk));
  });
});

describe('a plain upload', () => {
  it('answers what a form answers, and each replays the other', async () => {
    const third = { ...spec, index: 3, media: new Uint8Array(2_500_000) };
    const sealed = await sealedChunk(third);
    const first = await put(house, as, third, { bytes: sealed, key: 'third' });
    assert.equal(kept(first).sha256_hex, sha256Hex(sealed));
    const again = await upload(house, as, third, { bytes: sealed, key: 'third', filename: '' });
    kept(again, 200);
    assert.equal(again.text, first.text);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    answers(await put(house, as, third, { bytes: sealed }), 409, 'duplicate_chunk');
    answers(await put(house, as, third, { key: 'third' }), 409, 'idempotency_conflict');
  });

  it('is sealed for its place, or refused', async () => {
    const fourth = { ...spec, index: 4 };
    answers(await put(house, as, fourth, { bytes: new Uint8Array(1000) }), 400, 'not_sealed');
    answers(await put(house, as, fourth, { bytes: new Uint8Array(0) }), 400, 'not_sealed');
    answers(await put(house, as, fourth, { bytes }), 400, 'sealed_context_mismatch');
  });

  it('names a stream that is there, open and of its media type', async () => {
    const nothing = { ...spec, streamId: 'str_00000000000000000000000000' };
    answers(await put(house, as, nothing), 404, 'stream_not_found');
    answers(await put(house, as, { ...spec, streamId: 'x' }, { bytes }), 404, 'stream_not_found');
    const elsewhere = await newStream(house, as, await newIncident(house, as));
    answers(await put(house, as, { ...spec, streamId: elsewhere }), 404, 'stream_not_found');
    answers(
      await put(house, as, { ...spec, index: 9, mediaType: 'video' }),
      400,
      'stream_media_type_mismatch',
    );
  });

  it('writes into the audit like any other', async () => {
    const before = (await auditOf(house, 'chunk_commit')).length;
    kept(await put(house, as, { ...spec, index: 5 }));
    assert.equal((await auditOf(house, 'chunk_commit')).length, before + 1);
  });

  it('that is refused leaves nothing, however large it was', async () => {
    const large = await sealedChunk({ ...spec, index: 6, media: new Uint8Array(3_000_000) });
    const before = await leftovers(house);
    answers(await put(house, as, { ...spec, index: 7 }, { bytes: large }), 400, 'sealed_context_mismatch');
    const headers = { 'content-digest': digestOf(bytes) };
    answers(await put(house, as, { ...spec, index: 6 }, { bytes: large, headers }), 400, 'hash_mismatch');
    assert.deepEqual(await leftovers(house), before);
  });
});
