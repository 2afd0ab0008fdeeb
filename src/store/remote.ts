/**
 * The driver for a libSQL server: `sqld` or a hosted database, over HTTP. Web platform APIs only, so that it also
 * runs behind the main door on an edge runtime.
 *
 * Each batch is one request that begins, runs and commits: there is no interactive transaction. What durability
 * `write` means is the server's setting (an `sqld` of 0.24 runs with `synchronous=NORMAL`).
 */

import type { ResultSet as ClientResultSet, InStatement, InValue, Value } from '@libsql/client';

import { type Db, DbError, type DbErrorKind, type ResultSet, type SqlValue, type Statement } from './db.ts';
import { measureBatch } from './statements.ts';
import { createTurns } from './turns.ts';
import { createClient } from './web-client.js';

export interface RemoteOptions {
  /** `https://…`, `http://…` or `libsql://…` (which means https), without credentials or a query. */
  readonly url: string;
  /** The server's token, sent as `Authorization: Bearer`. */
  readonly authToken?: string | undefined;
  /**
   * How long a batch may take, its wait for its turn and further attempts included, in milliseconds; 15,000 unless
   * given. At most half of it goes to the wait.
   */
  readonly timeoutMs?: number;
  /** The runtime's fetch unless given. */
  readonly fetch?: (request: Request, init?: RequestInit) => Promise<Response>;
  /** How many batches may be under way or wait, and with how many bytes; 1,024 and 64 MiB unless given. */
  readonly maxWaiting?: number;
  readonly maxWaitingBytes?: number;
}

/** How many reads run at once; the rest wait their turn. */
const READS_AT_ONCE = 20;
/**
 * How many writes run at once. The database has one writer whatever is sent: writes that wait for it there only time
 * each other out, and an `sqld` on a busy machine has been seen to take no more writes at all after two processes had
 * sent it two each.
 */
const WRITES_AT_ONCE = 1;
/** Pauses in milliseconds before the second and further attempts. */
const PAUSES = [20, 80, 250];

/**
 * Opens the driver; nothing is sent yet. Throws DbError `internal` for a URL that it does not take.
 *
 * Only what cannot have happened is tried again: a read, a connection that was refused, and a batch for which the
 * server got no lock (a busy `sqld` gives up at once). A write whose answer got lost is `unknown`. Credentials that
 * the server does not take are `denied`, and not shown to it again by themselves.
 */
export function openRemote(options: RemoteOptions): Db {
  const timeoutMs = options.timeoutMs ?? 15_000;
  const maxWaiting = options.maxWaiting ?? 1024;
  const maxWaitingBytes = options.maxWaitingBytes ?? 64 * 1024 * 1024;
  const url = checkedUrl(options.url);
  const turns = { read: createTurns(READS_AT_ONCE), write: createTurns(WRITES_AT_ONCE) };
  let waiting = 0;
  let waitingBytes = 0;
  let closed: Promise<void> | undefined;
  let whenIdle: (() => void) | undefined;

  async function once(statements: InStatement[], mode: 'read' | 'write', signal: AbortSignal) {
    // A client holds no connection, so that each batch can have its own, with its own signal.
    const client = createClient({
      url,
      intMode: 'number',
      fetch: (request: Request) => guardedFetch(options.fetch ?? fetch, request, signal),
      ...(options.authToken === undefined ? {} : { authToken: options.authToken }),
    });
    try {
      return (await client.batch(statements, mode)).map(resultSet);
    } catch (thrown) {
      throw dbErrorOf(thrown, mode);
    } finally {
      client.close();
    }
  }

  async function inTurn(statements: InStatement[], mode: 'read' | 'write'): Promise<ResultSet[]> {
    const signal = AbortSignal.timeout(timeoutMs);
    // Shorter, so that a server that hangs is not sent what has waited for it all along.
    const endTurn = await turns[mode].take(AbortSignal.timeout(timeoutMs / 2)).catch(() => {
      throw new DbError('busy', 'The database server is too slow: the batch was not sent.');
    });
    try {
      for (const pause of PAUSES) {
        try {
          return await once(statements, mode, signal);
        } catch (thrown) {
          if (!(thrown instanceof Again) || signal.aborted) throw thrown;
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
      return await once(statements, mode, signal);
    } finally {
      endTurn();
    }
  }

  return {
    async batch(statements, mode) {
      if (closed !== undefined) throw new DbError('internal', 'The database is closed.');
      const bytes = measureBatch(statements, mode);
      if (waiting >= maxWaiting || (waiting > 0 && waitingBytes + bytes > maxWaitingBytes)) {
        throw new DbError('overloaded', `${waiting} batches wait for the database server.`);
      }
      waiting += 1;
      waitingBytes += bytes;
      try {
        return await inTurn(statements.map(inStatement), mode);
      } finally {
        waiting -= 1;
        waitingBytes -= bytes;
        if (waiting === 0) whenIdle?.();
      }
    },
    close() {
      closed ??= new Promise((resolve) => {
        if (waiting === 0) resolve();
        else whenIdle = resolve;
      });
      return closed;
    },
  };
}

/** A `busy` that may be tried again: nothing was sent, nothing was begun, or what got lost only reads. */
class Again extends DbError {}

/** Thrown by our fetch when no connection could be made. */
class Refused extends Error {}
/** Thrown by our fetch when a server answered with an HTTP status other than 2xx. */
class BadStatus extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`The database server answered with status ${status}.`);
    this.status = status;
  }
}

