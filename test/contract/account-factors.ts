/** Mailed codes and TOTP steps: each accepted once, from a session that may show it. */
import assert from 'node:assert/strict';
import {
  type AccountIt,
  accountId,
  audit,
  both,
  challengeOf,
  factorId,
  HOUR,
  hashOf,
  LIMITS,
  login,
  MINUTE,
  NOW,
  outcomes,
  proofOf,
  seed,
  sessionId,
  someone,
  withTotp,
} from './account-room.ts';

const mailEntry = () => audit('factor_challenge');
const ADDRESS = 'user1@example.org';

export function mailing(it: AccountIt): void {
  it('activates an e-mail factor with a mailed code, once', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1, { email: ADDRESS });
    assert.equal((await accounts.challengeEmail(challengeOf(50, 1), true, mailEntry())).kind, 'made');
    assert.equal((await accounts.emailFactor(accountId(1)))?.state, 'pending');
    const proven = await accounts.proveEmail(hashOf(50), proofOf(1, 1, 'email_challenge', { now: NOW + 5 }));
    const factor = { id: factorId(1050), state: 'active', email: ADDRESS, verifiedAt: NOW + 5 };
    assert.deepEqual(proven?.factor, factor);
    assert.equal(proven?.live.account.setup, 'complete');
    assert.equal(proven?.live.account.emailVerifiedAt, NOW + 5);
    assert.deepEqual(proven?.live.activeFactors, ['email_challenge']);
    assert.equal(proven?.live.session.verifiedAt, NOW + 5);
    assert.equal(proven?.live.session.verifiedMethod, 'email_challenge');
    assert.deepEqual(proven?.live, await accounts.liveSession(hashOf(1), NOW + 5));

    assert.equal(await accounts.proveEmail(hashOf(50), proofOf(1, 1, 'email_challenge')), undefined);
    assert.equal(await accounts.knowsEmailCode(hashOf(50), accountId(1)), true);
    assert.deepEqual((await outcomes(subject)).slice(-2), ['factor_verify ok', 'factor_verify denied']);
  });

  it('does not take the proof of another address for that of the account', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1, { email: 'account@example.org' });
    await accounts.challengeEmail(challengeOf(50, 1), true, mailEntry());
    const proven = await accounts.proveEmail(hashOf(50), proofOf(1, 1, 'email_challenge'));
    assert.equal(proven?.factor.state, 'active');
    assert.equal(proven?.live.account.emailVerifiedAt, undefined);
  });

  it('accepts one of many simultaneous posts of one code', async (subject) => {
    await someone(subject, 1);
    await subject.accounts.challengeEmail(challengeOf(50, 1), true, mailEntry());
    const stores = both(subject);
    const posts = Array.from({ length: 10 }, (_, n) =>
      stores[n % 2 === 0 ? 0 : 1].accounts.proveEmail(hashOf(50), proofOf(1, 1, 'email_challenge')),
    );
    assert.equal((await Promise.all(posts)).filter((proven) => proven !== undefined).length, 1);
  });

  it('spends all codes of a factor with one of them', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await accounts.challengeEmail(challengeOf(50, 1), true, mailEntry());
    await accounts.challengeEmail(challengeOf(51, 1), true, mailEntry());
    assert.notEqual(await accounts.proveEmail(hashOf(51), proofOf(1, 1, 'email_challenge')), undefined);
    assert.equal(await accounts.proveEmail(hashOf(50), proofOf(1, 1, 'email_challenge')), undefined);
    assert.equal(await accounts.knowsEmailCode(hashOf(50), accountId(1)), true);
  });

  it('refuses unknown codes, those of another account, and those that expired', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 2);
    await accounts.challengeEmail(challengeOf(50, 1), true, mailEntry());
    const before = (await subject.audited()).length;
    assert.equal(await accounts.proveEmail(hashOf(51), proofOf(1, 1, 'email_challenge')), undefined);
    assert.equal(await accounts.proveEmail(hashOf(50), proofOf(2, 2, 'email_challenge')), undefined);
    assert.equal(await accounts.knowsEmailCode(hashOf(50), accountId(2)), false);
    // Whoever counts the guess writes its row.
    assert.equal((await subject.audited()).length, before);
    const late = { now: NOW + 10 * MINUTE };
    assert.equal(await accounts.proveEmail(hashOf(50), proofOf(1, 1, 'email_challenge', late)), undefined);
    const justInTime = { now: NOW + 10 * MINUTE - 1 };
    assert.notEqual(
      await accounts.proveEmail(hashOf(50), proofOf(1, 1, 'email_challenge', justInTime)),
      undefined,
    );
  });

  it('refuses a code from a session that has ended or belongs to somebody else', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 2);
    await accounts.challengeEmail(challengeOf(50, 1, { expiresAt: NOW + 24 * HOUR }), true, mailEntry());
    const prove = (session: number, now = NOW) =>
      accounts.proveEmail(hashOf(50), proofOf(1, session, 'email_challenge', { now }));
    assert.equal(await prove(2), undefined);
    assert.equal(await prove(1, NOW + 12 * HOUR), undefined);
    await accounts.revokeSession(sessionId(1), NOW, audit('logout'));
    assert.equal(await prove(1), undefined);
    assert.equal((await accounts.emailFactor(accountId(1)))?.state, 'pending');
    await login(subject, 3, 1);
    assert.notEqual(await prove(3), undefined);
  });

  it('forgets the codes of an address when the factor gets another', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await accounts.challengeEmail(challengeOf(50, 1), true, mailEntry());
    await accounts.challengeEmail(challengeOf(51, 1, { email: 'new@example.org' }), true, mailEntry());
    assert.equal((await accounts.emailFactor(accountId(1)))?.id, factorId(1050));
    assert.equal(await accounts.proveEmail(hashOf(50), proofOf(1, 1, 'email_challenge')), undefined);
    const proven = await accounts.proveEmail(hashOf(51), proofOf(1, 1, 'email_challenge'));
    assert.equal(proven?.factor.email, 'new@example.org');
  });

  it('mails to an active factor as it is, and lets nobody set it up again', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    assert.equal((await accounts.challengeEmail(challengeOf(49, 1), false, mailEntry())).kind, 'conflict');
    await accounts.challengeEmail(challengeOf(50, 1), true, mailEntry());
    assert.equal((await accounts.challengeEmail(challengeOf(51, 1), false, mailEntry())).kind, 'conflict');
    await accounts.proveEmail(hashOf(50), proofOf(1, 1, 'email_challenge'));
    assert.equal((await accounts.challengeEmail(challengeOf(52, 1), true, mailEntry())).kind, 'conflict');
    const elsewhere = challengeOf(53, 1, { email: 'thief@example.org' });
    assert.equal((await accounts.challengeEmail(elsewhere, false, mailEntry())).kind, 'conflict');
    assert.equal((await accounts.challengeEmail(elsewhere, true, mailEntry())).kind, 'conflict');
    assert.equal((await accounts.emailFactor(accountId(1)))?.email, ADDRESS);

    await login(subject, 2, 1);
    assert.equal((await accounts.challengeEmail(challengeOf(54, 1), false, mailEntry())).kind, 'made');
    const proven = await accounts.proveEmail(hashOf(54), proofOf(1, 2, 'email_challenge', { now: NOW + 9 }));
    assert.deepEqual([proven?.factor.verifiedAt, proven?.live.session.verifiedAt], [NOW, NOW + 9]);
  });

  it('lets no unverified session bring a factor into an account that has one, however early it began', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await login(subject, 2, 1);
    // Whoever has the password alone asks for a code of their own before the owner secures the account.
    const own = challengeOf(50, 1, { email: 'thief@example.org' });
    assert.equal((await accounts.challengeEmail(own, true, mailEntry())).kind, 'made');
    await withTotp(subject, 1, 1);
    assert.equal(await accounts.proveEmail(hashOf(50), proofOf(1, 2, 'email_challenge')), undefined);
    assert.deepEqual((await accounts.liveSession(hashOf(2), NOW))?.activeFactors, ['totp']);
    // The owner's session has shown a factor and may.
    assert.notEqual(await accounts.proveEmail(hashOf(50), proofOf(1, 1, 'email_challenge')), undefined);
  });

  it('mails no more than thirty codes for an account in the life of a code, wherever they go', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 2);
    const life = 10 * MINUTE;
    const mailed = async (n: number, of: number, email: string, createdAt: number) =>
      await accounts.challengeEmail(
        challengeOf(n, of, { email, createdAt, expiresAt: createdAt + life }),
        true,
        mailEntry(),
      );
    // One at a time, now to this address and then to that one, and the first is used.
    for (let n = 0; n < 30; n += 1)
      assert.deepEqual(await mailed(100 + n, 1, `${n % 2}@example.org`, NOW + n), { kind: 'made' });
    assert.deepEqual(await mailed(130, 1, ADDRESS, NOW + life - 1), { kind: 'too_many', until: NOW + life });
    assert.deepEqual(await mailed(131, 2, ADDRESS, NOW + 31), { kind: 'made' });
    // As the first has run out, there is room for one.
    assert.deepEqual(await mailed(132, 1, ADDRESS, NOW + life), { kind: 'made' });
    assert.deepEqual(await mailed(133, 1, ADDRESS, NOW + life), { kind: 'too_many', until: NOW + life + 1 });
  });

  it('counts the mails that are asked for at the same moment from two servers', async (subject) => {
    await someone(subject, 1);
    const stores = both(subject);
    const asked = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        (stores[n % 2] ?? subject).accounts.challengeEmail(challengeOf(100 + n, 1), true, mailEntry()),
      ),
    );
    assert.equal(asked.filter(({ kind }) => kind === 'made').length, 30);
  });
}

