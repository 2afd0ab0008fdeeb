/**
 * Point reads in the thread that asks. What lies in memory is found in some ten microseconds; whoever hands a single
 * one to a thread waits for that thread to wake, and to be woken by it, for ten times as long. What comes in numbers is
 * left to the readers' threads, which look while the first are being answered, and so is what a disk has to bring.
 */
import type { ResultSet, SqlValue, Statement } from '../db.ts';
import type { Connection } from './connection.ts';
import type { ConnectionOptions } from './protocol.ts';

/** Rows that lie in memory never take as long on average, in milliseconds. */
const SLOW_MS = 1;
/** How much the newest counts in that average: eight times {@link SLOW_MS} at once are too slow by themselves. */
const WEIGHT = 1 / 8;
/** For how long threads are asked after it was too slow, or refused. */
const REST_MS = 1000;

/**
 * How many are read here in a turn of the event loop. On Bun a message to a thread costs more than a row, be there
 * ever so many in it.
 */
const PER_TURN = 'bun' in process.versions ? Number.POSITIVE_INFINITY : 1;

/** The engine's buffers as what comes from a thread. */
function plain(value: SqlValue): SqlValue {
  return value instanceof Uint8Array
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : value;
}

export interface PointReads {
  /** What the statement finds; undefined where a thread is to be asked instead, for whatever reason. Never throws. */
  run(statement: Statement): ResultSet | undefined;
  /** Drops the prepared statements: the schema changed. */
  forget(): void;
  close(): void;
}

/** What tests set. */
export interface PointReadsTuning {
  /** In milliseconds, monotonic. */
  readonly now?: () => number;
  readonly perTurn?: number;
}

/** Nothing is opened before the first read, which a thread answers meanwhile. */
export function createPointReads(
  options: ConnectionOptions,
  { now = () => performance.now(), perTurn = PER_TURN }: PointReadsTuning = {},
): PointReads {
  let state: 'ready' | 'opening' | 'closed' = 'ready';
  let connection: Connection | undefined;
  let restUntil = Number.NEGATIVE_INFINITY;
  let average = 0;
  let thisTurn = 0;
  let crowded = false;

  const nextTurn = () => {
    crowded = thisTurn > perTurn;
    thisTurn = 0;
  };

  /**
   * Whether this turn has room for one more. Where the last one had not, this one will hardly have: the thread is to
   * begin with the first then, and not to wait for what is read here before it is told of any.
   */
  function takeTurn(): boolean {
    if (perTurn === Number.POSITIVE_INFINITY) return true;
    if (thisTurn === 0) setImmediate(nextTurn);
    thisTurn += 1;
    return !crowded && thisTurn <= perTurn;
  }

  function rest(): void {
    average = 0;
    restUntil = now() + REST_MS;
  }

  /** Lets go of a connection that refused something: it is not to be trusted any more. */
  function discard(): void {
    const broken = connection;
    connection = undefined;
    rest();
    try {
      broken?.close();
    } catch {
      // Nothing more can be done with it.
    }
  }

  async function open(): Promise<void> {
    state = 'opening';
    try {
      // The engine takes a while to load; whoever starts a server waits for its threads' alone.
      const { openConnection } = await import('./connection.ts');
      if (state !== 'opening') return;
      // Whoever waits for a lock here makes everybody wait.
      connection = openConnection({ ...options, busyTimeoutMs: 0 }, 'read');
    } catch {
      rest();
    } finally {
      if (state === 'opening') state = 'ready';
    }
  }

  return {
    run(statement) {
      if (!takeTurn()) return undefined;
      const began = now();
      if (began < restUntil) return undefined;
      if (connection === undefined) {
        if (state === 'ready') void open();
        return undefined;
      }
      try {
        const result = connection.run(statement);
        average += (now() - began - average) * WEIGHT;
        if (average > SLOW_MS) rest();
        return { ...result, rows: result.rows.map((row) => row.map(plain)) };
      } catch {
        discard();
        return undefined;
      }
    },
    forget: () => connection?.forget(),
    close() {
      state = 'closed';
      discard();
    },
  };
}
