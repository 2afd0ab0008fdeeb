/** A ground without sockets: handlers on a real libSQL, whose chance follows from the seed and whose clock stands. */
import { examine, VISIT } from '../../../runtime/doctor.ts';
import { carryOutDeletions, LEASE_MS } from '../../../src/core/deletion-worker.ts';
import { claimLog, tendLog } from '../../../src/core/log.ts';
import { signerOf } from '../../../src/crypto/signed-note.ts';
import { tokenHash } from '../../../src/crypto/tokens.ts';
import { csrfToken } from '../../../src/handlers/kit/csrf.ts';
import type { Db } from '../../../src/store/db.ts';
import { type House, openHouse, TestClock } from '../../../test/support/house.ts';
import {
  codeOf,
  liveSessionOf,
  type Person as Made,
  newcomer,
  sessionFor,
  settled,
  verifiedSession,
} from '../../../test/support/people.ts';
import { chanceOf } from '../chance.ts';
import { databaseInThread } from '../database.ts';
import { must } from '../target.ts';
import type { Asking, Ground, Person } from './ground.ts';
import { Pool } from './pool.ts';
import { PROFILES } from './profiles.ts';

const MAIN_ORIGIN = 'http://main.test';
const ADMIN_ORIGIN = 'http://admin.test';
const PEER = { address: '127.0.0.1' };
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** What of a visit belongs to a machine and not to a database in memory. */
const OF_MACHINES: readonly string[] = ['schema', 'secret_key', 'signing_key', 'wal', 'limits', 'clock'];

/** Every so manieth ground has the driver as it is served, with its thread; the others one that costs half. */
const THREADED_ONCE_IN = 4;

