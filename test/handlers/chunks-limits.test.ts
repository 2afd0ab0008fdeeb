/** What an upload may take: of a request, of the stage, of an account; and what becomes of one that does not end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BODY_PATIENCE_MS } from '../../src/handlers/kit/body.ts';
import { createMain } from '../../src/handlers/main.ts';
import { answers, credentials, type Session } from '../support/ask.ts';
import {
  type ChunkSpec,
  inEvidence,
  newIncident,
  newStream,
  ownerIn,
  sealedChunk,
} from '../support/evidence.ts';
import { type House, ORIGIN } from '../support/house.ts';
import {
  FORM,
  fieldsFor,
  formOf,
  kept,
  leftovers,
  part,
  put,
  putHeaders,
  putPath,
  send,
  upload,
} from '../support/uploads.ts';

const MIB = 1024 * 1024;

async function placeIn(house: House, as: Session): Promise<ChunkSpec> {
  const incidentId = await newIncident(house, as);
  return { incidentId, streamId: await newStream(house, as, incidentId) };
}

/** A stream of these pieces that tells how many were taken; what follows them never comes. */
function pieces(given: readonly Uint8Array[], end: 'close' | 'error' | 'never' = 'close') {
  let taken = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = given[taken];
        if (piece !== undefined) {
          taken += 1;
          controller.enqueue(piece);
        } else if (end === 'close') controller.close();
        else if (end === 'error') controller.error(new Error('the connection broke'));
        else return new Promise<void>(() => {});
        return undefined;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, taken: () => taken };
}

describe('the limit of an upload', () => {
  const env = { SAFE_MAX_UPLOAD_BYTES: '2MB' };
  const chunkOf = async (spec: ChunkSpec, size: number) => {
    const empty = await sealedChunk({ ...spec, media: new Uint8Array(0) });
    // Each 64 KiB of media have a tag of their own.
    const overhead = empty.length - 16;
    const media = size - overhead - 16 * Math.ceil((size - overhead) / (64 * 1024 + 16));
    const sealed = await sealedChunk({ ...spec, media: new Uint8Array(media) });
    assert.equal(sealed.length, size);
    return sealed;
  };

  it('is exact, in both forms', () =>
    inEvidence({ env }, async (house, as) => {
      const spec = await placeIn(house, as);
      for (const [index, sending] of [
        [1, upload],
        [2, put],
      ] as const) {
        const place = { ...spec, index };
        const over = await chunkOf(place, 2 * MIB + 1);
        answers(await sending(house, as, place, { bytes: over }), 413, 'upload_too_large');
        kept(await sending(house, as, place, { bytes: await chunkOf(place, 2 * MIB) }));
      }
      assert.equal((await leftovers(house)).loose, 0);
    }));

  it('is told from Content-Length, before anything is read', () =>
    inEvidence({ env }, async (house, as) => {
      const spec = await placeIn(house, as);
      const body = pieces([], 'never').stream;
      const plain = { ...putHeaders(spec, new Uint8Array(0)), 'content-length': String(2 * MIB + 1) };
      answers(
        await send(house, putPath(spec), { method: 'PUT', as, headers: plain, body }),
        413,
        'upload_too_large',
      );
      const path = `/v1/incidents/${spec.incidentId}/chunks`;
      const form = { ...FORM, 'content-length': String(3 * MIB + 1) };
      const never = pieces([], 'never').stream;
      answers(
        await send(house, path, { method: 'POST', as, headers: form, body: never }),
        413,
        'upload_too_large',
      );
    }));

  it('is noticed where no length was said, after little more than it', () =>
    inEvidence({ env }, async (house, as) => {
      const spec = await placeIn(house, as);
      const many = Array.from({ length: 100 }, () => new Uint8Array(256 * 1024));
      const body = pieces(many);
      const headers = putHeaders(spec, new Uint8Array(0));
      const sent = await send(house, putPath(spec), { method: 'PUT', as, headers, body: body.stream });
      answers(sent, 413, 'upload_too_large');
      assert.equal(body.taken(), 9);
      assert.deepEqual(await leftovers(house), { chunks: 0, segments: 0, loose: 0 });
    }));

  it('of a form leaves one mebibyte for everything but the file, its preamble too', () =>
    inEvidence({ env }, async (house, as) => {
      const spec = await placeIn(house, as);
      const path = `/v1/incidents/${spec.incidentId}/chunks`;
      const body = pieces(Array.from({ length: 100 }, () => new Uint8Array(256 * 1024)));
      const sent = await send(house, path, { method: 'POST', as, headers: FORM, body: body.stream });
      answers(sent, 413, 'upload_too_large');
      assert.equal(body.taken(), 13);
      const bytes = await sealedChunk(spec);
      const form = formOf(fieldsFor(spec, bytes), bytes);
      const preamble = new Uint8Array(3 * MIB - form.length - 2);
      const padded = new Uint8Array(Buffer.concat([preamble, Buffer.from('\r\n'), form]));
      kept(await send(house, path, { method: 'POST', as, headers: FORM, body: padded }));
    }));
});

