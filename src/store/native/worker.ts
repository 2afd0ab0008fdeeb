/** The thread that owns a connection of the embedded engine. Started by `lane.ts`; nothing else imports it. */

import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { createCheckpoints } from './checkpoint.ts';
import { commitGroup, type Holder } from './commit.ts';
import { type Connection, openConnection } from './connection.ts';
import { checkFile } from './damage.ts';
import { failureOf } from './failure.ts';
import { type Keeper, keepOpen } from './keeper.ts';
import { endOnlyIfReadable, readThroughLog } from './log-file.ts';
import {
  type Answer,
  addMovable,
  type FromWorker,
  type Outcome,
  type ToWorker,
  type WireBatch,
  type WorkerStart,
} from './protocol.ts';
import { answerWriter, batchReader } from './wire.ts';

/** A commit stays short: at most this many batches, and no further one once this many bytes are reached. */
const GROUP_COUNT = 128;
const GROUP_BYTES = 4 * 1024 * 1024;
/** Writing has paused when nothing was written for this long. */
const PAUSE_MS = 1000;

const { port, role, connection: options, checkUpTo, waits } = workerData as WorkerStart;
const memory = options.path === ':memory:';
const use = role === 'both' ? 'both' : role === 'writer' ? 'write' : 'read';
const checkpoints = role === 'writer' ? createCheckpoints(options.path, options.busyTimeoutMs) : undefined;

let current: Connection | undefined;
let keeper: Keeper | undefined;
const holder: Holder = {
  get() {
    current ??= openConnection(options, use);
    return current;
  },
  discard() {
    const broken = current;
    if (broken === undefined) return;
    try {
      if (broken.inTransaction) broken.exec('ROLLBACK');
    } catch {
      // The transaction is gone or goes with the connection.
    }
    // A memory database lives and dies with its connection.
    if (memory) return;
    current = undefined;
    try {
      broken.close();
    } catch {
      // Nothing more can be done with it.
    }
  },
};

const unpack = batchReader();
const pack = answerWriter();
const waiting: WireBatch[] = [];
let closing = false;
let pause: ReturnType<typeof setTimeout> | undefined;

function send(message: FromWorker, moved: ArrayBuffer[] = []): void {
  port.postMessage(message, moved);
}

function receive(message: ToWorker): void {
  if (message.kind === 'work') waiting.push(...unpack(message));
  else if (message.kind === 'forget') current?.forget();
  else if (message.kind === 'patience') checkpoints?.waitForReaders(message.waits);
  else if (message.kind === 'open') open();
  else closing = true;
}

/** Takes what has arrived meanwhile, without going back to the event loop. */
function drain(): void {
  while (waiting.length < 2 * GROUP_COUNT) {
    const arrived = receiveMessageOnPort(port);
    if (arrived === undefined) return;
    receive(arrived.message as ToWorker);
  }
}

/** Removes the batches of the next commit from the queue: neighbours of one mode, within the bounds of a group. */
function nextGroup(): WireBatch[] {
  let bytes = 0;
  let count = 0;
  const mode = waiting[0]?.mode;
  for (const batch of waiting) {
    if (batch.mode !== mode || count === GROUP_COUNT || bytes >= GROUP_BYTES) break;
    // What does not write has nothing to share but the way back.
    if (mode !== 'write' && count === 1) break;
    bytes += batch.bytes;
    count += 1;
  }
  return waiting.splice(0, count);
}

function work(): void {
  for (drain(); waiting.length > 0; drain()) {
    const group = nextGroup();
    const mode = group[0]?.mode;
    const writes = mode === 'write';
    const behind = waiting.length;
    const answers = writes ? commitGroup(holder, group) : group.map(mode === 'cut' ? cutOne : readOne);
    if (mode === 'read') readMore(group, answers);
    if (writes && answers.every(isBusy)) answers.push(...refuseBehind(behind, answers[0]));
    const schemaChanged = current?.takeSchemaChanged() ?? false;
    if (schemaChanged) current?.forget();
    const { values, bytes, moved } = pack(answers);
    send({ kind: 'done', values, bytes, schemaChanged }, moved);
    if (writes) afterCommit(group);
    giveBack(group);
  }
  if (closing) end();
}

/**
 * Frees the large blobs that were moved here. Left to the garbage collector they would lie around in dozens: this
 * thread makes so few objects that it seldom runs.
 */
function giveBack(group: readonly WireBatch[]): void {
  const buffers = new Set<ArrayBuffer>();
  for (const { statements } of group)
    for (const { args = [] } of statements) for (const value of args) addMovable(buffers, value);
  for (const buffer of buffers) buffer.transfer(0);
}

