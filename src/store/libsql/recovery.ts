/** Recovery: an account is left with its password alone, and has to set a second factor up again. */
import type { AccountStore, SetupState } from '../accounts.ts';
import type { Db } from '../db.ts';
import { ACCOUNT, accountOf } from './account-rows.ts';
import { decide, decided } from './audit.ts';
import { firstRow } from './rows.ts';
import { Script, sql } from './script.ts';
import { endedOf, endSessions } from './sessions.ts';

/** The verbs of recovery by an admin. */
export function recoveryVerbs(db: Db): Pick<AccountStore, 'resetFactors'> {
  return {
    async resetFactors(accountId, now, audit) {
      const script = new Script();
      const done = decide(script, audit, sql`EXISTS (SELECT 1 FROM accounts WHERE id = ${accountId})`);
      const theirs = sql`account_id = ${accountId} AND ${done}`;
      script.step('before', sql`SELECT setup FROM accounts WHERE id = ${accountId}`);
      endSessions(script, accountId, now, done);
      // Challenges go with their factors.
      script.step('email', sql`DELETE FROM factors WHERE method = 'email_challenge' AND ${theirs}`);
      script.step('totp', sql`DELETE FROM factors WHERE method = 'totp' AND ${theirs}`);
      script.step('passkeys', sql`DELETE FROM passkeys WHERE ${theirs}`);
      script.step('ceremonies', sql`DELETE FROM ceremonies WHERE ${theirs}`);
      // The codes that were guessed at are gone: a pause would only keep the owner from starting anew.
      script.step('guesses', sql`DELETE FROM wrong_codes WHERE ${theirs}`);
      script.step(
        'update',
        sql`UPDATE accounts SET setup = 'setup_required', updated_at = ${now}
          WHERE id = ${accountId} AND ${done} RETURNING ${ACCOUNT}`,
      );
      const answer = await script.run(db);
      const before = firstRow(answer('before'));
      const after = firstRow(answer('update'));
      if (!decided(answer) || before === undefined || after === undefined) return undefined;
      return {
        emailFactors: answer('email')?.changes ?? 0,
        totpFactors: answer('totp')?.changes ?? 0,
        passkeys: answer('passkeys')?.changes ?? 0,
        sessionsRevoked: endedOf(answer),
        previousSetup: before.text('setup') as SetupState,
        account: accountOf(after),
      };
    },
  };
}
