/** Wrong codes and failed logins are counted, and everything that has expired is forgotten. */
import assert from 'node:assert/strict';
import {
  type AccountIt,
  type AccountStores,
  accountId,
  accountOf,
  audit,
  both,
  challengeOf,
  DAY,
  HOUR,
  hashOf,
  isLive,
  LIMITS,
  login,
  MINUTE,
  NOW,
  outcomes,
  phcOf,
  sessionId,
  sessionOf,
  someone,
  verificationOf,
} from './account-room.ts';

async function wrong({ accounts }: AccountStores, of: number, session: number, now = NOW): Promise<boolean> {
  const entry = audit('factor_verify', { outcome: 'denied', subjectAccountId: accountId(of) });
  return (await accounts.recordWrongCode(accountId(of), sessionId(session), now, LIMITS, entry))
    .sessionRevoked;
}

const KEY = hashOf(7);
const WINDOW = 15 * MINUTE;

export function guessing(it: AccountIt): void {
  it('ends a session with its fifth wrong code, and no other', async (subject) => {
    await someone(subject, 1);
    await login(subject, 2, 1);
    const ended: boolean[] = [];
    for (let n = 0; n < 6; n += 1) {
      ended.push(await wrong(subject, 1, 1, NOW + n * HOUR));
      if (n === 3) assert.equal(await isLive(subject, 1, NOW + n * HOUR), true);
    }
    assert.deepEqual(ended, [false, false, false, false, true, false]);
    assert.equal(await isLive(subject, 1), false);
    assert.equal(await isLive(subject, 2), true);
    assert.equal((await outcomes(subject)).filter((row) => row === 'factor_verify denied').length, 6);
  });

  it('ends a session with five wrong codes at once over two connections', async (subject) => {
    await someone(subject, 1);
    const stores = both(subject);
    const ended = await Promise.all(
      Array.from({ length: 5 }, (_, n) => wrong(stores[n % 2 === 0 ? 0 : 1], 1, 1)),
    );
    assert.equal(ended.filter(Boolean).length, 1);
    assert.equal(await isLive(subject, 1), false);
  });

  it('pauses an account with its tenth wrong code of any session, until the window ends', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 2);
    for (const n of [11, 12, 13]) await login(subject, n, 1);
    const pausedUntil = (now: number) => accounts.verificationPausedUntil(accountId(1), now);
    for (let n = 0; n < 9; n += 1) await wrong(subject, 1, 11 + (n % 3), NOW + n * MINUTE);
    assert.equal(await pausedUntil(NOW + 9 * MINUTE), undefined);
    await wrong(subject, 1, 13, NOW + 9 * MINUTE);
    assert.equal(await pausedUntil(NOW + 9 * MINUTE), NOW + WINDOW);
    // Those that come meanwhile prolong nothing.
    await wrong(subject, 1, 13, NOW + 14 * MINUTE);
    assert.equal(await pausedUntil(NOW + WINDOW - 1), NOW + WINDOW);
    assert.equal(await pausedUntil(NOW + WINDOW), undefined);
    assert.equal(await accounts.verificationPausedUntil(accountId(2), NOW), undefined);
    await wrong(subject, 1, 13, NOW + WINDOW);
    assert.equal(await pausedUntil(NOW + WINDOW), undefined);
  });

  it('starts counting anew when a window ends', async (subject) => {
    await someone(subject, 1);
    for (let n = 0; n < 9; n += 1) await wrong(subject, 1, 9);
    for (let n = 0; n < 9; n += 1) await wrong(subject, 1, 9, NOW + WINDOW);
    assert.equal(await subject.accounts.verificationPausedUntil(accountId(1), NOW + WINDOW), undefined);
    await wrong(subject, 1, 9, NOW + WINDOW + 1);
    const until = await subject.accounts.verificationPausedUntil(accountId(1), NOW + WINDOW + 1);
    assert.equal(until, NOW + 2 * WINDOW);
  });

  it('counts no wrong code against the session of somebody else', async (subject) => {
    await someone(subject, 1);
    await someone(subject, 2);
    for (let n = 0; n < 5; n += 1) assert.equal(await wrong(subject, 2, 1), false);
    assert.equal(await isLive(subject, 1), true);
  });

  it('counts failed logins of a name in a window, whether anybody has it or not', async (subject) => {
    const { accounts } = subject;
    const fail = (now: number, entry = audit('login', { outcome: 'denied' })) =>
      accounts.recordLoginFailure(KEY, now, WINDOW, entry);
    assert.equal(await accounts.loginFailures(KEY, NOW, WINDOW), 0);
    assert.deepEqual([await fail(NOW), await fail(NOW + 1), await fail(NOW + WINDOW - 1)], [1, 2, 3]);
    assert.equal(await accounts.loginFailures(KEY, NOW + WINDOW - 1, WINDOW), 3);
    assert.equal(await accounts.loginFailures(hashOf(8), NOW, WINDOW), 0);
    assert.equal(await accounts.loginFailures(KEY, NOW + WINDOW, WINDOW), 0);
    assert.equal(await fail(NOW + WINDOW), 1);
    await accounts.clearLoginFailures(KEY);
    assert.equal(await accounts.loginFailures(KEY, NOW + WINDOW, WINDOW), 0);
    const rows = async () => (await outcomes(subject)).filter((row) => row === 'login denied').length;
    assert.equal(await rows(), 3, 'the third failure is not worth a row');
    await someone(subject, 1);
    for (let n = 0; n < 3; n += 1) {
      await fail(NOW + n, audit('login', { outcome: 'denied', subjectAccountId: accountId(1) }));
    }
    assert.equal(await rows(), 5, 'nor is it of a name that somebody has: rows take time, which tells');
  });

  it('loses no failed login of many at once', async (subject) => {
    const stores = both(subject);
    const entry = () => audit('login', { outcome: 'denied' });
    const counts = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        stores[n % 2 === 0 ? 0 : 1].accounts.recordLoginFailure(KEY, NOW, WINDOW, entry()),
      ),
    );
    assert.deepEqual(
      counts.toSorted((a, b) => a - b),
      Array.from({ length: 20 }, (_, n) => n + 1),
    );
  });
}

