/** The worker that carries deletions out, on a whole house with a clock that is moved. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CarriedOut, carryOutDeletions, LEASE_MS } from '../../src/core/deletion-worker.ts';
import type { Deps } from '../../src/core/deps.ts';
import { letGo } from '../../src/core/letting-go.ts';
import { answers, ask, post, type Session } from '../support/ask.ts';
import {
  auditOf,
  disown,
  inEvidence,
  keepChunk,
  newIncident,
  newStream,
  newViewerToken,
  type Owner,
  outcomesOf,
} from '../support/evidence.ts';
import type { House } from '../support/house.ts';
import { writeAlike } from '../support/many-chunks.ts';
import { tableOf } from '../support/rows.ts';

const SURE = { leaseMs: 0 };
const at = (incident: string) => `/v1/incidents/${incident}/deletion`;

/** An incident with a stream, chunks and a link. */
async function recorded(house: House, owner: Owner, chunks = 3): Promise<string> {
  const incidentId = await newIncident(house, owner.as, { client_label: 'a label', notes: 'a note' });
  const streamId = await newStream(house, owner.as, incidentId);
  for (let index = 1; index <= chunks; index += 1)
    await keepChunk(house, owner, { incidentId, streamId, index });
  await newViewerToken(house, owner.as, incidentId);
  return incidentId;
}

async function decided(house: House, as: Session, incidentId: string): Promise<void> {
  answers(await post(house, at(incidentId), as, { allow_open: true }), 202);
}

async function stateOf(house: House, as: Session, incidentId: string) {
  const { state, error_code } = answers(await ask(house, at(incidentId), { as }), 200).body.deletion;
  return error_code === undefined ? state : `${state}: ${error_code}`;
}

async function left(house: House): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of ['chunks', 'segments', 'streams', 'viewer_tokens', 'deletion_items', 'loose_blobs']) {
    const { length } = await tableOf(house, table);
    if (length > 0) counts[table] = length;
  }
  return counts;
}

/** The house's ports with blobs that some cannot be removed from. */
const stubborn = (house: House, refuses: (name: string) => boolean): Deps => ({
  ...house.deps,
  blobs: {
    ...house.deps.blobs,
    async remove(name) {
      if (refuses(name)) throw new RangeError(`the bytes of ${name} in /some/place`);
      return house.deps.blobs.remove(name);
    },
  },
});

