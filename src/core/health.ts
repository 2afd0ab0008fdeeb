/**
 * Whether a database is as it should be: each check by itself, in findings for the operator. Nothing is changed, and
 * what is told names ids, sizes and numbers alone.
 */
import { hex } from '../crypto/hash.ts';
import type { HealthStore, RowCheck } from '../store/health.ts';
import type { Digest } from './deps.ts';

/**
 * - `ok`: looked at, and as it should be
 * - `note`: worth knowing, nothing to do
 * - `warning`: works, and should be seen to
 * - `wrong`: damage, or a danger
 * - `unknown`: could not be looked at
 */
export type FindingLevel = 'ok' | 'note' | 'warning' | 'wrong' | 'unknown';

export interface Finding {
  readonly check: string;
  readonly level: FindingLevel;
  readonly message: string;
}

/** What it takes to look. */
export interface HealthPorts {
  readonly health: HealthStore;
  digest(): Digest;
  crc32(bytes: Uint8Array, previous: number): number;
  now(): number;
  /** The length of an object, or undefined where there is none. Absent where no object store is named. */
  objectSize?(key: string): Promise<number | undefined>;
}

/** How many problems of one check are told one by one. */
export const TOLD = 10;
/** Two machines' clocks may differ by this. */
const CLOCK_TOLERANCE_MS = 60_000;
const CHUNKS_AT_ONCE = 500;
/** An object store is asked about so many at a time. */
const OBJECTS_AT_ONCE = 16;

/** Collects what a check finds: a bounded list, and how many there were. */
export class Problems {
  readonly #check: string;
  readonly #told: Finding[] = [];
  #count = 0;

  constructor(check: string) {
    this.#check = check;
  }

  add(message: string): void {
    this.#count += 1;
    if (this.#count <= TOLD) this.#told.push({ check: this.#check, level: 'wrong', message });
  }

  /** @param well what to say when there were none */
  findings(well: string): readonly Finding[] {
    if (this.#count === 0) return [{ check: this.#check, level: 'ok', message: well }];
    const more = this.#count - this.#told.length;
    if (more === 0) return this.#told;
    return [...this.#told, { check: this.#check, level: 'wrong', message: `And ${more} more of these.` }];
  }
}

/** Everything that can be asked of a database file or server by SQL. */
export const HEALTH_CHECKS = [
  'integrity',
  'references',
  'bytes',
  'objects',
  'counters',
  'clock',
  'digests',
] as const;
export type HealthCheck = (typeof HEALTH_CHECKS)[number];

/** Does one check. Throws what the store throws. */
export function checkHealth(ports: HealthPorts, check: HealthCheck): Promise<readonly Finding[]> {
  return CHECKS[check](ports);
}

const CHECKS: Readonly<Record<HealthCheck, (ports: HealthPorts) => Promise<readonly Finding[]>>> = {
  async integrity({ health }) {
    const problems = new Problems('integrity');
    for (const line of await health.integrity(100)) problems.add(`The database file is damaged: ${line}`);
    return problems.findings('Every page and index of the database is sound.');
  },

  async references({ health }) {
    const problems = new Problems('references');
    for (const { table, rows } of await health.brokenReferences())
      problems.add(`${rows} rows of ${table} refer to something that is not there.`);
    return problems.findings('Every reference leads somewhere.');
  },

  async bytes({ health }) {
    const problems = new Problems('bytes');
    const rows = await walk(
      health,
      ['paste_bytes', 'chunk_bytes', 'staged_bytes', 'unowned_bytes'],
      problems,
    );
    return problems.findings(`Bytes and the rows that speak of them belong together (${rows} looked at).`);
  },

  async objects({ health, objectSize }) {
    const problems = new Problems('objects');
    let count = 0;
    for (let after = ''; ; ) {
      const page = await health.objects(after, OBJECTS_AT_ONCE);
      count += page.length;
      after = page.at(-1)?.id ?? after;
      if (objectSize !== undefined) {
        const sizes = await Promise.all(page.map(({ key }) => objectSize(key)));
        for (const [index, { id, blob, byteSize }] of page.entries()) {
          const size = sizes[index];
          if (size === byteSize || !(await health.isKept(id, blob))) continue;
          problems.add(
            size === undefined
              ? `The object of chunk ${id} is not in the store.`
              : `The object of chunk ${id} has ${size} bytes of ${byteSize}.`,
          );
        }
      }
      if (page.length < OBJECTS_AT_ONCE) break;
    }
    if (objectSize === undefined && count > 0)
      problems.add(`${count} chunks lie in an object store, and no store is named (SAFE_S3_ENDPOINT).`);
    return problems.findings(
      count === 0
        ? 'No chunk lies in an object store.'
        : `${count} objects are in the store, as long as they should be.`,
    );
  },

  async counters({ health }) {
    const problems = new Problems('counters');
    const counters: readonly RowCheck[] = [
      'paste_totals',
      'stream_counters',
      'media_counters',
      'account_usage',
    ];
    await walk(health, counters, problems);
    return problems.findings('Quotas and counters are the sums of what is there.');
  },

  async clock({ health, now }) {
    const ahead = Math.max(0, ...(await health.newest())) - now();
    if (ahead <= CLOCK_TOLERANCE_MS)
      return [{ check: 'clock', level: 'ok', message: 'Nothing was recorded in the future.' }];
    const message = `The newest records are ${Math.round(ahead / 1000)} seconds in the future: this clock is slow, or it was fast when they were made.`;
    return [{ check: 'clock', level: 'wrong', message }];
  },

  async digests(ports) {
    const problems = new Problems('digests');
    let checked = 0;
    for (let after = ''; ; ) {
      const chunks = await ports.health.chunks(after, CHUNKS_AT_ONCE);
      for (const chunk of chunks) {
        const { length, sha256, crc32 } = await bytesOf(ports, chunk.blob);
        checked += 1;
        after = chunk.id;
        if (length === chunk.byteSize && sha256 === chunk.sha256 && crc32 === chunk.crc32) continue;
        // A deletion that began meanwhile takes the bytes first, and so does a move to another store.
        if (await ports.health.isKept(chunk.id, chunk.blob))
          problems.add(`The bytes of chunk ${chunk.id} are not those that were taken in.`);
      }
      if (chunks.length < CHUNKS_AT_ONCE) break;
    }
    return problems.findings(
      `The bytes of ${checked} chunks in the database have the digests that their rows name.`,
    );
  },
};

async function walk(health: HealthStore, checks: readonly RowCheck[], problems: Problems): Promise<number> {
  let rows = 0;
  for (const check of checks) {
    for (let after: string | undefined = ''; after !== undefined; ) {
      const page = await health.check(check, after);
      rows += page.rows;
      for (const problem of page.problems) problems.add(problem);
      after = page.next;
    }
  }
  return rows;
}

async function bytesOf({ health, digest, crc32 }: HealthPorts, blob: string) {
  const hash = digest();
  let length = 0;
  let crc = 0;
  for (let index = 0; ; index += 1) {
    const bytes = await health.segment(blob, index);
    if (bytes === undefined) break;
    length += bytes.length;
    hash.update(bytes);
    crc = crc32(bytes, crc);
  }
  return { length, sha256: hex(await hash.finish()), crc32: crc };
}
