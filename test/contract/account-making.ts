/** Accounts come to be: the first admin, those that an admin makes, and registrations. */
import assert from 'node:assert/strict';
import type { NewAccount } from '../../src/store/accounts.ts';
import {
  type AccountIt,
  accountId,
  accountOf,
  audit,
  both,
  DAY,
  hashOf,
  isLive,
  NOW,
  outcomes,
  phcOf,
  sessionOf,
  someone,
  verificationOf,
} from './account-room.ts';

export function making(it: AccountIt): void {
  it('makes the first admin with a live session', async (subject) => {
    const { accounts } = subject;
    assert.equal(await accounts.adminExists(), false);
    const admin = accountOf(1, { role: 'admin' });
    assert.equal(await accounts.createFirstAdmin(admin, sessionOf(1), audit('bootstrap')), true);
    assert.equal(await accounts.adminExists(), true);
    const { phc, ...account } = admin;
    assert.deepEqual(await accounts.byUsername('user1'), { account, phc });
    assert.deepEqual(await accounts.byId(admin.id), account);
    assert.equal(await accounts.phcOf(admin.id), phc);
    assert.equal(await isLive(subject, 1), true);
  });

  it('makes exactly one first admin of fifty at once', async (subject) => {
    const stores = both(subject);
    const tries = Array.from({ length: 50 }, (_, n) =>
      stores[n % 2 === 0 ? 0 : 1].accounts.createFirstAdmin(
        accountOf(n, { role: 'admin' }),
        sessionOf(n),
        audit('bootstrap'),
      ),
    );
    const won = (await Promise.all(tries)).filter(Boolean);
    assert.equal(won.length, 1);
    assert.deepEqual(await subject.accounts.counts(), { accounts: 1, admins: 1, disabled: 0 });
    const log = await outcomes(subject);
    assert.equal(log.filter((row) => row === 'bootstrap ok').length, 1);
    assert.equal(log.filter((row) => row === 'bootstrap conflict').length, 49);
  });

  it('refuses a first admin whose name is taken, without an admin coming to be', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    const admin = accountOf(2, { username: 'user1', role: 'admin' });
    assert.equal(await accounts.createFirstAdmin(admin, sessionOf(2), audit('bootstrap')), false);
    assert.equal(await accounts.adminExists(), false);
    assert.equal(await isLive(subject, 2), false);
  });

  it('has a disabled admin count as one, so that nobody can bootstrap again', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1, { role: 'admin' });
    await someone(subject, 2, { role: 'admin' });
    await accounts.setState(accountId(1), 'disabled', NOW, audit('account_disable'));
    assert.equal(await accounts.adminExists(), true);
    const third = accountOf(3, { role: 'admin' });
    assert.equal(await accounts.createFirstAdmin(third, sessionOf(3), audit('bootstrap')), false);
  });

  it('gives a name or an address to one account only', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1, { email: 'one@example.org' });
    const sameName = accountOf(2, { username: 'user1' });
    const sameAddress = accountOf(3, { email: 'one@example.org' });
    assert.equal(await accounts.create(sameName, audit('account_create')), false);
    assert.equal(await accounts.create(sameAddress, audit('account_create')), false);
    assert.equal(await accounts.create(accountOf(4), audit('account_create')), true);
    assert.equal((await accounts.counts()).accounts, 2);
    assert.deepEqual((await outcomes(subject)).slice(-3), [
      'account_create conflict',
      'account_create conflict',
      'account_create ok',
    ]);
  });

  it('lists accounts page by page in the order of their ids', async (subject) => {
    const { accounts } = subject;
    for (const n of [3, 1, 5, 2, 4]) await someone(subject, n);
    const first = await accounts.list(undefined, 2);
    const second = await accounts.list(first.at(-1)?.id, 2);
    const last = await accounts.list(second.at(-1)?.id, 2);
    const ids = [first, second, last].map((page) => page.map(({ id }) => id));
    assert.deepEqual(ids, [[1, 2].map(accountId), [3, 4].map(accountId), [5].map(accountId)]);
    assert.equal('phc' in (first[0] ?? {}), false);
  });

  it('knows no account that is not there', async ({ accounts }) => {
    assert.equal(await accounts.byId(accountId(9)), undefined);
    assert.equal(await accounts.byUsername('nobody'), undefined);
    assert.equal(await accounts.phcOf(accountId(9)), undefined);
    assert.deepEqual(await accounts.list(undefined, 10), []);
  });
}

const PENDING = { email: 'one@example.org', state: 'pending_email_verification' } as const;

