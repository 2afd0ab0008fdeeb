/** Accounts: made and found. And the account half of the store, put together from its rooms. */
import type { AccountStore } from '../accounts.ts';
import type { Db } from '../db.ts';
import { accountChangeVerbs } from './account-changes.ts';
import { ACCOUNT, accountOf, insertAccount, isFree } from './account-rows.ts';
import { accountSweep } from './account-sweep.ts';
import { decide, decided, refuse } from './audit.ts';
import { emailFactorVerbs } from './email-factor.ts';
import { guessVerbs } from './guesses.ts';
import { passkeyVerbs } from './passkeys.ts';
import { recoveryVerbs } from './recovery.ts';
import { registrationVerbs } from './registrations.ts';
import { allRows, firstRow } from './rows.ts';
import { all, read, Script, sql } from './script.ts';
import { insertSession, sessionVerbs } from './sessions.ts';
import { totpFactorVerbs } from './totp-factor.ts';

const ADMIN_EXISTS = sql`EXISTS (SELECT 1 FROM accounts WHERE role = 'admin')`;

type AccountVerbs = Pick<
  AccountStore,
  'adminExists' | 'createFirstAdmin' | 'create' | 'byId' | 'byUsername' | 'phcOf' | 'list' | 'counts'
>;

function accountVerbs(db: Db): AccountVerbs {
  return {
    async adminExists() {
      return firstRow(await read(db, sql`SELECT ${ADMIN_EXISTS} AS found`))?.flag('found') ?? false;
    },

    async createFirstAdmin(account, session, audit) {
      const script = new Script();
      const done = decide(script, audit, all(sql`NOT ${ADMIN_EXISTS}`, isFree(account)));
      script.step('insert', insertAccount(account, done));
      script.step('session', insertSession(session, done));
      refuse(script, audit, 'conflict');
      return decided(await script.run(db));
    },

    async create(account, audit) {
      const script = new Script();
      const done = decide(script, audit, isFree(account));
      script.step('insert', insertAccount(account, done));
      refuse(script, audit, 'conflict');
      return decided(await script.run(db));
    },

    async byId(id) {
      const row = firstRow(await read(db, sql`SELECT ${ACCOUNT} FROM accounts WHERE id = ${id}`));
      return row && accountOf(row);
    },

    async byUsername(username) {
      const row = firstRow(
        await read(db, sql`SELECT ${ACCOUNT}, phc FROM accounts WHERE username = ${username}`),
      );
      return row && { account: accountOf(row), phc: row.text('phc') };
    },

    async phcOf(accountId) {
      return firstRow(await read(db, sql`SELECT phc FROM accounts WHERE id = ${accountId}`))?.text('phc');
    },

    async list(after, limit) {
      const found = await read(
        db,
        sql`SELECT ${ACCOUNT} FROM accounts WHERE id > ${after ?? ''} ORDER BY id LIMIT ${limit}`,
      );
      return allRows(found).map(accountOf);
    },

    async counts() {
      const row = firstRow(
        await read(
          db,
          sql`SELECT count(*) AS accounts, count(*) FILTER (WHERE role = 'admin') AS admins,
            count(*) FILTER (WHERE state = 'disabled') AS disabled FROM accounts`,
        ),
      );
      if (row === undefined) throw new TypeError('a count answered no row');
      return {
        accounts: row.number('accounts'),
        admins: row.number('admins'),
        disabled: row.number('disabled'),
      };
    },
  };
}

/** Accounts, sessions and second factors on libSQL. */
export function accountStore(db: Db): AccountStore {
  return {
    ...accountVerbs(db),
    ...registrationVerbs(db),
    ...accountChangeVerbs(db),
    ...sessionVerbs(db),
    ...emailFactorVerbs(db),
    ...totpFactorVerbs(db),
    ...passkeyVerbs(db),
    ...guessVerbs(db),
    ...recoveryVerbs(db),
    sweep: (now, max) => accountSweep(db, now, max),
  };
}
