/** Wrapped keys through the main door: what is kept, what is refused, and when nothing is given out any more. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { Decrypter, Encrypter } from 'age-encryption';
import { type Answer, answers, ask, post, type Session } from '../support/ask.ts';
import {
  auditOf,
  inEvidence,
  newIncident,
  newStream,
  outcomesOf,
  ownerIn,
  setDeletionState,
} from '../support/evidence.ts';
import type { House } from '../support/house.ts';
import {
  ageKeys,
  CONTACT_KEYS,
  type Contact,
  contactKeyForm,
  givenOut,
  KEY_MATERIAL,
  newContact,
  newGrant,
  newWrappedKey,
  wrappedFor,
  wrappedKeyForm,
  wrappedOf,
} from '../support/sharing.ts';

const iso = (ms: number) => new Date(ms).toISOString();
const one = (id: string) => `/v1/wrapped-keys/${id}`;
const revoke = (house: House, as: Session, id: string) => post(house, `${one(id)}/revoke`, as);
const HOUR = 60 * 60 * 1000;

interface Scene {
  readonly incident: string;
  readonly stream: string;
  readonly contact: Contact;
  readonly grant: string;
}

/** A house in which an incident with a stream is granted to a contact. */
const granted = (
  use: (house: House, as: Session, scene: Scene) => Promise<void>,
  wish: (house: House) => object = () => ({}),
) =>
  inEvidence({}, async (house, as) => {
    const incident = await newIncident(house, as);
    const stream = await newStream(house, as, incident);
    const contact = await newContact(house, as);
    const grant = await newGrant(house, as, incident, contact, wish(house));
    await use(house, as, { incident, stream, contact, grant });
  });

