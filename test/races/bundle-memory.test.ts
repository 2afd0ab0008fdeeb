import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { nodeCrc32 } from '../../runtime/digest.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { answers, post, throughSockets } from '../support/ask.ts';
import { anotherOwner, firstAdmin, newIncident, newStream } from '../support/evidence.ts';
import { writeAlike } from '../support/many-chunks.ts';
import { memoryOf } from '../support/process.ts';
import { incidentBundlePath } from '../support/recordings.ts';
import { rounds } from '../support/seed.ts';
import { type RuntimeName, runtimes, startServer } from '../support/server.ts';
import { tempDir } from '../support/temp.ts';
import { type Measured, needsLess } from './needed-memory.ts';

const MIB = 1024 * 1024;
/** How many chunks of 4 KiB, and of 1 MiB. */
const SMALL = Math.min(20_000, rounds(6000));
const LARGE = Math.min(200, rounds(160));
const AT_ONCE = 2;
/** V8 lets rubbish lie in proportion to the machine's memory: with this, what is measured is what is needed. */
const HEAP_MB = 96;
const SETTINGS = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false', SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false' };

/** A server whose one incident has all of these chunks. */
async function measured(runtime: RuntimeName): Promise<Measured> {
  const dir = await tempDir();
  const start = () => startServer({ runtime, settings: SETTINGS, folder: dir.path, heapMb: HEAP_MB });
  let server = await start();
  try {
    const secret = (await readFile(join(dir.path, 'data', 'bootstrap-secret'), 'utf8')).trim();
    let doors = throughSockets(server);
    const both = { ...doors, bootstrapSecret: secret, now: Date.now, close: async () => {} };
    const as = await anotherOwner(both, await firstAdmin(both));
    const incidentId = await newIncident(doors, as);
    const streams: { streamId: string; count: number; size: number }[] = [];
    for (const [count, size] of [
      [SMALL, 4096],
      [LARGE, MIB],
    ] as const)
      streams.push({ streamId: await newStream(doors, as, incidentId), count, size });
    await server.stop();
    const db = await openEmbedded({ path: join(dir.path, 'data', 'sallyport.db') });
    for (const { streamId, count, size } of streams) {
      const bytes = new Uint8Array(size).fill(streams.length);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const content = { size, sha256, crc32: nodeCrc32(bytes, 0) };
      const segments = [{ idx: 0, bytes }];
      await writeAlike(db, { incidentId, streamId, count, content, segments, createdAt: Date.now() });
    }
    await db.close();
    server = await start();
    doors = throughSockets(server);
    for (const { streamId, count } of streams) {
      const path = `/v1/incidents/${incidentId}/streams/${streamId}/complete`;
      answers(await post(doors, path, as, { expected_chunk_count: count }), 200);
    }
    const before = await memoryOf(server.pid, 'VmRSS');
    const url = `${server.main}${incidentBundlePath(incidentId)}`;
    const headers = { authorization: `Bearer ${as.token}` };
    const lengths = await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const answer = await fetch(url, { headers });
        let read = 0;
        for await (const piece of answer.body ?? []) read += piece.length;
        assert.equal(String(read), answer.headers.get('content-length'));
        return read;
      }),
    );
    assert.ok(Math.min(...lengths) > SMALL * 4096 + LARGE * MIB);
    return { before, growth: (await memoryOf(server.pid, 'VmHWM')) - before };
  } finally {
    await server.stop();
    await dir.remove();
  }
}

describe('large bundles', { skip: process.platform === 'linux' ? false : 'needs /proc of Linux' }, () => {
  for (const runtime of runtimes) {
    it(`are streamed on ${runtime}: two of ${Math.round((SMALL * 4096) / MIB) + LARGE} MiB at once take less than 150 MiB more`, (t) =>
      needsLess(t, 150 * MIB, () => measured(runtime)));
  }
});
