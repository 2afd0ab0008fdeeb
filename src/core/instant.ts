/** Moments that clients state as text: RFC 3339 in, one canonical spelling out, to the nanosecond. */

/** A moment, and the one text that stands for it. */
export interface Instant {
  /** RFC 3339 in UTC with `Z`; as many decimals as are not trailing zeros, at most nine (Go's RFC3339Nano). */
  readonly text: string;
  /** Nanoseconds since 1970-01-01T00:00:00Z, negative before. */
  readonly epochNs: bigint;
}

/** RFC 3339 §5.6. Its letters may be lower case (RFC 5234 §2.3); a space in place of the `T` is not its grammar. */
const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

const NS_PER_MS = 1_000_000n;
const MS_PER_MINUTE = 60_000;

/** Milliseconds of a day's beginning in UTC, or undefined for a day that the calendar does not have. */
function dayStart(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined;
}

/**
 * Parses a moment with any offset. The calendar is strict: no 30th of February, no 24:00, no leap second (no machine
 * that records keeps them, and two clients would write them down differently).
 *
 * @returns undefined for anything else than one RFC 3339 time of at most nine decimals whose UTC year has four digits
 */
export function parseInstant(text: string): Instant | undefined {
  const found = RFC3339.exec(text);
  if (found === null) return undefined;
  const number = (group: number) => Number(found[group] ?? 0);
  const start = dayStart(number(1), number(2), number(3));
  if (start === undefined) return undefined;
  const sign = found[8] === '-' ? -1 : 1;
  const offset = sign * (number(9) * 60 + number(10));
  const ms = start + (number(4) * 60 + number(5) - offset) * MS_PER_MINUTE + number(6) * 1000;
  const seconds = new Date(ms).toISOString().slice(0, -5);
  // Outside the four-digit years an ISO string has a sign, and its order as text is not the order of time.
  if (seconds.length !== 19) return undefined;
  const decimals = found[7] ?? '';
  const significant = decimals.replace(/0+$/, '');
  return {
    text: `${seconds}${significant === '' ? '' : `.${significant}`}Z`,
    epochNs: BigInt(ms) * NS_PER_MS + BigInt(decimals.padEnd(9, '0')),
  };
}
