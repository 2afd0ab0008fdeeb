/** Changes of an account: password, state and role. Each ends the sessions that it should. */
import type { Account, AccountStore, AdminChange } from '../accounts.ts';
import type { AuditEntry } from '../audit.ts';
import type { Db } from '../db.ts';
import { ACCOUNT, accountOf } from './account-rows.ts';
import { decide, decided, refuse } from './audit.ts';
import { firstRow } from './rows.ts';
import { type Answer, all, Script, Sql, sql, write } from './script.ts';
import { endedOf, endSessions, sessionIsLive } from './sessions.ts';

const exists = (accountId: string): Sql => sql`EXISTS (SELECT 1 FROM accounts WHERE id = ${accountId})`;

/** The condition that an admin who may log in is left when this account no longer is one. */
const anotherAdmin = (id: string): Sql => sql`NOT EXISTS
    (SELECT 1 FROM accounts WHERE id = ${id} AND role = 'admin' AND state = 'active')
  OR EXISTS (SELECT 1 FROM accounts WHERE id <> ${id} AND role = 'admin' AND state = 'active')`;

function changedOf(answer: Answer): { readonly account: Account; readonly sessionsRevoked: number } {
  const row = firstRow(answer('update'));
  if (row === undefined) throw new TypeError('a change that was decided changed no account');
  return { account: accountOf(row), sessionsRevoked: endedOf(answer) };
}

/** Sets `column` to `value`; a value that it had already changes nothing but is a change that was asked for. */
async function setColumn(
  db: Db,
  id: string,
  change: { readonly column: 'state' | 'role'; readonly value: string; readonly endsAdmin: boolean },
  now: number,
  audit: AuditEntry,
): Promise<AdminChange> {
  const script = new Script();
  const column = new Sql(change.column, []);
  const differs = sql`EXISTS (SELECT 1 FROM accounts WHERE id = ${id} AND ${column} <> ${change.value})`;
  const done = decide(script, audit, all(exists(id), change.endsAdmin ? anotherAdmin(id) : sql`true`));
  endSessions(script, id, now, all(done, differs));
  script.step(
    'update',
    sql`UPDATE accounts SET ${column} = ${change.value},
        updated_at = CASE WHEN ${column} = ${change.value} THEN updated_at ELSE ${now} END
      WHERE id = ${id} AND ${done} RETURNING ${ACCOUNT}`,
  );
  refuse(script, audit, 'conflict', exists(id));
  script.step('known', sql`SELECT 1 WHERE ${exists(id)}`);
  const answer = await script.run(db);
  if (decided(answer)) return { kind: 'done', ...changedOf(answer) };
  return { kind: firstRow(answer('known')) ? 'last_admin' : 'account_not_found' };
}

type AccountChangeVerbs = Pick<AccountStore, 'rehash' | 'setPassword' | 'setState' | 'setRole'>;

/** The verbs of {@link AccountStore} that change an account. */
export function accountChangeVerbs(db: Db): AccountChangeVerbs {
  return {
    async rehash(accountId, expected, phc) {
      // The password is the same, so nothing that its owner could see changes.
      const replaced = await write(
        db,
        sql`UPDATE accounts SET phc = ${phc} WHERE id = ${accountId} AND phc = ${expected}`,
      );
      return replaced?.changes === 1;
    },

    async setPassword({ accountId, expected, phc, keepSessionId, now, audit }) {
      const script = new Script();
      const done = decide(
        script,
        audit,
        all(
          exists(accountId),
          expected === undefined
            ? sql`true`
            : sql`EXISTS (SELECT 1 FROM accounts WHERE id = ${accountId} AND phc = ${expected})`,
          keepSessionId === undefined ? sql`true` : sessionIsLive(accountId, keepSessionId, now),
        ),
      );
      endSessions(script, accountId, now, done, keepSessionId);
      script.step(
        'update',
        sql`UPDATE accounts SET phc = ${phc}, password_changed_at = ${now}, updated_at = ${now}
          WHERE id = ${accountId} AND ${done} RETURNING ${ACCOUNT}`,
      );
      refuse(script, audit, 'conflict', exists(accountId));
      const answer = await script.run(db);
      return decided(answer) ? changedOf(answer) : undefined;
    },

    setState(id, state, now, audit) {
      return setColumn(db, id, { column: 'state', value: state, endsAdmin: state !== 'active' }, now, audit);
    },

    setRole(id, role, now, audit) {
      return setColumn(db, id, { column: 'role', value: role, endsAdmin: role !== 'admin' }, now, audit);
    },
  };
}
