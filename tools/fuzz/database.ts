/**
 * The embedded engine in memory and in this very thread: what a run of a million requests would otherwise spend is
 * half its time on waking the driver's thread. Group commits, savepoints, snapshots and refusals are the driver's own.
 */
import { type Db, DbError, type ResultSet, type SqlValue, type Statement } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { commitGroup, type Holder } from '../../src/store/native/commit.ts';
import { openConnection } from '../../src/store/native/connection.ts';
import { dbError, failureOf } from '../../src/store/native/failure.ts';
import { addMovable, type Outcome, type WireBatch } from '../../src/store/native/protocol.ts';
import { measureBatch } from '../../src/store/statements.ts';

interface Waiting extends WireBatch {
  readonly settle: (outcome: Outcome) => void;
}

/** As a batch that goes to another thread has them: large buffers are taken away from the caller, others copied. */
function sent(statements: readonly Statement[]): Statement[] {
  const moved = new Map<ArrayBuffer, ArrayBuffer>();
  const given = (value: SqlValue): SqlValue => {
    if (!(value instanceof Uint8Array)) return value;
    const found = new Set<ArrayBuffer>();
    addMovable(found, value);
    const [buffer] = found;
    if (buffer === undefined) return value.slice();
    const taken = moved.get(buffer) ?? buffer.transfer();
    moved.set(buffer, taken);
    return new Uint8Array(taken);
  };
  return statements.map(({ sql, args = [] }) => ({ sql, args: args.map(given) }));
}

/** As they come from another thread: bytes are plain arrays, and not Node's. */
const received = (results: readonly ResultSet[]): ResultSet[] =>
  results.map((result) => ({
    ...result,
    rows: result.rows.map((row) =>
      row.map((value) => (value instanceof Uint8Array ? new Uint8Array(value) : value)),
    ),
  }));

/** An empty database at the newest schema. The caller closes it. @param now when it was migrated, in milliseconds */
export async function databaseInThread(now: number): Promise<Db> {
  const options = { path: ':memory:', encryptionKey: undefined, busyTimeoutMs: 0, maxPages: undefined };
  const connection = openConnection(options, 'both');
  const holder: Holder = {
    get: () => connection,
    // A database in memory lives and dies with its connection.
    discard: () => {
      if (connection.inTransaction) connection.exec('ROLLBACK');
    },
  };
  let closed = false;
  let outbox: Waiting[] = [];

  function read({ statements }: WireBatch): Outcome {
    const several = statements.length > 1;
    try {
      if (several) connection.run({ sql: 'BEGIN' });
      const results = statements.map(connection.run);
      if (several) connection.run({ sql: 'COMMIT' });
      return { results };
    } catch (thrown) {
      holder.discard();
      const { kind, message, code } = failureOf(thrown);
      return { error: { kind, message, code } };
    }
  }

  /** What was submitted in one turn of the event loop, in order; writes that are neighbours in one commit. */
  function flush(): void {
    const batches = outbox;
    outbox = [];
    while (batches.length > 0) {
      const end = batches.findIndex(({ mode }) => mode !== 'write');
      const [first] = batches;
      if (end === 0 && first !== undefined) {
        batches.shift();
        first.settle(read(first));
      } else {
        const group = batches.splice(0, end < 0 ? batches.length : end);
        const wire = group.map(({ settle: _, ...batch }) => batch);
        for (const [at, { outcome }] of commitGroup(holder, wire).entries()) group[at]?.settle(outcome);
      }
      if (connection.takeSchemaChanged()) connection.forget();
    }
  }

  const db: Db = {
    async batch(statements, mode) {
      if (closed) throw new DbError('internal', 'The database is closed.');
      const bytes = measureBatch(statements, mode);
      if (outbox.length === 0) setImmediate(flush);
      return new Promise((resolve, reject) => {
        outbox.push({
          id: 0,
          mode,
          bytes,
          statements: sent(statements),
          settle: (outcome) =>
            'error' in outcome ? reject(dbError(outcome.error)) : resolve(received(outcome.results)),
        });
      });
    },
    async close() {
      if (closed) return;
      closed = true;
      flush();
      connection.close();
    },
  };
  await migrate(db, migrations, now);
  return db;
}
