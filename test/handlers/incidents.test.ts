/** Incidents through the main door: begun, listed, read and closed by whoever owns them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CAPTURE_PROFILES,
  ESCALATION_POLICIES,
  INCIDENT_MODES,
  SHARING_STATES,
} from '../../src/core/incidents.ts';
import { answers, ask, post, type Session } from '../support/ask.ts';
import { auditOf, inEvidence, newIncident, ownerIn, setDeletionState } from '../support/evidence.ts';
import type { House } from '../support/house.ts';

const PATH = '/v1/incidents';
const ID = /^inc_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const MODES = {
  incident_mode: 'safety_check',
  capture_profile: 'custom',
  escalation_policy: 'none',
  sharing_state: 'private',
};

describe('beginning an incident', () => {
  it('answers its id, its status and the modes that were given', () =>
    inEvidence({}, async (house, as) => {
      const { incident_id, ...rest } = answers(await post(house, PATH, as, MODES), 201).body;
      assert.match(incident_id, ID);
      assert.deepEqual(rest, { status: 'open', ...MODES });
    }));

  it('needs nothing at all, not even a body', () =>
    inEvidence({}, async (house, as) => {
      for (const body of ['', '{}', ' { } ', '{"notes":null,"client_label":"  ","incident_mode":""}']) {
        const made = answers(await ask(house, PATH, { method: 'POST', as, body }), 201);
        assert.deepEqual(Object.keys(made.body), ['incident_id', 'status']);
      }
      answers(await ask(house, PATH, { method: 'POST', as }), 201);
    }));

  it('writes one row into the audit, with the incident and whose it is', () =>
    inEvidence({}, async (house, as, { person }) => {
      const id = await newIncident(house, as, { notes: 'a note' });
      const [row, ...others] = (await house.deps.store.audit.list(undefined, 100)).filter(
        ({ action }) => action === 'incident_create',
      );
      assert.deepEqual(others, []);
      assert.deepEqual(
        [row?.listener, row?.actorKind, row?.actorAccountId, row?.routeClass, row?.outcome, row?.incidentId],
        ['main', 'account', person.account.id, 'incident_write', 'ok', id],
      );
      assert.equal(row?.subjectId, undefined);
    }));

  for (const [name, words] of [
    ['incident_mode', INCIDENT_MODES],
    ['capture_profile', CAPTURE_PROFILES],
    ['escalation_policy', ESCALATION_POLICIES],
    ['sharing_state', SHARING_STATES],
  ] as const) {
    it(`knows the words of ${name}, and no other`, () =>
      inEvidence({}, async (house, as) => {
        for (const word of words) {
          const made = answers(await post(house, PATH, as, { [name]: ` ${word} ` }), 201).body;
          assert.equal(made[name], word);
        }
        for (const word of ['urgent', words[0].toUpperCase(), `${words[0]} ${words[1]}`, 1, true, [], {}])
          answers(await post(house, PATH, as, { [name]: word }), 400, `invalid_${name}`);
      }));
  }

  for (const [name, most] of [
    ['client_label', 200],
    ['notes', 8192],
  ] as const) {
    it(`takes ${name} of ${most} bytes and not of one more`, () =>
      inEvidence({}, async (house, as) => {
        for (const letter of ['x', '\u00e4', '\u20ac', '\u{1f600}']) {
          const bytes = new TextEncoder().encode(letter).length;
          const full = letter.repeat(Math.floor(most / bytes)) + 'x'.repeat(most % bytes);
          const id = await newIncident(house, as, { [name]: ` ${full}\n` });
          const closed = answers(await post(house, `${PATH}/${id}/close`, as), 200).body;
          assert.equal(closed[name], full);
          answers(await post(house, PATH, as, { [name]: `${full}x` }), 400, `invalid_${name}`);
        }
        for (const value of [1, true, {}, [], '\ud800', 'a\0b', 'a\u001bb', 'a\u0085b'])
          answers(await post(house, PATH, as, { [name]: value }), 400, `invalid_${name}`);
      }));
  }

  it('takes lines in notes, and none in a label', () =>
    inEvidence({}, async (house, as) => {
      const notes = 'first\n\tsecond\r\nthird';
      const id = await newIncident(house, as, { notes });
      assert.equal(answers(await post(house, `${PATH}/${id}/close`, as), 200).body.notes, notes);
      answers(await post(house, PATH, as, { client_label: 'a\nb' }), 400, 'invalid_client_label');
    }));

  it('refuses what is no JSON object of its own fields, and begins nothing', () =>
    inEvidence({}, async (house, as) => {
      for (const body of [
        '{',
        'null',
        '[]',
        '"x"',
        '1',
        '{}{}',
        '{} x',
        "{'notes':'x'}",
        '{"notes":"x",}',
        '\u{feff}{}',
        '{"owner_account_id":"acct_01ARZ3NDEKTSV4RRFFQ69G5FAV"}',
        '{"id":"inc_01ARZ3NDEKTSV4RRFFQ69G5FAV"}',
        '{"status":"closed"}',
        '{"Notes":"x"}',
        '{"__proto__":{"notes":"x"}}',
        '{"constructor":1}',
      ])
        answers(await ask(house, PATH, { method: 'POST', as, body }), 400, 'invalid_json');
      const large = JSON.stringify({ notes: 'x'.repeat(64 * 1024) });
      answers(await ask(house, PATH, { body: large, as }), 413, 'request_too_large');
      assert.deepEqual((await ask(house, PATH, { as })).body, { incidents: [] });
      assert.deepEqual(await auditOf(house, 'incident_create'), []);
    }));

  it('does not say which field it did not know', () =>
    inEvidence({}, async (house, as) => {
      const refused = await ask(house, PATH, { as, body: { canary: 1 } });
      assert.doesNotMatch(answers(refused, 400, 'invalid_json').text, /canary/);
    }));
});

describe('reading an incident', () => {
  it('gives its summary: no notes, no owner, no modes that were not given', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as, { client_label: 'A label', notes: 'secret', ...MODES });
      const at = new Date(house.clock.now()).toISOString();
      const expected = {
        id,
        created_at: at,
        updated_at: at,
        status: 'open',
        client_label: 'A label',
        ...MODES,
        deletion_state: 'active',
      };
      assert.deepEqual((await ask(house, `${PATH}/${id}`, { as })).body, { incident: expected });
      assert.deepEqual((await ask(house, PATH, { as })).body, { incidents: [expected] });
      const plain = await newIncident(house, as);
      assert.deepEqual(Object.keys((await ask(house, `${PATH}/${plain}`, { as })).body.incident), [
        ...['id', 'created_at', 'updated_at', 'status', 'deletion_state'],
      ]);
    }));

  it('works while it is being deleted, whatever the state of that, and not afterwards', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as);
      for (const state of ['deletion_pending', 'deleting', 'deletion_failed'] as const) {
        await setDeletionState(house, id, state);
        const { incident } = answers(await ask(house, `${PATH}/${id}`, { as }), 200).body;
        assert.equal(incident.deletion_state, state);
        assert.equal((await ask(house, PATH, { as })).body.incidents.length, 1);
        answers(await post(house, `${PATH}/${id}/close`, as), 409, 'incident_deleting');
      }
      await setDeletionState(house, id, 'deleted');
      answers(await ask(house, `${PATH}/${id}`, { as }), 404, 'incident_not_found');
      assert.deepEqual((await ask(house, PATH, { as })).body, { incidents: [] });
    }));

  it('answers HEAD like GET, without the body', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as);
      for (const path of [PATH, `${PATH}/${id}`]) {
        const head = await ask(house, path, { method: 'HEAD', as });
        const get = await ask(house, path, { as });
        assert.equal(answers(head, 200).text, '');
        assert.equal(head.headers.get('content-length'), get.headers.get('content-length'));
      }
    }));
});

/** Follows a list to its end; answers the ids of each page. */
async function pages(house: House, as: Session, path: string): Promise<string[][]> {
  const found: string[][] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const answer = answers(await ask(house, next, { as }), 200);
    found.push(answer.body.incidents.map(({ id }: { id: string }) => id));
    assert.ok(found.length < 50, 'the list has no end');
    next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  return found;
}

