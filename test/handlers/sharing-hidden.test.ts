/**
 * What belongs to somebody else: every route of keys, grants and wrapped keys says of it what it says of what never
 * was, byte for byte, to an admin too. And what is brought stays out of the log and of the audit.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Route } from '../../src/handlers/kit/route.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { answers, ask, credentials, post, type Session } from '../support/ask.ts';
import {
  disown,
  newIncident,
  newStream,
  type Owner,
  ownerIn,
  setDeletionState,
} from '../support/evidence.ts';
import { type House, inHouse, ORIGIN, openHouse } from '../support/house.ts';
import {
  ageKeys,
  CONTACT_KEYS,
  contactKeyForm,
  newContact,
  newGrant,
  newWrappedKey,
  RECIPIENT_KEYS,
  recipientKeyForm,
  wrappedKeyForm,
  wrappedOf,
} from '../support/sharing.ts';

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

interface Room {
  readonly root: string;
  readonly prefix: string;
  readonly code: string;
  /** Makes one, and answers its id. */
  make(house: House, owner: Owner): Promise<string>;
  /** Makes one of an incident that is gone or nobody's by now. */
  readonly ofIncident?: (house: House, owner: Owner, incident: string) => Promise<string>;
  /** A body that `replace` takes. */
  readonly replacement?: () => Promise<object>;
}

const grantIn = async (house: House, { as }: Owner, incident: string) =>
  newGrant(house, as, incident, await newContact(house, as));
const wrappedIn = async (house: House, { as }: Owner, incident: string) => {
  const contact = await newContact(house, as);
  return newWrappedKey(house, as, incident, contact, await newGrant(house, as, incident, contact));
};

const ROOMS: readonly Room[] = [
  {
    root: CONTACT_KEYS,
    prefix: 'cpk',
    code: 'contact_public_key_not_found',
    make: async (house, { as }) => (await newContact(house, as)).keyId,
    replacement: async () => contactKeyForm((await ageKeys()).recipient),
  },
  {
    root: RECIPIENT_KEYS,
    prefix: 'ark',
    code: 'account_recipient_key_not_found',
    async make(house, { as }) {
      const form = recipientKeyForm((await ageKeys()).recipient);
      const { body } = answers(await post(house, RECIPIENT_KEYS, as, form), 201);
      return body.account_recipient_key.recipient_key_id;
    },
    async replacement() {
      const { recipient_type: _, ...form } = recipientKeyForm((await ageKeys()).recipient);
      return form;
    },
  },
  {
    root: '/v1/sharing-grants',
    prefix: 'sgr',
    code: 'sharing_grant_not_found',
    make: async (house, owner) => grantIn(house, owner, await newIncident(house, owner.as)),
    ofIncident: grantIn,
  },
  {
    root: '/v1/wrapped-keys',
    prefix: 'wkey',
    code: 'wrapped_key_not_found',
    make: async (house, owner) => wrappedIn(house, owner, await newIncident(house, owner.as)),
    ofIncident: wrappedIn,
  },
];

const malformed = (prefix: string): string[] => [
  ...['x', '0', '__proto__', '%20', "'%20OR%20'1'='1", prefix, `${prefix}_`, `acct_${ULID}`],
  ...[`${prefix}_${ULID.toLowerCase()}`, `${prefix}_${ULID}0`, `${prefix}_8${ULID.slice(1)}`],
  ...[`${prefix.toUpperCase()}_${ULID}`, `%20${prefix}_${ULID}`, `${prefix}_${ULID}%0A`, 'x'.repeat(5000)],
];

