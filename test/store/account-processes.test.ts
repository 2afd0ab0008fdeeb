/** What only one may win, when two processes on one database try at the same time. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import type { Store } from '../../src/store/store.ts';
import {
  accountId,
  audit,
  challengeOf,
  HOUR,
  NOW,
  sessionId,
  someone,
  withTotp,
} from '../contract/account-room.ts';
import { type Child, runScript } from '../support/child.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

const RACER = fileURLToPath(new URL('./fixtures/account-racer.ts', import.meta.url));

describe('two processes on one database', () => {
  let dir: TempDir;
  let db: Db;
  let store: Store;
  let racers: Child[] = [];

  before(async () => {
    dir = await tempDir();
    const path = join(dir.path, 'test.db');
    db = await openEmbedded({ path });
    await migrate(db, migrations, NOW);
    store = libsqlStore(db);
    racers = ['1', '2'].map((self) => runScript(RACER, [path, self]));
    for (const racer of racers) assert.equal(await racer.line(), 'ready');
  });
  after(async () => {
    for (const racer of racers) await racer.end();
    await db.close();
    await dir.remove();
  });

  const empty = () => db.batch([{ sql: 'DELETE FROM accounts' }], 'write');

  /** Lets both try `times` times at once, and answers how often that worked. */
  async function race(verb: string, times: number): Promise<number> {
    for (const racer of racers) racer.say(JSON.stringify([verb, times]));
    const won = await Promise.all(racers.map((racer) => racer.line()));
    return won.reduce((sum, line) => sum + Number(line), 0);
  }

  it('make one first admin of fifty', async () => {
    await empty();
    assert.equal(await race('bootstrap', 25), 1);
    assert.deepEqual(await store.accounts.counts(), { accounts: 1, admins: 1, disabled: 0 });
  });

  it('accept one TOTP code once', async () => {
    await empty();
    await someone(store, 1);
    await withTotp(store, 1);
    assert.equal(await race('totp', 10), 1);
    assert.equal((await store.accounts.totpFactor(accountId(1)))?.lastStep, 101);
  });

  it('accept one mailed code once', async () => {
    await empty();
    await someone(store, 1);
    await store.accounts.challengeEmail(challengeOf(50, 1), true, audit('factor_challenge'));
    assert.equal(await race('email', 10), 1);
  });

  it('take one ceremony once', async () => {
    await empty();
    await someone(store, 1);
    const whose = { accountId: accountId(1), sessionId: sessionId(1) };
    const what = { id: 'sfc_1', kind: 'verify', rpId: 'example.org', challenge: 'c' } as const;
    const when = { createdAt: NOW, expiresAt: NOW + HOUR };
    await store.accounts.startCeremony({ ...what, ...whose, ...when }, audit('factor_challenge'));
    assert.equal(await race('ceremony', 10), 1);
  });

  it('leave one admin when each demotes the other', async () => {
    for (let round = 0; round < 10; round += 1) {
      await empty();
      await someone(store, 1, { role: 'admin' });
      await someone(store, 2, { role: 'admin' });
      assert.equal(await race('demote', 1), 1);
      assert.equal((await store.accounts.counts()).admins, 1);
    }
  });
});
