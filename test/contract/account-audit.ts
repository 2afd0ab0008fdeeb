/** The audit: newest first, never changed, and without room for anything but ids and codes. */
import assert from 'node:assert/strict';
import type { AuditEntry } from '../../src/store/audit.ts';
import { DbError } from '../../src/store/db.ts';
import { type AccountIt, accountId, accountOf, audit, NOW, someone } from './account-room.ts';

const refusedBy = (kind: DbError['kind']) => (thrown: unknown) =>
  thrown instanceof DbError && thrown.kind === kind;

export function auditing(it: AccountIt): void {
  it('keeps an entry as it was given', async (subject) => {
    const full: AuditEntry = audit('account_disable', {
      listener: 'admin',
      actorKind: 'admin',
      actorAccountId: accountId(1),
      routeClass: 'admin_json',
      subjectAccountId: accountId(2),
      subjectId: 'ses_2',
      outcome: 'last_admin',
    });
    const bare: AuditEntry = audit('test_mail');
    await subject.audit.append(full);
    await subject.audit.append(bare);
    assert.deepEqual(await subject.audited(), [full, bare]);
  });

  it('lists the newest first, page by page', async (subject) => {
    const written = Array.from({ length: 5 }, () => audit('login'));
    for (const entry of written) await subject.audit.append(entry);
    const ids = written.map(({ id }) => id).toReversed();
    const first = await subject.audit.list(undefined, 2);
    const second = await subject.audit.list(first.at(-1)?.id, 3);
    assert.deepEqual(
      [...first, ...second].map(({ id }) => id),
      ids,
    );
  });

  it('lets nobody change or remove an entry', async (subject) => {
    const entry = audit('login');
    await subject.audit.append(entry);
    for (const sql of ['DELETE FROM audit', `UPDATE audit SET outcome = 'denied'`]) {
      await assert.rejects(subject.db.batch([{ sql }], 'write'), refusedBy('constraint'));
    }
    assert.deepEqual(await subject.audited(), [entry]);
  });

  it('makes no change whose entry cannot be written, and no entry of a change that fails', async (subject) => {
    const { accounts } = subject;
    await someone(subject, 1);
    const [used] = await subject.audited();
    assert.ok(used);
    // An entry whose id is taken already.
    await assert.rejects(accounts.create(accountOf(2), { ...used, outcome: 'ok' }), refusedBy('constraint'));
    assert.equal(await accounts.byId(accountId(2)), undefined);
    // A role that there is none of.
    const before = (await subject.audited()).length;
    const account = { ...accountOf(3), role: 'owner' as 'user' };
    await assert.rejects(accounts.create(account, audit('account_create')), refusedBy('constraint'));
    assert.equal((await subject.audited()).length, before);
  });

  it('has no room for an address or a sentence', async (subject) => {
    for (const wish of [{ subjectId: 'one@example.org' }, { outcome: 'wrong password' }, { subjectId: '' }]) {
      await assert.rejects(subject.audit.append(audit('login', wish)), refusedBy('constraint'));
    }
    assert.deepEqual(await subject.audited(), []);
  });

  it('outlives the account that it speaks of', async (subject) => {
    await someone(subject, 1);
    const entry = audit('account_enable', { at: NOW + 1, subjectAccountId: accountId(1) });
    await subject.audit.append(entry);
    await subject.db.batch([{ sql: 'DELETE FROM accounts' }], 'write');
    assert.deepEqual((await subject.audited()).at(-1), entry);
    const [left] = await subject.db.batch([{ sql: 'SELECT count(*) FROM sessions' }], 'read');
    assert.deepEqual(left?.rows, [[0]]);
  });
}
