import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MailMessage } from '../../src/core/mail.ts';
import { outboxMailer, sendOutbox } from '../../src/core/outbox.ts';
import { changeKey, keyFits } from '../../src/core/secret-key.ts';
import { openKeyring } from '../../src/crypto/keyring.ts';
import { inHouse, ORIGIN, openHouse } from '../support/house.ts';
import { codeOf, sessionFor, settled } from '../support/people.ts';

const NEXT = new Uint8Array(32).fill(9);

it('recognises the key that a database was made with, and no other', () =>
  inHouse({}, async ({ deps }) => {
    const { secretKey } = deps.store;
    assert.equal(await keyFits(secretKey, deps.keys), true);
    assert.equal(await keyFits(secretKey, openKeyring(NEXT)), false);
    assert.equal(await keyFits(secretKey, deps.keys), true);
  }));

it('changes the key, and an authenticator app goes on working', () =>
  inHouse({}, async (house) => {
    await keyFits(house.deps.store.secretKey, house.deps.keys);
    const person = await settled(house, 'somebody');
    assert.deepEqual(await changeKey(house.deps, house.deps.keys, NEXT), {
      kind: 'changed',
      seeds: 1,
      mails: 0,
      mailsGivenUp: false,
    });
    const after = await openHouse({ data: house.db, clock: house.clock, secret: NEXT });
    assert.equal(await keyFits(after.deps.store.secretKey, after.deps.keys), true);
    const token = await sessionFor(after, person, 'bearer');
    const code = codeOf(after, person.seed ?? '');
    const { status } = await after.main(
      new Request(`${ORIGIN}/v1/account/second-factor/totp/verify`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify({ code }),
      }),
    );
    assert.equal(status, 200);
    const [entry] = await after.deps.store.audit
      .list(undefined, 100)
      .then((all) => all.filter(({ action }) => action === 'secret_key_rotate'));
    assert.equal(entry?.outcome, 'ok');
  }));

it('changes nothing when a seed is missing from the change, is another one, or the key was changed before', () =>
  inHouse({}, async (house) => {
    const { deps } = house;
    await keyFits(deps.store.secretKey, deps.keys);
    for (const name of ['first', 'second']) await settled(house, name);
    const seeds = (await deps.store.accounts.totpSecrets()).map(({ id, sealedSecret }) => ({
      factorId: id,
      was: sealedSecret,
      becomes: new Uint8Array(sealedSecret.length).fill(1),
    }));
    const from = await deps.store.secretKey.settle('0'.repeat(64));
    let entries = 0;
    const change = (list: typeof seeds, was = from) => {
      entries += 1;
      return deps.store.secretKey.change({
        from: was,
        to: '1'.repeat(64),
        seeds: list,
        mails: [],
        audit: {
          id: `aud_01ARZ3NDEKTSV4RRFFQ69G5FA${entries}`,
          at: deps.now(),
          listener: 'local',
          actorKind: 'operator',
          action: 'secret_key_rotate',
          outcome: 'ok',
        },
      });
    };
    assert.equal(await change(seeds.slice(1)), false);
    assert.equal(await change(seeds.map((seed) => ({ ...seed, was: seed.becomes }))), false);
    assert.equal(await change(seeds, '2'.repeat(64)), false);
    assert.equal(await deps.store.secretKey.settle('0'.repeat(64)), from);
    assert.equal(await change(seeds), true);
    assert.equal(await change(seeds), false);
    assert.equal(await deps.store.secretKey.settle('0'.repeat(64)), '1'.repeat(64));
  }));

it('takes mail along that waits to be sent, and says so where that is too much', () =>
  inHouse({}, async (house) => {
    const { deps } = house;
    await keyFits(deps.store.secretKey, deps.keys);
    const message = (n: number) => ({ to: `reader-${n}@example.org`, subject: 'a subject', text: 'a text' });
    for (let n = 0; n < 3; n += 1) await outboxMailer(deps).send(message(n));
    // Sealed by somebody else, it could not have been sent anyway.
    await outboxMailer({ ...deps, keys: openKeyring(new Uint8Array(32).fill(3)) }).send(message(3));
    const outcome = await changeKey(deps, deps.keys, NEXT);
    assert.deepEqual(outcome, { kind: 'changed', seeds: 0, mails: 3, mailsGivenUp: true });
    const sent: MailMessage[] = [];
    const mailer = { send: async (mail: MailMessage) => void sent.push(mail) };
    const round = await sendOutbox({ ...deps, keys: openKeyring(NEXT), mailer });
    assert.deepEqual(round, { sent: 3, putOff: 0, givenUp: 0 });
    assert.deepEqual(
      sent.map(({ to }) => to).sort(),
      [0, 1, 2].map((n) => message(n).to),
    );

    for (let n = 0; n < 205; n += 1)
      await outboxMailer({ ...deps, keys: openKeyring(NEXT) }).send(message(n));
    const other = new Uint8Array(32).fill(11);
    const second = await changeKey(deps, openKeyring(NEXT), other);
    assert.deepEqual(second, { kind: 'changed', seeds: 0, mails: 200, mailsGivenUp: true });
    assert.equal((await sendOutbox({ ...deps, keys: openKeyring(other), mailer })).sent, 200);
  }));
