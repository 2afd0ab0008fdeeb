/**
 * Accounts, their sessions and second factors, what is counted against guessing, and the audit.
 *
 * Times are integers, milliseconds since the epoch. Text columns that hold hashes are lower-case hex.
 * Append-only: an applied migration is never edited, a new one is added.
 */
import type { Migration } from '../migrate.ts';

const HEX64 = (column: string) =>
  `${column} TEXT NOT NULL CHECK (length(${column}) = 64 AND ${column} NOT GLOB '*[^0-9a-f]*')`;
/** Letters, digits and a few signs: enough for ids and codes, too little for an address or a sentence. */
const WORD = (column: string) =>
  `CHECK (length(${column}) BETWEEN 1 AND 80 AND ${column} NOT GLOB '*[^A-Za-z0-9_.:-]*')`;
const OF_ACCOUNT = 'account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE';

export const accounts: Migration = {
  id: '0002_accounts',
  statements: [
    `CREATE TABLE accounts (
      -- acct_ and a ULID: the order of ids is the order of creation.
      id TEXT NOT NULL PRIMARY KEY,
      username TEXT NOT NULL UNIQUE CHECK (username = lower(username)),
      email TEXT UNIQUE CHECK (email = lower(email)),
      email_verified_at INTEGER CHECK (email_verified_at IS NULL OR email IS NOT NULL),
      -- Only active accounts authenticate.
      state TEXT NOT NULL CHECK
        (state IN ('pending_email_verification', 'active', 'disabled', 'suspended', 'pending_payment')),
      -- Whether a second factor has to be set up before the account is good for anything.
      setup TEXT NOT NULL CHECK (setup IN ('not_required', 'setup_required', 'complete')),
      role TEXT NOT NULL CHECK (role IN ('user', 'admin')),
      -- Argon2id of the password, as a PHC string.
      phc TEXT NOT NULL CHECK (phc GLOB '$argon2id$*'),
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      password_changed_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX accounts_admins ON accounts (id) WHERE role = 'admin'`,
    `CREATE INDEX accounts_pending ON accounts (updated_at) WHERE state = 'pending_email_verification'`,

    // Tokens that were mailed to prove the address of a registration.
    `CREATE TABLE email_verifications (
      token_hash TEXT NOT NULL PRIMARY KEY CHECK (length(token_hash) = 64 AND token_hash NOT GLOB '*[^0-9a-f]*'),
      ${OF_ACCOUNT},
      email TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX email_verifications_by_account ON email_verifications (account_id)',
    'CREATE INDEX email_verifications_by_expiry ON email_verifications (expires_at)',

    `CREATE TABLE sessions (
      id TEXT NOT NULL PRIMARY KEY,
      ${OF_ACCOUNT},
      ${HEX64('token_hash')} UNIQUE,
      kind TEXT NOT NULL CHECK (kind IN ('bearer', 'web', 'admin_web')),
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      revoked_at INTEGER,
      -- When this session last passed a second factor, and which.
      verified_at INTEGER,
      verified_method TEXT CHECK (verified_method IN ('email_challenge', 'totp', 'webauthn')),
      -- Codes that were wrong, over the session's whole life.
      wrong_codes INTEGER NOT NULL DEFAULT 0,
      CHECK ((verified_at IS NULL) = (verified_method IS NULL))
    ) STRICT`,
    'CREATE INDEX sessions_by_account ON sessions (account_id)',
    'CREATE INDEX sessions_by_expiry ON sessions (expires_at)',
    'CREATE INDEX sessions_by_end ON sessions (revoked_at) WHERE revoked_at IS NOT NULL',

    // At most one e-mail address and one TOTP seed an account. Passkeys have a table of their own.
    `CREATE TABLE factors (
      id TEXT NOT NULL PRIMARY KEY,
      ${OF_ACCOUNT},
      method TEXT NOT NULL CHECK (method IN ('email_challenge', 'totp')),
      -- A pending factor proves nothing yet.
      state TEXT NOT NULL CHECK (state IN ('pending', 'active')),
      email TEXT,
      -- The TOTP seed, encrypted under a key that the database does not hold.
      sealed_secret BLOB,
      -- The latest time step (RFC 6238) whose code was accepted.
      last_step INTEGER,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      -- When it became active.
      verified_at INTEGER,
      UNIQUE (account_id, method),
      CHECK ((email IS NOT NULL) = (method = 'email_challenge')),
      CHECK ((sealed_secret IS NOT NULL) = (method = 'totp')),
      CHECK ((last_step IS NOT NULL) = (method = 'totp' AND state = 'active')),
      CHECK ((verified_at IS NOT NULL) = (state = 'active'))
    ) STRICT`,

    // Codes on their way to the address of an e-mail factor.
    `CREATE TABLE email_challenges (
      id TEXT NOT NULL PRIMARY KEY,
      factor_id TEXT NOT NULL REFERENCES factors (id) ON DELETE CASCADE,
      ${HEX64('code_hash')} UNIQUE,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      -- Kept until it would have expired, so that a code that comes twice is not taken for a guess.
      consumed_at INTEGER
    ) STRICT`,
    'CREATE INDEX email_challenges_by_factor ON email_challenges (factor_id, created_at)',
    'CREATE INDEX email_challenges_by_expiry ON email_challenges (expires_at)',

    // WebAuthn credentials. A row is an active factor.
    `CREATE TABLE passkeys (
      id TEXT NOT NULL PRIMARY KEY,
      ${OF_ACCOUNT},
      -- base64url.
      credential_id TEXT NOT NULL UNIQUE,
      -- COSE_Key (RFC 9052).
      public_key BLOB NOT NULL,
      sign_count INTEGER NOT NULL CHECK (sign_count >= 0),
      attachment TEXT CHECK (attachment IN ('platform', 'cross-platform')),
      -- JSON array of text.
      transports TEXT NOT NULL CHECK (json_type(transports) = 'array'),
      backup_eligible INTEGER NOT NULL CHECK (backup_eligible IN (0, 1)),
      backup_state INTEGER NOT NULL CHECK (backup_state IN (0, 1)),
      user_verified INTEGER NOT NULL CHECK (user_verified IN (0, 1)),
      -- 1 once its counter did not rise as it should: there may be a copy.
      clone_warning INTEGER NOT NULL CHECK (clone_warning IN (0, 1)),
      verified_at INTEGER NOT NULL,
      last_used_at INTEGER
    ) STRICT`,
    'CREATE INDEX passkeys_by_account ON passkeys (account_id)',

    // The one try at a time that a session may have at registering or showing a passkey.
    `CREATE TABLE ceremonies (
      session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
      kind TEXT NOT NULL CHECK (kind IN ('register', 'verify')),
      id TEXT NOT NULL UNIQUE,
      ${OF_ACCOUNT},
      rp_id TEXT NOT NULL,
      -- base64url.
      challenge TEXT NOT NULL,
      attachment TEXT CHECK (attachment IN ('platform', 'cross-platform')),
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      PRIMARY KEY (session_id, kind)
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX ceremonies_by_account ON ceremonies (account_id)',
    'CREATE INDEX ceremonies_by_expiry ON ceremonies (expires_at)',

    // Wrong codes of an account within a window that starts with the first of them.
    `CREATE TABLE wrong_codes (
      account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
      failures INTEGER NOT NULL,
      window_end INTEGER NOT NULL,
      -- 1: too many, no code of this account is accepted until the window ends.
      paused INTEGER NOT NULL CHECK (paused IN (0, 1))
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX wrong_codes_by_end ON wrong_codes (window_end)',

    // Failed logins by a keyed hash of the name that was tried, whether somebody has it or not.
    `CREATE TABLE login_failures (
      name_key TEXT NOT NULL PRIMARY KEY CHECK (length(name_key) = 64 AND name_key NOT GLOB '*[^0-9a-f]*'),
      failures INTEGER NOT NULL,
      window_end INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX login_failures_by_end ON login_failures (window_end)',

    // Who did what to whom. Ids only, so that it outlives what it speaks of; hence no foreign keys.
    `CREATE TABLE audit (
      -- aud_ and a ULID.
      id TEXT NOT NULL PRIMARY KEY ${WORD('id')},
      at INTEGER NOT NULL,
      listener TEXT NOT NULL CHECK (listener IN ('main', 'admin', 'local')),
      actor_kind TEXT NOT NULL CHECK
        (actor_kind IN ('account', 'visitor', 'viewer', 'admin', 'operator', 'worker')),
      actor_account_id TEXT ${WORD('actor_account_id')},
      -- No closed list: every room adds its own.
      action TEXT NOT NULL ${WORD('action')},
      -- The limit class of the route.
      route_class TEXT ${WORD('route_class')},
      subject_account_id TEXT ${WORD('subject_account_id')},
      subject_id TEXT ${WORD('subject_id')},
      -- ok, denied, conflict, or the code of a refusal.
      outcome TEXT NOT NULL ${WORD('outcome')}
    ) STRICT`,
    `CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
      SELECT RAISE(ABORT, 'the audit is append-only');
    END`,
    `CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit BEGIN
      SELECT RAISE(ABORT, 'the audit is append-only');
    END`,
  ],
};
