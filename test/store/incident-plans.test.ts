/**
 * What the verbs of incidents cost: one batch each, and a look into an index wherever a table can grow, so that
 * nothing slows down with what others keep here.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Store } from '../../src/store/store.ts';
import { accountId, audit, NOW } from '../contract/account-room.ts';
import {
  about,
  checkinOf,
  deletionOf,
  incidentId,
  owned,
  streamId,
  tokenId,
  tokenOf,
} from '../contract/incident-room.ts';
import { costly, watch } from '../support/plans.ts';

type Verb = (store: Store) => Promise<unknown>;

/** Lists, and the search that each must be: its order comes from the index, so that no page sorts the rest. */
const LISTS: Readonly<Record<string, readonly [search: string, Verb]>> = {
  'the incidents of an account': [
    'SEARCH incidents USING INDEX incidents_by_owner (owner_account_id=?)',
    ({ incidents }) => incidents.list(accountId(1), undefined, 9),
  ],
  'the incidents after one': [
    'SEARCH incidents USING INDEX incidents_by_owner (owner_account_id=? AND updated_at<?)',
    ({ incidents }) => incidents.list(accountId(1), incidentId(1), 9),
  ],
  'the streams of an incident': [
    'SEARCH streams USING INDEX streams_by_incident (incident_id=? AND id>?)',
    ({ streams }) => streams.list(owned(1), streamId(1), 9),
  ],
  'the links of an incident': [
    'SEARCH viewer_tokens USING INDEX viewer_tokens_by_incident (incident_id=? AND id>?)',
    ({ viewerTokens }) => viewerTokens.list(owned(1), tokenId(1), 9),
  ],
};

for (const [what, [search, verb]] of Object.entries(LISTS)) {
  it(`${what} are read in one batch from the index that has their order`, async () => {
    const { modes, plans } = await watch(verb);
    assert.deepEqual(modes, ['read']);
    assert.ok(plans.includes(search), plans.join('\n'));
    assert.deepEqual(costly(plans), []);
  });
}

const FINDS: Readonly<Record<string, Verb>> = {
  'an incident': ({ incidents }) => incidents.find(owned(1)),
  'a stream': ({ streams }) => streams.find(owned(1), streamId(1)),
  'a link': ({ viewerTokens }) => viewerTokens.find(owned(1), tokenId(1)),
  'a decision to delete': ({ deletion }) => deletion.find(incidentId(1), accountId(1)),
};

for (const [what, verb] of Object.entries(FINDS)) {
  it(`${what} is found in one batch by its id`, async () => {
    const { modes, plans } = await watch(verb);
    assert.deepEqual(modes, ['read']);
    assert.ok(plans.length > 0 && plans.every((line) => /^SEARCH \w+ USING INDEX /.test(line)));
  });
}

const CHANGES: Readonly<Record<string, Verb>> = {
  'a close': ({ incidents }) => incidents.close(owned(1), NOW, about('incident_close', 1)),
  'a check-in': ({ checkins }) =>
    checkins.add(owned(1), checkinOf(1, 1), 'ses_1', about('checkin_create', 1)),
  'the end of a stream': ({ streams }) =>
    streams.fail(owned(1), streamId(1), undefined, NOW, about('stream_fail', 1)),
  'a new link': ({ viewerTokens }) =>
    viewerTokens.create(owned(1), tokenOf(1, 1), about('viewer_token_create', 1)),
  'the end of a link': ({ viewerTokens }) =>
    viewerTokens.revoke(tokenId(1), accountId(1), NOW, audit('viewer_token_revoke')),
  'a decision to delete': ({ deletion }) =>
    deletion.request(deletionOf(1, 1), accountId(1), about('incident_delete', 1)),
};

for (const [what, verb] of Object.entries(CHANGES)) {
  it(`${what} is one batch that scans and sorts no table`, async () => {
    const { modes, plans } = await watch(verb);
    assert.deepEqual(modes, ['write']);
    assert.ok(plans.some((line) => line.startsWith('SEARCH')));
    assert.deepEqual(costly(plans), []);
  });
}

it('a stream is completed by its own row and the two ends of its index, not by its chunks', async () => {
  const { modes, plans } = await watch(({ streams }) =>
    streams.complete(owned(1), streamId(1), 3, NOW, about('stream_complete', 1)),
  );
  assert.deepEqual(modes, ['write']);
  const ends = plans.filter((line) => line.includes(' chunks '));
  assert.deepEqual(ends, Array(2).fill('SEARCH chunks USING COVERING INDEX chunks_of_stream (stream_id=?)'));
  assert.deepEqual(costly(plans), []);
});
