/** One database worker as the main thread sees it: a bounded queue in front of a thread. */

import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { DbError, type ResultSet, type Statement } from '../db.ts';
import { dbError } from './failure.ts';
import type { ConnectionOptions, FromWorker, Role, ToWorker, WireBatch, WorkerStart } from './protocol.ts';
import { answerReader, batchWriter } from './wire.ts';

/**
 * How many batches are worth a message to a worker that has nothing to do, and to one that is at work. The rest of
 * a turn of the event loop is not waited for: with many connections it takes longer than the worker does for the
 * first few, and the two threads would stand still for one another by turns.
 */
const WORTH_WAKING = 3;
const WORTH_SENDING = 8;

export interface LaneOptions {
  readonly role: Role;
  readonly connection: ConnectionOptions;
  readonly checkUpTo: number;
  /** Its connection is opened after this; where this fails it never is. The thread is started at once all the same. */
  readonly after?: Promise<unknown>;
  /** Bounds of what is accepted and not yet answered. */
  readonly maxCount: number;
  readonly maxBytes: number;
  /** Called once if the thread ends by itself, after everything in flight was rejected. */
  readonly onDeath: (error: DbError) => void;
  readonly onSchemaChanged: () => void;
}

export interface Lane {
  /** Batches accepted and not yet answered. */
  readonly pending: number;
  /** For how long the worker has answered nothing although it has work, in milliseconds. */
  readonly silence: number;
  /** Runs a batch of `bytes` bytes. Throws DbError. */
  submit(statements: readonly Statement[], mode: WireBatch['mode'], bytes: number): Promise<ResultSet[]>;
  /** Makes the worker drop its prepared statements before the next batch that is submitted. */
  forget(): void;
  /** Tells the writer whether it is of use to wait for readers. */
  patience(waits: boolean): void;
  /** Answers everything that was accepted, closes the connection and ends the thread. Called once. */
  close(): Promise<void>;
}

interface Waiting {
  readonly mode: WireBatch['mode'];
  readonly bytes: number;
  readonly resolve: (results: ResultSet[]) => void;
  readonly reject: (error: DbError) => void;
}

/** Starts a worker and waits until its connection is open. Throws DbError as the worker refused. */
export async function openLane(options: LaneOptions): Promise<Lane> {
  const { port1: port, port2 } = new MessageChannel();
  const { role, connection, checkUpTo, after } = options;
  const start: WorkerStart = { port: port2, role, connection, checkUpTo, waits: after !== undefined };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    name: `sallyport-db-${role}`,
    workerData: start,
    transferList: [port2],
  });

  const { pack, takeBack } = batchWriter();
  const unpack = answerReader();
  const waiting = new Map<number, Waiting>();
  let outbox: WireBatch[] = [];
  /** Since when the worker says nothing although it has work, by `performance.now()`. */
  let silentSince = 0;
  let nextId = 0;
  let bytesWaiting = 0;
  let state: 'opening' | 'open' | 'closing' | 'ended' = 'opening';
  let refusal: DbError | undefined;
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();

  /** Whether the worker has work that it has not answered: what comes meanwhile travels together once it has. */
  const working = () => waiting.size > outbox.length;

  function post(message: ToWorker, buffers: ArrayBuffer[] = []): void {
    port.postMessage(message, buffers);
  }

  /**
   * Sends what was submitted as one message: in one turn of the event loop, or while the worker was at work, up to
   * {@link WORTH_SENDING}. Each message costs both threads many times what a batch more in it does.
   */
  function flush(): void {
    if (outbox.length === 0 || state === 'ended') return;
    if (!working()) silentSince = performance.now();
    const batches = outbox;
    outbox = [];
    try {
      const { values, bytes, moved } = pack(batches);
      post({ kind: 'work', values, bytes }, moved);
    } catch (thrown) {
      takeBack();
      // Nothing was sent: a message is cloned whole or not at all.
      for (const { id } of batches) settle(id)?.reject(new DbError('internal', `Not sent: ${thrown}`));
    }
  }

  function flushIfIdle(): void {
    if (!working()) flush();
  }

  function settle(id: number): Waiting | undefined {
    const entry = waiting.get(id);
    if (entry === undefined) return undefined;
    waiting.delete(id);
    bytesWaiting -= entry.bytes;
    return entry;
  }

  function take(message: FromWorker): void {
    if (message.kind === 'ready') {
      state = 'open';
      opened.resolve();
    } else if (message.kind === 'done') {
      if (message.schemaChanged) options.onSchemaChanged();
      silentSince = performance.now();
      // Before anybody hears of it, so that the worker does not wait for what is done with the answers.
      flush();
      for (const { id, outcome } of unpack(message)) {
        const entry = settle(id);
        if ('error' in outcome) entry?.reject(dbError(outcome.error));
        else entry?.resolve(outcome.results);
      }
    } else {
      if (message.kind === 'refused') refusal = dbError(message.error);
      // The thread ends when this side lets go, so that its end cannot overtake what it said before.
      port.close();
    }
  }
  port.on('message', take);

  function died(reason: string): void {
    if (state === 'ended') return;
    // What it answered before it ended may still be on the way.
    for (let last = receiveMessageOnPort(port); last !== undefined; last = receiveMessageOnPort(port)) {
      take(last.message as FromWorker);
    }
    const expected = state === 'closing' && waiting.size === 0;
    const before = state;
    state = 'ended';
    port.close();
    const error = new DbError('internal', `The database thread (${role}) ended by itself: ${reason}.`);
    opened.reject(refusal ?? error);
    for (const id of [...waiting.keys()]) {
      const entry = settle(id);
      entry?.reject(entry.mode === 'write' ? new DbError('unknown', error.message) : error);
    }
    ended.resolve();
    if (!expected && before !== 'opening') options.onDeath(error);
  }
  worker.on('error', (error) => died(error instanceof Error ? error.message : String(error)));
  worker.on('exit', (code) => died(`exit code ${code}`));

  after?.then(
    () => post({ kind: 'open' }),
    () => post({ kind: 'close' }),
  );
  await opened.promise;

  return {
    get pending() {
      return waiting.size;
    },
    get silence() {
      return working() ? performance.now() - silentSince : 0;
    },
    submit(statements, mode, bytes) {
      if (state !== 'open') return Promise.reject(new DbError('internal', 'The database is closed.'));
      // A batch larger than the bound is still possible on an empty queue.
      const full = waiting.size >= options.maxCount || bytesWaiting + bytes > options.maxBytes;
      if (full && waiting.size > 0) {
        return Promise.reject(new DbError('overloaded', `${waiting.size} batches wait for the database.`));
      }
      const id = nextId++;
      bytesWaiting += bytes;
      const atWork = working();
      if (outbox.length === 0 && !atWork) setImmediate(flushIfIdle);
      return new Promise((resolve, reject) => {
        waiting.set(id, { mode, bytes, resolve, reject });
        outbox.push({ id, mode, statements, bytes });
        if (outbox.length >= (atWork ? WORTH_SENDING : WORTH_WAKING)) flush();
      });
    },
    forget() {
      flush();
      if (state === 'open') post({ kind: 'forget' });
    },
    patience(waits) {
      if (state === 'open') post({ kind: 'patience', waits });
    },
    async close() {
      if (state !== 'open') return ended.promise;
      flush();
      state = 'closing';
      post({ kind: 'close' });
      await ended.promise;
    },
  };
}
