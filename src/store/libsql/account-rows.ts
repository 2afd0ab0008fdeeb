/** Accounts and sessions as rows, and what makes a session live. */

import type {
  Account,
  AccountState,
  FactorMethod,
  LiveSession,
  NewAccount,
  Role,
  Session,
  SessionKind,
  SetupState,
} from '../accounts.ts';
import { ofThisClock } from './clock.ts';
import type { Row } from './rows.ts';
import { Sql, sql } from './script.ts';

const NAMES = [
  ...['id', 'username', 'email', 'email_verified_at', 'state', 'setup', 'role'],
  ...['created_at', 'updated_at', 'password_changed_at'],
];

/** Everything of an account but its password. */
export const ACCOUNT = new Sql(NAMES.join(', '), []);
const ACCOUNT_OF_SESSION = new Sql(NAMES.map((name) => `a.${name} AS ${name}`).join(', '), []);

/** Reads what {@link ACCOUNT} selects. */
export function accountOf(row: Row): Account {
  const email = row.optionalText('email');
  const emailVerifiedAt = row.optionalNumber('email_verified_at');
  return {
    id: row.text('id'),
    username: row.text('username'),
    ...(email !== undefined && { email }),
    ...(emailVerifiedAt !== undefined && { emailVerifiedAt }),
    state: row.text('state') as AccountState,
    setup: row.text('setup') as SetupState,
    role: row.text('role') as Role,
    createdAt: row.number('created_at'),
    updatedAt: row.number('updated_at'),
    passwordChangedAt: row.number('password_changed_at'),
  };
}

/** Inserts the account if `condition` holds. */
export function insertAccount(account: NewAccount, condition: Sql): Sql {
  return sql`INSERT INTO accounts (${ACCOUNT}, phc)
    SELECT ${account.id}, ${account.username}, ${account.email ?? null}, ${account.emailVerifiedAt ?? null},
      ${account.state}, ${account.setup}, ${account.role}, ${account.createdAt}, ${account.updatedAt},
      ${account.passwordChangedAt}, ${account.phc}
    WHERE ${condition}`;
}

/** The condition that nobody has the name or the address. */
export function isFree({ username, email }: NewAccount): Sql {
  const taken = sql`SELECT 1 FROM accounts WHERE username = ${username} OR email = ${email ?? null}`;
  return sql`NOT EXISTS (${taken})`;
}

/** A condition on `sessions AS s JOIN accounts AS a`: the session may be used at `now`. */
export function isLive(now: number): Sql {
  return sql`s.revoked_at IS NULL AND s.expires_at > ${now} AND ${ofThisClock('s.created_at', now)}
    AND (s.idle_at IS NULL OR s.idle_at > ${now}) AND a.state = 'active'`;
}

/** Everything of a session but its token's hash, as {@link sessionOf} reads it. */
export const SESSION = new Sql(
  [
    ...['s.id AS session_id', 's.kind AS session_kind', 's.created_at AS session_created_at'],
    ...['s.expires_at AS session_expires_at', 's.idle_at AS session_idle_at'],
    'coalesce(s.last_seen_at, s.created_at) AS session_last_seen_at',
    ...['s.verified_at AS session_verified_at', 's.verified_method AS session_verified_method'],
  ].join(', '),
  [],
);

/** The session that `which` (a condition on `s`) names, with its account and factors, if it is live. */
export function selectLive(which: Sql, now: number): Sql {
  return sql`SELECT ${ACCOUNT_OF_SESSION}, ${SESSION},
      EXISTS (SELECT 1 FROM factors WHERE account_id = a.id AND method = 'email_challenge' AND state = 'active')
        AS has_email_challenge,
      EXISTS (SELECT 1 FROM factors WHERE account_id = a.id AND method = 'totp' AND state = 'active') AS has_totp,
      EXISTS (SELECT 1 FROM passkeys WHERE account_id = a.id) AS has_webauthn
    FROM sessions AS s JOIN accounts AS a ON a.id = s.account_id
    WHERE ${which} AND ${isLive(now)}`;
}

const METHODS: readonly FactorMethod[] = ['email_challenge', 'totp', 'webauthn'];

/** Reads the columns of a session, `session_…`. */
export function sessionOf(row: Row, accountId: string): Session {
  const idleAt = row.optionalNumber('session_idle_at');
  const verifiedAt = row.optionalNumber('session_verified_at');
  const verifiedMethod = row.optionalText('session_verified_method');
  return {
    id: row.text('session_id'),
    accountId,
    kind: row.text('session_kind') as SessionKind,
    createdAt: row.number('session_created_at'),
    expiresAt: row.number('session_expires_at'),
    lastSeenAt: row.number('session_last_seen_at'),
    ...(idleAt !== undefined && { idleAt }),
    ...(verifiedAt !== undefined && { verifiedAt }),
    ...(verifiedMethod !== undefined && { verifiedMethod: verifiedMethod as FactorMethod }),
  };
}

/** Reads a session with its account and the factors that are active. */
export function liveOf(row: Row): LiveSession {
  const account = accountOf(row);
  const session = sessionOf(row, account.id);
  return { session, account, activeFactors: METHODS.filter((method) => row.flag(`has_${method}`)) };
}
