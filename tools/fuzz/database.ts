/**
 * The embedded engine in memory and in this very thread: what a run of a million requests would otherwise spend is
 * half its time on waking the driver's thread. Messages, group commits, savepoints and refusals are the driver's own.
 */
import { type Db, DbError } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { commitGroup, type Holder } from '../../src/store/native/commit.ts';
import { openConnection } from '../../src/store/native/connection.ts';
import { dbError, failureOf } from '../../src/store/native/failure.ts';
import type { Answer, Outcome, Packed, WireBatch } from '../../src/store/native/protocol.ts';
import {
  answerReader,
  answerWriter,
  batchReader,
  batchWriter,
  type Packet,
} from '../../src/store/native/wire.ts';
import { measureBatch } from '../../src/store/statements.ts';

/** What comes of a message that goes to another thread: a copy, and what is moved is gone from here. */
const arrived = ({ values, bytes, moved }: Packet): Packed =>
  structuredClone({ values, bytes }, { transfer: moved });

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
  const { pack: packBatches } = batchWriter();
  const unpackBatches = batchReader();
  const packAnswers = answerWriter();
  const unpackAnswers = answerReader();
  const settling = new Map<number, (outcome: Outcome) => void>();
  let closed = false;
  let asked = 0;
  let outbox: WireBatch[] = [];

  function read({ id, statements }: WireBatch): Answer {
    const several = statements.length > 1;
    try {
      if (several) connection.run({ sql: 'BEGIN' });
      const results = statements.map(connection.run);
      if (several) connection.run({ sql: 'COMMIT' });
      return { id, outcome: { results } };
    } catch (thrown) {
      holder.discard();
      const { kind, message, code } = failureOf(thrown);
      return { id, outcome: { error: { kind, message, code } } };
    }
  }

  /** What was submitted in one turn of the event loop, in order; writes that are neighbours in one commit. */
  function flush(): void {
    const batches = unpackBatches(arrived(packBatches(outbox)));
    outbox = [];
    while (batches.length > 0) {
      const end = batches.findIndex(({ mode }) => mode !== 'write');
      const group = batches.splice(0, end < 0 ? batches.length : Math.max(1, end));
      const answers = end === 0 ? group.map(read) : commitGroup(holder, group);
      if (connection.takeSchemaChanged()) connection.forget();
      for (const { id, outcome } of unpackAnswers(arrived(packAnswers(answers)))) {
        settling.get(id)?.(outcome);
        settling.delete(id);
      }
    }
  }

  const db: Db = {
    async batch(statements, mode) {
      if (closed) throw new DbError('internal', 'The database is closed.');
      const bytes = measureBatch(statements, mode);
      if (outbox.length === 0) setImmediate(flush);
      asked += 1;
      const id = asked;
      outbox.push({ id, mode, bytes, statements });
      return new Promise((resolve, reject) => {
        settling.set(id, (outcome) =>
          'error' in outcome ? reject(dbError(outcome.error)) : resolve(outcome.results),
        );
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
