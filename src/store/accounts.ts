/**
 * The account half of the storage interface, types only. As in `store.ts`, a verb is one transaction; the audit row
 * of a change is part of it. Times are milliseconds since the epoch, hashes are lower-case hex SHA-256.
 *
 * A verb that takes an audit entry writes it as given when it did what it is for. When it refused, it writes the
 * entry with the outcome that its description names instead, or nothing where none is named.
 */
import type { AuditEntry } from './audit.ts';
import type { MailToKeep } from './coordination.ts';

export type Role = 'user' | 'admin';
export type AccountState =
  | 'pending_email_verification'
  | 'active'
  | 'disabled'
  | 'suspended'
  | 'pending_payment';
export type SetupState = 'not_required' | 'setup_required' | 'complete';
export type FactorMethod = 'email_challenge' | 'totp' | 'webauthn';

export interface Account {
  /** `acct_` and a ULID. */
  readonly id: string;
  readonly username: string;
  readonly email?: string;
  readonly emailVerifiedAt?: number;
  readonly state: AccountState;
  readonly setup: SetupState;
  readonly role: Role;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly passwordChangedAt: number;
}

export interface NewAccount extends Account {
  /** Argon2id PHC string. */
  readonly phc: string;
}

/** Where a session's token travels. Each kind is believed only where it belongs. */
export type SessionKind = 'bearer' | 'web' | 'admin_web';

export interface Session {
  /** `ses_` and a ULID. */
  readonly id: string;
  readonly accountId: string;
  readonly kind: SessionKind;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** When it was last used, to within some minutes: see {@link AccountStore.touchSession}. */
  readonly lastSeenAt: number;
  /** When it ends unless it is used before; absent where disuse does not end it. */
  readonly idleAt?: number;
  readonly verifiedAt?: number;
  readonly verifiedMethod?: FactorMethod;
}

export interface NewSession extends Session {
  readonly tokenHash: string;
}

/** A live session, its account, and whether the account has a factor that the session must have passed. */
export interface LiveSession {
  readonly session: Session;
  readonly account: Account;
  readonly activeFactors: readonly FactorMethod[];
}

