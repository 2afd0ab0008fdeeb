/** Sessions: opened by a password that still is the right one, live until something ends them. */
import assert from 'node:assert/strict';
import {
  type AccountIt,
  accountId,
  audit,
  both,
  DAY,
  HOUR,
  hashOf,
  isLive,
  login,
  NOW,
  outcomes,
  phcOf,
  proofOf,
  sessionId,
  sessionOf,
  someone,
  withTotp,
} from './account-room.ts';

export function openingSessions(it: AccountIt): void {
  it('finds a live session with its account and its active factors', async (subject) => {
    const { accounts } = subject;
    const { phc: _, ...account } = await someone(subject, 1, {
      email: 'one@example.org',
      emailVerifiedAt: NOW,
    });
    const { tokenHash: __, ...session } = sessionOf(1);
    assert.deepEqual(await accounts.liveSession(hashOf(1), NOW), { session, account, activeFactors: [] });
    await accounts.enrolTotp(
      accountId(1),
      { id: 'sf_1', sealedSecret: new Uint8Array(4) },
      NOW,
      audit('factor_enrol'),
    );
    assert.deepEqual((await accounts.liveSession(hashOf(1), NOW))?.activeFactors, []);
    await accounts.confirmTotp('sf_1', 7, proofOf(1, 1, 'totp', { now: NOW + 1 }));
    const live = await accounts.liveSession(hashOf(1), NOW + 1);
    assert.deepEqual(live?.activeFactors, ['totp']);
    assert.deepEqual(live?.session, { ...session, verifiedAt: NOW + 1, verifiedMethod: 'totp' });
    assert.equal(live?.account.setup, 'complete');
  });

  it('knows no session by a token that it never gave, and none that expired', async (subject) => {
    await someone(subject, 1);
    assert.equal(await isLive(subject, 2), false);
    assert.equal(await isLive(subject, 1, NOW + 12 * HOUR - 1), true);
    assert.equal(await isLive(subject, 1, NOW + 12 * HOUR), false);
  });

  it('opens none for a password that was changed meanwhile, nor for an account that is not active', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    assert.equal(await accounts.openSession(sessionOf(2, 1), phcOf('older'), audit('login')), false);
    await accounts.setState(accountId(1), 'disabled', NOW, audit('account_disable'));
    assert.equal(await accounts.openSession(sessionOf(2, 1), phcOf('password1'), audit('login')), false);
    for (const [n, state] of (
      ['suspended', 'pending_payment', 'pending_email_verification'] as const
    ).entries()) {
      await someone(subject, 10 + n, { state });
      const right = phcOf(`password${10 + n}`);
      assert.equal(await accounts.openSession(sessionOf(10 + n), right, audit('login')), false);
      assert.equal(await isLive(subject, 10 + n), false);
    }
    const logins = (await outcomes(subject)).filter((row) => row.startsWith('login'));
    assert.deepEqual(logins, ['login ok', ...Array.from({ length: 5 }, () => 'login denied')]);
  });

  it('ends a session once, and writes one row', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await login(subject, 2, 1);
    const [here, there] = both(subject);
    const ended = await Promise.all(
      [here, there, here, there].map((store) =>
        store.accounts.revokeSession(sessionId(1), NOW, audit('logout')),
      ),
    );
    assert.equal(ended.filter(Boolean).length, 1);
    assert.equal(await isLive(subject, 1), false);
    assert.equal(await isLive(subject, 2), true);
    assert.equal(await accounts.revokeSession(sessionId(2), NOW + DAY, audit('logout')), false);
    assert.equal((await outcomes(subject)).filter((row) => row === 'logout ok').length, 1);
  });

  it('ends every session of one account and counts those that were live', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 9);
    for (const n of [2, 3]) await login(subject, n, 1);
    const short = sessionOf(4, 1, { expiresAt: NOW + 1 });
    await accounts.openSession(short, phcOf('password1'), audit('login'));
    await accounts.revokeSession(sessionId(3), NOW, audit('logout'));
    assert.equal(await accounts.revokeSessions(accountId(1), NOW + 1, audit('sessions_revoke')), 2);
    assert.equal(await accounts.revokeSessions(accountId(1), NOW + 1, audit('sessions_revoke')), 0);
    assert.equal(await accounts.revokeSessions(accountId(8), NOW + 1, audit('sessions_revoke')), undefined);
    assert.deepEqual(await Promise.all([1, 2, 3, 4, 9].map((n) => isLive(subject, n))), [
      ...[false, false, false, false],
      true,
    ]);
    const rows = (await outcomes(subject)).filter((row) => row.startsWith('sessions_revoke'));
    assert.deepEqual(rows, ['sessions_revoke ok', 'sessions_revoke ok']);
  });

  it('does not bring back sessions when an account comes back', async (subject) => {
    const { accounts, db } = subject;
    await someone(subject, 1);
    await db.batch([{ sql: `UPDATE accounts SET state = 'suspended'` }], 'write');
    assert.equal(await isLive(subject, 1), false);
    const back = await accounts.setState(accountId(1), 'active', NOW, audit('account_enable'));
    assert.equal(back.kind === 'done' && back.sessionsRevoked, 0);
    assert.equal(await isLive(subject, 1), false);
  });

  it('verifies one session at a time', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await login(subject, 2, 1);
    await withTotp(subject, 1);
    assert.equal((await accounts.liveSession(hashOf(1), NOW))?.session.verifiedMethod, 'totp');
    const second = await accounts.liveSession(hashOf(2), NOW);
    assert.equal(second?.session.verifiedAt, undefined);
    assert.deepEqual(second?.activeFactors, ['totp']);
  });
}
