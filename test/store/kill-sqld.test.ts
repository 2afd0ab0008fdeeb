/**
 * A libSQL server that is killed under load, again and again: the server that works on it says so with 503 and goes
 * on by itself when the other is back, and whatever it acknowledged is there.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Session } from '../support/ask.ts';
import type { BothDoors } from '../support/both-doors.ts';
import { SAFE_SECRET_KEY } from '../support/edge-door.ts';
import { newIncident, newStream, sealedChunk, sha256Hex } from '../support/evidence.ts';
import { rounds, type Seeded, seeded } from '../support/seed.ts';
import { runtimes, startServer } from '../support/server.ts';
import { ownersAt } from '../support/server-owner.ts';
import { hasSqld, startSqld } from '../support/sqld.ts';
import { type Answer, put, putPath, send } from '../support/uploads.ts';

const KILLS = rounds(3);
/** Uploads of chunks, and creates of pastes, in flight at a time. */
const WORKERS = 3;
const MIB = 1024 * 1024;

type Bytes = Uint8Array<ArrayBuffer>;

/** What was acknowledged, and what happens at each answer. */
class Load {
  readonly #doors: BothDoors;
  readonly #as: Session;
  readonly #place: { readonly incidentId: string; readonly streamId: string };
  readonly #random: Seeded;
  readonly chunks = new Map<number, string>();
  readonly pastes = new Map<string, Bytes>();
  refused = 0;
  #index = 0;
  over = false;
  heard: () => void = () => {};

  private constructor(doors: BothDoors, as: Session, place: Load['place'], random: Seeded) {
    this.#doors = doors;
    this.#as = as;
    this.#place = place;
    this.#random = random;
  }

  static async begin(doors: BothDoors, as: Session, random: Seeded): Promise<Load> {
    const incidentId = await newIncident(doors, as);
    return new Load(doors, as, { incidentId, streamId: await newStream(doors, as, incidentId) }, random);
  }

  get place() {
    return this.#place;
  }

  get acknowledged(): number {
    return this.chunks.size + this.pastes.size;
  }

  /** Sends the same under the same key until it is acknowledged; all that may be said before is 503. */
  async #insist(send: () => Promise<Answer>): Promise<Answer | undefined> {
    for (;;) {
      const answer = await send();
      if (answer.status < 300) return answer;
      assert.deepEqual([answer.status, answer.code], [503, 'storage_unavailable']);
      assert.match(answer.headers.get('retry-after') ?? '', /^[1-9][0-9]*$/);
      this.refused += 1;
      this.heard();
      if (this.over) return undefined;
    }
  }

  async uploadChunks(): Promise<void> {
    while (!this.over) {
      this.#index += 1;
      const index = this.#index;
      // One in six takes several writes.
      const size = this.#random.below(6) === 0 ? MIB + 1 : this.#random.below(9000);
      const bytes = await sealedChunk({ ...this.#place, index, media: new Uint8Array(size) });
      const where = { ...this.#place, index };
      const key = `key-${index}`;
      const answer = await this.#insist(() =>
        put(this.#doors, this.#as, where, { bytes, key, filename: '' }),
      );
      if (answer === undefined) return;
      this.chunks.set(index, sha256Hex(bytes));
      this.heard();
    }
  }

  async createPastes(): Promise<void> {
    while (!this.over) {
      const body: Bytes = new Uint8Array(randomBytes(this.#random.below(6) === 0 ? MIB + 1 : 500));
      const headers = { 'idempotency-key': randomBytes(16).toString('hex') };
      const answer = await this.#insist(() => send(this.#doors, '/', { method: 'POST', body, headers }));
      if (answer === undefined) return;
      this.pastes.set(answer.body.id, body);
      this.heard();
    }
  }

  /** Resolves at the next answer after which `is` holds. */
  until(is: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.heard = () => {
        if (is()) resolve();
      };
    });
  }

  async check(): Promise<void> {
    for (const [index, sha256] of this.chunks) {
      const { status, bytes } = await send(this.#doors, putPath({ ...this.#place, index }), { as: this.#as });
      assert.equal(`${status} ${sha256Hex(bytes)}`, `200 ${sha256}`, `chunk ${index}`);
    }
    for (const [id, body] of this.pastes) {
      const { status, bytes } = await send(this.#doors, `/${id}/raw`);
      assert.equal(`${status} ${sha256Hex(bytes)}`, `200 ${sha256Hex(body)}`, 'a paste');
    }
  }
}

for (const runtime of runtimes) {
  describe(`a libSQL server that is killed under a server on ${runtime}`, {
    skip: hasSqld ? false : 'npm has no libSQL server for this platform',
    timeout: rounds(600_000),
  }, () => {
    it(`loses nothing that was acknowledged, and is found again by itself, after ${KILLS} kills`, async (t) => {
      const random = seeded(t);
      const sqld = await startSqld();
      t.after(() => sqld.stop());
      await using server = await startServer({
        runtime,
        settings: {
          SAFE_DATABASE_URL: sqld.url,
          SAFE_SECRET_KEY,
          SAFE_DATABASE_TIMEOUT: '10s',
          SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
          SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
          SAFE_PASTE_DEDUP_MAX: '0',
        },
      });
      const { doors, owners } = await ownersAt(server);
      const load = await Load.begin(doors, owners[0] as Session, random);
      const working = Array.from({ length: WORKERS }, () => [
        load.uploadChunks(),
        load.createPastes(),
      ]).flat();
      // A worker that fails must end the test, not leave it waiting.
      const failed = Promise.all(working);
      const until = (is: () => boolean) => Promise.race([load.until(is), failed]);
      for (let kill = 0; kill < KILLS; kill += 1) {
        const enough = load.acknowledged + 4 + random.below(20);
        await until(() => load.acknowledged > enough);
        const refused = load.refused;
        await sqld.kill();
        await until(() => load.refused > refused);
        await sqld.start();
      }
      const enough = load.acknowledged + 10;
      await until(() => load.acknowledged > enough);
      load.over = true;
      await failed;
      await load.check();
      t.diagnostic(
        `${load.chunks.size} chunks and ${load.pastes.size} pastes kept, ${load.refused} refusals`,
      );
      assert.deepEqual(await server.stop(), { code: 0, signal: null });
    });
  });
}
