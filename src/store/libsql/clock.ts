/**
 * What a clock that was set can leave behind. A server whose clock leapt ahead writes times that are not for years;
 * once it is right again they must neither shut anybody out nor let anybody in until then. Machines that share a
 * database may differ by minutes, so that only what lies further ahead is told apart.
 */
import { Sql, sql } from './script.ts';

/** Times further ahead than this, in milliseconds, are another clock's. */
export const AHEAD_MS = 24 * 60 * 60_000;

/** No window in which guesses are counted is longer: what ends later began under another clock. */
export const LONGEST_WINDOW_MS = 60 * 60_000;

/** The condition that a pause or a window with this end, a column, is not over yet. */
export function notOver(end: string, now: number): Sql {
  const column = new Sql(end, []);
  return sql`(${column} > ${now} AND ${column} <= ${now + LONGEST_WINDOW_MS})`;
}

/** The condition that something is due at this time, a column. */
export function isDue(at: string, now: number): Sql {
  const column = new Sql(at, []);
  return sql`(${column} <= ${now} OR ${column} > ${now + AHEAD_MS})`;
}

/** The condition that something was made, at this time, a column, by a clock that went as this one does. */
export function ofThisClock(madeAt: string, now: number): Sql {
  return sql`${new Sql(madeAt, [])} <= ${now + AHEAD_MS}`;
}