describe('the list of incidents', () => {
  it("is the account's own, newest-updated first, page by page", () =>
    inEvidence({}, async (house, as) => {
      const ids: string[] = [];
      for (let i = 0; i < 7; i += 1) {
        ids.unshift(await newIncident(house, as));
        // Two of each three begin in the same millisecond.
        if (i % 3 === 0) house.clock.advance(1);
      }
      const other = await ownerIn(house, 'somebody-else');
      await newIncident(house, other.as);
      const [all = []] = await pages(house, as, PATH);
      assert.deepEqual([...all].sort(), [...ids].sort());
      assert.equal(all.at(-1), ids.at(-1));
      for (const limit of [1, 2, 3, 6, 7, 8, 500]) {
        const found = await pages(house, as, `${PATH}?limit=${limit}`);
        assert.deepEqual(found.flat(), all, `pages of ${limit}`);
        assert.ok(found.slice(0, -1).every((page) => page.length === limit));
        assert.ok((found.at(-1) ?? []).length > 0);
      }
      // What changes comes to the front.
      house.clock.advance(1);
      const oldest = all.at(-1) ?? '';
      answers(await post(house, `${PATH}/${oldest}/close`, as), 200);
      assert.deepEqual((await pages(house, as, PATH)).flat(), [oldest, ...all.slice(0, -1)]);
    }));

  it('refuses a length and a cursor that are none', () =>
    inEvidence({}, async (house, as) => {
      for (const limit of ['0', '-1', 'x', '', '1.5', '1e3'])
        answers(await ask(house, `${PATH}?limit=${limit}`, { as }), 400, 'invalid_limit');
      for (const after of ['', 'x', 'str_01ARZ3NDEKTSV4RRFFQ69G5FAV', '%00', "'"])
        answers(await ask(house, `${PATH}?after=${after}`, { as }), 400, 'invalid_cursor');
    }));

  it("tells nothing about somebody else's incident that is used as a cursor", () =>
    inEvidence({}, async (house, as) => {
      await newIncident(house, as);
      house.clock.advance(1000);
      const other = await ownerIn(house, 'somebody-else');
      const theirs = await newIncident(house, other.as);
      const after = async (id: string) => (await ask(house, `${PATH}?after=${id}`, { as })).text;
      assert.equal(await after(theirs), await after('inc_01ARZ3NDEKTSV4RRFFQ69G5FAV'));
    }));
});

