/** A ground in this process: handlers on a real libSQL, whose chance follows from the seed and whose clock stands. */
import { examine, VISIT } from '../../../runtime/doctor.ts';
import { carryOutDeletions, LEASE_MS } from '../../../src/core/deletion-worker.ts';
import { claimLog, tendLog } from '../../../src/core/log.ts';
import { sendOutbox } from '../../../src/core/outbox.ts';
import { signerOf } from '../../../src/crypto/signed-note.ts';
import { type House, openHouse, TestClock } from '../../../test/support/house.ts';
import { addUnowned, UNOWNED, UNOWNED_TOKEN } from '../../../test/support/unowned.ts';
import { chanceOf } from '../chance.ts';
import { must } from '../target.ts';
import { type Footing, inMemory, type LayFooting } from './footings.ts';
import type { Asking, Ground, Heard, Opening, Person } from './ground.ts';
import { HousePeople } from './house-people.ts';
import { Pool } from './pool.ts';
import { PROFILES, type Profile } from './profiles.ts';
import type { Way, WayTo } from './ways.ts';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** What of a visit belongs to a machine and not to a database in memory. */
const OF_MACHINES: readonly string[] = ['schema', 'secret_key', 'signing_key', 'wal', 'limits', 'clock'];

/** Incidents of nobody that a ground begins with. */
const UNOWNED_AT_FIRST = 3;
/** Who knows of them: what people have goes with them. */
const NOBODY = 4;

class HouseGround implements Ground {
  readonly byItself = ['clock', 'sweep', 'delete', 'log', 'import'];
  readonly pool = new Pool();
  readonly leaveAfter: number;
  readonly #house: House;
  readonly #footing: Footing;
  readonly #way: Way;
  readonly #crew: HousePeople;
  #people: (Person | undefined)[] = [];
  #imported = 0;

  constructor(house: House, footing: Footing, way: Way, profile: Profile) {
    const { withoutAdmin = false, requests = 20_000 } = profile;
    this.#house = house;
    this.#footing = footing;
    this.#way = way;
    this.#crew = new HousePeople(house, this.pool, withoutAdmin, footing.live !== undefined);
    this.leaveAfter = Math.min(requests, footing.requests ?? requests);
  }

  get adminOrigin(): string {
    return this.#way.adminOrigin;
  }

  get people(): readonly (Person | undefined)[] {
    return this.#people;
  }

  async refresh(): Promise<readonly number[]> {
    const before = this.#people;
    this.#people = await this.#crew.refreshed(before);
    return this.#people.flatMap((person, who) => (person?.accountId === before[who]?.accountId ? [] : [who]));
  }

  ask(asking: Asking): Promise<Heard | undefined> {
    return this.#way.ask(asking);
  }

  async happen(what: string, salt: number): Promise<void> {
    const { deps, clock } = this.#house;
    if (what === 'clock') {
      clock.advance([1, 1000, 31_000, HOUR_MS, DAY_MS][salt % 5] ?? 1);
      await this.#footing.advanced?.();
    }
    if (what === 'sweep') await this.#house.sweep();
    if (what === 'delete') await carryOutDeletions(deps, { leaseMs: LEASE_MS });
    if (what === 'import') await this.importUnowned();
    // What a door without a mail server has left for home to send.
    const now = this.#footing.live === undefined ? deps.now : Date.now;
    if (what === 'mail') await sendOutbox({ ...deps, now }, () => false);
    if (what === 'log' && deps.signer !== undefined) await tendLog({ ...deps, signer: deps.signer });
  }

  /** Whoever has failed to log in too often is answered after seconds of this clock. */
  idle(): void {
    const { clock } = this.#house;
    if (clock.waiting > 0) clock.advance(1000);
  }

  /** Brings in an incident that nobody owns, as legacy ones come. */
  async importUnowned(): Promise<void> {
    this.#imported += 1;
    const tail = String(this.#imported).padStart(18, '0');
    await addUnowned(this.#house.db, tail);
    for (const kind of ['unowned', 'inc'])
      this.pool.add({ kind, value: `${UNOWNED.slice(0, -tail.length)}${tail}`, who: NOBODY });
    if (this.#imported === 1) this.pool.add({ kind: 'viewer', value: UNOWNED_TOKEN, who: NOBODY });
  }

  mailed(): readonly string[] {
    return [...this.#house.mail.splice(0).map(({ text }) => text), ...(this.#footing.mailed?.() ?? [])];
  }

  checkLog(secrets: readonly string[]): void {
    const { log, details } = this.#house;
    const elsewhere = this.#way.logged?.() ?? [];
    for (const line of [...log.splice(0), ...details.splice(0), ...elsewhere]) {
      // What is refused with these says how the server is set up, or that it is full; what failed has an error's name.
      const refused = (line.status === 503 || line.status === 507) && line.error_type === undefined;
      const failed = line.level === 'error' && !refused;
      must(!failed, () => `the log says ${JSON.stringify(line)}`);
      const text = JSON.stringify(line);
      must(!secrets.some((secret) => text.includes(secret)), () => `the log says a secret: ${text}`);
    }
  }

  /** As an operator would look, and then after all that was left has run out. */
  async aftermath(): Promise<void> {
    const house = this.#house;
    await this.#way.quiet?.();
    await house.settled();
    for (const check of [...VISIT.filter((one) => !OF_MACHINES.includes(one)), 'digests'] as const) {
      for (const { level, message } of await examine({ db: house.db, settings: house.deps.settings }, check))
        must(level === 'ok' || level === 'note', () => `the doctor says: ${check} ${message}`);
    }
    await carryOutDeletions(house.deps, { leaseMs: 0 });
    house.clock.advance(40 * DAY_MS);
    await carryOutDeletions(house.deps, { leaseMs: 0 });
    // What may still be under way to an object store is removed once more, after a while.
    for (let round = 0; round < 3; round += 1) {
      await house.sweep();
      house.clock.advance(HOUR_MS);
    }
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
    await this.#footing.aftermath?.();
  }

  async close(): Promise<void> {
    try {
      await this.#way.close();
    } finally {
      await this.#house.settled();
      await this.#house.close();
      await this.#footing.close();
    }
  }
}

/** A ground's opening. @param wayTo how requests reach it @param lay what it stands on */
export function openingOf(wayTo: WayTo, lay: LayFooting = inMemory): Opening {
  return async (seed, profile) => {
    const chance = chanceOf(seed);
    const signer = await signerOf('vault.example/log', new Uint8Array(32).fill(3));
    const chosen = PROFILES[profile % PROFILES.length] ?? PROFILES[0];
    const clock = new TestClock();
    const footing = await lay({ seed, clock, chance });
    const env = { ...chosen.env, ...footing.env };
    const ports = { signer, random: (length: number) => chance.bytes(length), ...footing.ports };
    const house = await openHouse({ env, clock, ports, data: footing.db });
    const ground = new HouseGround(house, footing, await wayTo(house, { ...env, ...footing.live }), chosen);
    if (footing.live === undefined) await claimLog(house.deps, house.deps.store.log, signer);
    for (let at = 0; at < UNOWNED_AT_FIRST; at += 1) await ground.importUnowned();
    return ground;
  };
}
