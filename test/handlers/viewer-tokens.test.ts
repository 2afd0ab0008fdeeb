/** Viewer links as their owner manages them. What they open is tested with the viewer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tokenHash } from '../../src/crypto/tokens.ts';
import { type Answer, answers, ask, post } from '../support/ask.ts';
import {
  auditOf,
  inEvidence,
  newIncident,
  newViewerToken,
  outcomesOf,
  setDeletionState,
} from '../support/evidence.ts';
import { columnsOf } from '../support/rows.ts';

const at = (incident: string) => `/v1/incidents/${incident}/incident-tokens`;
const revocation = (id: string) => `/v1/incident-tokens/${id}/revoke`;
const DAY = 24 * 60 * 60 * 1000;
const iso = (ms: number) => new Date(ms).toISOString();

describe('making a viewer link', () => {
  it('answers the token once, and it is nowhere afterwards', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const made = answers(await post(house, at(incident), as, { label: ' for a neighbour ' }), 201);
      const { token_id, token, ...rest } = made.body;
      assert.match(token_id, /^itk_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
      assert.match(token, /^[A-Za-z0-9_-]{43}$/);
      const now = house.clock.now();
      assert.deepEqual(rest, {
        incident_id: incident,
        label: 'for a neighbour',
        created_at: iso(now),
        expires_at: iso(now + DAY),
      });
      assert.equal(made.headers.get('cache-control'), 'no-store');
      const list = answers(await ask(house, at(incident), { as }), 200);
      const one = answers(await ask(house, `${at(incident)}/${token_id}`, { as }), 200);
      for (const text of [list.text, one.text, JSON.stringify(house.log)]) {
        assert.ok(!text.includes(token), 'the token');
        assert.ok(!text.includes(tokenHash(token)), 'its hash');
      }
      const cells = [...(await columnsOf(house)).values()].join();
      assert.ok(!cells.includes(token) && cells.includes(tokenHash(token)));
      assert.deepEqual(await auditOf(house, 'viewer_token_create'), [
        { outcome: 'ok', incidentId: incident, subjectId: token_id },
      ]);
    }));

  it('gives every link a token of its own', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const made = await Promise.all(Array.from({ length: 5 }, () => newViewerToken(house, as, incident)));
      assert.equal(new Set(made.flatMap(({ token, tokenId }) => [token, tokenId])).size, 10);
    }));

  it('needs no body', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const made = answers(await ask(house, at(incident), { method: 'POST', as }), 201).body;
      assert.deepEqual(Object.keys(made).sort(), [
        ...['created_at', 'expires_at', 'incident_id', 'token', 'token_id'],
      ]);
    }));

  it('ends after the lifetime that is set, unless told otherwise', () =>
    inEvidence({ env: { SAFE_DEFAULT_INCIDENT_TOKEN_TTL: '90m' } }, async (house, as) => {
      const incident = await newIncident(house, as);
      const { expires_at } = answers(await post(house, at(incident), as), 201).body;
      assert.equal(expires_at, iso(house.clock.now() + 90 * 60 * 1000));
    }));

  it('never ends where the lifetime is 0', () =>
    inEvidence({ env: { SAFE_DEFAULT_INCIDENT_TOKEN_TTL: '0' } }, async (house, as) => {
      const incident = await newIncident(house, as);
      assert.equal('expires_at' in answers(await post(house, at(incident), as), 201).body, false);
    }));

  it('never ends where null was asked for, which is something else than nothing', () =>
    inEvidence({ env: { SAFE_DEFAULT_INCIDENT_TOKEN_TTL: '1h' } }, async (house, as) => {
      const incident = await newIncident(house, as);
      const never = answers(await post(house, at(incident), as, { expires_at: null }), 201).body;
      assert.equal('expires_at' in never, false);
      house.clock.advance(2 * 60 * 60 * 1000);
      const found = async (id: string) =>
        (await ask(house, `${at(incident)}/${id}`, { as })).body.incident_token.token_state;
      assert.equal(await found(never.token_id), 'active');
    }));

  it('ends when it was told to: any offset, and also in the past', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      for (const [asked, given, state] of [
        ['2026-01-03T00:00:00Z', '2026-01-03T00:00:00.000Z', 'active'],
        ['2026-01-03T02:30:00+02:30', '2026-01-03T00:00:00.000Z', 'active'],
        ['2026-01-03t00:00:00.123456789z', '2026-01-03T00:00:00.123Z', 'active'],
        ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z', 'active'],
        ['1999-12-31T23:59:59-00:00', '1999-12-31T23:59:59.000Z', 'expired'],
      ] as const) {
        const made = answers(await post(house, at(incident), as, { expires_at: asked }), 201).body;
        assert.equal(made.expires_at, given, asked);
        const { incident_token } = (await ask(house, `${at(incident)}/${made.token_id}`, { as })).body;
        assert.deepEqual([incident_token.expires_at, incident_token.token_state], [given, state]);
      }
    }));

  it('refuses an end that is no time', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      for (const expires_at of [
        ...[
          '',
          ' 2026-01-03T00:00:00Z',
          'never',
          'tomorrow',
          '24h',
          '2026-01-03',
          '2026-01-03 00:00:00Z',
          '2026-01-03T00:00:00',
        ],
        ...[
          '2026-02-30T00:00:00Z',
          '2026-01-03T24:00:00Z',
          '2026-01-03T00:00:60Z',
          '2026-01-03T00:00:00+25:00',
        ],
        ...['2026-01-03T00:00:00.1234567890Z', '-0001-01-01T00:00:00Z', '9999-12-31T23:59:59-01:00'],
        ...[0, 1893456000, true, {}, [], ['2026-01-03T00:00:00Z'], '9'.repeat(10_000)],
      ])
        answers(await post(house, at(incident), as, { expires_at }), 400, 'invalid_expires_at');
      assert.deepEqual((await ask(house, at(incident), { as })).body, { incident_tokens: [] });
    }));

  it('takes a label of 200 bytes and not of one more', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      for (const label of ['x'.repeat(200), '\u20ac'.repeat(66)]) {
        assert.equal(answers(await post(house, at(incident), as, { label }), 201).body.label, label);
        answers(await post(house, at(incident), as, { label: `${label}\u20ac` }), 400, 'invalid_label');
      }
      for (const label of [1, {}, 'a\nb', 'a\0b', '\ud800'])
        answers(await post(house, at(incident), as, { label }), 400, 'invalid_label');
      for (const extra of [{ token: 'x' }, { token_id: 'x' }, { ttl: 5 }])
        answers(await post(house, at(incident), as, extra), 400, 'invalid_json');
    }));

  it('works after the incident was closed, and not while it is deleted', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      answers(await post(house, `/v1/incidents/${incident}/close`, as), 200);
      answers(await post(house, at(incident), as), 201);
      await setDeletionState(house, incident, 'deletion_failed');
      answers(await post(house, at(incident), as), 409, 'incident_deleting');
      assert.deepEqual(await outcomesOf(house, 'viewer_token_create'), ['conflict', 'ok']);
    }));
});

describe('the list of viewer links', () => {
  it('says what each is good for now, dead ones too, in the order of creation', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const now = house.clock.now();
      const make = async (fields: object) => {
        house.clock.advance(1);
        return (await newViewerToken(house, as, incident, fields)).tokenId;
      };
      const soon = await make({ expires_at: iso(now + 60_000) });
      const never = await make({ expires_at: null, label: 'never' });
      const revoked = await make({ expires_at: iso(now + 60_000) });
      answers(await post(house, revocation(revoked), as), 200);
      const revokedAt = iso(house.clock.now());
      const states = async () =>
        (await ask(house, at(incident), { as })).body.incident_tokens.map((token: Record<string, string>) => [
          token.token_id,
          token.token_state,
          token.revoked_at,
        ]);
      const rest = [
        [never, 'active', undefined],
        [revoked, 'revoked', revokedAt],
      ];
      assert.deepEqual(await states(), [[soon, 'active', undefined], ...rest]);
      house.clock.advance(now + 59_999 - house.clock.now());
      assert.deepEqual(await states(), [[soon, 'active', undefined], ...rest]);
      house.clock.advance(1);
      assert.deepEqual(await states(), [[soon, 'expired', undefined], ...rest]);
      const list = (await ask(house, at(incident), { as })).body.incident_tokens;
      assert.deepEqual(Object.keys(list[1]).sort(), [
        ...['created_at', 'incident_id', 'label', 'token_id', 'token_state'],
      ]);
    }));

  it('comes page by page', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      await newViewerToken(house, as, await newIncident(house, as));
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1) {
        house.clock.advance(1);
        ids.push((await newViewerToken(house, as, incident)).tokenId);
      }
      const found: string[] = [];
      for (let next: string | undefined = `${at(incident)}?limit=2`; next !== undefined; ) {
        const page: Answer = answers(await ask(house, next, { as }), 200);
        found.push(...page.body.incident_tokens.map(({ token_id }: { token_id: string }) => token_id));
        next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      }
      assert.deepEqual(found, ids);
      answers(await ask(house, `${at(incident)}?limit=none`, { as }), 400, 'invalid_limit');
      answers(await ask(house, `${at(incident)}?after=${incident}`, { as }), 400, 'invalid_cursor');
    }));
});

describe('revoking a viewer link', () => {
  it('ends it for good, once', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const { tokenId } = await newViewerToken(house, as, incident);
      house.clock.advance(1000);
      const answer = answers(await post(house, revocation(tokenId), as), 200);
      assert.deepEqual(answer.body, { token_id: tokenId, revoked: true });
      const { incident_token } = (await ask(house, `${at(incident)}/${tokenId}`, { as })).body;
      assert.deepEqual(
        [incident_token.token_state, incident_token.revoked_at],
        ['revoked', iso(house.clock.now())],
      );
      house.clock.advance(1000);
      answers(await post(house, revocation(tokenId), as), 404, 'incident_token_not_found');
      const after = (await ask(house, `${at(incident)}/${tokenId}`, { as })).body.incident_token;
      assert.deepEqual(after, incident_token);
      const [first, second, ...others] = await auditOf(house, 'viewer_token_revoke');
      assert.deepEqual(first, { outcome: 'ok', incidentId: incident, subjectId: tokenId });
      assert.equal(second?.outcome, 'conflict');
      assert.deepEqual(others, []);
    }));

  it('works for one that has expired, and while the incident is deleted', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const expired = await newViewerToken(house, as, incident, { expires_at: '2020-01-01T00:00:00Z' });
      const active = await newViewerToken(house, as, incident);
      answers(await post(house, revocation(expired.tokenId), as), 200);
      await setDeletionState(house, incident, 'deletion_pending');
      answers(await post(house, revocation(active.tokenId), as), 200);
    }));

  it('happens once, however many ask at the same time', () =>
    inEvidence({}, async (house, as) => {
      const { tokenId } = await newViewerToken(house, as, await newIncident(house, as));
      const all = await Promise.all(Array.from({ length: 8 }, () => post(house, revocation(tokenId), as)));
      assert.deepEqual(all.map(({ status }) => status).sort(), [200, ...Array(7).fill(404)]);
      const done = (await auditOf(house, 'viewer_token_revoke')).filter(({ outcome }) => outcome === 'ok');
      assert.equal(done.length, 1);
    }));

  it('refuses a body with anything in it', () =>
    inEvidence({}, async (house, as) => {
      const { tokenId } = await newViewerToken(house, as, await newIncident(house, as));
      answers(await post(house, revocation(tokenId), as, { token_id: tokenId }), 400, 'invalid_json');
      answers(await ask(house, revocation(tokenId), { method: 'POST', as }), 200);
    }));
});