describe('closing an incident', () => {
  it('answers all of it, to its owner', () =>
    inEvidence({}, async (house, as, { person }) => {
      const id = await newIncident(house, as, { client_label: 'A label', notes: 'A note', ...MODES });
      const began = new Date(house.clock.now()).toISOString();
      house.clock.advance(5000);
      assert.deepEqual(answers(await post(house, `${PATH}/${id}/close`, as), 200).body, {
        id,
        owner_account_id: person.account.id,
        created_at: began,
        updated_at: new Date(house.clock.now()).toISOString(),
        status: 'closed',
        client_label: 'A label',
        notes: 'A note',
        ...MODES,
        deletion_state: 'active',
      });
    }));

  it('is harmless again: the same answer, and no second row in the audit', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as);
      const first = answers(await post(house, `${PATH}/${id}/close`, as), 200);
      house.clock.advance(1000);
      for (const body of [undefined, '', '{}']) {
        const again = await ask(house, `${PATH}/${id}/close`, { method: 'POST', as, body });
        assert.deepEqual(answers(again, 200).body, first.body);
      }
      assert.deepEqual(await auditOf(house, 'incident_close'), [
        { outcome: 'ok', incidentId: id, subjectId: undefined },
      ]);
    }));

  it('happens once, however many ask at the same time', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as);
      const all = await Promise.all(Array.from({ length: 8 }, () => post(house, `${PATH}/${id}/close`, as)));
      assert.equal(new Set(all.map((answer) => answers(answer, 200).text)).size, 1);
      assert.equal((await auditOf(house, 'incident_close')).length, 1);
    }));

  it('refuses a body with anything in it', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as);
      answers(await post(house, `${PATH}/${id}/close`, as, { status: 'open' }), 400, 'invalid_json');
      assert.equal((await ask(house, `${PATH}/${id}`, { as })).body.incident.status, 'open');
    }));

  it('is refused while the incident is deleted, and the audit has that', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as);
      await setDeletionState(house, id, 'deletion_pending');
      answers(await post(house, `${PATH}/${id}/close`, as), 409, 'incident_deleting');
      assert.deepEqual(await auditOf(house, 'incident_close'), [
        { outcome: 'conflict', incidentId: id, subjectId: undefined },
      ]);
    }));
});

describe('the modes of an incident', () => {
  it('change nothing: no link, no check-in, no mail, no other status', () =>
    inEvidence({}, async (house, as) => {
      const loud = {
        incident_mode: 'emergency',
        escalation_policy: 'urgent_trusted_contact_alert',
        sharing_state: 'public_link_created',
      };
      const id = await newIncident(house, as, loud);
      await house.settled();
      assert.deepEqual(house.mail, []);
      assert.deepEqual((await ask(house, `${PATH}/${id}/incident-tokens`, { as })).body.incident_tokens, []);
      const revoked = await newIncident(house, as, { sharing_state: 'revoked_or_expired' });
      answers(await post(house, `${PATH}/${revoked}/incident-tokens`, as), 201);
    }));
});
