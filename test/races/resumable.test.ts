/**
 * Uploads in pieces over a network that breaks, to servers that break: by the unmodified tus-js-client, and by a
 * client of the draft that is written out here.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import Database from 'libsql';
import { Upload, type UploadOptions } from 'tus-js-client';
import { credentials, throughSockets } from '../support/ask.ts';
import { sha256Hex } from '../support/evidence.ts';
import { type RoughNetwork, roughNetwork } from '../support/rough-network.ts';
import { seeded } from '../support/seed.ts';
import { type RuntimeName, runtimes, startServer, type TestServer } from '../support/server.ts';
import { ownersAt } from '../support/server-owner.ts';
import { ENDED, isKept, type Pending, pendingChunk, putHeaders, STARTED } from '../support/uploading.ts';

const MIB = 1024 * 1024;
const INTERRUPTIONS = 20;
/**
 * Waits between attempts that make no progress; progress begins anew. A machine that is busy with something else may
 * need the last of them.
 */
const DELAYS = [0, 10, 50, 100, 500, 1100, 1100, 1100, 1100, 1100, ...Array.from({ length: 30 }, () => 2000)];

interface Started {
  readonly server: TestServer;
  readonly pending: Pending;
}

async function startedWith(runtime: RuntimeName, size: number, folder?: string): Promise<Started> {
  const settings = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false', SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false' };
  const server = await startServer({ runtime, settings, ...(folder !== undefined && { folder }) });
  const { doors, owners } = await ownersAt(server);
  const [as] = owners;
  assert.ok(as);
  return { server, pending: await pendingChunk(doors, as, { size }) };
}

/** Uploads by tus; resolves when the client says that it is done. */
async function tusUpload(pending: Pending, origin: string, options: UploadOptions = {}): Promise<Upload> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const upload = new Upload(Buffer.from(pending.bytes), {
    endpoint: `${origin}${pending.tusPath}`,
    headers: await credentials(pending.doors, pending.as),
    metadata: {
      stream_id: pending.streamId,
      chunk_index: String(pending.index),
      media_type: 'audio',
      started_at: STARTED,
      ended_at: ENDED,
      sha256_hex: sha256Hex(pending.bytes),
      filename: 'clip.enc',
    },
    retryDelays: DELAYS,
    storeFingerprintForResuming: false,
    onSuccess: () => resolve(),
    onError: reject,
    ...options,
  });
  upload.start();
  await promise;
  return upload;
}

/** Uploads by the draft: creates, sends, and asks where it stands whenever there was no answer. */
async function draftUpload(pending: Pending, origin: string): Promise<number> {
  const credential = await credentials(pending.doors, pending.as);
  const given = Object.entries(putHeaders(pending)).filter((entry): entry is [string, string] => !!entry[1]);
  const ask = (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: Uint8Array<ArrayBuffer>,
  ) =>
    fetch(`${origin}${path}`, {
      method,
      headers: { ...credential, ...headers },
      ...(body && { body }),
    }).catch(() => undefined);
  let location: string | null | undefined;
  while (location === undefined || location === null) {
    const made = await ask('PUT', pending.path, { ...Object.fromEntries(given), 'upload-complete': '?0' });
    location = made?.headers.get('location');
  }
  for (let attempt = 0; ; attempt += 1) {
    assert.ok(attempt < 500, 'no end in sight');
    const stands = await ask('HEAD', location, {});
    if (stands === undefined) continue;
    assert.equal(stands.status, 204);
    const offset = Number(stands.headers.get('upload-offset'));
    const headers = {
      'content-type': 'application/partial-upload',
      'upload-offset': String(offset),
      'upload-complete': '?1',
    };
    const answer = await ask('PATCH', location, headers, pending.bytes.slice(offset));
    if (answer === undefined || answer.status === 400) {
      await after(DELAYS[attempt % DELAYS.length] ?? 0);
      continue;
    }
    assert.equal(answer.headers.get('upload-complete'), '?1', await answer.text());
    return answer.status;
  }
}

/** How many bytes of uploads a server's database has, as another process sees it. */
function keptOf(folder: string): number {
  const db = new Database(join(folder, 'data', 'sallyport.db'));
  try {
    const row = db.prepare('SELECT coalesce(sum(bytes), 0) AS kept FROM loose_blobs').get();
    return Number((row as { kept: unknown }).kept);
  } finally {
    db.close();
  }
}

