/** `sallyport operator …`, with a running server and without one: what it prints, and that it changes nothing. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { adminRoutes } from '../../src/handlers/admin.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { accountId, accountOf, audit, NOW } from '../contract/account-room.ts';
import { about, deletionOf, incidentId } from '../contract/incident-room.ts';
import { sallyport } from '../support/sallyport.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { addUnowned, UNOWNED } from '../support/unowned.ts';

const SETTINGS = {
  // Nothing is carried out, so that there is something to see.
  SAFE_DELETION_WORKER_INTERVAL: '0',
  SAFE_CLOSED_INCIDENT_RETENTION: '30d',
  SAFE_TOKEN_METADATA_RETENTION: '12h',
};

const operator = (folder: string, name: string) =>
  sallyport(folder, ['operator', ...name.split(' ')], SETTINGS);

/** A closed legacy incident, and one whose deletion was decided. */
async function prepare(folder: string): Promise<void> {
  await mkdir(join(folder, 'data'), { mode: 0o700 });
  const db = await openEmbedded({ path: join(folder, 'data', 'sallyport.db') });
  try {
    await migrate(db, migrations, NOW);
    await addUnowned(db);
    const store = libsqlStore(db);
    await store.accounts.create(accountOf(1), audit('account_create'));
    const incident = {
      id: incidentId(1),
      ownerAccountId: accountId(1),
      createdAt: NOW,
      notes: 'a secret note',
    };
    await store.incidents.create(incident, about('incident_create', 1));
    const wish = { allowOpen: true, reasonCode: 'why-not' };
    await store.deletion.request(deletionOf(1, 1, wish), accountId(1), about('incident_delete', 1));
  } finally {
    await db.close();
  }
}

for (const running of [false, true]) {
  describe(`operator commands ${running ? 'beside a running server' : 'without a server'}`, () => {
    let dir: TempDir;
    let server: TestServer | undefined;
    before(async () => {
      dir = await tempDir();
      await prepare(dir.path);
      if (running) server = await startServer({ folder: dir.path, settings: SETTINGS });
    });
    after(async () => {
      await server?.stop();
      await dir.remove();
    });

    it('preview what retention would take, as JSON', async () => {
      for (let again = 0; again < 2; again += 1) {
        const { code, out, said } = await operator(dir.path, 'retention-preview');
        assert.equal(code, 0, said);
        const { generated_at, closed_incidents, token_metadata, deletion_tombstones, ...rest } =
          JSON.parse(out);
        assert.deepEqual(rest, {});
        const day = 86_400;
        assert.deepEqual(closed_incidents, {
          retention_seconds: 30 * day,
          due_before: new Date(Date.parse(generated_at) - 30 * day * 1000).toISOString(),
          count: 1,
          ids: [UNOWNED],
        });
        assert.deepEqual([token_metadata.retention_seconds, token_metadata.count], [day / 2, 0]);
        assert.deepEqual(deletion_tombstones, { retention_seconds: 0, count: 0, ids: [] });
      }
    });

    it('say how far deletions are, as JSON and without a word of what is in an incident', async () => {
      const { code, out, said } = await operator(dir.path, 'deletion-status');
      assert.equal(code, 0, said);
      const at = new Date(NOW).toISOString();
      assert.deepEqual(JSON.parse(out), {
        worker_interval_seconds: 0,
        incidents: { deletion_pending: 1, deleting: 0, deletion_failed: 0, deleted: 0 },
        unfinished: [
          {
            decision_id: deletionOf(1, 1).id,
            incident_id: incidentId(1),
            source: 'account_request',
            reason_code: 'why-not',
            state: 'deletion_pending',
            item_count: 0,
            items_left: 0,
            items_failed: 0,
            failures: 0,
            requested_at: at,
            updated_at: at,
          },
        ],
      });
    });

    it('take nothing else on the command line', async () => {
      for (const line of ['retention-preview now', 'deletion-status --force', 'nothing', ''])
        assert.equal((await operator(dir.path, line)).code, 2, line);
    });
  });
}

describe('operator commands', () => {
  it('are no routes', () => {
    for (const { path } of [...mainRoutes, ...adminRoutes])
      assert.doesNotMatch(path, /operator|retention|preview|deletion-status/);
  });
});
