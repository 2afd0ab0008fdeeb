/** One range of bytes of something that does not change (RFC 9110 §14): so a broken download goes on. */
import { Fault } from '../../core/faults.ts';

/** What is to be sent: all of it, or the bytes from `start` to before `end`. */
export type ByteRange = 'whole' | 'unsatisfiable' | { readonly start: number; readonly end: number };

/**
 * Reads a `Range` header against a length in bytes. What is malformed, of another unit, or more than one range is
 * ignored, as RFC 9110 §14.2 permits: the whole is always a right answer.
 */
export function byteRange(header: string | null, length: number): ByteRange {
  const [, set] = /^bytes=(.*)$/i.exec(header ?? '') ?? [];
  const specs = (set ?? '')
    .split(',')
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '');
  const [, first, last] = (specs.length === 1 && /^(\d*)-(\d*)$/.exec(specs[0] ?? '')) || [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return 'whole';
  if (first === '') {
    const suffix = Number(last);
    if (suffix === 0 || length === 0) return 'unsatisfiable';
    return { start: Math.max(0, length - suffix), end: length };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return 'whole';
  if (start >= length) return 'unsatisfiable';
  return { start, end: last === '' ? length : Math.min(length, Number(last) + 1) };
}

/** Bytes whose validator is strong: the same tag means the same bytes (RFC 9110 §8.8.3). */
export interface Ranged {
  /** Exact, in bytes. */
  readonly length: number;
  /** With its quotes, never weak. */
  readonly etag: string;
}

/** How an answer with these bytes begins, and which of them it holds. */
export interface RangedAnswer {
  readonly status: 200 | 206;
  /** `accept-ranges`, `etag`, and `content-range` of a part. */
  readonly headers: Readonly<Record<string, string>>;
  readonly start: number;
  /** The first byte that is not sent. */
  readonly end: number;
}

/**
 * What a request for these bytes gets. `If-Range` counts only with the very same strong tag: with a date, a weak or
 * another tag the whole is sent (RFC 9110 §13.1.5). Of a HEAD, which has no ranges, the head of the whole.
 *
 * @throws Fault `range_not_satisfiable`
 */
export function rangedAnswer({ method, headers }: Request, { length, etag }: Ranged): RangedAnswer {
  const validator = headers.get('if-range');
  const wanted =
    method === 'GET' && (validator === null || validator === etag)
      ? byteRange(headers.get('range'), length)
      : 'whole';
  const standing = { 'accept-ranges': 'bytes', etag };
  if (wanted === 'unsatisfiable') throw new Fault('range_not_satisfiable', { totalBytes: length });
  if (wanted === 'whole') return { status: 200, headers: standing, start: 0, end: length };
  const { start, end } = wanted;
  const headersOfPart = { ...standing, 'content-range': `bytes ${start}-${end - 1}/${length}` };
  return { status: 206, headers: headersOfPart, start, end };
}
