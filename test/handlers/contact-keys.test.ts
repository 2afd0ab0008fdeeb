/** Public keys of contacts through the main door. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, answers, ask, post, type Session } from '../support/ask.ts';
import { auditOf, inEvidence, outcomesOf, ownerIn, sha256Hex } from '../support/evidence.ts';
import type { House } from '../support/house.ts';
import { ageKeys, CONTACT_KEYS, contactKeyForm, KEY_MATERIAL, newContact } from '../support/sharing.ts';

const iso = (ms: number) => new Date(ms).toISOString();
const one = (id: string) => `${CONTACT_KEYS}/${id}`;
const patch = (house: House, as: Session, id: string, body: unknown) =>
  ask(house, one(id), { method: 'PATCH', as, body });
const end = (house: House, as: Session, id: string, verb: 'revoke' | 'lost') =>
  post(house, `${one(id)}/${verb}`, as);
const recipient = async (kind?: 'mlkem768x25519') => (await ageKeys(kind)).recipient;

describe('keeping a public key of a contact', () => {
  for (const kind of ['x25519', 'mlkem768x25519'] as const) {
    it(`of ${kind} makes a contact, and answers the record`, () =>
      inEvidence({}, async (house, as, { person }) => {
        const { recipient: key } = await ageKeys(kind);
        const form = contactKeyForm(key, {
          display_label: ' my sister ',
          recipient_account_id: person.account.id,
          key_state: undefined,
        });
        const { contact_public_key: made } = answers(await post(house, CONTACT_KEYS, as, form), 201).body;
        const { public_key_id, contact_id, ...rest } = made;
        assert.match(public_key_id, /^cpk_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
        assert.match(contact_id, /^ctc_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
        const now = iso(house.clock.now());
        assert.deepEqual(rest, {
          owner_account_id: person.account.id,
          recipient_account_id: person.account.id,
          version: 1,
          display_label: 'my sister',
          wrapping_algorithm: 'age-v1',
          public_key: key,
          public_key_fingerprint: sha256Hex(key),
          key_state: 'pending_verification',
          created_at: now,
          updated_at: now,
        });
        assert.deepEqual(answers(await ask(house, one(public_key_id), { as }), 200).body, {
          contact_public_key: made,
        });
        assert.deepEqual(await auditOf(house, 'contact_key_create'), [
          { outcome: 'ok', incidentId: undefined, subjectId: public_key_id },
        ]);
      }));
  }

  it('adds the next version to a contact, and replaces the one before', () =>
    inEvidence({}, async (house, as) => {
      const { contactId, keyId } = await newContact(house, as);
      house.clock.advance(1000);
      const form = contactKeyForm(await recipient(), { contact_id: contactId });
      const next = answers(await post(house, CONTACT_KEYS, as, form), 201).body.contact_public_key;
      assert.deepEqual([next.contact_id, next.version, next.key_state], [contactId, 2, 'active']);
      const old = (await ask(house, one(keyId), { as })).body.contact_public_key;
      assert.deepEqual(
        [old.key_state, old.replaced_at, old.replaced_by_public_key_id],
        ['replaced', iso(house.clock.now()), next.public_key_id],
      );
    }));

  it('knows no contact that is not there, is no contact, or is somebody else’s', () =>
    inEvidence({}, async (house, as) => {
      const other = await ownerIn(house, 'somebody-else');
      const theirs = await newContact(house, other.as);
      const bodies = new Set<string>();
      for (const contact_id of [
        ...[theirs.contactId, theirs.keyId, 'ctc_01ARZ3NDEKTSV4RRFFQ69G5FAV', '', ' ', 'x', '\ud800'],
        ...[5, true, {}, [theirs.contactId], 'x'.repeat(5000), "' OR 1=1 --"],
      ]) {
        const form = contactKeyForm(await recipient(), { contact_id });
        const headers = { 'x-request-id': 'here' };
        const answer = await ask(house, CONTACT_KEYS, { as, body: form, headers });
        bodies.add(answers(answer, 404, 'contact_not_found').text);
      }
      assert.equal(bodies.size, 1);
      assert.deepEqual((await ask(house, CONTACT_KEYS, { as })).body, { contact_public_keys: [] });
      assert.deepEqual(await outcomesOf(house, 'contact_key_create'), ['ok']);
      const form = contactKeyForm(await recipient(), { contact_id: null, recipient_account_id: null });
      answers(await post(house, CONTACT_KEYS, as, form), 201);
    }));

  it('takes nothing but an age recipient, and says nothing of what was sent instead', () =>
    inEvidence({}, async (house, as) => {
      const { identity, recipient: key } = await ageKeys();
      const hybrid = await ageKeys('mlkem768x25519');
      for (const public_key of [
        ...[undefined, null, '', 5, {}, [key], true, 'age1', key.toUpperCase(), `${key} `, `\n${key}`],
        ...[key.slice(0, -1), `${key}q`, `${key},${key}`, `${key}\n${identity}`, 'x'.repeat(60_000)],
        ...[identity, identity.toLowerCase(), ` ${identity}`, hybrid.identity, ...KEY_MATERIAL],
        ...[hybrid.recipient.slice(0, 62), 'age1tag1qqqqqqqqqq', 'age1yubikey1qqqqqq', 'ssh-ed25519 AAAA'],
      ]) {
        const sent = typeof public_key === 'string' ? public_key : '';
        const form = contactKeyForm(sent, { public_key });
        const answer = await post(house, CONTACT_KEYS, as, form);
        answers(answer, 400, 'invalid_public_key');
        assert.ok(sent.length < 8 || !answer.text.includes(sent.slice(0, 40)));
      }
      assert.ok(!JSON.stringify(house.log).includes(identity));
      assert.deepEqual((await ask(house, CONTACT_KEYS, { as })).body, { contact_public_keys: [] });
    }));

  it('computes the fingerprint anew, so that an exchanged key is noticed', () =>
    inEvidence({}, async (house, as) => {
      const [key, other] = [await recipient(), await recipient()];
      const right = sha256Hex(key);
      for (const public_key_fingerprint of [
        ...[
          undefined,
          null,
          '',
          sha256Hex(other),
          right.toUpperCase(),
          right.slice(1),
          `${right}0`,
          ` ${right}`,
        ],
        ...[`sha256:${right}`, Buffer.from(right, 'hex').toString('base64'), [right], 5, 'x'.repeat(300)],
      ]) {
        const form = contactKeyForm(key, { public_key_fingerprint });
        answers(await post(house, CONTACT_KEYS, as, form), 400, 'invalid_public_key_fingerprint');
      }
      const form = contactKeyForm(other, { public_key_fingerprint: right });
      answers(await post(house, CONTACT_KEYS, as, form), 400, 'invalid_public_key_fingerprint');
    }));

  it('refuses each other field that is not of its shape', () =>
    inEvidence({}, async (house, as) => {
      const key = await recipient();
      const refuses = async (code: string, name: string, values: readonly unknown[]) => {
        for (const value of values) {
          const form = contactKeyForm(key, { [name]: value });
          answers(await post(house, CONTACT_KEYS, as, form), 400, code);
        }
      };
      await refuses('invalid_wrapping_algorithm', 'wrapping_algorithm', [
        ...[undefined, null, '', 'age', 'age-v2', 'AGE-V1', ' age-v1', 1, ['age-v1'], 'x'.repeat(81)],
      ]);
      await refuses('invalid_display_label', 'display_label', [
        ...['x'.repeat(201), 'a\nb', 'a\0b', '\ud800', 1, {}, ['x'], ...KEY_MATERIAL],
      ]);
      await refuses('invalid_key_state', 'key_state', ['replaced', 'revoked', 'lost', 'ACTIVE', 1, {}]);
      await refuses('invalid_recipient_account_id', 'recipient_account_id', [
        ...[
          '',
          'x',
          'ctc_01ARZ3NDEKTSV4RRFFQ69G5FAV',
          1,
          {},
          'acct_01ARZ3NDEKTSV4RRFFQ69G5FA\n',
          ...KEY_MATERIAL,
        ],
      ]);
      await refuses('invalid_json', 'private_key', ['x', undefined, null].slice(0, 1));
      answers(await post(house, CONTACT_KEYS, as, '['), 400, 'invalid_json');
      answers(await post(house, CONTACT_KEYS, as, '"x"'), 400, 'invalid_json');
      answers(await ask(house, CONTACT_KEYS, { as, method: 'POST' }), 400, 'invalid_json');
      answers(
        await post(house, CONTACT_KEYS, as, contactKeyForm(key, { display_label: 'x'.repeat(70_000) })),
        413,
        'request_too_large',
      );
      assert.deepEqual(await outcomesOf(house, 'contact_key_create'), []);
    }));
});

describe('a label', () => {
  it('may say what people say of keys', () =>
    inEvidence({}, async (house, as) => {
      for (const label of [
        ...['my key', 'Mum (spare key)', 'private phone', 'public key', 'the secret of the age', 'token'],
        ...['x'.repeat(200), '\u20ac'.repeat(66), '<b>', '\u0627\u0644'],
      ])
        await newContact(house, as, { display_label: label });
    }));
});

describe('the list of contacts', () => {
  it('comes page by page, with every version, and only to its account', () =>
    inEvidence({}, async (house, as) => {
      const other = await ownerIn(house, 'somebody-else', 'admin');
      await newContact(house, other.as);
      const ids: string[] = [];
      let contact: string | undefined;
      for (let i = 0; i < 5; i += 1) {
        house.clock.advance(1);
        const made = await newContact(house, as, contact === undefined ? {} : { contact_id: contact });
        contact = made.contactId;
        ids.push(made.keyId);
      }
      const found: string[] = [];
      for (let next: string | undefined = `${CONTACT_KEYS}?limit=2`; next !== undefined; ) {
        const page: Answer = answers(await ask(house, next, { as }), 200);
        found.push(
          ...page.body.contact_public_keys.map((key: { public_key_id: string }) => key.public_key_id),
        );
        next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      }
      assert.deepEqual(found, ids);
      answers(await ask(house, `${CONTACT_KEYS}?limit=0`, { as }), 400, 'invalid_limit');
      answers(await ask(house, `${CONTACT_KEYS}?after=${contact}`, { as }), 400, 'invalid_cursor');
    }));
});

describe('changing a key of a contact', () => {
  it('verifies it, takes that back, and renames it', () =>
    inEvidence({}, async (house, as) => {
      const { keyId } = await newContact(house, as, {
        key_state: 'pending_verification',
        display_label: 'mum',
      });
      house.clock.advance(1000);
      const changed = async (body: object) => {
        const key = answers(await patch(house, as, keyId, body), 200).body.contact_public_key;
        return [key.key_state, key.display_label];
      };
      assert.deepEqual(await changed({ key_state: 'active' }), ['active', 'mum']);
      assert.deepEqual(await changed({ display_label: ' mother ' }), ['active', 'mother']);
      assert.deepEqual(await changed({ key_state: 'pending_verification' }), [
        'pending_verification',
        'mother',
      ]);
      assert.deepEqual(await changed({ display_label: null }), ['pending_verification', undefined]);
      assert.deepEqual(await changed({}), ['pending_verification', undefined]);
      assert.equal(
        (await outcomesOf(house, 'contact_key_change')).length,
        4,
        'nothing changed the last time',
      );
      answers(await ask(house, one(keyId), { method: 'PATCH', as }), 200);
    }));

  it('refuses what is no label, no state and no field of it', () =>
    inEvidence({}, async (house, as) => {
      const { keyId } = await newContact(house, as);
      for (const display_label of ['x'.repeat(201), 5, 'a\nb', ...KEY_MATERIAL])
        answers(await patch(house, as, keyId, { display_label }), 400, 'invalid_display_label');
      for (const key_state of ['revoked', 'lost', 'replaced', 5])
        answers(await patch(house, as, keyId, { key_state }), 400, 'invalid_key_state');
      for (const extra of [{ public_key: await recipient() }, { contact_id: 'x' }, { version: 5 }])
        answers(await patch(house, as, keyId, extra), 400, 'invalid_json');
    }));
});

describe('ending a key of a contact', () => {
  for (const [verb, state, member, other] of [
    ['revoke', 'revoked', 'revoked_at', 'lost'],
    ['lost', 'lost', 'lost_at', 'revoke'],
  ] as const) {
    it(`by ${verb} is final, and done again without effect`, () =>
      inEvidence({}, async (house, as) => {
        const { keyId } = await newContact(house, as);
        house.clock.advance(1000);
        const ended = answers(await end(house, as, keyId, verb), 200).body.contact_public_key;
        assert.deepEqual([ended.key_state, ended[member]], [state, iso(house.clock.now())]);
        house.clock.advance(1000);
        assert.deepEqual(answers(await end(house, as, keyId, verb), 200).body.contact_public_key, ended);
        const form = contactKeyForm(await recipient());
        for (const refused of [
          await end(house, as, keyId, other),
          await patch(house, as, keyId, { key_state: 'active' }),
          await patch(house, as, keyId, {}),
          await post(house, `${one(keyId)}/replace`, as, form),
        ])
          answers(refused, 409, 'invalid_contact_key_state');
        assert.deepEqual(await outcomesOf(house, 'contact_key_end'), ['conflict', 'ok']);
        answers(await post(house, `${one(keyId)}/${verb}`, as, { key_state: 'x' }), 400, 'invalid_json');
      }));
  }
});

describe('replacing a key of a contact', () => {
  it('makes the next version, which inherits nothing', () =>
    inEvidence({}, async (house, as) => {
      const { keyId, contactId } = await newContact(house, as, { display_label: 'mum' });
      house.clock.advance(1000);
      const key = await recipient('mlkem768x25519');
      const form = contactKeyForm(key, { key_state: undefined });
      const next = answers(await post(house, `${one(keyId)}/replace`, as, form), 201).body.contact_public_key;
      assert.deepEqual(
        [next.contact_id, next.version, next.public_key, next.key_state, next.display_label],
        [contactId, 2, key, 'pending_verification', undefined],
      );
      const old = (await ask(house, one(keyId), { as })).body.contact_public_key;
      assert.deepEqual([old.key_state, old.replaced_by_public_key_id], ['replaced', next.public_key_id]);
      answers(await post(house, `${one(keyId)}/replace`, as, form), 409, 'invalid_contact_key_state');
      const again = (contact_id: unknown) =>
        post(house, `${one(next.public_key_id)}/replace`, as, { ...form, contact_id });
      for (const other of ['ctc_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'x', '', null, 5, [contactId]])
        answers(await again(other), 404, 'contact_not_found');
      answers(
        await post(house, `${one(next.public_key_id)}/replace`, as, { ...form, x: 1 }),
        400,
        'invalid_json',
      );
      answers(
        await post(house, `${one(next.public_key_id)}/replace`, as, { ...form, public_key: 'x' }),
        400,
        'invalid_public_key',
      );
      assert.equal(answers(await again(contactId), 201).body.contact_public_key.version, 3);
    }));

  it('happens once, however many ask at the same time', () =>
    inEvidence({}, async (house, as) => {
      const { keyId } = await newContact(house, as);
      const forms = await Promise.all(
        Array.from({ length: 6 }, async () => contactKeyForm(await recipient())),
      );
      const all = await Promise.all(forms.map((form) => post(house, `${one(keyId)}/replace`, as, form)));
      assert.deepEqual(all.map(({ status }) => status).sort(), [201, ...Array(5).fill(409)]);
      const list = (await ask(house, CONTACT_KEYS, { as })).body.contact_public_keys;
      const versions = list.map((key: { version: number; key_state: string }) => [
        key.version,
        key.key_state,
      ]);
      assert.deepEqual(versions.sort(), [
        [1, 'replaced'],
        [2, 'active'],
      ]);
    }));
});
