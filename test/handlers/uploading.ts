/** What the room of chunks can answer, each kind once: for the tests of headers and of logs. */
import assert from 'node:assert/strict';
import { ownerIn, sealedChunk, sha256Hex } from '../support/evidence.ts';
import {
  BOUNDARY,
  END,
  ENDED,
  FORM,
  fieldsFor,
  formOf,
  part,
  putHeaders,
  putPath,
  STARTED,
} from '../support/uploads.ts';
import type { Asked, Init, Situation } from './situations.ts';

export const uploading: Situation = {
  name: 'chunks of an account',
  options: { env: { SAFE_MAX_UPLOAD_BYTES: '2MB', SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: '1MB' } },
  async run(ask, mark, house) {
    const { as } = await ownerIn(house);
    const authorization = `Bearer ${as.token}`;
    async function expecting(asked: Promise<Asked>, status: number, code?: string): Promise<Asked> {
      const answer = await asked;
      assert.deepEqual([answer.status, answer.code], [status, code]);
      return answer;
    }
    const send = (path: string, init: Init) =>
      ask('main', path, { ...init, headers: { authorization, ...(init.headers as Record<string, string>) } });
    const made = async (path: string, body: object) =>
      JSON.parse((await expecting(send(path, { method: 'POST', body: JSON.stringify(body) }), 201)).text);

    const { incident_id: incidentId } = await made('/v1/incidents', {});
    const { stream } = await made(`/v1/incidents/${incidentId}/streams`, { media_type: 'audio' });
    const spec = { incidentId, streamId: stream.id };
    const bytes = await sealedChunk(spec);
    const chunks = `/v1/incidents/${incidentId}/chunks`;
    const form = (body: Uint8Array<ArrayBuffer>, headers: Record<string, string> = FORM) =>
      send(chunks, { method: 'POST', headers, body });
    const upload = (fields: Record<string, string | undefined>, file: Uint8Array | undefined = bytes) =>
      form(formOf(fieldsFor(spec, bytes, fields), file, mark));
    const put = (headers: Record<string, string>, path = putPath(spec)) =>
      send(path, { method: 'PUT', headers: { ...putHeaders(spec, bytes), ...headers }, body: bytes });

    // A mark in place of every value, and in every name.
    for (const [name, code] of [
      ['chunk_index', 'invalid_chunk_index'],
      ['media_type', 'invalid_media_type'],
      ['started_at', 'invalid_started_at'],
      ['ended_at', 'invalid_ended_at'],
      ['sha256_hex', 'invalid_sha256_hex'],
      [mark, 'invalid_field'],
    ] as const)
      await expecting(upload({ [name]: mark }), 400, code);
    await expecting(upload({ original_filename: mark.repeat(50) }), 400, 'invalid_field');
    await expecting(upload({ stream_id: mark }), 404, 'stream_not_found');
    await expecting(upload({ ended_at: '2020-01-01T00:00:00Z' }), 400, 'invalid_time_range');
    await expecting(upload({ sha256_hex: sha256Hex(mark) }), 400, 'hash_mismatch');
    const media = new TextEncoder().encode(mark.repeat(10));
    await expecting(upload({ sha256_hex: sha256Hex(media) }, media), 400, 'not_sealed');
    await expecting(upload({ chunk_index: '2' }), 400, 'sealed_context_mismatch');
    await expecting(upload({ media_type: 'video' }), 400, 'stream_media_type_mismatch');
    const missing = formOf(fieldsFor(spec, bytes), undefined);
    await expecting(form(missing), 400, 'missing_file');
    const twice = Buffer.concat([part(`name="file"; filename="${mark}"`, mark), formOf({}, bytes, mark)]);
    await expecting(form(new Uint8Array(twice)), 400, 'duplicate_file');
    await expecting(form(new Uint8Array(part(`name="${mark}`, mark))), 400, 'invalid_multipart');
    await expecting(
      form(new Uint8Array(END), { 'content-type': `${mark}/${BOUNDARY}` }),
      400,
      'invalid_multipart',
    );
    const large = new Uint8Array(2 * 1024 * 1024 + 1);
    await expecting(upload({}, large.subarray(0, 1_500_000)), 507, 'upload_staging_quota_exceeded');
    await expecting(
      send(putPath(spec), {
        method: 'PUT',
        headers: { ...putHeaders(spec, large), 'content-length': '99999999' },
        body: bytes,
      }),
      413,
      'upload_too_large',
    );

    for (const [headers, code] of [
      [{ 'x-media-type': mark }, 'invalid_media_type'],
      [{ 'x-started-at': mark }, 'invalid_started_at'],
      [{ 'x-ended-at': mark }, 'invalid_ended_at'],
      [{ 'content-digest': mark }, 'invalid_content_digest'],
      [{ 'idempotency-key': `${mark} ${mark}` }, 'invalid_idempotency_key'],
    ] as const)
      await expecting(put(headers), 400, code);
    const odd = `/v1/incidents/${incidentId}/streams/${spec.streamId}/chunks/${mark}`;
    await expecting(put({}, odd), 400, 'invalid_chunk_index');
    await expecting(send(odd, {}), 404, 'chunk_not_found');

    const keyed = (file = bytes) =>
      send(chunks, {
        method: 'POST',
        headers: { ...FORM, 'idempotency-key': mark },
        body: formOf(fieldsFor(spec, file, { original_filename: `/${mark}/${mark}.opus` }), file),
      });
    await expecting(keyed(), 201);
    await expecting(keyed(), 200);
    await expecting(keyed(await sealedChunk(spec)), 409, 'idempotency_conflict');
    await expecting(put({}), 409, 'duplicate_chunk');

    const expected = {
      stream_id: spec.streamId,
      chunk_index: 1,
      media_type: 'audio',
      started_at: STARTED,
      ended_at: ENDED,
      byte_size: bytes.length,
      sha256_hex: sha256Hex(bytes),
      original_filename: `${mark}.opus`,
    };
    const reconcile = (changed: object) =>
      send(`${chunks}/reconcile`, { method: 'POST', body: JSON.stringify({ ...expected, ...changed }) });
    await expecting(reconcile({}), 200);
    await expecting(reconcile({ original_filename: `${mark}.mp4` }), 409, 'duplicate_chunk_conflict');
    await expecting(reconcile({ byte_size: mark }), 400, 'invalid_byte_size');
    await expecting(reconcile({ [mark]: mark }), 400, 'invalid_json');
    await expecting(reconcile({ stream_id: mark }), 404, 'stream_not_found');

    for (const method of ['GET', 'HEAD']) {
      await expecting(send(chunks, { method }), 200);
      await expecting(send(putPath(spec), { method }), 200);
    }
    await expecting(send(putPath(spec), { headers: { range: 'bytes=0-9' } }), 206);
    await expecting(
      send(putPath(spec), { headers: { range: 'bytes=99999-' } }),
      416,
      'range_not_satisfiable',
    );
    await expecting(send(`${chunks}/audio/1`, {}), 404, 'chunk_not_found');
    await expecting(send(`${chunks}?after=${mark}`, {}), 400, 'invalid_cursor');
    await expecting(ask('main', chunks), 401, 'authentication_required');
  },
};
