/** Bodies that never stall, and never get anywhere. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { BODY_LEAST_RATE } from '../../src/handlers/kit/body.ts';
import { type House, inHouse, ORIGIN } from '../support/house.ts';

/** Sends `piece` bytes, lets `pauseMs` pass, and so on; answers the status and how many pieces were taken. */
async function drip(house: House, piece: number, pauseMs: number, pieces: number, headers = {}) {
  let taken = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (taken === pieces) return controller.close();
        taken += 1;
        house.clock.advance(pauseMs);
        controller.enqueue(new Uint8Array(piece).fill(taken));
      },
    },
    { highWaterMark: 0 },
  );
  const init = { method: 'POST', body, headers, duplex: 'half' };
  const { status } = await house.main(new Request(`${ORIGIN}/`, init));
  return { status, taken };
}

it('a body of a byte now and then is given up, raw or JSON, and leaves nothing behind', () =>
  inHouse({}, async (house) => {
    for (const headers of [{}, { 'content-type': 'application/json' }]) {
      const { status, taken } = await drip(house, 1, 20_000, 1000, headers);
      assert.deepEqual([status, taken], [408, 2]);
    }
    const [kept] = await house.db.batch([{ sql: 'SELECT count(*) FROM loose_blobs' }], 'read');
    assert.deepEqual(kept?.rows, [[0]]);
  }));

it('a body that is on its way comes in, although the clock is set by ten years meanwhile', () =>
  inHouse({}, async (house) => {
    for (const years of [10, -10]) {
      const pieces = [1, 2, 3];
      const body = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            const piece = pieces.shift();
            house.clock.set(years * 365 * 86_400_000);
            if (piece === undefined) controller.close();
            else controller.enqueue(new Uint8Array(100).fill(piece));
          },
        },
        { highWaterMark: 0 },
      );
      const init = { method: 'POST', body, duplex: 'half' };
      const { status } = await house.main(new Request(`${ORIGIN}/`, init));
      assert.equal(status, 201, `${years} years`);
    }
  }));

it('a body that is slow and steady comes in', () =>
  inHouse({}, async (house) => {
    const { status } = await drip(house, BODY_LEAST_RATE * 10, 10_000, 60);
    assert.equal(status, 201);
  }));

it('an expired proof of work and a replay that is forgotten meanwhile make no new paste', () =>
  inHouse({ env: { SAFE_PASTE_POW_DIFFICULTY: '1' } }, async (house) => {
    const { deps } = house;
    const paste = {
      ref: 'f'.repeat(32),
      pending: { kind: 'inline', bytes: new Uint8Array([1]) },
      mimeType: 'text/plain',
      sealed: false,
      burn: false,
      deleteTokenHash: '0'.repeat(64),
      createdAt: deps.now(),
      expiresAt: deps.now() + 1000,
    } as const;
    const work = { tokenHash: '1'.repeat(64), expiresAt: deps.now() - 1, onlyReplay: true };
    const input = { paste, work, now: deps.now(), quotaBytes: 1000 };
    assert.deepEqual(await deps.store.pastes.create(input), { kind: 'work_spent' });
    assert.equal((await deps.store.pastes.totals()).count, 0);
  }));
