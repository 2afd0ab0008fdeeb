/** What becomes of an upload whose lease, or whose keeper of leases, goes away in the middle. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openCoordination } from '../../runtime/valkey.ts';
import type { Deps } from '../../src/core/deps.ts';
import { Fault } from '../../src/core/faults.ts';
import type { UploadLeases } from '../../src/core/upload-lease.ts';
import { answers, post } from '../support/ask.ts';
import { newIncident, newStream, ownerIn, sealedChunk } from '../support/evidence.ts';
import { type House, inHouse } from '../support/house.ts';
import { redisServer } from '../support/redis.ts';
import { leftovers, put } from '../support/uploads.ts';

const settings = (port: number) => ({
  ...{ backend: 'redis' as const, username: undefined, password: undefined, db: 0, tls: false },
  ...{ dialTimeoutMs: 5000, readTimeoutMs: 5000, writeTimeoutMs: 5000 },
  address: { host: '127.0.0.1', port },
});

/** A house whose every commit of a chunk says that it has come so far, and waits until it may go on. */
async function pausing(leases: UploadLeases, use: (house: House, pause: Pause) => Promise<void>) {
  const ports: Partial<Deps> = { uploadLeases: leases };
  await inHouse({ ports }, async (house) => {
    const { chunks } = house.deps.store;
    const { commit } = chunks;
    const pause: Pause = { reached: Promise.withResolvers(), goOn: Promise.withResolvers() };
    Object.assign(chunks, {
      async commit(...args: Parameters<typeof commit>) {
        pause.reached.resolve();
        await pause.goOn.promise;
        return commit(...args);
      },
    });
    await use(house, pause);
  });
}

interface Pause {
  readonly reached: PromiseWithResolvers<void>;
  readonly goOn: PromiseWithResolvers<void>;
}

async function pendingIn(house: House) {
  const { as } = await ownerIn(house);
  const incidentId = await newIncident(house, as);
  const place = { incidentId, streamId: await newStream(house, as, incidentId), index: 1 };
  const bytes = await sealedChunk({ ...place, media: new Uint8Array(2_000_000) });
  return () => put(house, as, place, { bytes, key: 'one-key-for-all', filename: '' });
}

describe('an upload under a lease', () => {
  it('is kept when the keeper of leases goes away meanwhile', async () => {
    const redis = await redisServer();
    const said: string[] = [];
    const log = { write: (_: string, message: string) => said.push(message) };
    const coordination = await openCoordination(settings(redis.port), 60_000, log);
    try {
      await pausing(coordination.uploadLeases, async (house, { reached, goOn }) => {
        const send = await pendingIn(house);
        const first = send();
        await reached.promise;
        const second = await send();
        assert.deepEqual([second.status, second.code], [409, 'upload_in_progress']);
        await redis.stop();
        const third = await send();
        assert.deepEqual([third.status, third.code], [503, 'upload_coordination_unavailable']);
        goOn.resolve();
        assert.equal((await first).status, 201);
        await house.settled();
        assert.deepEqual(await leftovers(house), { chunks: 1, segments: 2, loose: 0 });
      });
    } finally {
      await coordination.close();
      await redis.close();
    }
  });

  it('becomes one chunk even where every lease ends too early', async () => {
    // As for servers that stall: each has the lease, all of them commit.
    const leases: UploadLeases = { take: async () => async () => {} };
    await pausing(leases, async (house, { goOn }) => {
      const send = await pendingIn(house);
      const sent = [send(), send(), send()];
      goOn.resolve();
      const statuses = (await Promise.all(sent)).map(({ status }) => status);
      assert.deepEqual(statuses.sort(), [200, 200, 201]);
    });
  });

  it('is told of a stream that takes nothing rather than to come again', async () => {
    const leases: UploadLeases = {
      take: async () => {
        throw new Fault('upload_in_progress', { retryAfterSeconds: 1 });
      },
    };
    await inHouse({ ports: { uploadLeases: leases } }, async (house) => {
      const { as } = await ownerIn(house);
      const incidentId = await newIncident(house, as);
      const place = { incidentId, streamId: await newStream(house, as, incidentId), index: 1 };
      const bytes = await sealedChunk({ ...place, media: new Uint8Array(10) });
      const sending = () => put(house, as, place, { bytes, filename: '' });
      assert.equal((await sending()).code, 'upload_in_progress');
      answers(await post(house, `/v1/incidents/${incidentId}/streams/${place.streamId}/fail`, as), 200);
      assert.equal((await sending()).code, 'stream_not_open');
    });
  });
});