export interface NewEmailVerification {
  readonly tokenHash: string;
  readonly accountId: string;
  readonly email: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** What became of a change that may not leave the house without an admin. */
export type AdminChange =
  | { readonly kind: 'done'; readonly account: Account; readonly sessionsRevoked: number }
  | { readonly kind: 'account_not_found' }
  | { readonly kind: 'last_admin' };

export interface EmailFactor {
  readonly id: string;
  readonly state: 'pending' | 'active';
  readonly email: string;
  readonly verifiedAt?: number;
}

export interface TotpFactor {
  readonly id: string;
  readonly state: 'pending' | 'active';
  /** The seed, sealed under a subkey of the server's secret. */
  readonly sealedSecret: Uint8Array<ArrayBuffer>;
  readonly lastStep?: number;
  readonly verifiedAt?: number;
}

export interface NewEmailChallenge {
  /** `sfc_` and a ULID. */
  readonly id: string;
  readonly accountId: string;
  readonly factorId: string;
  readonly codeHash: string;
  readonly email: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface Registered {
  readonly kind: 'created' | 'again' | 'taken';
  readonly accountId?: string;
  readonly kept?: boolean;
}

export type EmailChallenged =
  | { readonly kind: 'made' | 'conflict' }
  /** Ms since 1970. */
  | { readonly kind: 'too_many'; readonly until: number };

export interface Passkey {
  /** `sf_` and a ULID. */
  readonly id: string;
  readonly accountId: string;
  /** base64url, as WebAuthn spells it. */
  readonly credentialId: string;
  /** COSE_Key. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly signCount: number;
  readonly attachment?: 'platform' | 'cross-platform';
  readonly transports: readonly string[];
  readonly backupEligible: boolean;
  readonly backupState: boolean;
  readonly userVerified: boolean;
  readonly cloneWarning: boolean;
  readonly verifiedAt: number;
  readonly lastUsedAt?: number;
}

/** One try at registering or showing a passkey, bound to who started it. */
export interface Ceremony {
  /** `sfc_` and a ULID. */
  readonly id: string;
  readonly kind: 'register' | 'verify';
  readonly accountId: string;
  readonly sessionId: string;
  readonly rpId: string;
  /** base64url. */
  readonly challenge: string;
  readonly attachment?: 'platform' | 'cross-platform';
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** A factor was proven: what follows from it, in the same transaction. */
export interface FactorProof {
  readonly accountId: string;
  readonly sessionId: string;
  readonly method: FactorMethod;
  readonly now: number;
  readonly audit: AuditEntry;
}

export interface Recovery {
  /** Removed with their challenges: how many of each. */
  readonly emailFactors: number;
  readonly totpFactors: number;
  readonly passkeys: number;
  readonly sessionsRevoked: number;
  readonly previousSetup: SetupState;
  readonly account: Account;
}

/** How wrong answers of one account are counted, over sessions and processes. */
export interface CodeLimits {
  /** Wrong codes that end a session. */
  readonly perSession: number;
  /** Wrong codes of an account within the window that pause its verification. */
  readonly perAccount: number;
  readonly windowMs: number;
}

export interface AccountStore {
  adminExists(): Promise<boolean>;
  /**
   * Makes the first admin and its session. False when there is an admin already, whoever else tried at once, or
   * the username is taken: `adminExists` tells which. Refused: `conflict`.
   */
  createFirstAdmin(account: NewAccount, session: NewSession, audit: AuditEntry): Promise<boolean>;
  /** False when the username or the e-mail address is taken. Refused: `conflict`. */
  create(account: NewAccount, audit: AuditEntry): Promise<boolean>;
  /**
   * A registration by anybody. `again`: the same username and e-mail are still pending, and got one more token, which
   * carries the password of this registration. `taken`, also after too many tokens within an hour: nothing was
   * written but the audit row, as a `conflict` without a subject. The account is stored as pending, with the address
   * of the verification. The subject of the audit row is the account that was made or found.
   * @param letter put into the outbox with the token, so that no token is made whose mail is lost; `kept`: it was
   */
  register(
    account: NewAccount,
    verification: NewEmailVerification,
    audit: AuditEntry,
    letter?: MailToKeep,
  ): Promise<Registered>;
  /**
   * Spends the token, and all others of the account, and opens the account with the password that was given when
   * this very token was asked for. It becomes the subject of the audit row. Undefined when the token
   * is unknown, spent or expired, or the account is not pending any more.
   */
  verifyEmail(tokenHash: string, now: number, audit: AuditEntry): Promise<Account | undefined>;
  byId(id: string): Promise<Account | undefined>;
  /** With the PHC string, for logging in. */
  byUsername(username: string): Promise<{ readonly account: Account; readonly phc: string } | undefined>;
  phcOf(accountId: string): Promise<string | undefined>;
  /** In the order of ids, after `after`. */
  list(after: string | undefined, limit: number): Promise<Account[]>;
  counts(): Promise<{ readonly accounts: number; readonly admins: number; readonly disabled: number }>;
  /**
   * Replaces the PHC string when it still is `expected` (a stronger cost for the same password).
   * False when it is not: another login was faster, or the password was changed.
   */
  rehash(accountId: string, expected: string, phc: string): Promise<boolean>;
  /**
   * A new password. `expected` undefined: set by an admin. Ends every session but `keepSessionId`.
   * Undefined when the account is gone (nothing written), when its password is no longer the expected one, or when
   * the session to be kept is not live any more (both `conflict`).
   */
  setPassword(change: {
    readonly accountId: string;
    readonly expected?: string;
    readonly phc: string;
    readonly keepSessionId?: string;
    readonly now: number;
    readonly audit: AuditEntry;
  }): Promise<{ readonly account: Account; readonly sessionsRevoked: number } | undefined>;
  /**
   * A changed state ends all sessions. The last active admin cannot be disabled (`conflict`). A state that it had
   * already is `done`, with an audit row and no session ended.
   */
  setState(id: string, state: 'active' | 'disabled', now: number, audit: AuditEntry): Promise<AdminChange>;
  /** As `setState`: a changed role ends all sessions, and the last active admin stays one (`conflict`). */
  setRole(id: string, role: Role, now: number, audit: AuditEntry): Promise<AdminChange>;

