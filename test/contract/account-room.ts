/** What the account contract tests, and the accounts, sessions and entries that it makes. */
import type {
  AccountStore,
  CodeLimits,
  FactorMethod,
  FactorProof,
  NewAccount,
  NewEmailChallenge,
  NewEmailVerification,
  NewSession,
  Passkey,
} from '../../src/store/accounts.ts';
import type { AuditAction, AuditEntry, AuditStore } from '../../src/store/audit.ts';
import type { Db } from '../../src/store/db.ts';

export interface AccountStores {
  readonly accounts: AccountStore;
  readonly audit: AuditStore;
}

export interface AccountsUnderTest extends AccountStores {
  readonly db: Db;
  /** The same stores by a second, independent driver, or undefined where there is no such thing. */
  readonly other: AccountStores | undefined;
  /** What was written to the audit since the case began, oldest first. */
  audited(): Promise<AuditEntry[]>;
}

/** Makes stores without any account. */
export type AccountsFactory = () => Promise<AccountsUnderTest>;

export type AccountIt = (name: string, body: (subject: AccountsUnderTest) => Promise<void>) => void;

/** The time at which everything begins, milliseconds since the epoch. */
export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const LIMITS: CodeLimits = { perSession: 5, perAccount: 10, windowMs: 15 * MINUTE };

/** 64 hex digits that stand for a number. */
export const hashOf = (n: number): string => n.toString(16).padStart(64, 'a');

/** An id with a number in place of the ULID, so that the order of numbers is the order of ids. */
const idOf = (prefix: string, n: number): string => `${prefix}_${String(n).padStart(26, '0')}`;
export const accountId = (n: number): string => idOf('acct', n);
export const sessionId = (n: number): string => idOf('ses', n);
export const factorId = (n: number): string => idOf('sf', n);

export const phcOf = (password: string): string => `$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$${password}`;

export function accountOf(n: number, wish: Partial<NewAccount> = {}): NewAccount {
  return {
    id: accountId(n),
    username: `user${n}`,
    state: 'active',
    setup: 'setup_required',
    role: 'user',
    createdAt: NOW,
    updatedAt: NOW,
    passwordChangedAt: NOW,
    phc: phcOf(`password${n}`),
    ...wish,
  };
}

/** Session `n` of account `of`. */
export function sessionOf(n: number, of = n, wish: Partial<NewSession> = {}): NewSession {
  return {
    id: sessionId(n),
    accountId: accountId(of),
    kind: 'bearer',
    createdAt: NOW,
    expiresAt: NOW + 12 * HOUR,
    lastSeenAt: NOW,
    tokenHash: hashOf(n),
    ...wish,
  };
}

let entries = 0;

/** Where the next entry of {@link audit} comes to stand. */
export const auditMark = (): string => idOf('aud', entries);

export function audit(action: AuditAction, wish: Partial<AuditEntry> = {}): AuditEntry {
  entries += 1;
  return {
    id: idOf('aud', entries),
    at: NOW,
    listener: 'main',
    actorKind: 'visitor',
    action,
    outcome: 'ok',
    ...wish,
  };
}

export function verificationOf(
  n: number,
  of: NewAccount,
  wish: Partial<NewEmailVerification> = {},
): NewEmailVerification {
  return {
    tokenHash: hashOf(n),
    accountId: of.id,
    email: of.email ?? '',
    createdAt: NOW,
    expiresAt: NOW + DAY,
    ...wish,
  };
}

export function challengeOf(n: number, of: number, wish: Partial<NewEmailChallenge> = {}): NewEmailChallenge {
  return {
    id: idOf('sfc', n),
    accountId: accountId(of),
    factorId: factorId(1000 + n),
    codeHash: hashOf(n),
    email: `user${of}@example.org`,
    createdAt: NOW,
    expiresAt: NOW + 10 * MINUTE,
    ...wish,
  };
}

/** A proof by session `session` of account `of`. */
export function proofOf(
  of: number,
  session: number,
  method: FactorMethod,
  wish: Partial<FactorProof> = {},
): FactorProof {
  const subject = { subjectAccountId: accountId(of), subjectId: sessionId(session) };
  return {
    accountId: accountId(of),
    sessionId: sessionId(session),
    method,
    now: NOW,
    audit: audit('factor_verify', subject),
    ...wish,
  };
}

export function passkeyOf(n: number, of: number, wish: Partial<Passkey> = {}): Passkey {
  return {
    id: factorId(n),
    accountId: accountId(of),
    credentialId: `credential-${n}`,
    publicKey: new Uint8Array([1, 2, n]),
    signCount: 0,
    transports: ['internal', 'hybrid'],
    backupEligible: true,
    backupState: false,
    userVerified: true,
    cloneWarning: false,
    verifiedAt: NOW,
    ...wish,
  };
}

/** An active account with one live session of the same number. */
export async function someone(
  { accounts }: AccountStores,
  n: number,
  wish: Partial<NewAccount> = {},
): Promise<NewAccount> {
  const account = accountOf(n, wish);
  if (!(await accounts.create(account, audit('account_create')))) throw new Error(`account ${n} is taken`);
  if (account.state === 'active') await login({ accounts }, n, n, account.phc);
  return account;
}

/** Opens session `n` for account `of`. */
export async function login(
  { accounts }: Pick<AccountStores, 'accounts'>,
  n: number,
  of: number,
  phc = phcOf(`password${of}`),
): Promise<void> {
  if (!(await accounts.openSession(sessionOf(n, of), phc, audit('login')))) throw new Error('no session');
}

/** Gives account `of` an active TOTP factor, whose step 100 is used, by its session `session`. */
export async function withTotp({ accounts }: AccountStores, of: number, session = of): Promise<string> {
  const id = factorId(of);
  await accounts.enrolTotp(accountId(of), { id, sealedSecret: seed(of) }, NOW, audit('factor_enrol'));
  if (!(await accounts.confirmTotp(id, 100, proofOf(of, session, 'totp')))) throw new Error('no factor');
  return id;
}

/** Bytes that stand for a sealed seed; fresh ones, since drivers keep what they are given. */
export const seed = (n: number): Uint8Array<ArrayBuffer> => new Uint8Array([1, n, 255 - n, 0]);

/** The other driver where there is one: what is told to both is told over two connections. */
export const both = (subject: AccountsUnderTest): readonly [AccountStores, AccountStores] => [
  subject,
  subject.other ?? subject,
];

/** What was written to the audit, as `action outcome`. */
export async function outcomes(subject: AccountsUnderTest): Promise<readonly string[]> {
  return (await subject.audited()).map(({ action, outcome }) => `${action} ${outcome}`);
}

export async function isLive({ accounts }: AccountStores, session: number, now = NOW): Promise<boolean> {
  return (await accounts.liveSession(hashOf(session), now)) !== undefined;
}
