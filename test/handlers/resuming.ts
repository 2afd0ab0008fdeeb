/** What uploads in pieces can answer, each kind once: for the tests of headers and of logs. */
import assert from 'node:assert/strict';
import { ownerIn, sealedChunk, sha256Hex } from '../support/evidence.ts';
import { digestOf, ENDED, STARTED } from '../support/uploading.ts';
import type { Asked, Init, Situation } from './situations.ts';

type Extra = Readonly<Record<string, string>>;

export const resuming: Situation = {
  name: 'uploads in pieces',
  options: { env: { SAFE_MAX_UPLOAD_BYTES: '2MB', SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: '1MB' } },
  async run(ask, mark, house) {
    const { as } = await ownerIn(house);
    const authorization = `Bearer ${as.token}`;
    const expecting = async (asked: Promise<Asked>, status: number, code?: string) => {
      const answer = await asked;
      assert.deepEqual([answer.status, answer.code], [status, code]);
      return answer;
    };
    const send = (method: string, path: string, headers: Extra = {}, body?: Uint8Array<ArrayBuffer>) => {
      // Named here, since one of the marks is put into this header.
      const named = { authorization, 'x-http-method-override': method, ...headers };
      const init: Init = { method, headers: named, ...(body !== undefined && { body }) };
      return ask('main', path, init);
    };
    const made = async (path: string, body: object) => {
      const init = { method: 'POST', headers: { authorization }, body: JSON.stringify(body) };
      return JSON.parse((await expecting(ask('main', path, init), 201)).text);
    };
    const { incident_id: incidentId } = await made('/v1/incidents', {});
    const { stream } = await made(`/v1/incidents/${incidentId}/streams`, { media_type: 'audio' });
    const spec = { incidentId, streamId: stream.id };
    const bytes = await sealedChunk(spec);
    const whereIs = ({ headers }: Asked) => headers.get('location') ?? '';

    // The draft.
    const chunk = `/v1/incidents/${incidentId}/streams/${stream.id}/chunks/1`;
    const put = (headers: Extra, body?: Uint8Array<ArrayBuffer>) =>
      send('PUT', chunk, { ...draft, ...headers }, body);
    const draft = {
      ...{ 'repr-digest': digestOf(bytes), 'x-media-type': 'audio', 'upload-complete': '?0' },
      ...{ 'x-started-at': STARTED, 'x-ended-at': ENDED },
    };
    await expecting(put({ 'repr-digest': mark }), 400, 'invalid_content_digest');
    await expecting(put({ 'content-digest': mark }), 400, 'invalid_content_digest');
    await expecting(put({ 'x-media-type': mark }), 400, 'invalid_media_type');
    await expecting(put({ 'idempotency-key': `${mark} ${mark}` }), 400, 'invalid_idempotency_key');
    await expecting(put({ 'upload-length': '99999999' }), 413, 'upload_too_large');
    const open = whereIs(await expecting(put({ 'idempotency-key': mark, 'upload-length': mark }), 201));
    const patch = (headers: Extra, body = bytes, location = open) => {
      const usual = { 'content-type': 'application/partial-upload', 'upload-complete': '?1' };
      return send('PATCH', location, { ...usual, 'upload-offset': '0', ...headers }, body);
    };
    for (const method of ['GET', 'HEAD']) await expecting(send(method, open), 204);
    await expecting(patch({ 'content-type': mark }), 415, 'unsupported_media_type');
    await expecting(patch({ 'upload-offset': mark }), 400, 'upload_malformed');
    await expecting(patch({ 'upload-complete': mark }), 400, 'upload_malformed');
    await expecting(patch({ 'content-digest': digestOf(Buffer.from(mark)) }), 400, 'hash_mismatch');
    await expecting(patch({ 'upload-offset': '7' }), 409, 'upload_offset_mismatch');
    await expecting(patch({}, bytes, `/v1/uploads/${mark}`), 404, 'upload_not_found');
    await expecting(patch({}, new Uint8Array(1_500_000)), 507, 'upload_staging_quota_exceeded');
    await expecting(send('DELETE', open), 204);
    const short = whereIs(await expecting(put({ 'upload-length': '1' }), 201));
    await expecting(patch({}, bytes, short), 400, 'upload_length_mismatch');
    const media = new TextEncoder().encode(mark.repeat(20));
    const plain = whereIs(await expecting(put({ 'repr-digest': digestOf(media) }), 201));
    await expecting(patch({}, media, plain), 400, 'not_sealed');
    const last = whereIs(await expecting(put({}), 201));
    await expecting(patch({}, bytes, last), 201);
    const end = { 'upload-offset': String(bytes.length) };
    await expecting(patch(end, new Uint8Array(0), last), 200);
    await expecting(patch(end, bytes, last), 400, 'upload_complete');
    await expecting(put({}), 409, 'duplicate_chunk');

    // tus, for the next chunk.
    const next = await sealedChunk({ ...spec, index: 2 });
    const said = (extra: Extra = {}) =>
      Object.entries({
        ...{ stream_id: stream.id, chunk_index: '2', media_type: 'audio', sha256_hex: sha256Hex(next) },
        ...{ started_at: STARTED, ended_at: ENDED, filename: `/${mark}/${mark}.opus`, ...extra },
      })
        .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
        .join(',');
    const tus = { 'tus-resumable': '1.0.0', 'content-type': 'application/offset+octet-stream' };
    const uploads = `/v1/incidents/${incidentId}/uploads`;
    const post = (headers: Extra = {}) => {
      const usual = { 'upload-length': String(next.length), 'upload-metadata': said() };
      return send('POST', uploads, { ...tus, ...usual, ...headers });
    };
    await expecting(post({ 'tus-resumable': mark }), 412, 'precondition_failed');
    await expecting(post({ 'upload-length': mark }), 400, 'upload_malformed');
    await expecting(post({ 'upload-metadata': mark }), 400, 'invalid_field');
    await expecting(post({ 'upload-metadata': said({ [mark]: mark }) }), 400, 'invalid_field');
    await expecting(post({ 'upload-metadata': said({ sha256_hex: mark }) }), 400, 'invalid_sha256_hex');
    const there = whereIs(await expecting(post(), 201));
    const add = (headers: Extra = {}, method = 'PATCH') =>
      send(method, there, { ...tus, 'upload-offset': '0', ...headers }, next);
    await expecting(send('HEAD', there, tus), 204);
    await expecting(add({ 'upload-checksum': mark }), 400, 'upload_malformed');
    const wrong = `sha1 ${'A'.repeat(27)}=`;
    await expecting(add({ 'upload-checksum': wrong }), 460, 'upload_checksum_mismatch');
    await expecting(send('POST', there, { ...tus, 'x-http-method-override': mark }), 404, 'not_found');
    await expecting(add({ 'x-http-method-override': 'PATCH' }, 'POST'), 204);
    await expecting(send('DELETE', there, tus), 204);
    await expecting(ask('main', there), 401, 'authentication_required');
    for (const path of [chunk, uploads, there])
      await expecting(ask('main', path, { method: 'OPTIONS' }), 204);
  },
};
