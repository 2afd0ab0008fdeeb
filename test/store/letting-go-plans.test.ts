/**
 * What carrying deletions out costs: one batch a step, and a look into an index wherever a table can grow, so that a
 * deletion is as fast beside a million chunks of others.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Reassignment } from '../../src/store/operator-incidents.ts';
import type { Store } from '../../src/store/store.ts';
import { audit, NOW } from '../contract/account-room.ts';
import { deletionId, incidentId } from '../contract/incident-room.ts';
import { costly, watch } from '../support/plans.ts';

type Verb = (store: Store) => Promise<unknown>;

const held = { id: deletionId(1), incidentId: incidentId(1), lease: 'a'.repeat(32) };
const removed = { gone: ['chk_1', 'chk_2'], failed: ['chk_3'], errorCode: 'blob_delete_failed' };
const last = { id: deletionId(1), incidentId: incidentId(1), requestedAt: NOW };
const event: Reassignment = {
  id: 'lra_1',
  incidentId: incidentId(1),
  action: 'assign_owner',
  newOwnerAccountId: 'acct_1',
  actorAccountId: 'acct_2',
  reasonCode: 'owner_verified',
  source: 'admin_api',
  createdAt: NOW,
  completedAt: NOW,
};
/** Lists of which only the first are read, from an index that holds nothing else and has their order. */
const FIRST_OF = /^SCAN deletions USING INDEX deletions_(to_do|ended)$/;

const READS: Readonly<Record<string, Verb>> = {
  'what can be carried out': ({ deletionWork }) => deletionWork.runnable(NOW, undefined, 25),
  'what can be carried out after one': ({ deletionWork }) => deletionWork.runnable(NOW, last, 25),
  'incidents that are due': ({ retention }) => retention.closedIncidents(NOW, 100),
  'tombstones that are due': ({ retention }) => retention.tombstones(NOW, 100),
  'incidents that nobody owns': ({ incidentListing }) => incidentListing.unowned(undefined, 100, NOW),
  'an incident in numbers': ({ incidentListing }) => incidentListing.find(incidentId(1), NOW),
  'how far a deletion is': ({ incidentListing }) => incidentListing.deletion(incidentId(1)),
  'deletions that are not done': ({ incidentListing }) => incidentListing.deletions('unfinished', 100),
  'deletions that ended': ({ incidentListing }) => incidentListing.deletions('ended', 100),
  'decisions about an incident': ({ reassignments }) => reassignments.list(incidentId(1), 50),
};

const CHANGES: Readonly<Record<string, Verb>> = {
  'a claim': ({ deletionWork }) => deletionWork.claim(held, NOW, NOW),
  'a page of chunks': ({ deletionWork }) => deletionWork.note(held, 'chk_1', 16, NOW),
  'a page that is gone': ({ deletionWork }) => deletionWork.settle(held, removed, NOW),
  'a page of everything else': ({ deletionWork }) => deletionWork.clear(held, 200, NOW),
  'the end': ({ deletionWork }) => deletionWork.complete(held, NOW, audit('incident_deleted')),
  'a failure': ({ deletionWork }) => deletionWork.fail(held, 'x', NOW, audit('deletion_failed')),
  'what is given back': ({ deletionWork }) => deletionWork.release(held),
  'a page of links': ({ retention }) => retention.pruneTokens(NOW, 500, audit('retention_prune')),
  'a tombstone': ({ retention }) => retention.pruneTombstone(incidentId(1), NOW, audit('retention_prune')),
  'a new owner': ({ reassignments }) => reassignments.decide(event, audit('incident_reassign')),
};

for (const [mode, verbs] of [
  ['read', READS],
  ['write', CHANGES],
] as const) {
  for (const [what, verb] of Object.entries(verbs)) {
    it(`${what}: one batch that scans and sorts no table`, async () => {
      const { modes, plans } = await watch(verb);
      assert.deepEqual(modes, [mode]);
      const firsts = plans.filter((line) => FIRST_OF.test(line));
      assert.ok(firsts.length > 0 || plans.some((line) => line.startsWith('SEARCH')), plans.join('\n'));
      assert.deepEqual(costly(plans.filter((line) => !FIRST_OF.test(line))), []);
    });
  }
}