describe('bringing a wrapped key', () => {
  it('answers it as it came, and the contact opens it', () =>
    inEvidence({}, async (house, as, { person }) => {
      const incident = await newIncident(house, as);
      const stream = await newStream(house, as, incident);
      const contact = await newContact(house, as);
      const grant = await newGrant(house, as, incident, contact);
      const mediaKey = randomBytes(32);
      const wrapped = await wrappedFor([contact.keys.recipient], mediaKey);
      const metadata = { format: 'sallyport', parts: [1, 2.5, null, true, { note: '\u20ac' }] };
      const form = await wrappedKeyForm(contact, grant, {
        stream_id: stream,
        media_key_id: ' audio ',
        wrapped_key_ciphertext: wrapped,
        public_wrapping_metadata: metadata,
      });
      const { wrapped_key: made } = answers(await post(house, wrappedOf(incident), as, form), 201).body;
      const { wrapped_key_id, ...rest } = made;
      assert.match(wrapped_key_id, /^wkey_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
      const now = iso(house.clock.now());
      assert.deepEqual(rest, {
        owner_account_id: person.account.id,
        incident_id: incident,
        stream_id: stream,
        grant_id: grant,
        recipient_type: 'trusted_contact',
        contact_id: contact.contactId,
        contact_public_key_id: contact.keyId,
        contact_public_key_version: 1,
        media_key_id: 'audio',
        wrapping_algorithm: 'age-v1',
        wrapping_algorithm_version: '1',
        wrapped_key_ciphertext: wrapped,
        public_wrapping_metadata: metadata,
        wrapped_key_state: 'active',
        created_at: now,
        updated_at: now,
      });
      const found = answers(await ask(house, one(wrapped_key_id), { as }), 200).body.wrapped_key;
      assert.deepEqual(found, made);
      const decrypter = new Decrypter();
      decrypter.addIdentity(contact.keys.identity);
      const opened = await decrypter.decrypt(Buffer.from(found.wrapped_key_ciphertext, 'base64url'));
      assert.deepEqual(Buffer.from(opened), mediaKey);
      assert.deepEqual(await auditOf(house, 'wrapped_key_create'), [
        { outcome: 'ok', incidentId: incident, subjectId: wrapped_key_id },
      ]);
    }));

  it('takes a file for a hybrid recipient, and one for several', () =>
    granted(async (house, as, { incident, contact, grant }) => {
      const hybrid = await ageKeys('mlkem768x25519');
      for (const recipients of [[hybrid.recipient], [contact.keys.recipient, (await ageKeys()).recipient]]) {
        const wrapped_key_ciphertext = await wrappedFor(recipients);
        await newWrappedKey(house, as, incident, contact, grant, { wrapped_key_ciphertext });
      }
    }));

  it('takes nothing but one whole binary age file for recipients, in the one spelling of base64url', () =>
    granted(async (house, as, { incident, contact, grant }) => {
      const good = await wrappedFor([contact.keys.recipient]);
      const file = Buffer.from(good, 'base64url');
      const spelled = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64url');
      const passphrase = new Encrypter();
      passphrase.setPassphrase('not a real one');
      passphrase.setScryptWorkFactor(2);
      const text = file.toString('latin1');
      const [header = ''] = /^[\s\S]*\n--- [^\n]+\n/.exec(text) ?? [];
      const grease = header.replace(/-> X25519 [^\n]+\n[^\n]+\n/, '-> some-grease\n\n');
      const latin = (changed: string) => Buffer.from(changed, 'latin1').toString('base64url');
      const payload = text.slice(header.length);
      const padded = file.toString('base64');
      for (const wrapped_key_ciphertext of [
        ...[undefined, null, '', 5, {}, [good], true, 'AAAA', 'x'.repeat(16_385), 'A'.repeat(60_000)],
        ...[`${good}=`, `${good}A===`, ` ${good}`, `${good}\n`, `${good.slice(0, 9)} ${good.slice(9)}`],
        // The other alphabet, even where chance left its two letters out.
        padded.includes('+') || padded.includes('/') ? padded : `${padded}+`,
        spelled(file.subarray(1)),
        spelled(header),
        latin(header + payload.slice(0, 31)),
        spelled('-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n'),
        spelled(await passphrase.encrypt(randomBytes(32))),
        latin(`${header.replace('-> X25519', '-> scrypt')}${payload}`),
        latin(`${header.replace('\n-> X25519', '\n-> scrypt AAAA 18\n\n-> X25519')}${payload}`),
        latin(grease + payload),
        latin(`${header.replace('v1', 'v2')}${payload}`),
        latin(header + contact.keys.identity.padEnd(80, '\n')),
        latin(header + contact.keys.identity.toLowerCase().padEnd(80, '\n')),
        latin(`${header.replace('\n-> X25519', '\n-> raw_media_key x\n\n-> X25519')}${payload}`),
        ...[contact.keys.identity, spelled(contact.keys.identity), spelled(randomBytes(32)), ...KEY_MATERIAL],
      ]) {
        const form = await wrappedKeyForm(contact, grant, { wrapped_key_ciphertext });
        const answer = await post(house, wrappedOf(incident), as, form);
        answers(answer, 400, 'invalid_wrapped_key_ciphertext');
        assert.ok(!answer.text.includes(contact.keys.identity));
      }
      assert.deepEqual(await givenOut(house, as, incident), []);
      assert.ok(!JSON.stringify(house.log).includes(contact.keys.identity));
    }));

  it('takes a ciphertext of 16384 characters and not of one more', () =>
    granted(async (house, as, { incident, contact, grant }) => {
      const fits = async (size: number) => wrappedFor([contact.keys.recipient], new Uint8Array(size));
      const overhead = Buffer.from(await fits(0), 'base64url').length;
      const wrapped_key_ciphertext = await fits(12_288 - overhead);
      assert.equal(wrapped_key_ciphertext.length, 16_384);
      await newWrappedKey(house, as, incident, contact, grant, { wrapped_key_ciphertext });
      const form = await wrappedKeyForm(contact, grant, {
        wrapped_key_ciphertext: await fits(12_289 - overhead),
      });
      answers(await post(house, wrappedOf(incident), as, form), 400, 'invalid_wrapped_key_ciphertext');
    }));

  it('takes public metadata that is one object within its bounds, and names no secret anywhere', () =>
    granted(async (house, as, { incident, contact, grant }) => {
      const bring = async (public_wrapping_metadata: unknown) =>
        post(
          house,
          wrappedOf(incident),
          as,
          await wrappedKeyForm(contact, grant, { public_wrapping_metadata }),
        );
      const nested = (depth: number) => {
        let value: unknown = {};
        for (let i = 1; i < depth; i += 1) value = { a: value };
        return value;
      };
      for (const good of [
        ...[{}, { a: 'x'.repeat(4096 - 8) }, { key_id: 'public', algorithm: 'age' }, nested(16)],
        JSON.parse('{"__proto__": {"a": 1}, "constructor": 5}'),
      ]) {
        const { wrapped_key } = answers(await bring(good), 201).body;
        assert.equal(JSON.stringify(wrapped_key.public_wrapping_metadata), JSON.stringify(good));
      }
      assert.equal('public_wrapping_metadata' in answers(await bring(null), 201).body.wrapped_key, false);
      for (const bad of [
        ...[[], 'x', '{}', 5, true, { a: 'x'.repeat(4096 - 7) }, { a: '\u20ac'.repeat(1400) }, nested(17)],
        ...[{ a: '\ud800' }, { '\ud800': 1 }],
        ...KEY_MATERIAL.flatMap((text) => [{ [text]: 1 }, { a: text }, { a: [{ b: `x ${text} y` }] }]),
        ...[{ a: [{ [KEY_MATERIAL[0] ?? '']: null }] }],
      ])
        answers(await bring(bad), 400, 'invalid_public_wrapping_metadata');
      const form = JSON.stringify(await wrappedKeyForm(contact, grant, { public_wrapping_metadata: 0 }));
      for (const [raw, code] of [
        [`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, 'invalid_public_wrapping_metadata'],
        [`${'{"a":'.repeat(8_000)}1${'}'.repeat(8_000)}`, 'invalid_public_wrapping_metadata'],
        ['{"a":1e999}', 'invalid_public_wrapping_metadata'],
        ['{"a":NaN}', 'invalid_json'],
      ] as const) {
        const sent = form.replace('"public_wrapping_metadata":0', `"public_wrapping_metadata":${raw}`);
        answers(await post(house, wrappedOf(incident), as, sent), 400, code);
      }
    }));

  it('refuses each other field that is not of its shape', () =>
    granted(async (house, as, { incident, contact, grant }) => {
      const refuses = async (code: string, name: string, values: readonly unknown[]) => {
        for (const value of values) {
          const form = { ...(await wrappedKeyForm(contact, grant)), [name]: value };
          answers(await post(house, wrappedOf(incident), as, form), 400, code);
        }
      };
      await refuses('invalid_grant_id', 'grant_id', [undefined, null, '', ' ', 5, {}, []]);
      await refuses('invalid_media_key_id', 'media_key_id', [
        ...[undefined, null, '', ' ', 5, {}, 'x'.repeat(256), 'a\nb', '\ud800', ...KEY_MATERIAL],
      ]);
      await refuses('invalid_wrapping_algorithm', 'wrapping_algorithm', [undefined, '', 'age', 'age-v2', 1]);
      await refuses('invalid_wrapping_algorithm_version', 'wrapping_algorithm_version', [
        ...[undefined, null, '', '2', '01', 1, {}],
      ]);
      await refuses('invalid_json', 'media_key', ['x']);
      await refuses('invalid_json', 'wrapped_key_id', ['x']);
      answers(await ask(house, wrappedOf(incident), { as, method: 'POST' }), 400, 'invalid_json');
      assert.deepEqual(await outcomesOf(house, 'wrapped_key_create'), []);
    }));

  it('needs a grant and a stream of that incident', () =>
    granted(async (house, as, { incident, contact, grant }) => {
      const other = await ownerIn(house, 'somebody-else');
      const elsewhere = await newIncident(house, as);
      const theirs = await newIncident(house, other.as);
      const bodies = new Set<string>();
      const malformed = ['', ' ', 'x', '\ud800', 5, true, {}, [], 'x'.repeat(5000)];
      for (const wish of [
        { grant_id: await newGrant(house, as, elsewhere, contact) },
        { grant_id: await newGrant(house, other.as, theirs, await newContact(house, other.as)) },
        { grant_id: 'sgr_01ARZ3NDEKTSV4RRFFQ69G5FAV' },
        { grant_id: 'x' },
        { grant_id: '\ud800' },
        { stream_id: await newStream(house, as, elsewhere) },
        { stream_id: await newStream(house, other.as, theirs) },
        ...malformed.map((stream_id) => ({ stream_id })),
      ]) {
        const body = await wrappedKeyForm(contact, grant, wish);
        const answer = await ask(house, wrappedOf(incident), {
          as,
          body,
          headers: { 'x-request-id': 'here' },
        });
        bodies.add(answers(answer, 404, 'wrapped_key_dependency_not_found').text);
      }
      assert.equal(bodies.size, 1);
      assert.deepEqual(await outcomesOf(house, 'wrapped_key_create'), []);
    }));

  it('is not allowed beyond the grant', () =>
    granted(async (house, as, { incident, stream, contact }) => {
      const until = iso(house.clock.now() + HOUR);
      const streamOnly = await newGrant(house, as, incident, contact, { stream_id: stream });
      const metadata = await newGrant(house, as, incident, contact, { data_class: 'metadata' });
      const short = await newGrant(house, as, incident, contact, { expires_at: until });
      const revoked = await newGrant(house, as, incident, contact);
      answers(await post(house, `/v1/sharing-grants/${revoked}/revoke`, as), 200);
      const second = await newStream(house, as, incident, { media_type: 'video' });
      const bring = async (grant: string, wish: object = {}) =>
        post(house, wrappedOf(incident), as, await wrappedKeyForm(contact, grant, wish));
      const refused = 'wrapped_key_grant_not_authorized';
      answers(await bring(streamOnly), 409, refused);
      answers(await bring(streamOnly, { stream_id: second }), 409, refused);
      answers(await bring(streamOnly, { stream_id: stream }), 201);
      answers(await bring(metadata), 409, refused);
      answers(await bring(revoked), 409, refused);
      house.clock.advance(HOUR - 1);
      answers(await bring(short), 201);
      house.clock.advance(1);
      answers(await bring(short), 409, refused);
    }));

  it('is kept once, however many bring it at the same time', () =>
    granted(async (house, as, { incident, stream, contact, grant }) => {
      const same = { stream_id: stream, media_key_id: 'the key' };
      const forms = await Promise.all(Array.from({ length: 6 }, () => wrappedKeyForm(contact, grant, same)));
      const all = await Promise.all(forms.map((form) => post(house, wrappedOf(incident), as, form)));
      assert.deepEqual(all.map(({ status }) => status).sort(), [201, ...Array(5).fill(409)]);
      for (const { status, code } of all) if (status === 409) assert.equal(code, 'wrapped_key_duplicate');
      const [kept = ''] = await givenOut(house, as, incident);
      answers(await revoke(house, as, kept), 200);
      const again = await wrappedKeyForm(contact, grant, same);
      answers(await post(house, wrappedOf(incident), as, again), 409, 'wrapped_key_duplicate');
    }));

  it('works after the incident was closed, and not while it is deleted, when reading goes on', () =>
    granted(async (house, as, { incident, contact, grant }) => {
      answers(await post(house, `/v1/incidents/${incident}/close`, as), 200);
      const id = await newWrappedKey(house, as, incident, contact, grant);
      await setDeletionState(house, incident, 'deleting');
      const form = await wrappedKeyForm(contact, grant);
      answers(await post(house, wrappedOf(incident), as, form), 409, 'incident_deleting');
      assert.deepEqual(await givenOut(house, as, incident), [id]);
      answers(await revoke(house, as, id), 200);
      assert.deepEqual(await outcomesOf(house, 'wrapped_key_create'), ['conflict', 'ok']);
    }));
});

describe('a wrapped key is given out no more, at once', () => {
  const key = (scene: Scene) => `${CONTACT_KEYS}/${scene.contact.keyId}`;
  const stops: Readonly<Record<string, (house: House, as: Session, scene: Scene) => Promise<unknown>>> = {
    'when its grant is revoked': (house, as, { grant }) =>
      post(house, `/v1/sharing-grants/${grant}/revoke`, as),
    'when its grant expires': async (house) => house.clock.advance(HOUR),
    'when its contact key is revoked': (house, as, scene) => post(house, `${key(scene)}/revoke`, as),
    'when its contact key is lost': (house, as, scene) => post(house, `${key(scene)}/lost`, as),
    'when its contact key is replaced': async (house, as, scene) =>
      post(house, `${key(scene)}/replace`, as, contactKeyForm((await ageKeys()).recipient)),
    'when its contact gets another key': (house, as, { contact }) =>
      newContact(house, as, { contact_id: contact.contactId }),
    'when its contact key counts as unverified': (house, as, scene) =>
      ask(house, key(scene), { method: 'PATCH', as, body: { key_state: 'pending_verification' } }),
    'when its incident is gone': (house, _as, { incident }) => setDeletionState(house, incident, 'deleted'),
  };
  for (const [when, stop] of Object.entries(stops)) {
    it(when, () =>
      granted(
        async (house, as, scene) => {
          const { incident, contact, grant } = scene;
          const id = await newWrappedKey(house, as, incident, contact, grant);
          answers(await ask(house, one(id), { as }), 200);
          assert.deepEqual(await givenOut(house, as, incident), [id]);
          await stop(house, as, scene);
          answers(await ask(house, one(id), { as }), 404, 'wrapped_key_not_found');
          if (when.includes('gone')) {
            answers(await ask(house, wrappedOf(incident), { as }), 404, 'incident_not_found');
            answers(await revoke(house, as, id), 404, 'wrapped_key_not_found');
            return;
          }
          assert.deepEqual(await givenOut(house, as, incident), []);
          const form = await wrappedKeyForm(contact, grant);
          assert.notEqual((await post(house, wrappedOf(incident), as, form)).status, 201);
          const revoked = answers(await revoke(house, as, id), 200).body;
          assert.equal(revoked.wrapped_key.wrapped_key_state, 'revoked');
          house.clock.advance(1000);
          assert.deepEqual(answers(await revoke(house, as, id), 200).body, revoked);
        },
        (house) => ({ expires_at: iso(house.clock.now() + HOUR) }),
      ),
    );
  }

  it('when it is revoked itself, and the others go on', () =>
    granted(async (house, as, { incident, contact, grant }) => {
      const ids: string[] = [];
      for (let i = 0; i < 3; i += 1) {
        house.clock.advance(1);
        ids.push(await newWrappedKey(house, as, incident, contact, grant));
      }
      const [first = '', ...others] = ids;
      house.clock.advance(1000);
      const { wrapped_key: revoked } = answers(await revoke(house, as, first), 200).body;
      assert.deepEqual(
        [revoked.wrapped_key_id, revoked.wrapped_key_state, revoked.revoked_at],
        [first, 'revoked', iso(house.clock.now())],
      );
      assert.deepEqual(await givenOut(house, as, incident), others);
      assert.deepEqual(await auditOf(house, 'wrapped_key_revoke'), [
        { outcome: 'ok', incidentId: incident, subjectId: first },
      ]);
      answers(await post(house, `${one(first)}/revoke`, as, { x: 1 }), 400, 'invalid_json');
    }));
});

describe('the list of wrapped keys', () => {
  it('comes page by page, each full of what is given out, a hundred at most', () =>
    granted(async (house, as, { incident, contact, grant }) => {
      const wrapped_key_ciphertext = await wrappedFor([contact.keys.recipient]);
      const ids: string[] = [];
      for (let i = 0; i < 103; i += 1) {
        house.clock.advance(1);
        ids.push(await newWrappedKey(house, as, incident, contact, grant, { wrapped_key_ciphertext }));
      }
      answers(await revoke(house, as, ids.shift() ?? ''), 200);
      const sizes: number[] = [];
      const found: string[] = [];
      for (let next: string | undefined = `${wrappedOf(incident)}?limit=500`; next !== undefined; ) {
        const page: Answer = answers(await ask(house, next, { as }), 200);
        const keys = page.body.wrapped_keys as { wrapped_key_id: string }[];
        sizes.push(keys.length);
        found.push(...keys.map(({ wrapped_key_id }) => wrapped_key_id));
        next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      }
      assert.deepEqual(sizes, [100, 2]);
      assert.deepEqual(found, ids);
      answers(await ask(house, `${wrappedOf(incident)}?limit=x`, { as }), 400, 'invalid_limit');
      answers(await ask(house, `${wrappedOf(incident)}?after=${grant}`, { as }), 400, 'invalid_cursor');
    }));
});