describe('what belongs to somebody else', () => {
  let house: House;
  let own: Owner;
  let other: Owner;
  let admin: Owner;
  before(async () => {
    house = await openHouse();
    own = await ownerIn(house);
    other = await ownerIn(house, 'somebody-else');
    admin = await ownerIn(house, 'an-admin', 'admin');
  });
  after(() => house.close());

  /** The whole answer as one text. Every header counts. */
  async function answer(route: Route, id: string, as: Session, body: object): Promise<string> {
    const headers = { ...(await credentials(house, as)), 'x-request-id': 'here' };
    const sent = route.method === 'GET' ? null : JSON.stringify(body);
    const url = `${ORIGIN}${route.path.replace(':id', id)}`;
    const response = await house.main(new Request(url, { method: route.method, headers, body: sent }));
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`);
    return [response.status, ...lines, await response.text()].join('\n');
  }

  for (const room of ROOMS) {
    const routes = mainRoutes.filter(({ path }) => path.startsWith(`${room.root}/:id`));
    for (const route of routes) {
      it(`${route.method} ${route.path}`, async () => {
        const body = (route.path.endsWith('/replace') && (await room.replacement?.())) || {};
        const expected = await answer(route, `${room.prefix}_${ULID}`, own.as, body);
        assert.match(expected, /^404\n/);
        assert.ok(expected.includes(`"code":"${room.code}"`), expected);
        const rows = async () => (await house.deps.store.audit.list(undefined, 10_000)).length;
        const mine = await room.make(house, own);
        const asked: [string, string, Session][] = [
          ["somebody else's", await room.make(house, other), own.as],
          ["one's own, asked for by somebody else", mine, other.as],
          ["one's own, asked for by an admin", mine, admin.as],
          ...malformed(room.prefix).map((id): [string, string, Session] => [id, id, own.as]),
        ];
        if (room.ofIncident !== undefined) {
          const gone = await newIncident(house, own.as);
          asked.push(['of a deleted incident', await room.ofIncident(house, own, gone), own.as]);
          await setDeletionState(house, gone, 'deleted');
          const lost = await newIncident(house, own.as);
          asked.push(["of nobody's incident", await room.ofIncident(house, own, lost), own.as]);
          await disown(house, lost);
        }
        const before = await rows();
        for (const [what, id, as] of asked) assert.equal(await answer(route, id, as, body), expected, what);
        assert.equal(await rows(), before, 'nobody is told of the tries');
        assert.match(await answer(route, mine, own.as, body), /^20[01]\n/, 'nobody had changed it');
      });
    }

    it(`${room.root}: every verb was asked`, () => {
      const verbs = routes.map(({ method, path }) => `${method} ${path.slice(room.root.length)}`);
      const keys = ['GET /:id', 'PATCH /:id', 'POST /:id/revoke', 'POST /:id/lost', 'POST /:id/replace'];
      assert.deepEqual(verbs, room.replacement === undefined ? ['GET /:id', 'POST /:id/revoke'] : keys);
    });
  }
});

describe('the limits of sharing', () => {
  it('are those of accounts for keys, and those of incidents for what is in one', () => {
    const classes = mainRoutes
      .filter(({ id }) => /^(contact-keys|recipient-keys|sharing-grants|wrapped-keys)\./.test(id))
      .map(({ id, method, limit }) => {
        const ofKeys = /^(contact|recipient)-keys/.test(id);
        const expected = ofKeys ? 'account' : method === 'GET' ? 'incident_read' : 'incident_write';
        return { id, limit, expected };
      });
    assert.equal(classes.length, 22);
    for (const { id, limit, expected } of classes) assert.equal(limit, expected, id);
  });
});

describe('what is brought to be shared', () => {
  it('leaves ids and words in the audit, and nothing of it in the log', () =>
    inHouse({}, async (house) => {
      const { as } = await ownerIn(house);
      const incident = await newIncident(house, as);
      const stream = await newStream(house, as, incident);
      const contact = await newContact(house, as, { display_label: 'canary label' });
      const key = `${CONTACT_KEYS}/${contact.keyId}`;
      const rename = { method: 'PATCH', as, body: { display_label: 'canary name' } };
      answers(await ask(house, key, rename), 200);
      const form = recipientKeyForm((await ageKeys()).recipient, {
        ...{ key_id: 'canary key', recipient_id: 'canary recipient', display_label: 'canary phone' },
      });
      const made = answers(await post(house, RECIPIENT_KEYS, as, form), 201).body.account_recipient_key;
      answers(await post(house, RECIPIENT_KEYS, as, form), 409, 'account_recipient_key_duplicate');
      const own = `${RECIPIENT_KEYS}/${made.recipient_key_id}`;
      answers(await ask(house, own, { method: 'PATCH', as, body: { key_state: 'active' } }), 200);
      const { recipient_type: _, ...next } = recipientKeyForm((await ageKeys()).recipient);
      const replacement = { ...next, key_id: 'canary key 2' };
      answers(await post(house, `${own}/replace`, as, replacement), 201);
      answers(await post(house, `${own}/lost`, as), 409, 'invalid_account_recipient_key_state');
      const grant = await newGrant(house, as, incident, contact, { stream_id: stream });
      const wrapped = await wrappedKeyForm(contact, grant, {
        stream_id: stream,
        media_key_id: 'canary media key',
        public_wrapping_metadata: { canary: 'canary metadata' },
      });
      const { wrapped_key } = answers(await post(house, wrappedOf(incident), as, wrapped), 201).body;
      answers(await post(house, wrappedOf(incident), as, wrapped), 409, 'wrapped_key_duplicate');
      answers(
        await post(house, wrappedOf(incident), as, { ...wrapped, grant_id: 'canary grant' }),
        404,
        'wrapped_key_dependency_not_found',
      );
      answers(await ask(house, `${CONTACT_KEYS}?after=canary`, { as }), 400, 'invalid_cursor');
      answers(await post(house, `/v1/wrapped-keys/${wrapped_key.wrapped_key_id}/revoke`, as), 200);
      answers(await post(house, `/v1/sharing-grants/${grant}/revoke`, as), 200);
      answers(await post(house, `${key}/lost`, as), 200);
      const rows = await house.deps.store.audit.list(undefined, 1000);
      const room = rows.filter(({ action }) =>
        /^(contact_key|recipient_key|sharing_grant|wrapped_key)_/.test(action),
      );
      assert.deepEqual(room.map(({ action, outcome }) => `${action} ${outcome}`).sort(), [
        'contact_key_change ok',
        'contact_key_create ok',
        'contact_key_end ok',
        'recipient_key_change ok',
        'recipient_key_create conflict',
        'recipient_key_create ok',
        'recipient_key_create ok',
        'recipient_key_end conflict',
        'sharing_grant_create ok',
        'sharing_grant_revoke ok',
        'wrapped_key_create conflict',
        'wrapped_key_create ok',
        'wrapped_key_revoke ok',
      ]);
      for (const row of room) {
        assert.match(row.subjectId ?? '', /^(cpk|ark|sgr|wkey)_[0-9A-HJKMNP-TV-Z]{26}$/);
        assert.match(row.incidentId ?? incident, new RegExp(`^${incident}$`));
        assert.match(row.actorAccountId ?? '', /^acct_/);
      }
      const secrets = ['canary', contact.keys.recipient, form.public_key, wrapped.wrapped_key_ciphertext];
      const [log, audit] = [JSON.stringify(house.log), JSON.stringify(rows)];
      for (const secret of secrets) {
        assert.ok(!log.includes(secret), `"${secret}" is in the log`);
        assert.ok(!audit.includes(secret), `"${secret}" is in the audit`);
      }
    }));
});
