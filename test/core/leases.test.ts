import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { leased } from '../../src/core/leases.ts';
import { type House, inHouse } from '../support/house.ts';

const TTL = 30_000;
const never = () => false;
const [A, B] = ['a'.repeat(32), 'b'.repeat(32)];

function worker({ deps }: House, owner: string, work: (stop: () => boolean) => Promise<unknown>) {
  return leased(deps, { name: 'work', owner, ttlMs: TTL }, work);
}

/** Lets what the database answered arrive. */
async function settle(condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let turns = 0; !(await condition()); turns += 1) {
    assert.ok(turns < 10_000, 'it never came to pass');
    await setImmediate();
  }
}

const endsAt = async ({ db }: House) =>
  Number((await db.batch([{ sql: 'SELECT expires_at FROM leases' }], 'read'))[0]?.rows[0]?.[0]);

describe('work under a lease', () => {
  it('is done by one process, round after round, until that one gives it back', () =>
    inHouse({}, async (house) => {
      const done: string[] = [];
      const one = worker(house, A, async () => done.push('one'));
      const two = worker(house, B, async () => done.push('two'));
      for (let i = 0; i < 3; i += 1) {
        await two.round(() => i === 0);
        await one.round(never);
        house.clock.advance(TTL - 1);
      }
      assert.deepEqual(done, ['one', 'one', 'one']);
      await one.release();
      await two.round(never);
      assert.equal(done.at(-1), 'two');
    }));

  it('is taken over when its process is gone', () =>
    inHouse({}, async (house) => {
      const done: string[] = [];
      await worker(house, A, async () => done.push('one')).round(never);
      const two = worker(house, B, async () => done.push('two'));
      house.clock.advance(TTL - 1);
      await two.round(never);
      house.clock.advance(1);
      await two.round(never);
      assert.deepEqual(done, ['one', 'two']);
    }));

  it('keeps its lease for as long as a round goes on, and no timer after it', () =>
    inHouse({}, async (house) => {
      const working = Promise.withResolvers<void>();
      let stop = never;
      const round = worker(house, A, (stopped) => {
        stop = stopped;
        return working.promise;
      }).round(never);
      await settle(() => stop !== never);
      for (let i = 0; i < 5; i += 1) {
        house.clock.advance(TTL / 3);
        await settle(async () => (await endsAt(house)) === house.clock.now() + TTL);
        await settle(() => house.clock.waiting === 1);
      }
      assert.equal(stop(), false);
      working.resolve();
      await round;
      assert.equal(house.clock.waiting, 0);
    }));

  it('is told to end when the lease was lost, or cannot be renewed', () =>
    inHouse({}, async (house) => {
      for (const spoil of ['UPDATE leases SET owner = upper(owner)', 'DROP TABLE leases']) {
        const working = Promise.withResolvers<void>();
        let stop = never;
        const round = worker(house, A, (stopped) => {
          stop = stopped;
          return working.promise;
        }).round(never);
        await settle(() => stop !== never);
        await house.db.batch([{ sql: spoil }], 'write');
        house.clock.advance(TTL / 3);
        await settle(() => stop());
        working.resolve();
        await round;
        house.clock.advance(TTL * 3);
      }
    }));
});