  /** Opens a session only while the account is active and its password is still `phc`. Refused: `denied`. */
  openSession(session: NewSession, phc: string, audit: AuditEntry): Promise<boolean>;
  /** Undefined for unknown, expired, disused and revoked sessions, and for accounts that may not authenticate. */
  liveSession(tokenHash: string, now: number): Promise<LiveSession | undefined>;
  /**
   * Notes that a session was used. Nothing is written when it was revoked, or when a use less than `stepMs` away has
   * been noted, unless disuse ends it now and did not before, or the other way round. No audit row: nothing was
   * changed that anybody asked for.
   * @param use `idleAt` as in {@link Session.idleAt}, from this use on
   */
  touchSession(
    id: string,
    use: { readonly now: number; readonly stepMs: number; readonly idleAt: number | undefined },
  ): Promise<void>;
  /** The live sessions of an account, newest first: those before the id `before`, at most `limit`. */
  sessions(accountId: string, now: number, before: string | undefined, limit: number): Promise<Session[]>;
  /** True when the session had not ended, and this call ended it. */
  revokeSession(id: string, now: number, audit: AuditEntry): Promise<boolean>;
  /** As `revokeSession`, for the account whose session it is: false, and nothing written, for anybody else's. */
  endSession(accountId: string, id: string, now: number, audit: AuditEntry): Promise<boolean>;
  /**
   * Ends every session, or all but `keepSessionId`. @returns how many of them were live; undefined, with nothing
   *   written, when there is no such account, or when the session to be kept is not a live one of it.
   */
  revokeSessions(
    accountId: string,
    now: number,
    audit: AuditEntry,
    keepSessionId?: string,
  ): Promise<number | undefined>;

  emailFactor(accountId: string): Promise<EmailFactor | undefined>;
  /**
   * Makes or re-addresses a pending e-mail factor, or uses the active one as it is, and adds a challenge.
   * `conflict` when the factor is active and `setup` was meant, or is not active with this very address and `setup`
   * was not; `too_many` while thirty codes of this account live, used ones too, until the first of them expires.
   * Refused: `conflict`. Re-addressing invalidates the codes that went to another address.
   */
  challengeEmail(challenge: NewEmailChallenge, setup: boolean, audit: AuditEntry): Promise<EmailChallenged>;
  /**
   * Spends a code of this account and all others that were mailed to it: activates the factor, completes set-up,
   * verifies the session, and the account's address if it is the same.
   *
   * Undefined when the code is unknown, spent or expired; when the session is not live or verification is paused;
   * or when it would activate a factor from an unverified session of an account that has an active one. Refused:
   * `denied` for a code that {@link AccountStore.knowsEmailCode} knows, else nothing (`recordWrongCode` will).
   */
  proveEmail(
    codeHash: string,
    proof: FactorProof,
  ): Promise<{ factor: EmailFactor; live: LiveSession } | undefined>;
  /** Whether this code was mailed to this account, even if it is spent by now: whoever sends it is not guessing. */
  knowsEmailCode(codeHash: string, accountId: string): Promise<boolean>;

