/**
 * Group commit: every batch that waits when the write connection is free becomes durable by one commit, each in a
 * savepoint of its own, so that the refusal of one does not undo its neighbours.
 */

import { DbError, type ResultSet } from '../db.ts';
import type { Connection } from './connection.ts';
import { type Failure, failureOf } from './failure.ts';
import type { Answer, Outcome, WireBatch } from './protocol.ts';

/** The write connection, opened when it is needed and thrown away when it cannot be trusted any more. */
export interface Holder {
  get(): Connection;
  /** Rolls back what is open, closes, and lets the next `get` open afresh. Never throws. */
  discard(): void;
}

/** Thrown inside a group when the connection is not to be trusted; nothing has been committed then. */
class Broken {
  readonly failure: Failure;
  constructor(failure: Failure) {
    this.failure = failure;
  }
}

/**
 * Runs `batches` as one commit and answers each. Never throws.
 *
 * - A refusal of a statement undoes its own batch.
 * - When the connection breaks before the commit was tried, nothing has happened: each batch is run again alone on
 *   a fresh one, so that the one that is at fault does not take its neighbours along. Once the database turns out
 *   to be locked or cannot be opened, the rest is refused without waiting again.
 * - When the commit itself fails nobody can know: all are `unknown` and none is run again.
 */
export function commitGroup(holder: Holder, batches: readonly WireBatch[]): Answer[] {
  const first = attempt(holder, batches);
  if (!(first instanceof Broken)) return first;
  if (batches.length === 1 || first.failure.kind === 'busy') return refuseAll(batches, first.failure);
  const answers: Answer[] = [];
  for (const [index, batch] of batches.entries()) {
    const again = attempt(holder, [batch]);
    if (!(again instanceof Broken)) {
      answers.push(...again);
    } else if (again.failure.kind === 'busy') {
      answers.push(...refuseAll(batches.slice(index), again.failure));
      break;
    } else {
      answers.push(...refuseAll([batch], again.failure));
    }
  }
  return answers;
}

function refuseAll(batches: readonly WireBatch[], { kind, message, code }: Failure): Answer[] {
  return batches.map(({ id }) => ({ id, outcome: { error: { kind, message, code } } }));
}

function attempt(holder: Holder, batches: readonly WireBatch[]): Answer[] | Broken {
  let answers: Answer[];
  let connection: Connection;
  try {
    connection = holder.get();
    connection.exec('BEGIN IMMEDIATE');
    const single = batches.length === 1;
    answers = [];
    for (const batch of batches) {
      const run = single ? runPlain : undoesItself(connection, batch) ? runAlone : runInSavepoint;
      const outcome = run(connection, batch);
      answers.push({ id: batch.id, outcome });
    }
    if (single && !connection.inTransaction) return answers;
  } catch (thrown) {
    holder.discard();
    return thrown instanceof Broken ? thrown : new Broken(failureOf(thrown));
  }
  try {
    connection.exec('COMMIT');
    return answers;
  } catch (thrown) {
    const failure = failureOf(thrown);
    // A deferred foreign key is checked by COMMIT, which then leaves the transaction open: nothing happened.
    const refused = failure.kind === 'constraint' && connection.inTransaction;
    holder.discard();
    if (refused) return new Broken(failure);
    const message = `The commit failed: ${failure.message}`;
    const lost = { kind: 'unknown', message, code: failure.code } as const;
    // A batch that had been refused before stays refused: it was not part of what was committed.
    return answers.map((answer) =>
      'error' in answer.outcome ? answer : { id: answer.id, outcome: { error: lost } },
    );
  }
}

/** A batch that has the transaction to itself: its refusal rolls the transaction back. */
function runPlain(connection: Connection, batch: WireBatch): Outcome {
  try {
    return { results: runStatements(connection, batch) };
  } catch (thrown) {
    const failure = trustedFailure(connection, thrown);
    connection.exec('ROLLBACK');
    return refusal(failure);
  }
}

function runInSavepoint(connection: Connection, batch: WireBatch): Outcome {
  connection.exec('SAVEPOINT one');
  try {
    const results = runStatements(connection, batch);
    connection.exec('RELEASE one');
    return { results };
  } catch (thrown) {
    const failure = trustedFailure(connection, thrown);
    connection.exec('ROLLBACK TO one');
    connection.exec('RELEASE one');
    return refusal(failure);
  }
}

/** Whether the engine undoes all of a batch that it refuses: the one statement of it, unless that says otherwise. */
function undoesItself(connection: Connection, { statements }: WireBatch): boolean {
  const [only] = statements;
  return only !== undefined && statements.length === 1 && !connection.stopsHalfway(only);
}

function runAlone(connection: Connection, batch: WireBatch): Outcome {
  try {
    return { results: runStatements(connection, batch) };
  } catch (thrown) {
    return refusal(trustedFailure(connection, thrown));
  }
}

function refusal({ kind, message, code }: Failure): Outcome {
  return { error: { kind, message, code } };
}

function runStatements(connection: Connection, batch: WireBatch): ResultSet[] {
  const results: ResultSet[] = [];
  for (const statement of batch.statements) results.push(connection.run(statement));
  if (!connection.inTransaction) throw new DbError('internal', 'A statement ended the transaction.');
  return results;
}

/**
 * The failure of a statement if the transaction around it still stands; throws {@link Broken} if not. Some errors
 * (and ON CONFLICT ROLLBACK) end the whole transaction, and what followed would commit statement by statement.
 */
function trustedFailure(connection: Connection, thrown: unknown): Failure {
  const failure = failureOf(thrown);
  if (!failure.trusted || !connection.inTransaction) throw new Broken(failure);
  return failure;
}
