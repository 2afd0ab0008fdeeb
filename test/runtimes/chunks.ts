/**
 * Chunks in short, as one suite for every way to reach both doors: what a runtime could get wrong is bodies, their
 * lengths, and headers; the rules themselves are tested with the handlers.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { answers, ask, type Session } from '../support/ask.ts';
import type { BothDoors, BothDoorsTarget } from '../support/both-doors.ts';
import {
  anotherOwner,
  type ChunkSpec,
  firstAdmin,
  newIncident,
  newStream,
  sealedChunk,
  sha256Hex,
} from '../support/evidence.ts';
import {
  digestOf,
  ENDED,
  FORM,
  fieldsFor,
  kept,
  part,
  put,
  putHeaders,
  putPath,
  STARTED,
  send,
  upload,
} from '../support/uploads.ts';

const MIB = 1024 * 1024;
const SETTINGS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_MAX_UPLOAD_BYTES: '4MB',
};

export function chunkSuite(target: BothDoorsTarget): void {
  describe(`chunks by ${target.name}`, { timeout: 600_000 }, () => {
    let doors: BothDoors;
    let as: Session;
    let spec: ChunkSpec;
    let next = 0;
    /** A place that nothing was uploaded to yet. */
    const place = (media = 1000) => {
      next += 1;
      return { ...spec, index: next, media: new Uint8Array(media).fill(next) };
    };

    before(async () => {
      doors = await target.open(SETTINGS);
      as = await anotherOwner(doors, await firstAdmin(doors));
      const incidentId = await newIncident(doors, as);
      spec = { incidentId, streamId: await newStream(doors, as, incidentId) };
    });
    after(() => doors?.close());

    for (const size of [1000, MIB + 1, 3 * MIB]) {
      it(`takes ${size} bytes as a form of the platform's own, and as they are, and gives both back`, async () => {
        const [one, two] = [place(size), place(size)];
        const bytes = await sealedChunk(one);
        const form = new FormData();
        for (const [name, value] of Object.entries(fieldsFor(one, bytes))) form.append(name, value ?? '');
        form.append('file', new Blob([bytes]), 'a "quoted" name.opus');
        const path = `/v1/incidents/${spec.incidentId}/chunks`;
        const made = kept(await send(doors, path, { method: 'POST', as, body: form }));
        assert.equal(made.sha256_hex, sha256Hex(bytes));
        const plain = await sealedChunk(two);
        kept(await put(doors, as, two, { bytes: plain }));
        for (const [chunk, sent] of [
          [one, bytes],
          [two, plain],
        ] as const) {
          const answer = await send(doors, putPath(chunk), { as });
          assert.equal(answer.status, 200);
          assert.ok(Buffer.from(answer.bytes).equals(sent));
          assert.equal(answer.headers.get('content-length'), String(sent.length));
          assert.equal(answer.headers.get('content-digest'), digestOf(sent));
        }
      });
    }

    it('answers a retry with the first answer', async () => {
      const chunk = place();
      const bytes = await sealedChunk(chunk);
      const first = await upload(doors, as, chunk, { bytes, key: 'k', filename: '' });
      const again = await put(doors, as, chunk, { bytes, key: 'k' });
      assert.equal(kept(first), first.body);
      kept(again, 200);
      assert.equal(again.text, first.text);
      assert.equal(again.headers.get('idempotency-replayed'), 'true');
      answers(await put(doors, as, chunk, { bytes }), 409, 'duplicate_chunk');
    });

    it('refuses what is not sealed, sealed for elsewhere, malformed or too large', async () => {
      const chunk = place();
      answers(await upload(doors, as, chunk, { bytes: new Uint8Array(100) }), 400, 'not_sealed');
      answers(
        await put(doors, as, chunk, { bytes: await sealedChunk(place()) }),
        400,
        'sealed_context_mismatch',
      );
      const path = `/v1/incidents/${spec.incidentId}/chunks`;
      const broken = part('name="file"', new Uint8Array(2 * MIB));
      const body = new Uint8Array(broken);
      answers(await send(doors, path, { method: 'POST', as, headers: FORM, body }), 400, 'invalid_multipart');
      for (const sending of [upload, put])
        answers(
          await sending(doors, as, chunk, { bytes: new Uint8Array(4 * MIB + 1) }),
          413,
          'upload_too_large',
        );
      kept(await put(doors, as, chunk));
    });

    it('refuses a bad header before it has read a large body, and goes on', async () => {
      const chunk = place(3 * MIB);
      const headers = { 'x-media-type': 'image' };
      answers(await put(doors, as, chunk, { headers }), 400, 'invalid_media_type');
      kept(await put(doors, as, chunk));
    });

    it('gives parts, heads, and 416', async () => {
      const chunk = place(2 * MIB);
      const bytes = await sealedChunk(chunk);
      kept(await put(doors, as, chunk, { bytes }));
      const part = await send(doors, putPath(chunk), {
        as,
        headers: { range: `bytes=${MIB - 2}-${MIB + 1}` },
      });
      assert.equal(part.status, 206);
      assert.ok(Buffer.from(part.bytes).equals(bytes.subarray(MIB - 2, MIB + 2)));
      assert.equal(part.headers.get('content-length'), '4');
      const head = await send(doors, putPath(chunk), { method: 'HEAD', as });
      assert.equal(head.headers.get('content-length'), String(bytes.length));
      const beyond = await send(doors, putPath(chunk), { as, headers: { range: `bytes=${bytes.length}-` } });
      answers(beyond, 416, 'range_not_satisfiable');
    });

    it('reconciles, and lists', async () => {
      const chunk = place();
      const { sha256_hex, byte_size } = kept(await put(doors, as, chunk));
      const { index: chunk_index, streamId: stream_id, incidentId } = chunk;
      const times = { started_at: STARTED, ended_at: ENDED };
      const body = { stream_id, chunk_index, media_type: 'audio', ...times, byte_size, sha256_hex };
      const path = `/v1/incidents/${incidentId}/chunks`;
      answers(await ask(doors, `${path}/reconcile`, { as, body }), 200);
      const differing = await ask(doors, `${path}/reconcile`, { as, body: { ...body, byte_size: 1 } });
      answers(differing, 409, 'duplicate_chunk_conflict');
      const { headers, body: page } = answers(await ask(doors, `${path}?limit=2`, { as }), 200);
      assert.equal(page.length, 2);
      assert.match(headers.get('link') ?? '', /rel="next"$/);
    });

    it('takes eight at once', async () => {
      const places = Array.from({ length: 8 }, () => place(MIB + 1));
      const made = await Promise.all(places.map((chunk, i) => (i % 2 ? upload : put)(doors, as, chunk)));
      for (const answer of made) kept(answer);
    });

    it('needs what it needs in the headers of a plain upload', async () => {
      const chunk = place();
      const bytes = await sealedChunk(chunk);
      const { 'content-digest': _, ...headers } = putHeaders(chunk, bytes);
      const sent = await send(doors, putPath(chunk), { method: 'PUT', as, headers, body: bytes });
      answers(sent, 400, 'invalid_content_digest');
    });
  });
}
