/** Where a run asks: both doors, the people of the run, and what is known of them. */
import type { Broken } from '../target.ts';
import type { Account } from './build.ts';
import type { Seen } from './judge.ts';
import type { DoorName } from './operations.ts';
import type { Pool } from './pool.ts';

export interface Person extends Account {
  readonly accountId: string;
  readonly bearer: string;
  /** Session cookies with their CSRF tokens: of the main door, and of the dashboard. */
  readonly web?: { readonly cookie: string; readonly csrf: string };
  readonly dashboard?: { readonly cookie: string; readonly csrf: string };
}

/** A request as it is sent. */
export interface Asking {
  readonly door: DoorName;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** What was answered. */
export interface Heard {
  /** As the server reads it, without a query. */
  readonly path: string;
  readonly seen: Seen;
  /** Whether the listener refused it before it was a request: no document of routes speaks of that. */
  readonly wire?: boolean;
}

export interface Ground {
  readonly pool: Pool;
  /** By the numbers of `WHO`; undefined is nobody. */
  readonly people: readonly (Person | undefined)[];
  /** What a page of the private door is served from. */
  readonly adminOrigin: string;
  /** What happens by itself here. */
  readonly byItself: readonly string[];
  /** After so many requests it is left, looked at as a whole, and made anew. */
  readonly leaveAfter: number;
  /** Undefined where no client can send such a request. */
  ask(asking: Asking): Promise<Heard | undefined>;
  /** One of {@link byItself}. @param salt how much of it */
  happen(what: string, salt: number): Promise<void>;
  /** Requests are under way, and for a while nothing was answered: a clock that stands goes on if one waits for it. */
  idle?(): void;
  /** Makes people whose sessions have ended anew. @returns their numbers */
  refresh(): Promise<readonly number[]>;
  /** What was mailed since the last look, as texts. */
  mailed(): readonly string[];
  /** What the log came to since the last look. @throws Broken */
  checkLog(secrets: readonly string[]): void;
  /** That nothing is half done. @throws Broken */
  aftermath(): Promise<void>;
  close(): Promise<void>;
}

export type Opening = (seed: number, profile: number) => Promise<Ground>;
export type { Broken };
