/** Sharing grants through the main door. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, answers, ask, post, type Session } from '../support/ask.ts';
import {
  auditOf,
  inEvidence,
  newIncident,
  newStream,
  newViewerToken,
  outcomesOf,
  ownerIn,
  setDeletionState,
} from '../support/evidence.ts';
import type { House } from '../support/house.ts';
import {
  ageKeys,
  CONTACT_KEYS,
  contactKeyForm,
  grantsOf,
  KEY_MATERIAL,
  newContact,
  newGrant,
} from '../support/sharing.ts';

const iso = (ms: number) => new Date(ms).toISOString();
const one = (id: string) => `/v1/sharing-grants/${id}`;
const HOUR = 60 * 60 * 1000;
const NOT_THERE = 'sharing_grant_dependency_not_found';

const form = (contactId: unknown, wish: object = {}) => ({
  recipient_type: 'trusted_contact',
  contact_id: contactId,
  ...wish,
});
const read = async (house: House, as: Session, id: string) =>
  answers(await ask(house, one(id), { as }), 200).body.sharing_grant;

describe('granting', () => {
  it('a stream answers the grant, with the key that it is for', () =>
    inEvidence({}, async (house, as, { person }) => {
      const incident = await newIncident(house, as);
      const stream = await newStream(house, as, incident);
      const { contactId, keyId } = await newContact(house, as);
      const now = house.clock.now();
      const wish = {
        stream_id: stream,
        contact_public_key_id: keyId,
        data_class: 'ciphertext',
        expires_at: '2026-01-03T02:30:00.123456789+02:30',
      };
      const { sharing_grant: made } = answers(
        await post(house, grantsOf(incident), as, form(contactId, wish)),
        201,
      ).body;
      const { grant_id, ...rest } = made;
      assert.match(grant_id, /^sgr_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
      assert.deepEqual(rest, {
        owner_account_id: person.account.id,
        incident_id: incident,
        stream_id: stream,
        recipient_type: 'trusted_contact',
        contact_id: contactId,
        contact_public_key_id: keyId,
        contact_public_key_version: 1,
        data_class: 'ciphertext',
        grant_state: 'active',
        created_at: iso(now),
        updated_at: iso(now),
        expires_at: '2026-01-03T00:00:00.123Z',
      });
      assert.deepEqual(await read(house, as, grant_id), made);
      assert.deepEqual(await auditOf(house, 'sharing_grant_create'), [
        { outcome: 'ok', incidentId: incident, subjectId: grant_id },
      ]);
    }));

  it('an incident takes the newest active key, and stays with it', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const first = await newContact(house, as);
      const second = await newContact(house, as, { contact_id: first.contactId });
      const grant = await read(house, as, await newGrant(house, as, incident, first));
      assert.deepEqual(
        [grant.contact_public_key_id, grant.contact_public_key_version, grant.data_class],
        [second.keyId, 2, 'metadata_ciphertext'],
      );
      assert.ok(!('stream_id' in grant) && !('expires_at' in grant));
      await newContact(house, as, { contact_id: first.contactId });
      assert.equal((await read(house, as, grant.grant_id)).contact_public_key_id, second.keyId);
    }));

  it('works after the incident was closed, and not while it is deleted, when reading goes on', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const contact = await newContact(house, as);
      answers(await post(house, `/v1/incidents/${incident}/close`, as), 200);
      const grant = await newGrant(house, as, incident, contact);
      for (const state of ['deletion_pending', 'deleting', 'deletion_failed'] as const) {
        await setDeletionState(house, incident, state);
        answers(await post(house, grantsOf(incident), as, form(contact.contactId)), 409, 'incident_deleting');
        assert.equal((await ask(house, grantsOf(incident), { as })).body.sharing_grants.length, 1);
        await read(house, as, grant);
      }
      answers(await post(house, `${one(grant)}/revoke`, as), 200);
      assert.deepEqual(await outcomesOf(house, 'sharing_grant_create'), [
        ...['conflict', 'conflict', 'conflict', 'ok'],
      ]);
    }));

  it('finds no stream, contact or key of another incident, another contact or another account', () =>
    inEvidence({}, async (house, as) => {
      const other = await ownerIn(house, 'somebody-else');
      const incident = await newIncident(house, as);
      const elsewhere = await newStream(house, as, await newIncident(house, as));
      const own = await newContact(house, as);
      const second = await newContact(house, as);
      const pending = await newContact(house, as, { key_state: 'pending_verification' });
      const theirs = await newContact(house, other.as);
      const stranger = await newStream(house, other.as, await newIncident(house, other.as));
      const bodies = new Set<string>();
      const malformed = ['', ' ', 'x', '\ud800', 5, true, {}, [], "' OR 1=1 --", 'x'.repeat(5000)];
      for (const sent of [
        form(theirs.contactId),
        form(pending.contactId),
        form(own.keyId),
        form('ctc_01ARZ3NDEKTSV4RRFFQ69G5FAV'),
        form('\ud800'),
        form('x'.repeat(5000)),
        form(own.contactId, { contact_public_key_id: second.keyId }),
        form(own.contactId, { contact_public_key_id: theirs.keyId }),
        form(pending.contactId, { contact_public_key_id: pending.keyId }),
        form(own.contactId, { stream_id: elsewhere }),
        form(own.contactId, { stream_id: stranger }),
        form(own.contactId, { stream_id: incident }),
        ...malformed.map((stream_id) => form(own.contactId, { stream_id })),
        ...malformed.map((contact_public_key_id) => form(own.contactId, { contact_public_key_id })),
      ]) {
        const headers = { 'x-request-id': 'here' };
        const answer = await ask(house, grantsOf(incident), { as, body: sent, headers });
        bodies.add(answers(answer, 404, NOT_THERE).text);
      }
      assert.equal(bodies.size, 1);
      assert.deepEqual((await ask(house, grantsOf(incident), { as })).body, { sharing_grants: [] });
      assert.deepEqual(await outcomesOf(house, 'sharing_grant_create'), []);
      const none = { stream_id: null, contact_public_key_id: null, expires_at: null };
      answers(await post(house, grantsOf(incident), as, form(own.contactId, none)), 201);
    }));

  it('is for the future', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const { contactId } = await newContact(house, as);
      const now = house.clock.now();
      const asked = (expires_at: unknown) =>
        post(house, grantsOf(incident), as, form(contactId, { expires_at }));
      for (const expires_at of [
        ...[iso(now), iso(now - 1), '1999-12-31T23:59:59Z', '', 'never', '24h', 0, true, {}, '2026-01-03'],
        ...['2026-02-30T00:00:00Z', '2030-01-03T00:00:00', '9999-12-31T23:59:59-01:00', '9'.repeat(9999)],
      ])
        answers(await asked(expires_at), 400, 'invalid_expires_at');
      answers(await asked(iso(now + 1)), 201);
      answers(await asked('9999-12-31T23:59:59.999Z'), 201);
    }));

  it('refuses each other field that is not of its shape', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const { contactId } = await newContact(house, as);
      const refuses = async (code: string, name: string, values: readonly unknown[]) => {
        for (const value of values) {
          const sent = { ...form(contactId), [name]: value };
          answers(await post(house, grantsOf(incident), as, sent), 400, code);
        }
      };
      await refuses('invalid_recipient_type', 'recipient_type', [
        ...[undefined, null, '', 'account', 'device', ' trusted_contact', 1, {}],
      ]);
      await refuses('invalid_contact_id', 'contact_id', [undefined, null, '', ' ', 5, {}, []]);
      await refuses('invalid_data_class', 'data_class', ['everything', 'plaintext', 5, {}, ...KEY_MATERIAL]);
      await refuses('invalid_json', 'private_key', ['x']);
      answers(await ask(house, grantsOf(incident), { as, method: 'POST' }), 400, 'invalid_json');
      assert.deepEqual((await ask(house, grantsOf(incident), { as })).body, { sharing_grants: [] });
    }));

  it('changes nothing for viewers, nor for the incident', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const { token } = await newViewerToken(house, as, incident);
      const shown = async () => {
        const view = await house.main(new Request(`http://127.0.0.1:8080/i/${token}/data`));
        const own = await ask(house, `/v1/incidents/${incident}`, { as });
        const data = (await view.text()).replace(/"generated_at":"[^"]*"/, '');
        return [view.status, data, own.text];
      };
      const before = await shown();
      house.clock.advance(1000);
      await newGrant(house, as, incident, await newContact(house, as));
      assert.equal(before[0], 200);
      assert.deepEqual(await shown(), before);
    }));
});

describe('the list of grants', () => {
  it('comes page by page, expired and revoked ones too', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const contact = await newContact(house, as);
      await newGrant(house, as, await newIncident(house, as), contact);
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1) {
        house.clock.advance(1);
        const expires_at = i === 0 ? iso(house.clock.now() + HOUR) : null;
        ids.push(await newGrant(house, as, incident, contact, { expires_at }));
      }
      answers(await post(house, `${one(ids[1] ?? '')}/revoke`, as), 200);
      house.clock.advance(2 * HOUR);
      const found: string[] = [];
      for (let next: string | undefined = `${grantsOf(incident)}?limit=2`; next !== undefined; ) {
        const page: Answer = answers(await ask(house, next, { as }), 200);
        found.push(...page.body.sharing_grants.map(({ grant_id }: { grant_id: string }) => grant_id));
        next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      }
      assert.deepEqual(found, ids);
      answers(await ask(house, `${grantsOf(incident)}?limit=x`, { as }), 400, 'invalid_limit');
      answers(await ask(house, `${grantsOf(incident)}?after=x`, { as }), 400, 'invalid_cursor');
    }));
});

describe('revoking a grant', () => {
  it('ends it once, and answers the same again', () =>
    inEvidence({}, async (house, as, { person }) => {
      const incident = await newIncident(house, as);
      const contact = await newContact(house, as);
      const id = await newGrant(house, as, incident, contact, { expires_at: iso(house.clock.now() + HOUR) });
      house.clock.advance(HOUR - 60_000);
      const revoked = answers(await post(house, `${one(id)}/revoke`, as), 200).body;
      const now = iso(house.clock.now());
      const { grant_state, revoked_at, revoked_by_account_id, updated_at } = revoked.sharing_grant;
      assert.deepEqual(
        [grant_state, revoked_at, revoked_by_account_id, updated_at],
        ['revoked', now, person.account.id, now],
      );
      house.clock.advance(60_000);
      const again = await Promise.all(Array.from({ length: 4 }, () => post(house, `${one(id)}/revoke`, as)));
      for (const answer of again) assert.deepEqual(answers(answer, 200).body, revoked);
      assert.deepEqual(await auditOf(house, 'sharing_grant_revoke'), [
        { outcome: 'ok', incidentId: incident, subjectId: id },
      ]);
      answers(await post(house, `${one(id)}/revoke`, as, { x: 1 }), 400, 'invalid_json');
    }));

  it('outlives the key that it was for', () =>
    inEvidence({}, async (house, as) => {
      const contact = await newContact(house, as);
      const id = await newGrant(house, as, await newIncident(house, as), contact);
      const next = contactKeyForm((await ageKeys()).recipient);
      answers(await post(house, `${CONTACT_KEYS}/${contact.keyId}/replace`, as, next), 201);
      assert.equal((await read(house, as, id)).grant_state, 'active', 'it stays as it is, of no use');
      answers(await post(house, `${one(id)}/revoke`, as), 200);
    }));
});