describe('the stage', () => {
  it('is full where uploads under way have taken it, and is free again when one goes', () =>
    inEvidence({ env: { SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: '4MB' } }, async (house, as) => {
      const spec = await placeIn(house, as);
      const headers = { ...(await credentials(house, as)), ...putHeaders(spec, new Uint8Array(0)) };
      const started = pieces([new Uint8Array(3 * MIB), new Uint8Array(1)], 'never');
      const init = { method: 'PUT', headers, body: started.stream, duplex: 'half' };
      const waiting = house.main(new Request(`${ORIGIN}${putPath(spec)}`, init as RequestInit));
      while ((await leftovers(house)).segments !== 3);
      const second = { ...spec, index: 2, media: new Uint8Array(2 * MIB) };
      for (const sending of [upload, put])
        answers(await sending(house, as, second), 507, 'upload_staging_quota_exceeded');
      // What fits into one segment is never staged.
      kept(await put(house, as, { ...spec, index: 3 }));
      house.clock.advance(BODY_PATIENCE_MS);
      const answer = await waiting;
      assert.equal(answer.status, 408);
      assert.match(await answer.text(), /request_timeout/);
      kept(await put(house, as, second));
      assert.equal((await leftovers(house)).loose, 0);
    }));

  it('keeps nothing of an upload that breaks off, in either form', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      const file = new Uint8Array(5 * MIB);
      const head = part('name="file"; filename="x"', file).subarray(0, -1000);
      const asForm = send(house, `/v1/incidents/${spec.incidentId}/chunks`, {
        method: 'POST',
        as,
        headers: FORM,
        body: pieces([head], 'error').stream,
      });
      answers(await asForm, 400, 'request_aborted');
      const plain = { method: 'PUT', as, headers: putHeaders(spec, file) };
      const body = pieces([file], 'error').stream;
      answers(await send(house, putPath(spec), { ...plain, body }), 400, 'request_aborted');
      assert.deepEqual(await leftovers(house), { chunks: 0, segments: 0, loose: 0 });
    }));

  it('makes the sender wait while it is busy', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      const { promise: gate, resolve: open } = Promise.withResolvers<void>();
      const { append } = house.deps.blobs;
      const blobs = {
        ...house.deps.blobs,
        append: async (...given: Parameters<typeof append>) => {
          await gate;
          return append(...given);
        },
      };
      const main = createMain({ ...house.deps, blobs });
      const body = pieces(Array.from({ length: 40 }, () => new Uint8Array(256 * 1024)));
      const sending = send({ ...house, main }, `/v1/incidents/${spec.incidentId}/chunks`, {
        method: 'POST',
        as,
        headers: FORM,
        body: new ReadableStream(
          {
            async start(controller) {
              controller.enqueue(part('name="file"', '').subarray(0, -2));
            },
            async pull(controller) {
              const reader = body.stream.getReader();
              const { value, done } = await reader.read();
              reader.releaseLock();
              if (done) controller.close();
              else controller.enqueue(value);
            },
          },
          { highWaterMark: 0 },
        ),
      });
      for (let turn = 0; turn < 500; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(body.taken() <= 6, `${body.taken()} pieces were taken`);
      open();
      answers(await sending, 400, 'invalid_multipart');
      assert.equal((await leftovers(house)).loose, 0);
    }));
});

describe("an account's quota", () => {
  it('is what its chunks may have together, to the byte; a replay needs none', () =>
    inEvidence({}, async (house, as) => {
      const spec = await placeIn(house, as);
      const sizes = await Promise.all(
        [1, 2].map(async (index) => (await sealedChunk({ ...spec, index })).length),
      );
      const quota = (sizes[0] ?? 0) + (sizes[1] ?? 0);
      const within = (accountQuotaBytes: number) => {
        const { settings } = house.deps;
        const uploads = { ...settings.uploads, accountQuotaBytes };
        return { ...house, main: createMain({ ...house.deps, settings: { ...settings, uploads } }) };
      };
      const first = await sealedChunk(spec);
      kept(await upload(within(quota), as, spec, { bytes: first, key: 'k', filename: '' }));
      const second = { ...spec, index: 2 };
      answers(await put(within(quota - 1), as, second), 507, 'account_storage_quota_exceeded');
      kept(await upload(within(quota - 1), as, spec, { bytes: first, key: 'k', filename: '' }), 200);
      kept(await put(within(quota), as, second));
      const other = (await ownerIn(house, 'somebody-else')).as;
      kept(await put(within(quota), other, await placeIn(house, other)));
    }));
});