export function forgetting(it: AccountIt): void {
  const rowsOf = async ({ db }: Parameters<Parameters<AccountIt>[1]>[0], table: string) =>
    Number((await db.batch([{ sql: `SELECT count(*) FROM ${table}` }], 'read'))[0]?.rows[0]?.[0]);

  it('forgets sessions a day after they ended, and none before', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await login(subject, 2, 1);
    await accounts.revokeSession(sessionId(2), NOW + HOUR, audit('logout'));
    const left = async (now: number) => {
      assert.equal(await accounts.sweep(now, 100), true);
      return rowsOf(subject, 'sessions');
    };
    assert.equal(await left(NOW + HOUR + DAY - 1), 2);
    assert.equal(await left(NOW + HOUR + DAY), 1);
    assert.equal(await left(NOW + 12 * HOUR + DAY - 1), 1);
    assert.equal(await left(NOW + 12 * HOUR + DAY), 0);
  });

  it('forgets codes, ceremonies, tokens and counts that have expired, and keeps the others', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 2);
    const ceremony = { kind: 'verify', rpId: 'example.org', challenge: 'c', createdAt: NOW } as const;
    for (const n of [1, 2]) {
      const expiresAt = NOW + n * MINUTE;
      const limits = { ...LIMITS, windowMs: n * MINUTE };
      const own = { accountId: accountId(n), sessionId: sessionId(n) };
      await accounts.challengeEmail(challengeOf(50 + n, n, { expiresAt }), true, audit('factor_challenge'));
      await accounts.startCeremony(
        { id: `sfc_${n}`, ...ceremony, ...own, expiresAt },
        audit('factor_challenge'),
      );
      await accounts.recordWrongCode(own.accountId, own.sessionId, NOW, limits, audit('factor_verify'));
      await accounts.recordLoginFailure(hashOf(n), NOW, n * MINUTE, audit('login'));
      const account = accountOf(20 + n, { email: `user${n}@example.org` });
      await accounts.register(account, verificationOf(n, account, { expiresAt }), audit('register'));
    }
    const tables = ['email_challenges', 'ceremonies', 'wrong_codes', 'login_failures', 'email_verifications'];
    const left = () => Promise.all(tables.map((table) => rowsOf(subject, table)));
    assert.equal(await accounts.sweep(NOW + MINUTE - 1, 100), true);
    assert.deepEqual(await left(), [2, 2, 2, 2, 2]);
    assert.equal(await accounts.sweep(NOW + MINUTE, 100), true);
    assert.deepEqual(await left(), [1, 1, 1, 1, 1]);
    assert.equal(await accounts.sweep(NOW + 2 * MINUTE, 100), true);
    assert.deepEqual(await left(), [0, 0, 0, 0, 0]);
    assert.equal(await isLive(subject, 1), true);
    assert.equal((await accounts.counts()).accounts, 4);
  });

  it('forgets a registration that nobody proved a week after it was last asked for', async (subject) => {
    const { accounts } = subject;
    const account = accountOf(1, { email: 'one@example.org' });
    const ask = (n: number, createdAt: number) =>
      accounts.register(
        account,
        verificationOf(n, account, { createdAt, expiresAt: createdAt + DAY }),
        audit('register'),
      );
    await ask(1, NOW);
    await ask(2, NOW + DAY);
    await someone(subject, 2);
    await accounts.sweep(NOW + 8 * DAY - 1, 100);
    assert.equal((await accounts.counts()).accounts, 2);
    await accounts.sweep(NOW + 8 * DAY, 100);
    assert.deepEqual(
      (await accounts.list(undefined, 10)).map(({ id }) => id),
      [accountId(2)],
    );
    assert.equal((await ask(3, NOW + 8 * DAY)).kind, 'created');
  });

  it('keeps an unproven registration while one of its tokens lives', async ({ accounts }) => {
    const account = accountOf(1, { email: 'one@example.org' });
    const long = verificationOf(1, account, { expiresAt: NOW + 30 * DAY });
    await accounts.register(account, long, audit('register'));
    await accounts.sweep(NOW + 10 * DAY, 100);
    assert.equal(
      (await accounts.verifyEmail(hashOf(1), NOW + 10 * DAY, audit('email_verify')))?.id,
      account.id,
    );
  });

  it('forgets at most as many as it is told at once, and says whether that was all', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    for (let n = 2; n <= 5; n += 1) {
      await accounts.openSession(sessionOf(n, 1), phcOf('password1'), audit('login'));
    }
    const later = NOW + 3 * DAY;
    assert.equal(await accounts.sweep(later, 2), false);
    assert.equal(await rowsOf(subject, 'sessions'), 3);
    assert.equal(await accounts.sweep(later, 2), false);
    assert.equal(await accounts.sweep(later, 2), true);
    assert.equal(await rowsOf(subject, 'sessions'), 0);
  });
}
