/** Lists of the product, a page at a time: those after an id, at most so many. */
import { Fault } from './faults.ts';
import { type IdPrefix, isId } from './ids.ts';

/** How long the pages of a list are. */
export interface PageLengths {
  /** Where nobody says. */
  readonly usual: number;
  /** Whoever asks for more gets this many. */
  readonly most: number;
}

export const PAGE_LENGTHS: PageLengths = { usual: 100, most: 500 };

/** What was asked for, unchecked; null where it was not. */
export interface RawPaging {
  readonly after: string | null;
  readonly limit: string | null;
}

export interface Paging {
  /** The last id of the page before. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** How many were asked for, in however many digits. @throws Fault `invalid_limit` */
export function limitOf(value: string | null, { usual, most }: PageLengths = PAGE_LENGTHS): number {
  if (value === null) return usual;
  if (!/^[0-9]+$/.test(value) || Number(value) < 1) throw new Fault('invalid_limit');
  return Math.min(most, Number(value));
}

/** @throws Fault `invalid_limit`, and `invalid_cursor` for anything but an id with this prefix */
export function pagingOf(
  { after, limit }: RawPaging,
  prefix: IdPrefix,
  lengths: PageLengths = PAGE_LENGTHS,
): Paging {
  const wanted = limitOf(limit, lengths);
  if (after !== null && !isId(prefix, after)) throw new Fault('invalid_cursor');
  return { after: after ?? undefined, limit: wanted };
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** What the next page comes after, at most `limit` again; absent on the last page. */
  readonly next?: { readonly after: string; readonly limit: number };
}

/** A page of a list. `read` is asked for one more than the page holds, which tells whether there is another. */
export async function pageOf<Item extends { readonly id: string }>(
  { after, limit }: Paging,
  read: (after: string | undefined, limit: number) => Promise<readonly Item[]>,
): Promise<Page<Item>> {
  const found = await read(after, limit + 1);
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return found.length > limit && last !== undefined ? { items, next: { after: last.id, limit } } : { items };
}