  totpFactor(accountId: string): Promise<TotpFactor | undefined>;
  /** A pending seed, in place of another pending one. False when one is active. Refused: `conflict`. */
  enrolTotp(
    accountId: string,
    factor: { readonly id: string; readonly sealedSecret: Uint8Array<ArrayBuffer> },
    now: number,
    audit: AuditEntry,
  ): Promise<boolean>;
  /**
   * Activates the pending factor `factorId`, if it still is the one that was checked; the step counts as used.
   * Undefined when it is not, when the session is not live or verification is paused, or from an unverified
   * session of an account that has an active factor. Refused: `denied`.
   */
  confirmTotp(
    factorId: string,
    step: number,
    proof: FactorProof,
  ): Promise<{ factor: TotpFactor; live: LiveSession } | undefined>;
  /**
   * Uses up a step that is later than the last one, once over all processes. Undefined when it is not later, when
   * the factor is not active, when the session is not live or verification is paused. Refused: `denied`.
   */
  proveTotp(
    factorId: string,
    step: number,
    proof: FactorProof,
  ): Promise<{ factor: TotpFactor; live: LiveSession } | undefined>;
  /** Every sealed seed, for changing the key. */
  totpSecrets(): Promise<
    { readonly id: string; readonly accountId: string; readonly sealedSecret: Uint8Array<ArrayBuffer> }[]
  >;

  passkeys(accountId: string): Promise<Passkey[]>;
  /** Replaces another ceremony of this kind of this session. Nothing happens when the session is not live (`denied`). */
  startCeremony(ceremony: Ceremony, audit: AuditEntry): Promise<void>;
  /**
   * Takes the newest ceremony of this kind that this session started, before anything is checked: one try each.
   * Undefined when there is none or it has expired.
   */
  takeCeremony(
    kind: Ceremony['kind'],
    accountId: string,
    sessionId: string,
    now: number,
  ): Promise<Ceremony | undefined>;
  /**
   * `duplicate`: the credential is registered already, here or elsewhere (`conflict`). Undefined when the session is
   * not live, or is an unverified one of an account that has an active factor (`denied`).
   */
  addPasskey(passkey: Passkey, proof: FactorProof): Promise<{ live: LiveSession } | 'duplicate' | undefined>;
  /**
   * Records a use. A counter that did not rise (and is not always 0) sets the clone warning, for good.
   * Undefined when the passkey is not the account's or the session is not live. Refused: `denied`.
   */
  usePasskey(
    id: string,
    use: { readonly signCount: number; readonly backupState: boolean; readonly userVerified: boolean },
    proof: FactorProof,
  ): Promise<{ passkey: Passkey; live: LiveSession } | undefined>;

  /** When verification of this account is paused, until when. */
  verificationPausedUntil(accountId: string, now: number): Promise<number | undefined>;
  /**
   * Counts a wrong code, for the session over its whole life and for the account in a window that starts with its
   * first. `sessionRevoked`: it was one too many for the session, which ended with it.
   */
  recordWrongCode(
    accountId: string,
    sessionId: string,
    now: number,
    limits: CodeLimits,
    audit: AuditEntry,
  ): Promise<{ readonly sessionRevoked: boolean }>;

  /** Failed logins by a keyed hash (64 hex digits) of the username, known or not. */
  loginFailures(nameKey: string, now: number, windowMs: number): Promise<number>;
  /**
   * @returns how many there are now in the window, which starts with the first of them. A failure gets its audit row
   *   only when the count is a power of two.
   */
  recordLoginFailure(nameKey: string, now: number, windowMs: number, audit: AuditEntry): Promise<number>;
  clearLoginFailures(nameKey: string): Promise<void>;

  /** Takes every factor, challenge and session of an account away. Undefined when there is no such account. */
  resetFactors(accountId: string, now: number, audit: AuditEntry): Promise<Recovery | undefined>;

  /**
   * Forgets what has expired, at most `max` rows of each kind: sessions a day after their end, registrations that
   * nobody proved a week after they were last asked for, everything else at once. @returns whether all is gone.
   */
  sweep(now: number, max: number): Promise<boolean>;
}
