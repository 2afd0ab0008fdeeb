/** What every store promises of leases, counts and the outbox, whatever it runs on. */
import assert from 'node:assert/strict';
import type { Store } from '../../src/store/store.ts';
import { NOW } from './room.ts';

export interface Coordination {
  readonly store: Pick<Store, 'leases' | 'limits' | 'outbox'>;
  /** The same by a second, independent driver, where there can be one. */
  readonly other: Pick<Store, 'leases' | 'limits' | 'outbox'> | undefined;
}

export interface CoordinationCase {
  readonly name: string;
  run(subject: Coordination): Promise<void>;
}

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const idOf = (n: number) => n.toString(16).padStart(32, '0');
const mailOf = (n: number, dueAt = NOW) => ({
  id: idOf(n),
  sealed: new Uint8Array([1, 2, n]),
  createdAt: NOW,
  dueAt,
});

export const coordinationCases: readonly CoordinationCase[] = [
  {
    name: 'a lease is had by one, who may take it again, until it ends',
    async run({ store, other = store }) {
      assert.equal(await store.leases.take('work', A, NOW, 1000), true);
      assert.equal(await other.leases.take('work', B, NOW, 1000), false);
      assert.equal(await store.leases.take('work', A, NOW + 500, 1000), true);
      assert.equal(await other.leases.take('work', B, NOW + 1499, 1000), false);
      assert.equal(await other.leases.take('work', B, NOW + 1500, 1000), true);
      assert.equal(await store.leases.take('work', A, NOW + 1500, 1000), false);
      assert.equal(await store.leases.take('other work', A, NOW + 1500, 1000), true);
    },
  },
  {
    name: 'a lease that was given back is free, and only its owner gives it back',
    async run({ store, other = store }) {
      await store.leases.take('work', A, NOW, 1000);
      await other.leases.release('work', B);
      assert.equal(await other.leases.take('work', B, NOW, 1000), false);
      await store.leases.release('work', A);
      assert.equal(await other.leases.take('work', B, NOW, 1000), true);
    },
  },
  {
    name: 'a lease that many want at once goes to one',
    async run({ store, other = store }) {
      const wishes = Array.from({ length: 12 }, (_, n) =>
        (n % 2 ? store : other).leases.take('work', idOf(n), NOW, 1000),
      );
      assert.equal((await Promise.all(wishes)).filter(Boolean).length, 1);
    },
  },
  {
    name: 'a lease from before a clock was set back holds nobody up',
    async run({ store }) {
      await store.leases.take('work', A, NOW + 3_600_000, 1000);
      assert.equal(await store.leases.take('work', B, NOW, 1000), true);
    },
  },
  {
    name: 'counts are shared by all who count, and swept when their window has ended',
    async run({ store, other = store }) {
      const hit = (at: typeof store, now = NOW) => at.limits.hit('rate:a:1', 3, 1000, now);
      assert.deepEqual([await hit(store), await hit(other), await hit(store)], Array(3).fill(undefined));
      assert.equal(await hit(other), NOW + 1000);
      assert.equal(await hit(store), NOW + 1000);
      await store.limits.hit('rate:a:2', 3, 5000, NOW);
      assert.equal(await store.limits.sweep(NOW + 999, 1), true);
      assert.equal(await store.limits.sweep(NOW + 1000, 1), false, 'there may be more');
      assert.equal(await store.limits.sweep(NOW + 1000, 1), true);
      assert.equal(await store.limits.hit('rate:a:2', 1, 5000, NOW + 1000), NOW + 5000, 'this one went on');
    },
  },
  {
    name: 'a mail is due when it is, the longest first',
    async run({ store }) {
      for (const mail of [mailOf(1, NOW + 10), mailOf(2, NOW + 5), mailOf(3, NOW + 20)])
        assert.equal(await store.outbox.add(mail, 10), true);
      assert.deepEqual(await store.outbox.due(NOW + 4, 10), []);
      const due = await store.outbox.due(NOW + 10, 10);
      assert.deepEqual(
        due.map(({ id, attempts, sealed }) => [id, attempts, [...sealed]]),
        [
          [idOf(2), 0, [1, 2, 2]],
          [idOf(1), 0, [1, 2, 1]],
        ],
      );
      assert.equal((await store.outbox.due(NOW + 20, 2)).length, 2);
    },
  },
  {
    name: 'no more mails wait than may',
    async run({ store }) {
      assert.equal(await store.outbox.add(mailOf(1), 2), true);
      assert.equal(await store.outbox.add(mailOf(2), 2), true);
      assert.equal(await store.outbox.add(mailOf(3), 2), false);
      await store.outbox.remove(idOf(1));
      assert.equal(await store.outbox.add(mailOf(3), 2), true);
    },
  },
  {
    name: 'an attempt at a mail begins once, also when two begin it together',
    async run({ store, other = store }) {
      await store.outbox.add(mailOf(1), 10);
      const [mail] = await store.outbox.due(NOW, 10);
      assert.ok(mail !== undefined);
      const begun = await Promise.all([
        store.outbox.begin(mail, NOW + 100),
        other.outbox.begin(mail, NOW + 100),
      ]);
      assert.deepEqual(begun.toSorted(), [false, true]);
      assert.deepEqual(await store.outbox.due(NOW + 99, 10), []);
      const [again] = await store.outbox.due(NOW + 100, 10);
      assert.equal(again?.attempts, 1);
      await store.outbox.putOff(mail, NOW + 1);
      assert.deepEqual(await store.outbox.due(NOW + 99, 10), [], 'whoever is behind moves nothing');
      await store.outbox.putOff({ ...mail, attempts: 1 }, NOW + 1);
      assert.equal((await store.outbox.due(NOW + 1, 10)).length, 1);
      await store.outbox.remove(mail.id);
      assert.equal(await store.outbox.begin({ ...mail, attempts: 1 }, NOW), false);
    },
  },
  {
    name: 'old mails are swept',
    async run({ store }) {
      await store.outbox.add(mailOf(1), 10);
      await store.outbox.add({ ...mailOf(2), createdAt: NOW + 1 }, 10);
      assert.equal(await store.outbox.sweep(NOW, 10), true);
      assert.equal((await store.outbox.due(NOW, 10)).length, 2);
      assert.equal(await store.outbox.sweep(NOW + 1, 10), true);
      assert.deepEqual(
        (await store.outbox.due(NOW, 10)).map(({ id }) => id),
        [idOf(2)],
      );
    },
  },
];
