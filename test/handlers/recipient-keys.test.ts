/** Public keys of the account and of its devices through the main door. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, ask, post, type Session } from '../support/ask.ts';
import { auditOf, inEvidence, outcomesOf, ownerIn, sha256Hex } from '../support/evidence.ts';
import type { House } from '../support/house.ts';
import { ageKeys, KEY_MATERIAL, RECIPIENT_KEYS, recipientKeyForm } from '../support/sharing.ts';

const iso = (ms: number) => new Date(ms).toISOString();
const one = (id: string) => `${RECIPIENT_KEYS}/${id}`;
const recipient = async (kind?: 'mlkem768x25519') => (await ageKeys(kind)).recipient;
const FINAL = 'invalid_account_recipient_key_state';

async function newKey(house: House, as: Session, wish: object = {}): Promise<string> {
  const form = recipientKeyForm(await recipient(), wish);
  return answers(await post(house, RECIPIENT_KEYS, as, form), 201).body.account_recipient_key
    .recipient_key_id;
}

const patch = (house: House, as: Session, id: string, body: unknown) =>
  ask(house, one(id), { method: 'PATCH', as, body });

describe("keeping a public key of the account's own", () => {
  for (const kind of ['x25519', 'mlkem768x25519'] as const) {
    it(`of ${kind} answers the record`, () =>
      inEvidence({}, async (house, as, { person }) => {
        const { recipient: key } = await ageKeys(kind);
        const form = recipientKeyForm(key, { key_id: ' phone-1 ', display_label: 'phone' });
        const { account_recipient_key: made } = answers(
          await post(house, RECIPIENT_KEYS, as, form),
          201,
        ).body;
        const { recipient_key_id, recipient_id, ...rest } = made;
        assert.match(recipient_key_id, /^ark_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
        assert.match(recipient_id, /^arcp_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
        const now = iso(house.clock.now());
        assert.deepEqual(rest, {
          owner_account_id: person.account.id,
          recipient_type: 'device',
          key_id: 'phone-1',
          version: 1,
          display_label: 'phone',
          scheme: 'age-v1',
          suite_id: kind,
          public_key: key,
          public_key_fingerprint: sha256Hex(key),
          key_state: 'pending_verification',
          created_at: now,
          updated_at: now,
        });
        assert.deepEqual(answers(await ask(house, one(recipient_key_id), { as }), 200).body, {
          account_recipient_key: made,
        });
        const list = answers(await ask(house, RECIPIENT_KEYS, { as }), 200).body;
        assert.deepEqual(list, { account_recipient_keys: [made] });
        assert.deepEqual(await auditOf(house, 'recipient_key_create'), [
          { outcome: 'ok', incidentId: undefined, subjectId: recipient_key_id },
        ]);
      }));
  }

  it('takes a recipient_id of the client, once, and a key_id once', () =>
    inEvidence({}, async (house, as) => {
      const other = await ownerIn(house, 'somebody-else');
      const wish = { recipient_id: 'the phone', key_id: 'the key' };
      await newKey(house, as, wish);
      await newKey(house, other.as, wish);
      for (const again of [
        { ...wish, key_id: 'another key' },
        { ...wish, recipient_id: undefined },
        { recipient_id: ' the phone ', key_id: 'x' },
      ]) {
        const form = recipientKeyForm(await recipient(), again);
        answers(await post(house, RECIPIENT_KEYS, as, form), 409, 'account_recipient_key_duplicate');
      }
      await newKey(house, as, { recipient_id: 'The Phone', key_id: 'The Key' });
    }));

  it('takes a suite that the key is of, and no other', () =>
    inEvidence({}, async (house, as) => {
      const [small, large] = [await recipient(), await recipient('mlkem768x25519')];
      for (const [key, suite_id] of [
        [small, 'mlkem768x25519'],
        [large, 'x25519'],
        ...[undefined, null, '', 'X25519', 'p256', 1, {}].map((suite) => [small, suite]),
      ]) {
        const form = recipientKeyForm(String(key), { suite_id });
        answers(await post(house, RECIPIENT_KEYS, as, form), 400, 'invalid_suite_id');
      }
    }));

  it('refuses each other field that is not of its shape', () =>
    inEvidence({}, async (house, as) => {
      const { identity, recipient: key } = await ageKeys();
      const refuses = async (code: string, name: string, values: readonly unknown[]) => {
        for (const value of values) {
          const form = recipientKeyForm(key, { [name]: value });
          answers(await post(house, RECIPIENT_KEYS, as, form), 400, code);
        }
      };
      await refuses('invalid_recipient_type', 'recipient_type', [undefined, null, '', 'contact', 1, {}]);
      await refuses('invalid_recipient_id', 'recipient_id', [
        ...['x'.repeat(256), '\u20ac'.repeat(86), 1, {}, 'a\nb', '\ud800', identity, ...KEY_MATERIAL],
      ]);
      await refuses('invalid_key_id', 'key_id', [
        ...[undefined, null, '', ' ', 'x'.repeat(256), 1, {}, 'a\0b', identity, ...KEY_MATERIAL],
      ]);
      await refuses('invalid_scheme', 'scheme', [undefined, '', 'age', 'AGE-V1', 1]);
      await refuses('invalid_public_key', 'public_key', [
        undefined,
        '',
        key.toUpperCase(),
        identity,
        ...KEY_MATERIAL,
      ]);
      await refuses('invalid_public_key_fingerprint', 'public_key_fingerprint', [
        ...[undefined, '', sha256Hex('x'), sha256Hex(key).toUpperCase(), 5],
      ]);
      await refuses('invalid_display_label', 'display_label', ['x'.repeat(201), 5, ...KEY_MATERIAL]);
      await refuses('invalid_key_state', 'key_state', ['replaced', 'revoked', 'lost', 5]);
      await refuses('invalid_json', 'private_key', ['x']);
      assert.deepEqual((await ask(house, RECIPIENT_KEYS, { as })).body, { account_recipient_keys: [] });
      assert.ok(!JSON.stringify(house.log).includes(identity));
      await newKey(house, as, { recipient_id: 'x'.repeat(255), key_id: 'x'.repeat(255) });
    }));

  it('keeps one of many equal ones that come at the same time', () =>
    inEvidence({}, async (house, as) => {
      const form = recipientKeyForm(await recipient(), { recipient_id: 'the phone' });
      const all = await Promise.all(Array.from({ length: 6 }, () => post(house, RECIPIENT_KEYS, as, form)));
      assert.deepEqual(all.map(({ status }) => status).sort(), [201, ...Array(5).fill(409)]);
    }));
});

describe("changing a key of the account's own", () => {
  it('makes it active, and never pending again', () =>
    inEvidence({}, async (house, as) => {
      const id = await newKey(house, as);
      answers(await patch(house, as, id, { key_state: 'pending_verification' }), 200);
      const active = answers(
        await patch(house, as, id, { key_state: 'active', display_label: 'phone' }),
        200,
      );
      assert.equal(active.body.account_recipient_key.key_state, 'active');
      answers(await patch(house, as, id, { key_state: 'pending_verification' }), 409, FINAL);
      assert.deepEqual((await ask(house, one(id), { as })).body, active.body);
      const bare = answers(await patch(house, as, id, { display_label: '' }), 200);
      assert.equal('display_label' in bare.body.account_recipient_key, false);
      answers(await patch(house, as, id, { key_id: 'x' }), 400, 'invalid_json');
      answers(await patch(house, as, id, { display_label: KEY_MATERIAL[0] }), 400, 'invalid_display_label');
    }));
});

describe("ending and replacing a key of the account's own", () => {
  it('is final, and done again without effect', () =>
    inEvidence({}, async (house, as) => {
      for (const [verb, other] of [
        ['revoke', 'lost'],
        ['lost', 'revoke'],
      ] as const) {
        const id = await newKey(house, as);
        const ended = answers(await post(house, `${one(id)}/${verb}`, as), 200).body;
        house.clock.advance(1000);
        assert.deepEqual(answers(await post(house, `${one(id)}/${verb}`, as), 200).body, ended);
        answers(await post(house, `${one(id)}/${other}`, as), 409, FINAL);
        answers(await patch(house, as, id, {}), 409, FINAL);
        const { recipient_type: _, ...form } = recipientKeyForm(await recipient());
        answers(await post(house, `${one(id)}/replace`, as, form), 409, FINAL);
      }
      assert.deepEqual(await outcomesOf(house, 'recipient_key_end'), ['conflict', 'conflict', 'ok', 'ok']);
    }));

  it('keeps the recipient over versions, also from one suite to the other', () =>
    inEvidence({}, async (house, as) => {
      const id = await newKey(house, as, { recipient_id: 'the phone', recipient_type: 'account' });
      const { recipient_type: _, ...form } = recipientKeyForm(await recipient('mlkem768x25519'));
      const used = (await ask(house, one(id), { as })).body.account_recipient_key.key_id;
      const again = { ...form, key_id: used };
      answers(await post(house, `${one(id)}/replace`, as, again), 409, 'account_recipient_key_duplicate');
      for (const [name, others] of [
        ['recipient_id', ['x', '', null, 5]],
        ['recipient_type', ['device', 'x', null, {}]],
      ] as const)
        for (const other of others)
          answers(
            await post(house, `${one(id)}/replace`, as, { ...form, [name]: other }),
            400,
            `invalid_${name}`,
          );
      const whose = { recipient_id: 'the phone', recipient_type: 'account' };
      const replaced = await post(house, `${one(id)}/replace`, as, { ...form, ...whose });
      const next = answers(replaced, 201).body.account_recipient_key;
      assert.deepEqual(
        [next.recipient_id, next.recipient_type, next.version, next.suite_id],
        ['the phone', 'account', 2, 'mlkem768x25519'],
      );
      const old = (await ask(house, one(id), { as })).body.account_recipient_key;
      assert.deepEqual(
        [old.key_state, old.replaced_by_recipient_key_id],
        ['replaced', next.recipient_key_id],
      );
    }));

  it('makes one next version, however many ask at the same time', () =>
    inEvidence({}, async (house, as) => {
      const id = await newKey(house, as);
      const forms = await Promise.all(
        Array.from({ length: 6 }, async () => {
          const { recipient_type: _, ...form } = recipientKeyForm(await recipient());
          return form;
        }),
      );
      const all = await Promise.all(forms.map((form) => post(house, `${one(id)}/replace`, as, form)));
      assert.deepEqual(all.map(({ status }) => status).sort(), [201, ...Array(5).fill(409)]);
    }));
});
