/**
 * The life of an incident, with words of its owner in every field: each step leaves its row in the audit, of ids
 * alone, and the words stand in their own columns and nowhere else.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { tokenHash } from '../../src/crypto/tokens.ts';
import { answers, ask, post } from '../support/ask.ts';
import { keepChunk, newIncident, newStream, newViewerToken, ownerIn } from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import { columnsOf, tableOf } from '../support/rows.ts';

const word = (of: string) => `canary of the ${of}`;

/** Columns that hold what their owner wrote, and what of it. */
const HOMES: Readonly<Record<string, string>> = {
  'incidents.client_label': 'label',
  'incidents.notes': 'notes',
  'checkins.network': 'network',
  'streams.label': 'stream',
  'streams.failure_reason': 'failure',
  'viewer_tokens.label': 'link',
};

interface Told {
  readonly accountId: string;
  readonly incidentId: string;
  readonly token: string;
}

/** Plays everything once, with the refusals that the state of things brings. */
async function play(house: House): Promise<Told> {
  const owner = await ownerIn(house);
  const { as } = owner;
  const incidentId = await newIncident(house, as, { client_label: word('label'), notes: word('notes') });
  const below = `/v1/incidents/${incidentId}`;
  answers(await post(house, `${below}/checkins`, as, { device_network: word('network') }), 201);
  const streamId = await newStream(house, as, incidentId, { label: word('stream') });
  const complete = (id: string) =>
    post(house, `${below}/streams/${id}/complete`, as, { expected_chunk_count: 1 });
  answers(await complete(streamId), 409, 'stream_chunks_incomplete');
  await keepChunk(house, owner, { incidentId, streamId });
  answers(await complete(streamId), 200);
  const other = await newStream(house, as, incidentId);
  const failing = { failure_reason: word('failure') };
  answers(await post(house, `${below}/streams/${other}/fail`, as, failing), 200);
  answers(await post(house, `${below}/streams/${other}/fail`, as, failing), 409, 'stream_not_open');
  const { token, tokenId } = await newViewerToken(house, as, incidentId, { label: word('link') });
  answers(await post(house, `/v1/incident-tokens/${tokenId}/revoke`, as), 200);
  answers(await post(house, `/v1/incident-tokens/${tokenId}/revoke`, as), 404, 'incident_token_not_found');
  answers(await post(house, `${below}/deletion`, as), 409, 'incident_deletion_invalid_state');
  answers(await post(house, `${below}/close`, as), 200);
  answers(await post(house, `${below}/streams`, as, { media_type: 'audio' }), 409, 'incident_closed');
  answers(await post(house, `${below}/deletion`, as, { reason_code: 'no_longer_needed' }), 202);
  for (const path of ['close', 'checkins', 'incident-tokens'])
    answers(await post(house, `${below}/${path}`, as), 409, 'incident_deleting');
  for (const path of ['', '/streams', '/incident-tokens', '/deletion'])
    answers(await ask(house, `${below}${path}`, { as }), 200);
  return { accountId: owner.person.account.id, incidentId, token };
}

describe('the life of an incident', () => {
  let house: House;
  let told: Told;
  before(async () => {
    house = await openHouse();
    told = await play(house);
  });
  after(() => house.close());

  const rows = async () =>
    (await tableOf(house, 'audit')).filter(({ incident_id }) => incident_id === told.incidentId);

  it('leaves a row for every change, those refused included, and none for reading', async () => {
    const seen = (await rows()).map(({ action, outcome }) => `${action} ${outcome}`);
    assert.deepEqual(seen.sort(), [
      'checkin_create conflict',
      'checkin_create ok',
      'chunk_commit ok',
      'incident_close conflict',
      'incident_close ok',
      'incident_create ok',
      'incident_delete conflict',
      'incident_delete ok',
      'stream_complete conflict',
      'stream_complete ok',
      'stream_create conflict',
      'stream_create ok',
      'stream_create ok',
      'stream_fail conflict',
      'stream_fail ok',
      'viewer_token_create conflict',
      'viewer_token_create ok',
      'viewer_token_revoke conflict',
      'viewer_token_revoke ok',
    ]);
  });

  it('tells who did it, at which door, and to what, by id', async () => {
    for (const row of await rows()) {
      if (row.action === 'chunk_commit') continue; // put there by the test, not by a request
      assert.deepEqual(
        [row.listener, row.actor_kind, row.actor_account_id],
        ['main', 'account', told.accountId],
      );
      assert.match(String(row.route_class), /^(incident_write|stream|token)$/);
      assert.match(String(row.id), /^aud_[0-9A-HJKMNP-TV-Z]{26}$/);
      if (row.subject_id !== null)
        assert.match(String(row.subject_id), /^(str|cin|itk|del)_[0-9A-HJKMNP-TV-Z]{26}$/);
      assert.equal(row.subject_account_id, null);
    }
  });

  it('keeps the words of its owner where they belong, and nowhere else', async () => {
    const columns = await columnsOf(house);
    for (const [column, text] of columns) {
      const own = HOMES[column];
      const found = [...new Set(text.split('\n').filter((value) => value.includes('canary')))];
      assert.deepEqual(found, own === undefined ? [] : [word(own)], column);
    }
    for (const column of Object.keys(HOMES)) assert.ok(columns.has(column), `${column} was not looked at`);
    assert.ok(!JSON.stringify(house.log).includes('canary'), 'in the log');
  });

  it('keeps the hash of a viewer token and nothing else of it', async () => {
    const log = JSON.stringify(house.log);
    const hash = tokenHash(told.token);
    assert.ok(!log.includes(told.token) && !log.includes(hash) && !log.includes(told.incidentId));
    for (const [column, text] of await columnsOf(house)) {
      assert.ok(!text.includes(told.token), column);
      assert.equal(text.includes(hash), column === 'viewer_tokens.token_hash', column);
    }
  });
});