export function registering(it: AccountIt): void {
  it('opens a registered account with its token, once', async (subject) => {
    const { accounts } = subject;
    const account = accountOf(1, PENDING);
    const made = await accounts.register(account, verificationOf(1, account), audit('register'));
    assert.deepEqual(made, { kind: 'created', accountId: account.id });
    assert.equal((await accounts.byId(account.id))?.state, 'pending_email_verification');

    const opened = await accounts.verifyEmail(hashOf(1), NOW + 5, audit('email_verify'));
    assert.equal(opened?.state, 'active');
    assert.equal(opened?.emailVerifiedAt, NOW + 5);
    assert.equal(opened?.setup, 'setup_required');
    assert.equal(await accounts.verifyEmail(hashOf(1), NOW + 6, audit('email_verify')), undefined);

    const rows = (await subject.audited()).map((row) => [row.action, row.outcome, row.subjectAccountId]);
    assert.deepEqual(rows, [
      ['register', 'ok', account.id],
      ['email_verify', 'ok', account.id],
    ]);
  });

  it('stores a registration as pending, whatever it claims to be', async ({ accounts }) => {
    const account = accountOf(1, { email: 'one@example.org', state: 'active' });
    await accounts.register(account, verificationOf(1, account), audit('register'));
    assert.equal((await accounts.byId(account.id))?.state, 'pending_email_verification');
  });

  it('refuses a token from the moment it expires, and tokens that it never gave', async ({ accounts }) => {
    const account = accountOf(1, PENDING);
    await accounts.register(account, verificationOf(1, account), audit('register'));
    assert.equal(await accounts.verifyEmail(hashOf(2), NOW, audit('email_verify')), undefined);
    assert.equal(await accounts.verifyEmail(hashOf(1), NOW + DAY, audit('email_verify')), undefined);
    assert.notEqual(await accounts.verifyEmail(hashOf(1), NOW + DAY - 1, audit('email_verify')), undefined);
  });

  it('gives a repeated registration one more token, and opens with the password of the token that is shown', async (subject) => {
    const { accounts } = subject;
    const first = accountOf(1, PENDING);
    await accounts.register(first, verificationOf(1, first), audit('register'));
    const second = accountOf(2, { ...PENDING, username: 'user1', phc: phcOf('other') });
    const again = await accounts.register(second, verificationOf(2, second), audit('register'));
    assert.deepEqual(again, { kind: 'again', accountId: first.id });
    assert.equal(await accounts.phcOf(first.id), first.phc);
    assert.equal((await accounts.counts()).accounts, 1);
    assert.equal((await accounts.verifyEmail(hashOf(2), NOW, audit('email_verify')))?.id, first.id);
    assert.equal(await accounts.phcOf(first.id), second.phc);
    assert.equal(await accounts.verifyEmail(hashOf(1), NOW, audit('email_verify')), undefined);
    assert.deepEqual((await subject.audited())[1]?.subjectAccountId, first.id);
  });

  it('writes nothing but a row without a subject when the name or the address is taken', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1, { email: 'one@example.org' });
    const wishes = [
      { username: 'user1', email: 'two@example.org' },
      { username: 'user2', email: 'one@example.org' },
      { username: 'user1', email: 'one@example.org' },
    ];
    for (const [index, wish] of wishes.entries()) {
      const account = accountOf(10 + index, { ...PENDING, ...wish });
      const entry = audit('register', { subjectAccountId: account.id });
      const refused = await accounts.register(account, verificationOf(10 + index, account), entry);
      assert.deepEqual(refused, { kind: 'taken' });
      assert.equal(await accounts.verifyEmail(hashOf(10 + index), NOW, audit('email_verify')), undefined);
    }
    assert.equal((await accounts.counts()).accounts, 1);
    const rows = (await subject.audited()).filter(({ action }) => action === 'register');
    assert.deepEqual(
      rows.map((row) => [row.outcome, row.subjectAccountId]),
      wishes.map(() => ['conflict', undefined]),
    );
  });

  it('keeps the mail of a token with it, and none where there is no token or no room', async ({
    accounts,
    db,
  }) => {
    const idOf = (n: number) => String(n).padStart(32, '0');
    const waiting = async () => {
      const [found] = await db.batch([{ sql: 'SELECT id FROM mail_outbox ORDER BY id' }], 'read');
      return found?.rows.map(([id]) => id);
    };
    const register = (n: number, wish: Partial<NewAccount>, most: number) => {
      const account = accountOf(n, { ...PENDING, ...wish });
      const mail = { id: idOf(n), sealed: new Uint8Array([n]), createdAt: NOW, dueAt: NOW };
      return accounts.register(account, verificationOf(n, account), audit('register'), { mail, most });
    };
    assert.equal((await register(1, {}, 2)).kept, true);
    assert.equal((await register(2, { username: 'user1' }, 2)).kept, true, 'asked for again');
    assert.deepEqual(await register(3, { username: 'other' }, 9), { kind: 'taken' });
    assert.deepEqual(await waiting(), [idOf(1), idOf(2)]);
    const full = await register(4, { username: 'another', email: 'another@example.org' }, 2);
    assert.deepEqual([full.kind, full.kept], ['created', false]);
    assert.deepEqual(await waiting(), [idOf(1), idOf(2)]);
    await db.batch([{ sql: 'DELETE FROM mail_outbox' }], 'write');
  });

  it('does not open an account that was disabled meanwhile', async ({ accounts }) => {
    const account = accountOf(1, PENDING);
    await accounts.register(account, verificationOf(1, account), audit('register'));
    await accounts.setState(account.id, 'disabled', NOW, audit('account_disable'));
    assert.equal(await accounts.verifyEmail(hashOf(1), NOW, audit('email_verify')), undefined);
    assert.equal((await accounts.byId(account.id))?.state, 'disabled');
  });

  it('makes one account of one registration that comes many times at once', async (subject) => {
    const stores = both(subject);
    const kinds = await Promise.all(
      Array.from({ length: 12 }, async (_, n) => {
        const account = accountOf(n, { ...PENDING, username: 'same' });
        const { accounts } = stores[n % 2 === 0 ? 0 : 1];
        return (await accounts.register(account, verificationOf(n, account), audit('register'))).kind;
      }),
    );
    assert.equal(kinds.filter((kind) => kind === 'created').length, 1);
    assert.equal(kinds.filter((kind) => kind === 'again').length, 4, 'five mails an hour');
    assert.equal(kinds.filter((kind) => kind === 'taken').length, 7);
    const opened = await Promise.all(
      kinds.map((_, n) => subject.accounts.verifyEmail(hashOf(n), NOW, audit('email_verify'))),
    );
    assert.equal(opened.filter((account) => account !== undefined).length, 1);
  });
}
