/** The people of a house: who has what to ask with, made anew where it was lost on the way. */
import { tokenHash } from '../../../src/crypto/tokens.ts';
import { csrfToken } from '../../../src/handlers/kit/csrf.ts';
import type { LiveSession } from '../../../src/store/accounts.ts';
import { type Authenticator, newAuthenticator } from '../../../test/support/authenticator.ts';
import type { House } from '../../../test/support/house.ts';
import {
  codeOf,
  liveSessionOf,
  type Person as Made,
  newcomer,
  sessionFor,
  settled,
  verifiedSession,
} from '../../../test/support/people.ts';
import type { Person } from './ground.ts';
import type { Pool } from './pool.ts';

type Kind = 'user' | 'admin' | 'newcomer' | 'returning' | 'returning admin';

/** By the numbers of `WHO`. */
const KINDS: readonly (Kind | undefined)[] = [
  'user',
  'user',
  'admin',
  'newcomer',
  undefined,
  'returning',
  'returning admin',
];
const ADMIN = 2;

const isAdmin = (kind: Kind) => kind.endsWith('admin');
/** Whose sessions have shown a factor. */
const isSettled = (kind: Kind) => kind === 'user' || kind === 'admin';

interface Known {
  readonly made: Made;
  readonly device: Authenticator;
}

export class HousePeople {
  readonly #house: House;
  readonly #pool: Pool;
  /** Whether the first admin is somebody who has the bootstrap secret. */
  readonly #withoutAdmin: boolean;
  readonly #behind: boolean;
  readonly #known: (Known | undefined)[] = [];
  #count = 0;

  /** @param live whether codes are asked for by the clock of the machine, of which the house's is behind */
  constructor(house: House, pool: Pool, withoutAdmin: boolean, live = false) {
    this.#behind = live;
    this.#house = house;
    this.#pool = pool;
    this.#withoutAdmin = withoutAdmin;
  }

  async refreshed(before: readonly (Person | undefined)[]): Promise<(Person | undefined)[]> {
    const people: (Person | undefined)[] = [];
    for (const [who, kind] of KINDS.entries())
      people.push(kind === undefined ? undefined : await this.#present(who, kind, before[who]));
    return people;
  }

  #present(who: number, kind: Kind, before: Person | undefined): Promise<Person | undefined> {
    if (!this.#withoutAdmin || !isAdmin(kind)) return this.#alive(who, kind, before);
    return who === ADMIN ? this.#firstAdmin(before) : Promise.resolve(undefined);
  }

  /** Whoever is still there keeps the account and gets new sessions where it needs them; else it is somebody new. */
  async #alive(who: number, kind: Kind, before: Person | undefined): Promise<Person> {
    const known = this.#known[who];
    if (before === undefined || known === undefined) return this.#newPerson(who, kind);
    const tokens = [before.bearer, before.web?.cookie, before.dashboard?.cookie];
    const fit = await Promise.all(
      tokens.map(async (token) => token === undefined || this.#fits(await this.#live(token), kind)),
    );
    if (fit.every(Boolean)) return before;
    try {
      const again = await this.#enter(who, kind, known);
      if (this.#fits(await this.#live(again.bearer), kind)) return again;
    } catch {
      // Disabled, or without the factor that it had.
    }
    return this.#newPerson(who, kind);
  }

  #live(token: string): Promise<LiveSession | undefined> {
    const { store, now } = this.#house.deps;
    return store.accounts.liveSession(tokenHash(token), now());
  }

  #fits(live: LiveSession | undefined, kind: Kind): boolean {
    if (live?.account.role !== (isAdmin(kind) ? 'admin' : 'user')) return false;
    if (kind === 'newcomer') return live.activeFactors.length === 0;
    return isSettled(kind) || live.session.verifiedAt === undefined;
  }

  /** The one whom a request has made, once there is one. */
  async #firstAdmin(before: Person | undefined): Promise<Person | undefined> {
    const live = before && (await this.#live(before.bearer));
    const shown = live?.session.verifiedAt !== undefined || live?.activeFactors.length === 0;
    if (shown && this.#fits(live, 'admin')) return before;
    const sql = "SELECT username FROM accounts WHERE role = 'admin' AND state = 'active' ORDER BY id LIMIT 1";
    const username = (await this.#house.db.batch([{ sql }], 'read'))[0]?.rows[0]?.[0];
    if (typeof username !== 'string') return undefined;
    const account = (await this.#house.deps.store.accounts.byUsername(username))?.account;
    if (account === undefined) return undefined;
    const seed = this.#pool.newest('seed', ADMIN);
    const made: Made = { account, username, ...(seed !== undefined && { seed }) };
    const device = this.#known[ADMIN]?.device ?? newAuthenticator('EdDSA');
    this.#known[ADMIN] = { made, device };
    try {
      // The code that confirmed the factor counts once.
      if (seed !== undefined) this.#house.clock.advance(30_000);
      return await this.#enter(ADMIN, 'admin', { made, device }, seed !== undefined);
    } catch {
      // Nothing was confirmed yet, or it is another factor.
      return this.#enter(ADMIN, 'admin', { made, device }, false);
    }
  }

  async #newPerson(who: number, kind: Kind): Promise<Person> {
    const house = this.#house;
    this.#count += 1;
    this.#pool.leave(who);
    const name = `${kind.replace(' ', '-')}-${this.#count}`;
    const role = isAdmin(kind) ? 'admin' : 'user';
    const made = await (isSettled(kind) ? settled : newcomer)(house, name, role);
    const device = newAuthenticator(this.#count % 2 === 0 ? 'ES256' : 'EdDSA');
    const known = { made, device };
    this.#known[who] = known;
    this.#pool.add({ kind: 'acct', value: made.account.id, who });
    return this.#enter(who, kind, known);
  }

  /** Sessions of somebody. @param verified whether they have shown the authenticator app */
  async #enter(
    who: number,
    kind: Kind,
    { made, device }: Known,
    verified = isSettled(kind),
  ): Promise<Person> {
    const house = this.#house;
    const open = verified ? verifiedSession : sessionFor;
    const bearer = await open(house, made, 'bearer');
    const web = await open(house, made, 'web');
    const dashboard = isAdmin(kind) ? await open(house, made, 'admin_web') : undefined;
    return {
      username: made.username,
      accountId: made.account.id,
      device,
      code: () => {
        const seed = this.#pool.newest('seed', who) ?? made.seed;
        return seed === undefined ? '000000' : codeOf(house, seed, this.#later());
      },
      bearer,
      web: { cookie: web, csrf: await this.#csrf('sallyport-web-csrf-v1', web) },
      ...(dashboard !== undefined && {
        dashboard: { cookie: dashboard, csrf: await this.#csrf('sallyport-admin-web-csrf-v1', dashboard) },
      }),
    };
  }

  /** Steps of 30 seconds that the clock of whoever asks for codes is before the house's. */
  #later(): number {
    return this.#behind ? Math.floor((Date.now() - this.#house.clock.now()) / 30_000) : 0;
  }

  async #csrf(purpose: Parameters<typeof csrfToken>[0], token: string): Promise<string> {
    return csrfToken(purpose, token, (await liveSessionOf(this.#house, token)).session);
  }
}
