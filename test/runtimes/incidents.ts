/**
 * Incidents, check-ins, streams and viewer links in short, as one suite for every way to reach the main door. What a
 * runtime could get wrong is bodies, paths, queries, headers and cookies; the rules are tested with the handlers.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type Answer,
  APP,
  answers,
  ask,
  credentials,
  logIn,
  post,
  type Session,
  WEB,
} from '../support/ask.ts';
import type { BothDoors, BothDoorsTarget } from '../support/both-doors.ts';
import { anotherOwner, firstAdmin, newIncident, newStream, newViewerToken } from '../support/evidence.ts';
import { ORIGIN } from '../support/house.ts';

const PATH = '/v1/incidents';
const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const SETTINGS = {
  ...WEB,
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  // Decisions stay decisions.
  SAFE_DELETION_WORKER_INTERVAL: '0',
};

export function incidentSuite(target: BothDoorsTarget): void {
  describe(`incidents by ${target.name}`, { timeout: 600_000 }, () => {
    let doors: BothDoors;
    let boss: Session;
    let as: Session;

    before(async () => {
      doors = await target.open(SETTINGS);
      boss = await firstAdmin(doors);
      as = await anotherOwner(doors, boss);
    });
    after(() => doors?.close());

    it('begins one without a body, with an empty one, and with every field', async () => {
      answers(await ask(doors, PATH, { method: 'POST', as }), 201);
      answers(await ask(doors, PATH, { method: 'POST', as, body: '' }), 201);
      const given = {
        incident_mode: 'emergency',
        capture_profile: 'audio_location',
        escalation_policy: 'none',
        sharing_state: 'private',
      };
      const text = { client_label: 'Gr\u00fc\u00dfe \u{1f600}', notes: 'first\nsecond' };
      const made = answers(await post(doors, PATH, as, { ...given, ...text }), 201).body;
      assert.deepEqual(
        { ...made, incident_id: undefined },
        { incident_id: undefined, status: 'open', ...given },
      );
      const closed = answers(await post(doors, `${PATH}/${made.incident_id}/close`, as), 200).body;
      assert.deepEqual([closed.client_label, closed.notes], [text.client_label, text.notes]);
    });

    it('counts text in bytes, and bodies to their bound', async () => {
      for (const [name, most] of [
        ['client_label', 200],
        ['notes', 8192],
      ] as const) {
        await newIncident(doors, as, { [name]: '\u00e4'.repeat(most / 2) });
        answers(
          await post(doors, PATH, as, { [name]: `${'\u00e4'.repeat(most / 2)}x` }),
          400,
          `invalid_${name}`,
        );
      }
      answers(await ask(doors, PATH, { as, body: ' '.repeat(64 * 1024) }), 400, 'invalid_json');
      answers(await ask(doors, PATH, { as, body: ' '.repeat(64 * 1024 + 1) }), 413, 'request_too_large');
      answers(await ask(doors, PATH, { as, body: '{"notes":"a\\u0000b"}' }), 400, 'invalid_notes');
    });

    it('lists them page by page, with a link to the next one', async () => {
      const owner = await anotherOwner(doors, boss);
      const ids = new Set<string>();
      for (let i = 0; i < 5; i += 1) ids.add(await newIncident(doors, owner));
      const found: string[] = [];
      let pages = 0;
      for (let next: string | undefined = `${PATH}?limit=2`; next !== undefined; pages += 1) {
        const page: Answer = answers(await ask(doors, next, { as: owner }), 200);
        found.push(...page.body.incidents.map(({ id }: { id: string }) => id));
        next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      }
      assert.equal(pages, 3);
      assert.deepEqual(new Set(found), ids);
      answers(await ask(doors, `${PATH}?limit=0`, { as: owner }), 400, 'invalid_limit');
      answers(await ask(doors, `${PATH}?after=%00`, { as: owner }), 400, 'invalid_cursor');
      answers(await ask(doors, PATH, { method: 'HEAD', as: owner }), 200);
    });

    it('says the same of every incident that is not there', async () => {
      const theirs = await newIncident(doors, boss);
      const tell = async (id: string, who: Session) => {
        const headers = { ...(await credentials(doors, who)), 'x-request-id': 'here' };
        return answers(await ask(doors, `${PATH}/${id}`, { headers }), 404, 'incident_not_found').text;
      };
      const unknown = await tell(`inc_${ULID}`, as);
      for (const id of [theirs, 'x', '%20', '%F0%9F%98%80', `inc_${ULID.toLowerCase()}`, 'x'.repeat(2000)])
        assert.equal(await tell(id, as), unknown, id);
      assert.equal(await tell(await newIncident(doors, as), boss), unknown, 'for an admin');
    });

    it('keeps check-ins', async () => {
      const id = await newIncident(doors, as);
      const given = {
        device_battery_percent: 7,
        device_network: '5G',
        latitude: -33.8688,
        longitude: 151.2093,
        accuracy_meters: 0.25,
      };
      const path = `${PATH}/${id}/checkins`;
      const {
        created_at,
        id: _,
        incident_id,
        ...kept
      } = answers(await post(doors, path, as, given), 201).body;
      assert.deepEqual(kept, given);
      assert.ok(Number.isFinite(Date.parse(created_at)) && incident_id === id);
      answers(await ask(doors, path, { method: 'POST', as }), 201);
      const half = await ask(doors, path, { as, body: '{"latitude":1e999,"longitude":0}' });
      answers(half, 400, 'invalid_checkin');
    });

    it('begins, lists and ends streams', async () => {
      const id = await newIncident(doors, as);
      const streams = `${PATH}/${id}/streams`;
      const stream = await newStream(doors, as, id, { media_type: 'video', label: 'Kitchen' });
      const other = await newStream(doors, as, id);
      const list = answers(await ask(doors, streams, { as }), 200).body.streams;
      assert.deepEqual(new Set(list.map(({ id }: { id: string }) => id)), new Set([stream, other]));
      const complete = `${streams}/${stream}/complete`;
      answers(
        await post(doors, complete, as, { expected_chunk_count: 0 }),
        400,
        'invalid_expected_chunk_count',
      );
      answers(await post(doors, complete, as, { expected_chunk_count: 1 }), 409, 'stream_chunks_incomplete');
      const failed = await post(doors, `${streams}/${stream}/fail`, as, { failure_reason: 'lost' });
      assert.equal(answers(failed, 200).body.stream.failure_reason, 'lost');
      answers(await post(doors, complete, as, { expected_chunk_count: 1 }), 409, 'stream_failed');
      answers(await ask(doors, `${streams}/x`, { as }), 404, 'stream_not_found');
    });

    it('hands out viewer links, and takes them back once', async () => {
      const id = await newIncident(doors, as);
      const tokens = `${PATH}/${id}/incident-tokens`;
      const { tokenId, token } = await newViewerToken(doors, as, id, { label: 'for a neighbour' });
      assert.match(token, /^[A-Za-z0-9_-]{43}$/);
      const never = answers(await ask(doors, tokens, { as, body: '{"expires_at":null}' }), 201);
      assert.equal('expires_at' in never.body, false);
      const list = answers(await ask(doors, tokens, { as }), 200);
      assert.equal(list.body.incident_tokens.length, 2);
      assert.ok(!list.text.includes(token));
      const revoke = `/v1/incident-tokens/${tokenId}/revoke`;
      const all = await Promise.all([1, 2, 3].map(() => ask(doors, revoke, { method: 'POST', as })));
      assert.deepEqual(all.map(({ status }) => status).sort(), [200, 404, 404]);
      const { incident_token } = answers(await ask(doors, `${tokens}/${tokenId}`, { as }), 200).body;
      assert.equal(incident_token.token_state, 'revoked');
    });

    it('closes once, and then takes no stream', async () => {
      const id = await newIncident(doors, as);
      const all = await Promise.all([1, 2, 3].map(() => post(doors, `${PATH}/${id}/close`, as)));
      assert.equal(new Set(all.map((answer) => answers(answer, 200).text)).size, 1);
      answers(
        await post(doors, `${PATH}/${id}/streams`, as, { media_type: 'audio' }),
        409,
        'incident_closed',
      );
    });

    it('decides to delete once', async () => {
      const id = await newIncident(doors, as);
      const path = `${PATH}/${id}/deletion`;
      answers(await ask(doors, path, { as }), 404, 'incident_deletion_not_found');
      answers(await ask(doors, path, { method: 'POST', as }), 409, 'incident_deletion_invalid_state');
      const body = { allow_open: true, reason_code: 'test' };
      const all = await Promise.all([1, 2, 3].map(() => post(doors, path, as, body)));
      const decisions = all.map((answer) => answers(answer, 202).body.deletion.decision_id);
      assert.equal(new Set(decisions).size, 1);
      const { deletion } = answers(await ask(doors, path, { as }), 200).body;
      assert.deepEqual([deletion.decision_id, deletion.source], [decisions[0], 'account_request']);
      answers(await post(doors, `${PATH}/${id}/checkins`, as), 409, 'incident_deleting');
    });

    it('asks for a session that has shown its factor, and a browser for its CSRF token', async () => {
      answers(await ask(doors, PATH), 401, 'authentication_required');
      answers(await ask(doors, `${PATH}/x`), 401, 'authentication_required');
      const gate = 'second_factor_verification_required';
      const fresh = await logIn(doors, 'an-admin', 'bearer');
      answers(await post(doors, PATH, fresh), 403, gate);
      const web = await logIn(doors, 'an-admin', 'cookie');
      const { cookie = '' } = await credentials(doors, web);
      answers(await ask(doors, PATH, { method: 'POST', headers: { cookie } }), 403, 'csrf_required');
      answers(await post(doors, PATH, web), 403, gate);
    });

    it('answers pages of allowed origins, and preflights, and nothing at the private door', async () => {
      const asking = {
        origin: APP,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type, x-csrf-token',
      };
      const preflight = answers(await ask(doors, PATH, { method: 'OPTIONS', headers: asking }), 204);
      assert.equal(preflight.headers.get('access-control-allow-origin'), APP);
      const read = answers(await ask(doors, PATH, { as, headers: { origin: APP } }), 200);
      assert.equal(read.headers.get('access-control-allow-origin'), APP);
      const headers = await credentials(doors, as);
      const inside = await doors.admin(new Request(`${ORIGIN}${PATH}`, { headers }));
      assert.equal(inside.status, 404);
    });
  });
}
