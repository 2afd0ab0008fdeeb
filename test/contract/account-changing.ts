/** Changes of password, state and role, the last admin, and recovery. */
import assert from 'node:assert/strict';
import {
  type AccountIt,
  accountId,
  audit,
  both,
  challengeOf,
  hashOf,
  isLive,
  LIMITS,
  login,
  NOW,
  outcomes,
  passkeyOf,
  phcOf,
  proofOf,
  sessionId,
  someone,
  withTotp,
} from './account-room.ts';

export function changing(it: AccountIt): void {
  it('changes a password that still is the expected one, and ends the other sessions', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    for (const n of [2, 3]) await login(subject, n, 1);
    const change = {
      accountId: accountId(1),
      expected: phcOf('password1'),
      phc: phcOf('new'),
      keepSessionId: sessionId(2),
      now: NOW + 5,
    };
    const done = await accounts.setPassword({ ...change, audit: audit('password_change') });
    assert.equal(done?.sessionsRevoked, 2);
    assert.deepEqual([done?.account.passwordChangedAt, done?.account.updatedAt], [NOW + 5, NOW + 5]);
    assert.equal(await accounts.phcOf(accountId(1)), phcOf('new'));
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => isLive(subject, n))), [false, true, false]);

    const late = await accounts.setPassword({ ...change, phc: phcOf('x'), audit: audit('password_change') });
    assert.equal(late, undefined);
    assert.equal(await accounts.phcOf(accountId(1)), phcOf('new'));
    assert.deepEqual((await outcomes(subject)).slice(-2), ['password_change ok', 'password_change conflict']);
  });

  it('lets one of two simultaneous changes of a password win', async (subject) => {
    await someone(subject, 1);
    const changes = both(subject).map(({ accounts }, n) =>
      accounts.setPassword({
        accountId: accountId(1),
        expected: phcOf('password1'),
        phc: phcOf(`new${n}`),
        keepSessionId: sessionId(1),
        now: NOW,
        audit: audit('password_change'),
      }),
    );
    const done = (await Promise.all(changes)).map((change) => change !== undefined);
    assert.equal(done.filter(Boolean).length, 1);
    assert.equal(await subject.accounts.phcOf(accountId(1)), phcOf(`new${done.indexOf(true)}`));
  });

  it('changes no password for a session that has ended meanwhile', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await accounts.revokeSessions(accountId(1), NOW, audit('sessions_revoke'));
    const change = { accountId: accountId(1), expected: phcOf('password1'), keepSessionId: sessionId(1) };
    const entry = audit('password_change');
    assert.equal(
      await accounts.setPassword({ ...change, phc: phcOf('x'), now: NOW, audit: entry }),
      undefined,
    );
    assert.equal(await accounts.phcOf(accountId(1)), phcOf('password1'));
  });

  it('sets a password as an admin does, ending every session', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await login(subject, 2, 1);
    const change = {
      accountId: accountId(1),
      phc: phcOf('new'),
      now: NOW,
      audit: audit('account_password_reset'),
    };
    assert.equal((await accounts.setPassword(change))?.sessionsRevoked, 2);
    assert.equal(await isLive(subject, 1), false);
    const nobody = { ...change, accountId: accountId(9), audit: audit('account_password_reset') };
    assert.equal(await accounts.setPassword(nobody), undefined);
    assert.equal((await outcomes(subject)).filter((row) => row.startsWith('account_password')).length, 1);
  });

  it('rehashes a password only while it is the same', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    assert.equal(await accounts.rehash(accountId(1), phcOf('password1'), phcOf('stronger')), true);
    assert.equal(await accounts.rehash(accountId(1), phcOf('password1'), phcOf('late')), false);
    assert.equal(await accounts.phcOf(accountId(1)), phcOf('stronger'));
    assert.equal((await accounts.byId(accountId(1)))?.passwordChangedAt, NOW);
    assert.equal(await isLive(subject, 1), true);
  });

  it('disables and enables an account, and says again what is so already', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await login(subject, 2, 1);
    const disable = (now: number) =>
      accounts.setState(accountId(1), 'disabled', now, audit('account_disable'));
    const off = await disable(NOW + 1);
    assert.equal(off.kind === 'done' && off.sessionsRevoked, 2);
    assert.equal(off.kind === 'done' && off.account.state, 'disabled');
    const again = await disable(NOW + 2);
    assert.equal(again.kind === 'done' && again.sessionsRevoked, 0);
    assert.equal(again.kind === 'done' && again.account.updatedAt, NOW + 1);
    assert.deepEqual((await accounts.counts()).disabled, 1);
    const on = await accounts.setState(accountId(1), 'active', NOW + 3, audit('account_enable'));
    assert.equal(on.kind === 'done' && on.account.state, 'active');
    assert.equal(await isLive(subject, 1), false);
    const nobody = await accounts.setState(accountId(9), 'disabled', NOW, audit('account_disable'));
    assert.deepEqual(nobody, { kind: 'account_not_found' });
  });

  it('ends the sessions of an account whose role changes, and only then', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    const same = await accounts.setRole(accountId(1), 'user', NOW, audit('account_role'));
    assert.equal(same.kind === 'done' && same.sessionsRevoked, 0);
    assert.equal(await isLive(subject, 1), true);
    const up = await accounts.setRole(accountId(1), 'admin', NOW, audit('account_role'));
    assert.equal(up.kind === 'done' && up.sessionsRevoked, 1);
    assert.equal(up.kind === 'done' && up.account.role, 'admin');
  });

  it('keeps the last admin who can log in, counting neither disabled ones nor users', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1, { role: 'admin' });
    await someone(subject, 2, { role: 'admin' });
    await someone(subject, 3);
    assert.equal(
      (await accounts.setState(accountId(2), 'disabled', NOW, audit('account_disable'))).kind,
      'done',
    );
    assert.equal(
      (await accounts.setState(accountId(1), 'disabled', NOW, audit('account_disable'))).kind,
      'last_admin',
    );
    assert.equal(
      (await accounts.setRole(accountId(1), 'user', NOW, audit('account_role'))).kind,
      'last_admin',
    );
    assert.equal(await isLive(subject, 1), true);
    assert.equal((await accounts.setRole(accountId(2), 'user', NOW, audit('account_role'))).kind, 'done');
    assert.deepEqual((await outcomes(subject)).slice(-3), [
      'account_disable conflict',
      'account_role conflict',
      'account_role ok',
    ]);
  });

  it('leaves one admin when two act against each other at once', async (subject) => {
    const [here, there] = both(subject);
    for (let round = 0; round < 8; round += 1) {
      const [a, b] = [100 + 2 * round, 101 + 2 * round];
      await subject.db.batch([{ sql: 'DELETE FROM accounts' }], 'write');
      await someone(subject, a, { role: 'admin' });
      await someone(subject, b, { role: 'admin' });
      const kinds = await Promise.all([
        here.accounts.setRole(accountId(a), 'user', NOW, audit('account_role')),
        there.accounts.setState(accountId(b), 'disabled', NOW, audit('account_disable')),
      ]);
      assert.deepEqual(kinds.map(({ kind }) => kind).toSorted(), ['done', 'last_admin']);
    }
  });
}