const enrol = (n: number) => ({ id: factorId(n), sealedSecret: seed(n) });
const step = (of: number, session: number, now = NOW) => proofOf(of, session, 'totp', { now });

export function stepping(it: AccountIt): void {
  it('activates a seed with a code, whose step counts as used', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    assert.equal(await accounts.enrolTotp(accountId(1), enrol(1), NOW, audit('factor_enrol')), true);
    const pending = { id: factorId(1), state: 'pending', sealedSecret: seed(1) };
    assert.deepEqual(await accounts.totpFactor(accountId(1)), pending);
    assert.equal(await accounts.proveTotp(factorId(1), 100, step(1, 1)), undefined);

    const proven = await accounts.confirmTotp(factorId(1), 100, step(1, 1, NOW + 5));
    assert.deepEqual(proven?.factor, { ...pending, state: 'active', lastStep: 100, verifiedAt: NOW + 5 });
    assert.equal(proven?.live.account.setup, 'complete');
    assert.equal(proven?.live.session.verifiedMethod, 'totp');
    assert.equal(await accounts.confirmTotp(factorId(1), 101, step(1, 1)), undefined);
    assert.equal(await accounts.proveTotp(factorId(1), 100, step(1, 1)), undefined);
    assert.equal(await accounts.proveTotp(factorId(1), 99, step(1, 1)), undefined);
    assert.equal((await accounts.proveTotp(factorId(1), 101, step(1, 1)))?.factor.lastStep, 101);
  });

  it('confirms the seed that was checked and not one that took its place', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await accounts.enrolTotp(accountId(1), enrol(1), NOW, audit('factor_enrol'));
    assert.equal(await accounts.enrolTotp(accountId(1), enrol(2), NOW, audit('factor_enrol')), true);
    assert.equal(await accounts.confirmTotp(factorId(1), 100, step(1, 1)), undefined);
    assert.notEqual(await accounts.confirmTotp(factorId(2), 100, step(1, 1)), undefined);
    assert.equal(await accounts.enrolTotp(accountId(1), enrol(3), NOW, audit('factor_enrol')), false);
    assert.deepEqual((await accounts.totpFactor(accountId(1)))?.sealedSecret, seed(2));
  });

  it('accepts one of many simultaneous posts of one step', async (subject) => {
    await someone(subject, 1);
    await login(subject, 2, 1);
    const id = await withTotp(subject, 1);
    const stores = both(subject);
    const posts = Array.from({ length: 10 }, (_, n) =>
      stores[n % 2 === 0 ? 0 : 1].accounts.proveTotp(id, 101, step(1, 1 + (n % 2))),
    );
    assert.equal((await Promise.all(posts)).filter((proven) => proven !== undefined).length, 1);
    const rows = (await outcomes(subject)).filter((row) => row.startsWith('factor_verify'));
    assert.equal(rows.filter((row) => row === 'factor_verify denied').length, 9);
  });

  it('refuses a step for another account, an ended session, or a session of somebody else', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 2);
    const id = await withTotp(subject, 1);
    assert.equal(await accounts.proveTotp(id, 101, step(2, 2)), undefined);
    assert.equal(await accounts.proveTotp(id, 101, step(1, 2)), undefined);
    await accounts.revokeSession(sessionId(1), NOW, audit('logout'));
    assert.equal(await accounts.proveTotp(id, 101, step(1, 1)), undefined);
    assert.equal((await accounts.totpFactor(accountId(1)))?.lastStep, 100);
  });

  it('accepts no right code while verification is paused, nor one that waited behind five wrong ones', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await login(subject, 2, 1);
    const id = await withTotp(subject, 1);
    const wrong = (session: number) =>
      accounts.recordWrongCode(accountId(1), sessionId(session), NOW, LIMITS, audit('factor_verify'));
    const [, , , , , behind] = await Promise.all([
      ...Array.from({ length: 5 }, () => wrong(2)),
      accounts.proveTotp(id, 101, step(1, 2)),
    ]);
    if (subject.other === undefined) assert.equal(behind, undefined);
    for (let n = 5; n < 10; n += 1) await wrong(9);
    assert.equal(await accounts.proveTotp(id, 102, step(1, 1)), undefined);
    assert.notEqual(await accounts.proveTotp(id, 102, step(1, 1, NOW + 15 * MINUTE)), undefined);
  });

  it('lets no unverified session confirm a seed beside a factor that it did not show', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await login(subject, 2, 1);
    await accounts.enrolTotp(accountId(1), enrol(7), NOW, audit('factor_enrol'));
    await accounts.challengeEmail(challengeOf(50, 1), true, mailEntry());
    await accounts.proveEmail(hashOf(50), proofOf(1, 1, 'email_challenge'));
    assert.equal(await accounts.confirmTotp(factorId(7), 100, step(1, 2)), undefined);
    assert.notEqual(await accounts.confirmTotp(factorId(7), 100, step(1, 1)), undefined);
  });
}
