/** What answers carried and later requests may bring: ids, tokens, cursors, each with whose request made it. */
import type { Chance } from '../chance.ts';

export interface Kept {
  readonly kind: string;
  readonly value: string;
  /** Who was told, by number. */
  readonly who: number;
  /** The incident that it belongs to, or for a delete token the paste. */
  readonly of?: string;
}

/** An upload in pieces. */
export interface Upload {
  readonly whole: Uint8Array<ArrayBuffer>;
  readonly offset: number;
  readonly tus: boolean;
}

/** Newest last; what is older than this many of a kind and of one person is forgotten. */
const MOST_OF_A_KIND = 12;
const MOST_UPLOADS = 50;
const MOST_STREAMS = 200;
/** No more of an answer's text is searched. */
const SEARCHED_CHARS = 64 * 1024;

const ID = /\b([a-z]{2,5})_[0-7][0-9A-HJKMNP-TV-Z]{25}\b/g;

/** Members whose values are worth sending back, by name, and what they are then. */
const MEMBERS: Readonly<Record<string, string>> = {
  next_cursor: 'cursor',
  cursor: 'cursor',
  challenge: 'challenge',
  receipt: 'receipt',
  sha256_hex: 'sha256',
  ref: 'ref',
  secret: 'seed',
  contact_id: 'ctc',
  etag: 'etag',
};

export class Pool {
  readonly #kept = new Map<string, Kept[]>();
  readonly #chunks = new Map<string, Set<number>>();
  readonly #uploads = new Map<string, Upload>();
  /** Values that nobody may send: what would end the run for all that comes after. */
  readonly #barred: ReadonlySet<string>;

  constructor(barred: readonly string[] = []) {
    this.#barred = new Set(barred);
  }

  add(one: Kept): void {
    if (this.#barred.has(one.value)) return;
    const list = this.#kept.get(one.kind) ?? [];
    if (list.some(({ value }) => value === one.value)) return;
    list.push(one);
    const own = list.filter(({ who }) => who === one.who);
    const [oldest] = own;
    if (own.length > MOST_OF_A_KIND && oldest !== undefined) list.splice(list.indexOf(oldest), 1);
    this.#kept.set(one.kind, list);
  }

  /** One of a kind: mostly one's own and new, now and then an old one or somebody else's. */
  pick(chance: Chance, kind: string, who: number, of?: string): string | undefined {
    const all = this.#kept.get(kind) ?? [];
    const own = all.filter((one) => one.who === who && (of === undefined || one.of === of));
    const list = own.length > 0 && !chance.once(12) ? own : all;
    const newest = list.slice(-3);
    return (chance.once(4) ? chance.some(list) : chance.some(newest))?.value;
  }

  /** The last that somebody was told. */
  newest(kind: string, who: number): string | undefined {
    return (this.#kept.get(kind) ?? []).findLast((one) => one.who === who)?.value;
  }

  /** All of a kind, whoever was told. */
  all(kind: string): readonly string[] {
    return (this.#kept.get(kind) ?? []).map(({ value }) => value);
  }

  /** Leaves out what somebody had who is not there any more. */
  leave(who: number): void {
    for (const [kind, list] of this.#kept)
      this.#kept.set(
        kind,
        list.filter((one) => one.who !== who),
      );
  }

  /** Leaves out what of somebody's was not found. */
  forget(gone: string, who: number): void {
    for (const [kind, list] of this.#kept)
      this.#kept.set(
        kind,
        list.filter((one) => one.who !== who || one.value !== gone),
      );
  }

  /** How many chunks a stream has, as far as answers told. */
  chunksOf(stream: string): number {
    return this.#chunks.get(stream)?.size ?? 0;
  }

  keepChunk(stream: string, index: number): void {
    const indexes = this.#chunks.get(stream) ?? new Set();
    this.#chunks.set(stream, indexes.add(index));
    const [oldest] = this.#chunks.keys();
    if (this.#chunks.size > MOST_STREAMS && oldest !== undefined) this.#chunks.delete(oldest);
  }

  /** An upload in pieces, as far as it has come. */
  upload(id: string): Upload | undefined {
    return this.#uploads.get(id);
  }

  keepUpload(id: string, upload: Upload): void {
    this.#uploads.set(id, upload);
    const [oldest] = this.#uploads.keys();
    if (this.#uploads.size > MOST_UPLOADS && oldest !== undefined) this.#uploads.delete(oldest);
  }

  /** An incident of somebody's that has a stream, as far as answers told. */
  recorded(chance: Chance, who: number): string | undefined {
    const streams = (this.#kept.get('str') ?? []).filter((one) => one.who === who && one.of !== undefined);
    return chance.some(streams.slice(-4))?.of;
  }

  /** Anything at all, for where it does not belong. */
  any(chance: Chance): string | undefined {
    const kind = chance.some([...this.#kept.keys()]);
    return kind === undefined ? undefined : chance.some(this.#kept.get(kind) ?? [])?.value;
  }

  /** Takes what a text mentions. */
  read(text: string, who: number, of: string | undefined): void {
    for (const [value, kind = ''] of text.slice(0, SEARCHED_CHARS).matchAll(ID)) {
      this.add({ kind, value, who, ...(of !== undefined && value !== of && { of }) });
    }
  }

  /** Takes what a JSON value holds. */
  readJson(value: unknown, who: number, of: string | undefined, depth = 0): void {
    if (depth > 6 || typeof value !== 'object' || value === null) return;
    const members = Array.isArray(value) ? value.slice(0, 20).entries() : Object.entries(value);
    for (const [name, inner] of members) {
      const kind = MEMBERS[name];
      if (kind !== undefined && typeof inner === 'string')
        this.add({ kind, value: inner, who, ...(of !== undefined && { of }) });
      this.readJson(inner, who, of, depth + 1);
    }
  }
}