describe('a deletion that is carried out', () => {
  it('leaves the decision, a tombstone and the audit, and says so to whoever waits for it', () =>
    inEvidence({}, async (house, as, owner) => {
      const [gone, kept] = [await recorded(house, owner), await recorded(house, owner)];
      await decided(house, as, gone);
      house.clock.advance(1000);
      let ended = 0;
      const options = {
        ...SURE,
        async ended() {
          ended += 1;
        },
      };
      const done = await carryOutDeletions(house.deps, options);
      assert.deepEqual([done, ended], [{ deleted: 1, failed: 0 }, 1]);
      const { deletion } = answers(await ask(house, at(gone), { as }), 200).body;
      assert.deepEqual([deletion.state, deletion.item_count], ['deleted', 3]);
      assert.deepEqual(
        [deletion.started_at, deletion.updated_at, deletion.completed_at],
        Array(3).fill(new Date(house.clock.now()).toISOString()),
      );
      answers(await ask(house, `/v1/incidents/${gone}`, { as }), 404, 'incident_not_found');
      const listed = answers(await ask(house, '/v1/incidents', { as }), 200).body.incidents;
      assert.deepEqual(
        listed.map(({ id }: { id: string }) => id),
        [kept],
      );
      assert.deepEqual(await left(house), { chunks: 3, segments: 3, streams: 1, viewer_tokens: 1 });
      const { decision_id: subjectId } = deletion;
      for (const action of ['incident_delete', 'incident_deleted'] as const)
        assert.deepEqual(await auditOf(house, action), [{ outcome: 'ok', incidentId: gone, subjectId }]);
      const usage = await house.deps.store.chunks.usage(owner.person.account.id);
      const bytes = (await tableOf(house, 'chunks')).reduce((sum, row) => sum + Number(row.byte_size), 0);
      assert.equal(usage, bytes, 'its room is there again');
      assert.deepEqual(await carryOutDeletions(house.deps, SURE), { deleted: 0, failed: 0 });
    }));

  it('takes unfinished uploads along, with their bytes', () =>
    inEvidence({}, async (house, as, owner) => {
      const incidentId = await recorded(house, owner, 1);
      const upload = {
        id: `uop_${'0'.repeat(26)}`,
        accountId: owner.person.account.id,
        incidentId,
        streamId: 'str_1',
        chunkIndex: 9,
        mediaType: 'audio',
        startedAt: '2026-01-02T03:04:05Z',
        endedAt: '2026-01-02T03:04:05Z',
        protocol: 'draft',
        blob: 'chk_unfinished',
        sha256: 'a'.repeat(64),
        createdAt: house.clock.now(),
        expiresAt: house.clock.now() + 1e9,
      } as const;
      await house.db.batch(
        [
          {
            sql: `INSERT INTO uploads (id, account_id, incident_id, stream_id, chunk_index, media_type, started_at,
                ended_at, sha256, protocol, blob, created_at, expires_at)
              VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
            args: [
              ...[upload.id, upload.accountId, incidentId, upload.streamId, upload.chunkIndex],
              ...[upload.mediaType, upload.startedAt, upload.endedAt, upload.sha256, upload.protocol],
              ...[upload.blob, upload.createdAt, upload.expiresAt],
            ],
          },
          {
            sql: `INSERT INTO loose_blobs (blob, state, bytes, erase_at) VALUES (?, 'staged', 9, ?)`,
            args: [upload.blob, upload.expiresAt],
          },
          {
            sql: 'INSERT INTO segments (blob, idx, bytes) VALUES (?, 0, ?)',
            args: [upload.blob, new Uint8Array(9).fill(7)],
          },
        ],
        'write',
      );
      await decided(house, as, incidentId);
      await carryOutDeletions(house.deps, SURE);
      assert.deepEqual(await left(house), {});
      assert.deepEqual(await tableOf(house, 'uploads'), []);
    }));

  it('is thousands of chunks long as well as one, and no commit grows with it', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as);
      const streamId = await newStream(house, as, incidentId);
      const content = { size: 5, sha256: 'b'.repeat(64), crc32: 1 };
      const segments = [{ idx: 0, bytes: new Uint8Array(5).fill(1) }];
      const createdAt = house.clock.now();
      await writeAlike(house.db, { incidentId, streamId, count: 3000, content, segments, createdAt });
      await decided(house, as, incidentId);
      const { db } = house;
      const batch = db.batch;
      let most = 0;
      db.batch = async (statements, mode) => {
        const results = await batch(statements, mode);
        most = Math.max(
          most,
          results.reduce((sum, { changes }) => sum + changes, 0),
        );
        return results;
      };
      assert.deepEqual(await carryOutDeletions(house.deps, SURE), { deleted: 1, failed: 0 });
      assert.ok(most > 0 && most < 1000, `${most} rows changed in one commit`);
      assert.deepEqual(await left(house), {});
    }));
});

describe('a deletion whose bytes cannot be removed', () => {
  it('fails, says why without saying where, and is tried again until it is done', () =>
    inEvidence({}, async (house, as, owner) => {
      const incidentId = await recorded(house, owner);
      await decided(house, as, incidentId);
      const [bad] = (await tableOf(house, 'chunks')).map(({ blob }) => String(blob)).slice(1);
      const deps = stubborn(house, (name) => name === bad);
      for (let round = 1; round <= 2; round += 1) {
        assert.deepEqual(await carryOutDeletions(deps, SURE), { deleted: 0, failed: 1 });
        assert.equal(await stateOf(house, as, incidentId), 'deletion_failed: blob_delete_failed');
        const items = await tableOf(house, 'deletion_items');
        assert.deepEqual(
          items.map(({ state, attempts, error_code }) => [state, attempts, error_code]).sort(),
          [
            ['deleted', 1, null],
            ['deleted', 1, null],
            ['failed', round, 'blob_delete_failed'],
          ],
        );
      }
      assert.deepEqual(await outcomesOf(house, 'deletion_failed'), ['blob_delete_failed'], 'one event');
      assert.ok(!JSON.stringify([house.log, await tableOf(house, 'audit')]).includes('/some/place'));
      const shown = house.log.filter(({ msg }) => msg === 'bytes were not deleted');
      assert.deepEqual(shown[0], { level: 'error', msg: 'bytes were not deleted', error_type: 'RangeError' });
      answers(await post(house, `/v1/incidents/${incidentId}/close`, as), 409, 'incident_deleting');
      assert.deepEqual(await carryOutDeletions(house.deps, SURE), { deleted: 1, failed: 0 });
      assert.equal(await stateOf(house, as, incidentId), 'deleted');
      assert.deepEqual(await left(house), {});
    }));

  it('keeps no other from being carried out', () =>
    inEvidence({}, async (house, as, owner) => {
      const incidents: string[] = [];
      for (let n = 0; n < 28; n += 1) incidents.push(await recorded(house, owner, 1));
      const bad = (await tableOf(house, 'chunks')).slice(0, 26).map(({ blob }) => blob);
      for (const incident of incidents) await decided(house, as, incident);
      const deps = stubborn(house, (name) => bad.includes(name));
      assert.deepEqual(await carryOutDeletions(deps, SURE), { deleted: 2, failed: 26 });
      assert.deepEqual(await carryOutDeletions(house.deps, SURE), { deleted: 26, failed: 0 });
    }));

  it('is given back when the store itself fails, and the others go on', () =>
    inEvidence({}, async (house, as, owner) => {
      const [one, two] = [await recorded(house, owner), await recorded(house, owner)];
      for (const incident of [one, two]) await decided(house, as, incident);
      const { deletionWork } = house.deps.store;
      const deps: Deps = {
        ...house.deps,
        store: {
          ...house.deps.store,
          deletionWork: {
            ...deletionWork,
            async clear(held, limit, now) {
              if (held.incidentId === one) throw new TypeError('broken');
              return deletionWork.clear(held, limit, now);
            },
          },
        },
      };
      await assert.rejects(carryOutDeletions(deps, { leaseMs: LEASE_MS }), /broken/);
      assert.equal(await stateOf(house, as, one), 'deleting');
      assert.equal(await stateOf(house, as, two), 'deleted');
      // Nobody has to wait for a lease that was given back.
      assert.deepEqual(await carryOutDeletions(house.deps, { leaseMs: LEASE_MS }), { deleted: 1, failed: 0 });
    }));
});

describe('a worker that stops', () => {
  it('ends at every step when it is told to, and the next one goes on from there', () =>
    inEvidence({}, async (house, as, owner) => {
      const incidents: string[] = [];
      for (let n = 0; n < 3; n += 1) incidents.push(await recorded(house, owner, 20));
      for (const incident of incidents) await decided(house, as, incident);
      let deleted = 0;
      for (let patience = 0; deleted < 3; patience += 1) {
        assert.ok(patience < 100, 'it never ends');
        let asked = 0;
        const round: CarriedOut = await carryOutDeletions(
          house.deps,
          { leaseMs: LEASE_MS },
          () => ++asked > patience,
        );
        deleted += round.deleted;
      }
      assert.deepEqual(await left(house), {});
      assert.equal((await auditOf(house, 'incident_deleted')).length, 3);
    }));

  it('without a word leaves its deletion to the next after a quarter of an hour', () =>
    inEvidence({}, async (house, as, owner) => {
      const incident = await recorded(house, owner);
      await decided(house, as, incident);
      const [task] = await house.deps.store.deletionWork.runnable(0, undefined, 1);
      assert.ok(task !== undefined);
      const held = { ...task, lease: 'a'.repeat(32) };
      assert.ok(await house.deps.store.deletionWork.claim(held, 0, house.clock.now()));
      const work = () => carryOutDeletions(house.deps, { leaseMs: LEASE_MS });
      house.clock.advance(LEASE_MS - 1);
      assert.deepEqual(await work(), { deleted: 0, failed: 0 });
      house.clock.advance(1);
      assert.deepEqual(await work(), { deleted: 1, failed: 0 });
    }));
});

describe('what arrives while an incident is deleted', () => {
  it('is taken in before the decision or refused, and all of it is gone afterwards', () =>
    inEvidence({}, async (house, as, owner) => {
      for (let round = 0; round < 10; round += 1) {
        const incidentId = await newIncident(house, as);
        const streamId = await newStream(house, as, incidentId);
        const commits = [1, 2, 3, 4].map((index) => keepChunk(house, owner, { incidentId, streamId, index }));
        const [decision, ...chunks] = await Promise.allSettled([
          post(house, at(incidentId), as, { allow_open: true }),
          ...commits,
        ]);
        assert.ok(decision.status === 'fulfilled');
        const { item_count } = answers(decision.value, 202).body.deletion;
        assert.equal(item_count, chunks.filter(({ status }) => status === 'fulfilled').length);
        assert.deepEqual(await carryOutDeletions(house.deps, SURE), { deleted: 1, failed: 0 });
        assert.deepEqual(await left(house), {});
      }
    }));
});

const HOUR = 3_600_000;
const RULES = {
  SAFE_CLOSED_INCIDENT_RETENTION: '30d',
  SAFE_TOKEN_METADATA_RETENTION: '10d',
  SAFE_DELETION_TOMBSTONE_RETENTION: '90d',
  SAFE_SESSION_TTL: '1000d',
};
const DAY = 24 * HOUR;

describe('retention', () => {
  it('deletes closed incidents after their time, owned or not, and never open ones', () =>
    inEvidence({ env: RULES }, async (house, as, owner) => {
      const [closed, open, nobodys] = [
        await recorded(house, owner),
        await recorded(house, owner),
        await recorded(house, owner),
      ];
      for (const incident of [closed, nobodys])
        answers(await post(house, `/v1/incidents/${incident}/close`, as), 200);
      await disown(house, nobodys);
      house.clock.advance(30 * DAY - 1);
      assert.deepEqual((await letGo(house.deps, SURE)).incidentsRetired, 0);
      house.clock.advance(1);
      const round = await letGo(house.deps, SURE);
      assert.deepEqual([round.incidentsRetired, round.deleted], [2, 2]);
      const { deletion } = answers(await ask(house, at(closed), { as }), 200).body;
      assert.deepEqual(
        [deletion.source, deletion.reason_code, deletion.actor_account_id, deletion.state],
        ['retention_policy', 'closed_incident_retention', undefined, 'deleted'],
      );
      house.clock.advance(500 * DAY);
      assert.equal((await letGo(house.deps, SURE)).incidentsRetired, 0);
      assert.equal((await ask(house, `/v1/incidents/${open}`, { as })).body.incident.status, 'open');
    }));

  it('forgets links that ended, then tombstones, each after its time', () =>
    inEvidence({ env: RULES }, async (house, as, owner) => {
      const incident = await recorded(house, owner);
      const { tokenId } = await newViewerToken(house, as, incident);
      answers(await post(house, `/v1/incident-tokens/${tokenId}/revoke`, as), 200);
      const gone = await recorded(house, owner);
      await decided(house, as, gone);
      await letGo(house.deps, SURE);
      house.clock.advance(10 * DAY);
      assert.equal((await letGo(house.deps, SURE)).tokensForgotten, 1, 'the revoked one');
      house.clock.advance(DAY);
      assert.equal((await letGo(house.deps, SURE)).tokensForgotten, 1, 'the expired one');
      house.clock.advance(79 * DAY - 1);
      answers(await ask(house, at(gone), { as }), 200);
      assert.equal((await letGo(house.deps, SURE)).tombstonesForgotten, 0);
      house.clock.advance(1);
      assert.equal((await letGo(house.deps, SURE)).tombstonesForgotten, 1);
      answers(await ask(house, at(gone), { as }), 404, 'incident_not_found');
      assert.deepEqual(await outcomesOf(house, 'retention_prune'), ['ok', 'ok', 'ok']);
      assert.equal((await auditOf(house, 'incident_deleted')).length, 1, 'the audit stays');
    }));

  it('does nothing unless it is told to', () =>
    inEvidence({ env: { SAFE_SESSION_TTL: '10000d' } }, async (house, as, owner) => {
      const [closed, gone] = [await recorded(house, owner), await recorded(house, owner)];
      answers(await post(house, `/v1/incidents/${closed}/close`, as), 200);
      await decided(house, as, gone);
      await letGo(house.deps, SURE);
      house.clock.advance(5000 * DAY);
      assert.deepEqual(await letGo(house.deps, SURE), {
        deleted: 0,
        failed: 0,
        incidentsRetired: 0,
        tokensForgotten: 0,
        tombstonesForgotten: 0,
      });
      assert.equal(await stateOf(house, as, gone), 'deleted');
    }));
});