/** Runs `use` with a server behind a bad network, and ends both. */
async function roughly(
  t: TestContext,
  runtime: RuntimeName,
  use: (pending: Pending, network: RoughNetwork) => Promise<void>,
): Promise<void> {
  const { server, pending } = await startedWith(runtime, 6 * MIB);
  const network = await roughNetwork(server.main, {
    random: seeded(t),
    cuts: INTERRUPTIONS,
    // However well it goes on each time, the upload is not at its end before the last of them.
    within: Math.floor(pending.bytes.length / INTERRUPTIONS) - 2000,
  });
  try {
    await use(pending, network);
    await isKept(pending);
    t.diagnostic(`${network.cuts.length} cuts, ${network.sent} of ${pending.bytes.length} bytes sent`);
  } finally {
    await network.close();
    await server.stop();
  }
}

for (const runtime of runtimes) {
  describe(`uploads in pieces to the server on ${runtime}`, () => {
    it(`tus-js-client ends byte for byte after ${INTERRUPTIONS} interruptions`, (t) =>
      roughly(t, runtime, async (pending, network) => {
        await tusUpload(pending, network.origin);
        assert.ok(network.cuts.length >= INTERRUPTIONS, `${network.cuts.length} interruptions`);
      }));

    it(`a client of the draft ends byte for byte after ${INTERRUPTIONS} interruptions`, (t) =>
      roughly(t, runtime, async (pending, network) => {
        const status = await draftUpload(pending, network.origin);
        assert.ok(status === 201 || status === 200, String(status));
        assert.ok(network.cuts.length >= INTERRUPTIONS, `${network.cuts.length} interruptions`);
      }));

    it('tus-js-client can do all that is announced: overridden methods, a late length, small pieces', async () => {
      const { server, pending } = await startedWith(runtime, 2 * MIB);
      const variants: readonly UploadOptions[] = [
        { overridePatchMethod: true, chunkSize: 700_001 },
        { uploadLengthDeferred: true, chunkSize: 500_000 },
        { uploadDataDuringCreation: true },
        { uploadDataDuringCreation: true, chunkSize: 65_536 },
      ];
      try {
        for (const [at, options] of variants.entries()) {
          const { as, doors, incidentId, streamId } = pending;
          const place = { incidentId, streamId, index: at + 2, size: 2 * MIB };
          const next = await pendingChunk(doors, as, place);
          await tusUpload(next, server.main, options);
          await isKept(next);
        }
        const upload = await tusUpload(pending, server.main);
        await Upload.terminate(upload.url ?? '', { headers: await credentials(pending.doors, pending.as) });
        await isKept(pending);
      } finally {
        await server.stop();
      }
    });

    it('two clients that fight for one upload both come to its end, which is one chunk', async (t) => {
      const { server, pending } = await startedWith(runtime, 6 * MIB);
      const slow = { random: seeded(t), cuts: 0, within: 1, pace: 8000 };
      const network = await roughNetwork(server.main, slow);
      try {
        const first = Promise.withResolvers<string>();
        const one = tusUpload(pending, network.origin, {
          chunkSize: MIB,
          onUploadUrlAvailable() {
            first.resolve(String(Reflect.get(this as object, 'url') ?? ''));
          },
          onAfterResponse: (_, response) => {
            const location = response.getHeader('Location');
            if (location !== undefined) first.resolve(new URL(location, network.origin).href);
          },
        });
        const uploadUrl = await first.promise;
        const two = tusUpload(pending, network.origin, { uploadUrl, chunkSize: MIB });
        await Promise.all([one, two]);
        await isKept(pending);
      } finally {
        await network.close();
        await server.stop();
      }
    });

    it('a server that is killed in the middle goes on where it was, as another process', async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'sallyport-resume-'));
      const { server, pending } = await startedWith(runtime, 6 * MIB, folder);
      const holding = { random: seeded(t), cuts: 0, within: 1, holdAt: 3 * MIB };
      const network = await roughNetwork(server.main, holding);
      let second: TestServer | undefined;
      try {
        const uploading = tusUpload(pending, network.origin);
        while (keptOf(folder) < 2 * MIB) await after(20);
        server.kill('SIGKILL');
        await server.exited;
        const settings = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false' };
        second = await startServer({ runtime, folder, settings });
        network.to(second.main);
        const before = network.sent;
        await uploading;
        const resent = network.sent - before;
        assert.ok(resent < 5 * MIB, `${resent} bytes were sent again`);
        await isKept({ ...pending, doors: throughSockets(second) });
      } finally {
        await network.close();
        await second?.stop();
        await rm(folder, { recursive: true, force: true });
      }
    });
  });
}
