/**
 * A whole server, killed with SIGKILL while it deletes incidents: each ends in `deleted` all the same, and not one
 * piece of its ciphertext is left in the database file, its log or its index.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '../../src/store/db.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { answers, ask, post, type Session } from '../support/ask.ts';
import { newIncident, newViewerToken } from '../support/evidence.ts';
import { recording } from '../support/recordings.ts';
import { rounds, type Seeded, seeded } from '../support/seed.ts';
import { startServer } from '../support/server.ts';
import { doorsOf, ownersAt } from '../support/server-owner.ts';
import { Traces } from '../support/traces.ts';

type Doors = Awaited<ReturnType<typeof doorsOf>>;

const SETTINGS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_SESSION_TTL: '30d',
};
const FILE = ['data', 'sallyport.db'] as const;

/** Sizes at which rows are packed differently: within a page, beyond it, and in more than one segment. */
const SIZES = [1, 200, 700, 1500, 2500, 3900, 5000, 20_000, 70_000];

/** What follows the header, in which two chunks have much in common. */
function ciphertextOf(sealed: Uint8Array): Uint8Array {
  const line = sealed.indexOf(0x0a) + 1;
  return sealed.subarray(line + 4 + Buffer.from(sealed).readUInt32BE(line));
}

/** An incident with chunks of all sizes, one of them large, and a link. */
async function record(doors: Doors, as: Session, random: Seeded, traces: Traces): Promise<string> {
  const incident = await newIncident(doors, as, { client_label: 'to be deleted', notes: 'and this' });
  for (let stream = 0; stream < 2; stream += 1) {
    const sizes = SIZES.map((size) => size + random.below(size));
    if (stream === 0) sizes.push(1024 * 1024 * (1 + random.below(4)));
    const media = sizes.map((size) => new Uint8Array(randomBytes(size)));
    const { sealed } = await recording(doors, as, incident, { media });
    for (const bytes of sealed) traces.add(ciphertextOf(bytes));
  }
  await newViewerToken(doors, as, incident);
  return incident;
}

const at = (incident: string) => `/v1/incidents/${incident}/deletion`;

/** Decides once more, since a kill may have come before the decision, and waits until each deletion is over. */
async function allDeleted(doors: Doors, as: Session, incidents: readonly string[]): Promise<void> {
  for (const incident of incidents) {
    answers(await post(doors, at(incident), as, { allow_open: true }), 202);
    for (;;) {
      const { deletion } = answers(await ask(doors, at(incident), { as }), 200).body;
      assert.notEqual(deletion.state, 'deletion_failed');
      if (deletion.state === 'deleted') break;
      await sleep(5);
    }
  }
}

async function number(db: Db, sql: string): Promise<number> {
  return Number((await db.batch([{ sql }], 'read'))[0]?.rows[0]?.[0]);
}

/** Looks at the files as the kill left them. @returns in which state it left the newest decision */
async function stateLeft(path: string): Promise<string> {
  const db = await openEmbedded({ path });
  try {
    const [check] = await db.batch([{ sql: 'SELECT * FROM pragma_integrity_check' }], 'read');
    assert.deepEqual(check?.rows, [['ok']]);
    const sql = 'SELECT state FROM deletions ORDER BY id DESC LIMIT 1';
    return String((await db.batch([{ sql }], 'read'))[0]?.rows[0]?.[0] ?? 'not decided');
  } finally {
    await db.close();
  }
}

describe('a server that is killed while it deletes', () => {
  it('ends every deletion, and leaves none of the ciphertext in its files', async (t) => {
    const random = seeded(t);
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-kill-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, ...FILE);
    const options = { folder, settings: SETTINGS };
    const traces = new Traces();
    const incidents: string[] = [];
    const left: Record<string, number> = {};
    let as: Session | undefined;
    // A neighbour whose chunks stay and are moved about by what goes.
    const kept = new Traces();

    for (let round = 0; round < rounds(10); round += 1) {
      await using server = await startServer(options);
      if (as === undefined) {
        const { doors, owners } = await ownersAt(server);
        as = owners[0];
        assert.ok(as !== undefined);
        await record(doors, as, random, kept);
      }
      const doors = await doorsOf(server);
      await allDeleted(doors, as, incidents.slice(-1));
      const incident = await record(doors, as, random, traces);
      // A page may be on its way from the log into the file while both are read.
      while (round === 0 && (await traces.inDatabase(path)) < 1000) await sleep(50);
      const decided = post(doors, at(incident), as, { allow_open: true });
      decided.catch(() => {});
      // From before the decision until after the end of it all.
      const moment = random.below(120);
      if (moment >= 10) answers(await decided, 202);
      for (let n = 10; n < moment; n += 3) await ask(doors, at(incident), { as });
      server.kill('SIGKILL');
      assert.equal((await server.exited).signal, 'SIGKILL');
      await decided.catch(() => {});
      const state = await stateLeft(path);
      left[state] = (left[state] ?? 0) + 1;
      incidents.push(incident);
    }

    assert.ok(as !== undefined);
    await using server = await startServer(options);
    const doors = await doorsOf(server);
    await allDeleted(doors, as, incidents);
    const deadline = Date.now() + 120_000;
    while ((await traces.inDatabase(path)) > 0) {
      assert.ok(Date.now() < deadline, 'ciphertext is in the files two minutes after the end');
      await sleep(50);
    }
    assert.ok((await kept.inDatabase(path)) > 1000, 'what was not deleted is there');
    server.kill('SIGKILL');
    await server.exited;
    assert.equal(await traces.inDatabase(path), 0, 'nor does it come back');

    const db = await openEmbedded({ path });
    try {
      const [of, chunks] = [incidents.length, 2 * SIZES.length + 1];
      assert.equal(await number(db, 'SELECT count(*) FROM chunks'), chunks, 'the neighbour’s');
      for (const table of ['loose_blobs', 'deletion_items', 'viewer_tokens'])
        assert.equal(
          await number(db, `SELECT count(*) FROM ${table}`),
          table === 'viewer_tokens' ? 1 : 0,
          table,
        );
      assert.equal(
        await number(db, 'SELECT count(*) FROM segments WHERE blob NOT IN (SELECT blob FROM chunks)'),
        0,
      );
      for (const action of ['incident_delete', 'incident_deleted'])
        assert.equal(
          await number(
            db,
            `SELECT count(DISTINCT incident_id) * 1000 + count(*) FROM audit WHERE action = '${action}'`,
          ),
          of * 1001,
          `${action}: one row for each`,
        );
    } finally {
      await db.close();
    }
    t.diagnostic(`left by the kills: ${JSON.stringify(left)}`);
  });
});