function isBusy({ outcome }: Answer): boolean {
  return 'error' in outcome && outcome.error.kind === 'busy';
}

/**
 * Refuses the `count` batches that stood in the queue while the one before them waited for a lock in vain, so that
 * nobody waits for it several times over.
 */
function refuseBehind(count: number, like: Answer | undefined): Answer[] {
  return like === undefined ? [] : waiting.splice(0, count).map(({ id }) => ({ id, outcome: like.outcome }));
}

function afterCommit(group: readonly WireBatch[]): void {
  if (checkpoints === undefined) return;
  const bytes = group.reduce((sum, batch) => sum + batch.bytes, 0);
  keepLogShort((connection) => checkpoints.written(connection, group.length, bytes));
  armPause();
}

function armPause(): void {
  clearTimeout(pause);
  pause = setTimeout(() => {
    if (checkpoints === undefined) return;
    let done = true;
    keepLogShort((connection) => {
      done = checkpoints.paused(connection);
    });
    if (!done) armPause();
  }, PAUSE_MS);
}

/** A checkpoint that fails costs nothing but a longer log; the connection it failed on is not used again. */
function keepLogShort(step: (connection: Connection) => void): void {
  if (current === undefined) return;
  try {
    step(current);
  } catch {
    holder.discard();
  }
}

/** Empties the log at somebody's word. */
function cutOne({ id }: WireBatch): Answer {
  let done = false;
  try {
    done = checkpoints?.cut(holder.get()) ?? true;
  } catch {
    holder.discard();
  }
  if (done) return { id, outcome: { results: [] } };
  const message = 'The log is in use.';
  return { id, outcome: { error: { kind: 'busy', message, code: undefined } } };
}

function readOne(batch: WireBatch): Answer {
  let outcome = tryRead(batch);
  // Reading again does no harm, and the fresh connection may be fine; a lock has been waited for already.
  if ('broken' in outcome && outcome.error.kind !== 'busy') outcome = tryRead(batch);
  return { id: batch.id, outcome: 'broken' in outcome ? { error: outcome.error } : outcome };
}

/** Reads that follow one another are answered together, but none waits longer than this for others. */
const TOGETHER_MS = 0.5;
const TOGETHER_COUNT = 32;

/** Goes on reading for a moment, since a message costs both threads many times what a small read does. */
function readMore(group: WireBatch[], answers: Answer[]): void {
  const until = performance.now() + TOGETHER_MS;
  while (waiting[0]?.mode === 'read' && answers.length < TOGETHER_COUNT && performance.now() < until) {
    const batch = waiting.shift();
    if (batch === undefined) return;
    group.push(batch);
    answers.push(readOne(batch));
  }
}

type ReadOutcome = Outcome | (Extract<Outcome, { error: unknown }> & { readonly broken: true });

function tryRead(batch: WireBatch): ReadOutcome {
  let connection: Connection | undefined;
  try {
    connection = holder.get();
    if (role === 'both') connection.exec('PRAGMA query_only=ON');
    // One statement is a snapshot by itself.
    const several = batch.statements.length > 1;
    if (several) connection.exec('BEGIN');
    const results = batch.statements.map(connection.run);
    if (several) connection.exec('COMMIT');
    return { results };
  } catch (thrown) {
    const { kind, message, code, trusted } = failureOf(thrown);
    const error = { kind, message, code };
    if (trusted && connection !== undefined && rolledBack(connection)) return { error };
    holder.discard();
    return { error, broken: true };
  } finally {
    if (role === 'both') current?.exec('PRAGMA query_only=OFF');
  }
}

/** Ends the transaction of a read that was refused; false if even that fails. */
function rolledBack(connection: Connection): boolean {
  try {
    if (connection.inTransaction) connection.exec('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

function end(): void {
  clearTimeout(pause);
  if (checkpoints !== undefined) keepLogShort(checkpoints.paused);
  if (role === 'writer') endOnlyIfReadable(options.path);
  keeper?.close();
  current?.close();
  current = undefined;
  send({ kind: 'closed' });
}

function open(): void {
  try {
    if (role === 'writer') readThroughLog(options.path);
    if (role !== 'reader') checkFile(holder.get(), options.path, checkUpTo);
    else holder.get();
    if (role === 'writer') keeper = keepOpen(options);
    send({ kind: 'ready' });
  } catch (thrown) {
    const { kind, message, code } = failureOf(thrown);
    send({ kind: 'refused', error: { kind, message, code } });
    holder.discard();
  }
}

port.on('message', (message: ToWorker) => {
  receive(message);
  work();
});

if (!waits) open();
