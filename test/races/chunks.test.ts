/** An upload against everything that could decide otherwise at the same moment: each race is decided exactly once. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { ownerIn } from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import { rounds } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { doorsOf, ownersAt } from '../support/server-owner.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';
import { type Field, RACES, raceForQuota } from './chunk-racing.ts';

const ROUNDS = rounds(20);
const QUOTA_ROUNDS = rounds(20);
const QUOTA = 400_000;
const noServer = hasSqld ? false : 'npm has no libSQL server for this platform';

type Race = (typeof RACES)[string];

/**
 * Runs a race and tells how its rounds were decided.
 * @param again called when storage was away, so that a round was not decided; it is run again
 */
async function decide(t: TestContext, field: Field, race: Race, again?: () => Promise<void>): Promise<void> {
  const seen = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const how = await decided(() => race(field, round), again);
    seen.set(how, (seen.get(how) ?? 0) + 1);
  }
  t.diagnostic(JSON.stringify(Object.fromEntries(seen)));
}

/** Runs a round until storage is there for all of it. */
async function decided(round: () => Promise<string>, again?: () => Promise<void>): Promise<string> {
  for (;;) {
    try {
      return await round();
    } catch (error) {
      if (again === undefined || !/storage_unavailable/.test((error as Error).message)) throw error;
      await again();
    }
  }
}

describe(`an upload on one file, ${ROUNDS} rounds, against`, () => {
  let house: House;
  let field: Field;
  before(async () => {
    house = await openHouse({ data: 'file' });
    field = { doors: [house], as: (await ownerIn(house)).as };
  });
  after(() => house?.close());

  for (const [name, race] of Object.entries(RACES)) it(name, (t) => decide(t, field, race));

  it('leaves nothing loose behind', async () => {
    const sql = `SELECT (SELECT count(*) FROM loose_blobs WHERE state = 'staged'),
      (SELECT count(*) FROM segments s WHERE NOT EXISTS (SELECT 1 FROM chunks c WHERE c.blob = s.blob))`;
    assert.deepEqual((await house.db.batch([{ sql }], 'read'))[0]?.rows, [[0, 0]]);
  });
});

describe(`the quota, ${QUOTA_ROUNDS} rounds on one file`, () => {
  it('has room for exactly as many as fit', async () => {
    const house = await openHouse({
      data: 'file',
      env: { SAFE_ACCOUNT_DEFAULT_BLOB_QUOTA_BYTES: String(QUOTA) },
    });
    try {
      for (let round = 0; round < QUOTA_ROUNDS; round += 1) {
        const { as } = await ownerIn(house, `owner-${round}`);
        await raceForQuota({ doors: [house], as }, round, QUOTA);
      }
    } finally {
      await house.close();
    }
  });
});

describe(`an upload at two processes on one libSQL server, ${ROUNDS} rounds, against`, {
  skip: noServer,
}, () => {
  let sqld: Sqld;
  const servers: TestServer[] = [];
  let field: Field;
  let folder = '';
  before(async () => {
    sqld = await startSqld();
    folder = await mkdtemp(join(tmpdir(), 'sallyport-second-'));
    const settings = {
      SAFE_DATABASE_URL: sqld.url,
      SAFE_SECRET_KEY: randomBytes(32).toString('base64'),
      SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
      SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
    };
    // One after the other: the first one makes the schema.
    const first = await startServer({ settings });
    servers.push(first);
    const { doors, owners } = await ownersAt(first);
    // Both sign receipts with one key, or a replay at the other process would not be the same bytes.
    await mkdir(join(folder, 'data'), { mode: 0o700 });
    await copyFile(join(first.folder, 'data', 'checkpoint-key'), join(folder, 'data', 'checkpoint-key'));
    const second = await startServer({ settings, folder });
    servers.push(second);
    field = { doors: [doors, await doorsOf(second)], as: owners[0] ?? assert.fail() };
  });
  after(async () => {
    for (const server of servers) await server.stop();
    await sqld?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  // The server itself (sqld 0.24) can stop taking writes for good when several writers wait for it on a busy machine.
  // An operator restarts it then; what it had acknowledged is there.
  let restarts = 0;
  const restart = async () => {
    restarts += 1;
    assert.ok(restarts <= ROUNDS, 'the database was away more often than its own trouble explains');
    await sqld.kill();
    await sqld.start();
  };

  for (const [name, race] of Object.entries(RACES)) {
    it(name, async (t) => {
      await decide(t, field, race, restart);
      if (restarts > 0) t.diagnostic(`${restarts} restarts of the database server so far`);
    });
  }
});
