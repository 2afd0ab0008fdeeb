/** People for tests: accounts and sessions in every state that a gate tells apart. */
import { TOTP } from 'otpauth';
import { auditEntry } from '../../src/core/audit.ts';
import { confirmTotp, enrolTotp, verifyTotp } from '../../src/core/factors.ts';
import { newSession } from '../../src/core/login.ts';
import { newAccount } from '../../src/core/registration.ts';
import { tokenHash } from '../../src/crypto/tokens.ts';
import type { Account, LiveSession, Role, SessionKind } from '../../src/store/accounts.ts';
import type { House } from './house.ts';

export const PASSWORD = 'a passphrase for tests only';

export interface Person {
  readonly account: Account;
  readonly username: string;
  /** TOTP seed in base32, once there is one. */
  readonly seed?: string;
}

const LOCAL = { listener: 'local', actorKind: 'operator' } as const;

async function live(house: House, token: string): Promise<LiveSession> {
  const found = await house.deps.store.accounts.liveSession(tokenHash(token), house.deps.now());
  if (found === undefined) throw new Error('the session is not live');
  return found;
}

/** A session's raw token. */
export async function sessionFor(house: House, person: Person, kind: SessionKind): Promise<string> {
  const { accounts } = house.deps.store;
  const { token, session } = newSession(house.deps, person.account.id, kind);
  const phc = (await accounts.phcOf(person.account.id)) ?? '';
  const entry = auditEntry(house.deps, LOCAL, 'login', 'ok');
  if (!(await accounts.openSession(session, phc, entry))) throw new Error('no session was opened');
  return token;
}

/** Somebody whose second factor is still to be set up. */
export async function newcomer(house: House, username: string, role: Role = 'user'): Promise<Person> {
  const given = { username, password: PASSWORD, role, state: 'active' } as const;
  const account = await newAccount(house.deps, given);
  const entry = auditEntry(house.deps, LOCAL, 'account_create', 'ok', { subjectAccountId: account.id });
  if (!(await house.deps.store.accounts.create(account, entry))) throw new Error('the account was not made');
  const { phc: _, ...made } = account;
  return { account: made, username };
}

/** The code that an authenticator app shows now, or in `later` steps of 30 seconds. */
export function codeOf(house: House, seed: string, later = 0): string {
  return new TOTP({ secret: seed }).generate({ timestamp: house.clock.now() + later * 30_000 });
}

/** Somebody with a confirmed TOTP factor. A session of theirs must still show it. */
export async function settled(house: House, username: string, role: Role = 'user'): Promise<Person> {
  const person = await newcomer(house, username, role);
  const session = await live(house, await sessionFor(house, person, 'bearer'));
  const { secret } = await enrolTotp(house.deps, LOCAL, session);
  await confirmTotp(house.deps, LOCAL, session, codeOf(house, secret));
  house.clock.advance(30_000);
  return { ...person, seed: secret };
}

/** A session of somebody settled that has shown its factor. Each call takes a time step of its own. */
export async function verifiedSession(house: House, person: Person, kind: SessionKind): Promise<string> {
  const token = await sessionFor(house, person, kind);
  await verifyTotp(house.deps, LOCAL, await live(house, token), codeOf(house, person.seed ?? ''));
  house.clock.advance(30_000);
  return token;
}

export { live as liveSessionOf };
