/** Passkeys: ceremonies are taken once, credentials belong to one account, counters are watched. */
import assert from 'node:assert/strict';
import type { Ceremony } from '../../src/store/accounts.ts';
import {
  type AccountIt,
  accountId,
  audit,
  both,
  factorId,
  hashOf,
  login,
  MINUTE,
  NOW,
  outcomes,
  passkeyOf,
  proofOf,
  sessionId,
  someone,
  withTotp,
} from './account-room.ts';

function ceremonyOf(n: number, of: number, wish: Partial<Ceremony> = {}): Ceremony {
  return {
    id: `sfc_${n}`,
    kind: 'register',
    accountId: accountId(of),
    sessionId: sessionId(of),
    rpId: 'example.org',
    challenge: `challenge-${n}`,
    createdAt: NOW,
    expiresAt: NOW + 5 * MINUTE,
    ...wish,
  };
}

const use = { signCount: 0, backupState: true, userVerified: false };

export function showingPasskeys(it: AccountIt): void {
  it('takes a ceremony once, for the session and the kind that started it', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 2);
    await login(subject, 3, 1);
    const ceremony = ceremonyOf(1, 1, { attachment: 'cross-platform' });
    await accounts.startCeremony(ceremony, audit('factor_enrol'));
    const take = (kind: Ceremony['kind'], of: number, session: number) =>
      accounts.takeCeremony(kind, accountId(of), sessionId(session), NOW);
    assert.equal(await take('verify', 1, 1), undefined);
    assert.equal(await take('register', 1, 3), undefined);
    assert.equal(await take('register', 2, 1), undefined);
    assert.deepEqual(await take('register', 1, 1), ceremony);
    assert.equal(await take('register', 1, 1), undefined);
  });

  it('gives a ceremony to one of many who take it at once', async (subject) => {
    await someone(subject, 1);
    await subject.accounts.startCeremony(ceremonyOf(1, 1), audit('factor_enrol'));
    const stores = both(subject);
    const taken = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        stores[n % 2 === 0 ? 0 : 1].accounts.takeCeremony('register', accountId(1), sessionId(1), NOW),
      ),
    );
    assert.equal(taken.filter((ceremony) => ceremony !== undefined).length, 1);
  });

  it('keeps the newest ceremony of a session, and uses up one that has expired', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    const take = (now: number) => accounts.takeCeremony('register', accountId(1), sessionId(1), now);
    await accounts.startCeremony(ceremonyOf(1, 1), audit('factor_enrol'));
    await accounts.startCeremony(ceremonyOf(2, 1), audit('factor_enrol'));
    assert.equal((await take(NOW + 5 * MINUTE - 1))?.id, 'sfc_2');
    assert.equal(await take(NOW), undefined);
    await accounts.startCeremony(ceremonyOf(3, 1), audit('factor_enrol'));
    assert.equal(await take(NOW + 5 * MINUTE), undefined);
    assert.equal(await take(NOW), undefined);
  });

  it('starts no ceremony for a session that has ended', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await accounts.revokeSession(sessionId(1), NOW, audit('logout'));
    await accounts.startCeremony(ceremonyOf(1, 1), audit('factor_enrol'));
    assert.equal(await accounts.takeCeremony('register', accountId(1), sessionId(1), NOW), undefined);
    assert.equal((await outcomes(subject)).at(-1), 'factor_enrol denied');
  });

  it('keeps a passkey as it was given, and completes set-up with it', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    const passkey = passkeyOf(60, 1, { attachment: 'platform', signCount: 3 });
    const added = await accounts.addPasskey(passkey, proofOf(1, 1, 'webauthn'));
    assert.ok(added !== undefined && added !== 'duplicate');
    assert.deepEqual(added.live.activeFactors, ['webauthn']);
    assert.equal(added.live.session.verifiedMethod, 'webauthn');
    assert.equal(added.live.account.setup, 'complete');
    assert.deepEqual(await accounts.passkeys(accountId(1)), [
      passkeyOf(60, 1, { attachment: 'platform', signCount: 3 }),
    ]);
  });

  it('keeps a credential once, here or elsewhere', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 2);
    const again = { credentialId: 'credential-60' };
    await accounts.addPasskey(passkeyOf(60, 1), proofOf(1, 1, 'webauthn'));
    assert.equal(await accounts.addPasskey(passkeyOf(61, 1, again), proofOf(1, 1, 'webauthn')), 'duplicate');
    assert.equal(await accounts.addPasskey(passkeyOf(62, 2, again), proofOf(2, 2, 'webauthn')), 'duplicate');
    assert.equal((await accounts.liveSession(hashOf(2), NOW))?.session.verifiedAt, undefined);
    assert.deepEqual((await outcomes(subject)).slice(-2), [
      'factor_verify conflict',
      'factor_verify conflict',
    ]);
  });

  it('adds none from a session that has ended, or did not show the factor that there is', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await login(subject, 2, 1);
    await login(subject, 3, 1);
    await withTotp(subject, 1, 1);
    await accounts.revokeSession(sessionId(3), NOW, audit('logout'));
    for (const session of [2, 3]) {
      assert.equal(await accounts.addPasskey(passkeyOf(60, 1), proofOf(1, session, 'webauthn')), undefined);
    }
    assert.deepEqual(await accounts.passkeys(accountId(1)), []);
    assert.deepEqual((await outcomes(subject)).slice(-2), ['factor_verify denied', 'factor_verify denied']);
    assert.notEqual(await accounts.addPasskey(passkeyOf(60, 1), proofOf(1, 1, 'webauthn')), undefined);
  });

  it('records a use, and warns of a copy for good once a counter does not rise', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await accounts.addPasskey(passkeyOf(60, 1), proofOf(1, 1, 'webauthn'));
    await login(subject, 2, 1);
    const seen: unknown[] = [];
    for (const signCount of [0, 0, 5, 6, 6, 7, 0]) {
      const proof = proofOf(1, 2, 'webauthn', { now: NOW + seen.length });
      const used = await accounts.usePasskey(factorId(60), { ...use, signCount }, proof);
      seen.push([used?.passkey.signCount, used?.passkey.cloneWarning]);
      assert.equal(used?.live.session.verifiedAt, NOW + seen.length - 1);
      assert.equal(used?.passkey.lastUsedAt, NOW + seen.length - 1);
      assert.deepEqual([used?.passkey.backupState, used?.passkey.userVerified], [true, false]);
    }
    assert.deepEqual(seen, [
      ...[
        [0, false],
        [0, false],
        [5, false],
        [6, false],
      ],
      ...[
        [6, true],
        [7, true],
        [7, true],
      ],
    ]);
  });

  it('accepts no passkey of another account, and none from a session that has ended', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    await someone(subject, 2);
    await accounts.addPasskey(passkeyOf(60, 1), proofOf(1, 1, 'webauthn'));
    assert.equal(await accounts.usePasskey(factorId(60), use, proofOf(2, 2, 'webauthn')), undefined);
    await accounts.revokeSession(sessionId(1), NOW, audit('logout'));
    assert.equal(await accounts.usePasskey(factorId(60), use, proofOf(1, 1, 'webauthn')), undefined);
    assert.equal((await accounts.passkeys(accountId(1)))[0]?.lastUsedAt, undefined);
  });
}