async function guardedFetch(
  send: NonNullable<RemoteOptions['fetch']>,
  request: Request,
  signal: AbortSignal,
): Promise<Response> {
  if (signal.aborted) throw new Refused('The database server was too slow: the batch was not sent.');
  // What is stored is ciphertext: an `sqld` spends half a second of CPU on compressing a MiB of it by a quarter.
  request.headers.set('accept-encoding', 'identity');
  let response: Response;
  try {
    // A redirect is no answer of a database, and the token must not follow it elsewhere.
    response = await send(request, { signal, redirect: 'manual' });
  } catch (thrown) {
    if (neverConnected(thrown)) throw new Refused('The database server cannot be reached.');
    throw thrown;
  }
  // 400 carries the server's own error, which the client library reads.
  if (response.ok || response.status === 400) return response;
  await response.body?.cancel();
  throw new BadStatus(response.status);
}

/**
 * Whether a failed fetch never had a connection, so that nothing was sent. Node says so with the failed `connect`
 * or name look-up as the cause, Bun with a code; a runtime that does not say is taken to have sent something.
 */
function neverConnected(thrown: unknown): boolean {
  const codes = new Set([
    'ConnectionRefused',
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'UND_ERR_CONNECT_TIMEOUT',
  ]);
  for (let error: unknown = thrown, depth = 0; error instanceof Error && depth < 4; depth++) {
    if ('code' in error && typeof error.code === 'string' && codes.has(error.code)) return true;
    if ('syscall' in error && error.syscall === 'connect') return true;
    error = error.cause;
  }
  return false;
}

/** A code by which the server says that it ran nothing, or undid what it ran. */
const NOTHING_HAPPENED =
  /^(SQL_|ARGS_|SQLITE_(ERROR|TOOBIG|MISMATCH|RANGE|AUTH|READONLY|CONSTRAINT|BUSY|LOCKED|FULL))/;

function dbErrorOf(thrown: unknown, mode: 'read' | 'write'): DbError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof Refused) return new Again('busy', message);
  if (thrown instanceof BadStatus) return statusError(thrown, mode);
  const code = stringProperty(thrown, 'code');
  if (code !== undefined && NOTHING_HAPPENED.test(code)) {
    if (code.startsWith('SQLITE_CONSTRAINT')) return new DbError('constraint', message, code);
    if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return new Again('busy', message, code);
    return new DbError(refusalKind(code), message, code);
  }
  // A statement that failed is never followed by the commit.
  const statementFailed = thrown instanceof Error && thrown.name === 'LibsqlBatchError';
  if (statementFailed) return new DbError(refusalKind(code ?? ''), message, code);
  if (mode === 'write') return new DbError('unknown', `The answer to a write got lost: ${message}`, code);
  // An answer that is there but makes no sense, to the client library or to us, will not get better by asking again.
  // What a fetch throws has a code of the runtime's own on Bun, and none on Node.
  const senseless =
    thrown instanceof RangeError || (thrown instanceof Error && thrown.name === 'LibsqlError');
  return senseless
    ? new DbError('internal', message, code)
    : new Again('busy', `The answer to a read got lost: ${message}`);
}

/** What a code of the server's engine means where nothing happened. */
function refusalKind(code: string): DbErrorKind {
  if (code === 'SQLITE_FULL') return 'full';
  return /^SQLITE_(READONLY|IOERR|CANTOPEN)/.test(code) ? 'disk' : 'internal';
}

function statusError({ status, message }: BadStatus, mode: 'read' | 'write'): DbError {
  if (status === 429) return new DbError('busy', message);
  if (status === 401) return new DbError('denied', `${message} Its token is missing, wrong or has expired.`);
  if (status === 403) return new DbError('denied', `${message} Its token does not allow this.`);
  if (status < 500) return new DbError('internal', message);
  return mode === 'write' ? new DbError('unknown', message) : new Again('busy', message);
}

function stringProperty(thrown: unknown, name: string): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  const value: unknown = Reflect.get(thrown, name);
  return typeof value === 'string' ? value : undefined;
}

/** The URL as the client library takes it. What was given is not repeated in the refusal: it may hold a token. */
function checkedUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const known = parsed !== undefined && ['https:', 'http:', 'libsql:'].includes(parsed.protocol);
  const bare =
    parsed?.username === '' && parsed.password === '' && parsed.search === '' && parsed.hash === '';
  if (known && bare && parsed.host !== '') return url;
  const expected =
    'https://HOST, libsql://HOST or http://HOST:PORT, without user, password, query or fragment';
  throw new DbError('internal', `The URL of the database server must look like ${expected}.`);
}

/** The protocol carries a number as REAL and a BigInt as INTEGER. */
function inStatement({ sql, args = [] }: Statement): InStatement {
  return {
    sql,
    args: args.map((value): InValue => (Number.isSafeInteger(value) ? BigInt(Number(value)) : value)),
  };
}

function resultSet({ columns, rows, rowsAffected }: ClientResultSet): ResultSet {
  // A row of the client library is an object with both names and indices.
  return { columns, rows: rows.map((row) => columns.map((_, i) => sqlValue(row[i]))), changes: rowsAffected };
}

function sqlValue(value: Value | undefined): SqlValue {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return typeof value === 'number' || typeof value === 'string' ? value : null;
}
