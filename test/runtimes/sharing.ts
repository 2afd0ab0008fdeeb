/**
 * Sharing from end to end, as one suite for every way to reach both doors: a contact's key, a grant, a media key
 * wrapped on this machine, and the contact opening it. The rules themselves are tested with the handlers.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Decrypter } from 'age-encryption';
import { answers, ask, post, type Session, WEB } from '../support/ask.ts';
import type { BothDoors, BothDoorsTarget } from '../support/both-doors.ts';
import { anotherOwner, firstAdmin, newIncident, newStream } from '../support/evidence.ts';
import {
  ageKeys,
  CONTACT_KEYS,
  contactKeyForm,
  givenOut,
  newContact,
  newGrant,
  newWrappedKey,
  RECIPIENT_KEYS,
  recipientKeyForm,
  wrappedFor,
  wrappedKeyForm,
  wrappedOf,
} from '../support/sharing.ts';

const SETTINGS = {
  ...WEB,
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
};

export function sharingSuite(target: BothDoorsTarget): void {
  describe(`sharing by ${target.name}`, { timeout: 600_000 }, () => {
    let doors: BothDoors;
    let boss: Session;
    let as: Session;

    before(async () => {
      doors = await target.open(SETTINGS);
      boss = await firstAdmin(doors);
      as = await anotherOwner(doors, boss);
    });
    after(() => doors?.close());

    for (const kind of ['x25519', 'mlkem768x25519'] as const) {
      it(`gives a contact with ${kind} what they open, until the key is lost`, async () => {
        const incident = await newIncident(doors, as);
        const stream = await newStream(doors, as, incident);
        const keys = await ageKeys(kind);
        const form = contactKeyForm(keys.recipient, { key_state: undefined, display_label: 'J\u00fcrgen' });
        const { contact_public_key: made } = answers(await post(doors, CONTACT_KEYS, as, form), 201).body;
        const contact = { contactId: made.contact_id, keyId: made.public_key_id, keys };
        const key = `${CONTACT_KEYS}/${contact.keyId}`;
        const verified = { method: 'PATCH', as, body: { key_state: 'active' } };
        const active = answers(await ask(doors, key, verified), 200).body.contact_public_key;
        assert.deepEqual([active.key_state, active.display_label], ['active', 'J\u00fcrgen']);
        const grant = await newGrant(doors, as, incident, contact, { stream_id: stream });
        const mediaKey = randomBytes(32);
        const id = await newWrappedKey(doors, as, incident, contact, grant, {
          stream_id: stream,
          wrapped_key_ciphertext: await wrappedFor([keys.recipient], mediaKey),
          public_wrapping_metadata: { note: '\u20ac' },
        });
        const one = `/v1/wrapped-keys/${id}`;
        const found = answers(await ask(doors, one, { as }), 200).body.wrapped_key;
        assert.deepEqual(found.public_wrapping_metadata, { note: '\u20ac' });
        const decrypter = new Decrypter();
        decrypter.addIdentity(keys.identity);
        const opened = await decrypter.decrypt(Buffer.from(found.wrapped_key_ciphertext, 'base64url'));
        assert.deepEqual(Buffer.from(opened), mediaKey);
        assert.deepEqual(await givenOut(doors, as, incident), [id]);
        answers(await ask(doors, one, { as: boss }), 404, 'wrapped_key_not_found');
        answers(await ask(doors, one, { as, door: 'admin' }), 404, 'not_found');
        answers(await post(doors, `${key}/lost`, as), 200);
        assert.deepEqual(await givenOut(doors, as, incident), []);
        answers(await ask(doors, one, { as }), 404, 'wrapped_key_not_found');
      });
    }

    it('refuses private keys wherever they are pasted', async () => {
      const incident = await newIncident(doors, as);
      const contact = await newContact(doors, as);
      const grant = await newGrant(doors, as, incident, contact);
      const bad = contactKeyForm(contact.keys.identity);
      answers(await post(doors, CONTACT_KEYS, as, bad), 400, 'invalid_public_key');
      const wish = { media_key_id: contact.keys.identity };
      const wrapped = await wrappedKeyForm(contact, grant, wish);
      answers(await post(doors, wrappedOf(incident), as, wrapped), 400, 'invalid_media_key_id');
    });

    it('makes one next version of two that come at the same time', async () => {
      const form = recipientKeyForm((await ageKeys()).recipient);
      const { body } = answers(await post(doors, RECIPIENT_KEYS, as, form), 201);
      const path = `${RECIPIENT_KEYS}/${body.account_recipient_key.recipient_key_id}/replace`;
      const forms = await Promise.all(
        [1, 2].map(async () => {
          const { recipient_type: _, ...next } = recipientKeyForm((await ageKeys()).recipient);
          return next;
        }),
      );
      const all = await Promise.all(forms.map((next) => post(doors, path, as, next)));
      assert.deepEqual(all.map(({ status }) => status).sort(), [201, 409]);
    });
  });
}
