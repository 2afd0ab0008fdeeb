/**
 * A clock that is set ahead, by an hour and by ten years, and is right again afterwards: what should have ended has,
 * nobody is let in by what was made at the wrong time, and nobody is kept out until it comes.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sendOutbox } from '../../src/core/outbox.ts';
import { sha256Hex } from '../runtimes/pastes/options.ts';
import { DIFFICULTY, work } from '../runtimes/pastes/working.ts';
import { answers, ask, isLive, session, verified } from '../support/ask.ts';
import { created, post as postPaste, raw, refused, somebody, words } from '../support/door.ts';
import { newIncident, newViewerToken, ownerIn } from '../support/evidence.ts';
import { atDoor } from '../support/handler-door.ts';
import { type House, inHouse } from '../support/house.ts';
import { codeOf, settled } from '../support/people.ts';
import { INVALID_TOTP, inMail, verify, withEmail, wrongCode } from './factor-asks.ts';

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;
const LEAPS = [
  ['an hour', HOUR],
  ['ten years', 10 * YEAR],
] as const;
const LEAP = 10 * YEAR;

for (const [name, leap] of LEAPS)
  describe(`after a clock was ${name} ahead`, () => {
    it('codes of TOTP are taken again, and none that was used', () =>
      inHouse({}, async (house) => {
        const person = await settled(house, 'somebody');
        const seed = person.seed ?? '';
        house.clock.advance(leap);
        answers(await verify(house, await session(house, person), codeOf(house, seed)), 200);
        house.clock.advance(-leap);
        const as = await session(house, person);
        const code = codeOf(house, seed);
        answers(await verify(house, as, code), 200);
        answers(await verify(house, await session(house, person), code), 400, INVALID_TOTP);
      }));

    it('the pause after wrong codes is over', () =>
      inHouse({}, async (house) => {
        const person = await settled(house, 'somebody');
        const seed = person.seed ?? '';
        house.clock.advance(leap);
        for (let guessers = 0; guessers < 2; guessers += 1) {
          const as = await session(house, person);
          for (let guess = 0; guess < 5; guess += 1) await verify(house, as, wrongCode(house, seed));
        }
        answers(await verify(house, await session(house, person), codeOf(house, seed)), 429, 'rate_limited');
        house.clock.advance(-leap);
        answers(await verify(house, await session(house, person), codeOf(house, seed)), 200);
      }));

    it('a paste is there as before, one that burned is not, and spent work stays spent', () =>
      atDoor({ env: { SAFE_PASTE_POW_DIFFICULTY: String(DIFFICULTY) } }, async (door, house) => {
        const paste = await created(door, words(), await work(door));
        const burning = await created(door, words(), { ...(await work(door)), 'x-burn-after-read': '1' });
        assert.equal((await raw(door, burning.id)).status, 200);
        const spent = await work(door);
        await created(door, words(), spent);
        house.clock.advance(leap);
        assert.equal((await raw(door, paste.id)).status, leap > 5 * 24 * HOUR ? 404 : 200);
        refused(await postPaste(door, words(), spent), 400, 'pow_invalid');
        const early = await work(door);
        house.clock.advance(-leap);
        assert.equal((await raw(door, paste.id)).status, 200);
        refused(await raw(door, burning.id), 404, 'paste_not_found');
        refused(await postPaste(door, words(), spent), 400, 'pow_invalid');
        refused(await postPaste(door, words(), early), 400, 'pow_invalid');
      }));
  });

describe('after a clock was ten years ahead', () => {
  it('a session of before goes on, and one that was opened then is not good for ten years', () =>
    inHouse({}, async (house) => {
      const person = await settled(house, 'somebody');
      const before = await verified(house, person);
      house.clock.advance(LEAP);
      assert.equal(await isLive(house, before), false);
      const then = await session(house, person);
      assert.equal(await isLive(house, then), true);
      house.clock.advance(-LEAP);
      assert.equal(await isLive(house, before), true);
      assert.equal(await isLive(house, then), false);
    }));

  it('a viewer link of before shows again, and one that was made then is not good for ten years', () =>
    inHouse({}, async (house) => {
      const owner = await ownerIn(house);
      const incidentId = await newIncident(house, owner.as);
      const shows = async (token: string) => (await ask(house, `/i/${token}/data`)).status;
      const before = await newViewerToken(house, owner.as, incidentId);
      assert.equal(await shows(before.token), 200);
      house.clock.advance(LEAP);
      assert.equal(await shows(before.token), 404);
      const then = await newViewerToken(house, await verified(house, owner.person), incidentId);
      assert.equal(await shows(then.token), 200);
      house.clock.advance(-LEAP);
      assert.equal(await shows(before.token), 200);
      assert.equal(await shows(then.token), 404);
    }));

  it('a paste that was locked by wrong passwords is not locked until then', () =>
    atDoor({ env: { SAFE_TRUSTED_PROXIES: '127.0.0.1/32' } }, async (door, { clock }) => {
      const proof = 'a'.repeat(43);
      clock.advance(LEAP);
      const paste = await created(door, words(), { 'x-paste-access-hash': sha256Hex(proof) });
      const who = somebody();
      const guess = (text: string) => raw(door, paste.id, { ...who, 'x-paste-password': text });
      await untilLocked(guess);
      clock.advance(-LEAP);
      assert.equal((await guess(proof)).status, 200);
      // And guesses are counted as ever.
      await untilLocked(guess);
    }));

  it('bytes that were stored too often then may be stored', () =>
    atDoor({ env: { SAFE_PASTE_DEDUP_MAX: '2' } }, async (door, { clock }) => {
      const same = words();
      clock.advance(LEAP);
      await created(door, same);
      await created(door, same);
      refused(await postPaste(door, same), 429, 'duplicate_content');
      clock.advance(-LEAP);
      await created(door, same);
      await created(door, same);
      refused(await postPaste(door, same), 429, 'duplicate_content');
    }));

  it('codes are mailed again', () =>
    inMail(async (house) => {
      await withEmail(house);
      house.clock.advance(LEAP);
      const then = await codesMailed(house);
      house.clock.advance(-LEAP);
      assert.equal(await codesMailed(house), then);
    }));

  it('a mail that waits for another try is sent', () =>
    inHouse({}, async (house) => {
      const { outbox } = house.deps.store;
      const now = house.clock.now();
      const mail = { id: '0'.repeat(32), sealed: new Uint8Array(64), createdAt: now, dueAt: now + LEAP };
      assert.ok(await outbox.add(mail, 10));
      assert.equal((await outbox.due(now, 10)).length, 1);
      // It was sealed with nobody's key: what matters is that it is looked at, and not in ten years.
      assert.equal((await sendOutbox(house.deps)).givenUp, 1);
    }));
});

async function untilLocked(guess: (text: string) => ReturnType<typeof raw>): Promise<void> {
  for (let tries = 0; tries < 60; tries += 1) {
    const { status } = await guess(`wrong ${tries}`);
    if (status === 429) return;
    assert.equal(status, 403);
  }
  assert.fail('was never locked');
}

/** How many codes a fresh session gets mailed before it is told to wait. */
async function codesMailed(house: House): Promise<number> {
  const known = await house.deps.store.accounts.byUsername('somebody');
  assert.ok(known);
  const as = await session(house, { account: known.account, username: 'somebody' });
  const before = house.mail.length;
  for (let tries = 0; tries < 20; tries += 1) {
    const { status } = await ask(house, '/v1/account/second-factor/email/challenge', { as, body: {} });
    if (status === 429) break;
  }
  return house.mail.length - before;
}