export function recovering(it: AccountIt): void {
  it('takes every factor, challenge and session away and leaves the password', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await login(subject, 2, 1);
    await someone(subject, 9);
    await withTotp(subject, 9);
    await withTotp(subject, 1);
    await accounts.challengeEmail(challengeOf(50, 1), true, audit('factor_challenge'));
    await accounts.addPasskey(passkeyOf(60, 1), proofOf(1, 1, 'webauthn'));
    await accounts.addPasskey(passkeyOf(61, 1), proofOf(1, 1, 'webauthn'));
    for (let n = 0; n < LIMITS.perAccount; n += 1) {
      await accounts.recordWrongCode(accountId(1), sessionId(7), NOW, LIMITS, audit('factor_verify'));
    }
    const entry = audit('recovery_reset', { subjectAccountId: accountId(1) });
    const done = await accounts.resetFactors(accountId(1), NOW + 5, entry);
    assert.deepEqual(done && { ...done, account: done.account.setup }, {
      emailFactors: 1,
      totpFactors: 1,
      passkeys: 2,
      sessionsRevoked: 2,
      previousSetup: 'complete',
      account: 'setup_required',
    });
    assert.equal(await accounts.emailFactor(accountId(1)), undefined);
    assert.equal(await accounts.totpFactor(accountId(1)), undefined);
    assert.deepEqual(await accounts.passkeys(accountId(1)), []);
    assert.equal(await accounts.knowsEmailCode(hashOf(50), accountId(1)), false);
    assert.equal(await accounts.verificationPausedUntil(accountId(1), NOW + 5), undefined);
    assert.deepEqual(await Promise.all([1, 2, 9].map((n) => isLive(subject, n))), [false, false, true]);
    assert.equal(await accounts.phcOf(accountId(1)), phcOf('password1'));
    assert.equal((await accounts.totpFactor(accountId(9)))?.state, 'active');
    assert.equal((await subject.audited()).at(-1)?.id, entry.id);
    // Everything can be set up anew.
    await login(subject, 3, 1);
    await withTotp(subject, 1, 3);
  });

  it('recovers no account that is not there, and writes no row of it', async (subject) => {
    const gone = await subject.accounts.resetFactors(accountId(9), NOW, audit('recovery_reset'));
    assert.equal(gone, undefined);
    assert.deepEqual(await subject.audited(), []);
  });
}