/** Requests that a client can write: the platform's own check. */
function requestOf({ door, method, target, headers, body }: Asking): Request | undefined {
  try {
    const made = new Headers();
    for (const [name, value] of headers) made.append(name, value);
    if (body !== undefined && !made.has('content-length')) made.set('content-length', String(body.length));
    const origin = door === 'main' ? MAIN_ORIGIN : ADMIN_ORIGIN;
    const bodied = body !== undefined && !/^(get|head)$/i.test(method);
    const request = new Request(origin + target, { method, headers: made, ...(bodied && { body }) });
    // A target such as `//host` is another URL altogether.
    return new URL(request.url).origin === origin ? request : undefined;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

type Kind = 'user' | 'admin' | 'newcomer';

class HouseGround implements Ground {
  readonly adminOrigin = ADMIN_ORIGIN;
  readonly byItself = ['clock', 'sweep', 'delete', 'log'];
  readonly pool = new Pool();
  readonly #house: House;
  readonly #db: Db | undefined;
  readonly #accounts: Made[] = [];
  #people: (Person | undefined)[] = [];
  #made = 0;

  /** @param db what it stands on and nobody else closes */
  constructor(house: House, db: Db | undefined) {
    this.#house = house;
    this.#db = db;
  }

  get people(): readonly (Person | undefined)[] {
    return this.#people;
  }

  async refresh(): Promise<readonly number[]> {
    const before = this.#people;
    this.#people = [
      await this.#alive(0, 'user'),
      await this.#alive(1, 'user'),
      await this.#alive(2, 'admin'),
      await this.#alive(3, 'newcomer'),
      undefined,
    ];
    return this.#people.flatMap((person, who) => (person?.accountId === before[who]?.accountId ? [] : [who]));
  }

  /** Whoever is still there keeps the account and gets new sessions; else it is somebody new. */
  async #alive(who: number, kind: Kind): Promise<Person> {
    const person = this.#people[who];
    const made = this.#accounts[who];
    if (person === undefined || made === undefined) return this.#newPerson(who, kind);
    const tokens = [person.bearer, person.web?.cookie, person.dashboard?.cookie];
    const live = await Promise.all(tokens.map((token) => token === undefined || this.#isLive(token, kind)));
    if (live.every(Boolean)) return person;
    try {
      const again = await this.#enter(who, kind, made);
      if (await this.#isLive(again.bearer, kind)) return again;
    } catch {
      // Disabled, or without the factor that it had.
    }
    return this.#newPerson(who, kind);
  }

  async #isLive(token: string, kind: Kind): Promise<boolean> {
    const { store, now } = this.#house.deps;
    const live = await store.accounts.liveSession(tokenHash(token), now());
    return live?.account.role === (kind === 'admin' ? 'admin' : 'user');
  }

  async #newPerson(who: number, kind: Kind): Promise<Person> {
    const house = this.#house;
    this.#made += 1;
    this.pool.leave(who);
    const name = `${kind}-${this.#made}`;
    const role = kind === 'admin' ? 'admin' : 'user';
    const made = kind === 'newcomer' ? await newcomer(house, name) : await settled(house, name, role);
    this.#accounts[who] = made;
    this.pool.add({ kind: 'acct', value: made.account.id, who });
    return this.#enter(who, kind, made);
  }

  /** Sessions of somebody. */
  async #enter(who: number, kind: Kind, made: Made): Promise<Person> {
    const house = this.#house;
    const open = kind === 'newcomer' ? sessionFor : verifiedSession;
    const bearer = await open(house, made, 'bearer');
    const web = await open(house, made, 'web');
    const dashboard = kind === 'admin' ? await open(house, made, 'admin_web') : undefined;
    return {
      username: made.username,
      accountId: made.account.id,
      code: () => {
        const seed = made.seed ?? this.pool.pick(chanceOf(1), 'seed', who);
        return seed === undefined ? '000000' : codeOf(house, seed);
      },
      bearer,
      web: { cookie: web, csrf: await this.#csrf('sallyport-web-csrf-v1', web) },
      ...(dashboard !== undefined && {
        dashboard: { cookie: dashboard, csrf: await this.#csrf('sallyport-admin-web-csrf-v1', dashboard) },
      }),
    };
  }

  async #csrf(purpose: Parameters<typeof csrfToken>[0], token: string): Promise<string> {
    return csrfToken(purpose, token, (await liveSessionOf(this.#house, token)).session);
  }

  async ask(asking: Asking) {
    const request = requestOf(asking);
    if (request === undefined) return undefined;
    const path = new URL(request.url).pathname;
    const response = await this.#house[asking.door](request, PEER);
    const body = new Uint8Array(await response.arrayBuffer());
    return { path, seen: { status: response.status, headers: response.headers, body } };
  }

  async happen(what: string, salt: number): Promise<void> {
    const { deps, clock } = this.#house;
    if (what === 'clock') clock.advance([1, 1000, 31_000, HOUR_MS, DAY_MS][salt % 5] ?? 1);
    if (what === 'sweep') await this.#house.sweep();
    if (what === 'delete') await carryOutDeletions(deps, { leaseMs: LEASE_MS });
    if (what === 'log' && deps.signer !== undefined) await tendLog({ ...deps, signer: deps.signer });
  }

  checkLog(secrets: readonly string[]): void {
    const { log, details, mail } = this.#house;
    mail.length = 0;
    for (const line of [...log.splice(0), ...details.splice(0)]) {
      // A 503 that is refused says how the server is set up; what failed has the name of an error.
      const failed = line.level === 'error' && (line.status !== 503 || line.error_type !== undefined);
      must(!failed, () => `the log says ${JSON.stringify(line)}`);
      const text = JSON.stringify(line);
      must(!secrets.some((secret) => text.includes(secret)), () => `the log says a secret: ${text}`);
    }
  }

  /** As an operator would look, and then after all that was left has run out. */
  async aftermath(): Promise<void> {
    const house = this.#house;
    await house.settled();
    for (const check of [...VISIT.filter((one) => !OF_MACHINES.includes(one)), 'digests'] as const) {
      for (const { level, message } of await examine({ db: house.db, settings: house.deps.settings }, check))
        must(level === 'ok' || level === 'note', () => `the doctor says: ${check} ${message}`);
    }
    await carryOutDeletions(house.deps, { leaseMs: 0 });
    house.clock.advance(40 * DAY_MS);
    await carryOutDeletions(house.deps, { leaseMs: 0 });
    for (let round = 0; round < 3; round += 1) await house.sweep();
    const count = async (sql: string) => Number((await house.db.batch([{ sql }], 'read'))[0]?.rows[0]?.[0]);
    for (const table of ['loose_blobs', 'uploads', 'pastes'])
      must(
        (await count(`SELECT count(*) FROM ${table}`)) === 0,
        () => `${table} has rows that no sweep takes away`,
      );
    const stray = await count(
      'SELECT count(*) FROM segments WHERE blob NOT IN (SELECT blob FROM chunks WHERE blob IS NOT NULL)',
    );
    must(stray === 0, () => `${stray} segments belong to nothing`);
    must(house.clock.waiting === 0, () => `${house.clock.waiting} timers still wait`);
  }

  async close(): Promise<void> {
    await this.#house.settled();
    await this.#house.close();
    await this.#db?.close();
  }
}

/** @param profile the number of one of {@link PROFILES} */
export async function openHouseGround(seed: number, profile: number): Promise<Ground> {
  const chance = chanceOf(seed);
  const signer = await signerOf('vault.example/log', new Uint8Array(32).fill(3));
  const { env } = PROFILES[profile % PROFILES.length] ?? PROFILES[0];
  const clock = new TestClock();
  const db = seed % THREADED_ONCE_IN === 0 ? undefined : await databaseInThread(clock.now());
  const ports = { signer, random: (length: number) => chance.bytes(length) };
  const house = await openHouse({ env, clock, ports, data: db ?? 'memory' });
  const ground = new HouseGround(house, db);
  await claimLog(house.deps, house.deps.store.log, signer);
  return ground;
}
