/**
 * What the operator reads of the audit and of its log: ids, times, outcomes, hashes and signatures. Nothing here
 * changes anything; hashing and signing are the upkeep's work.
 */
import { encodePaddedBase64 } from '../crypto/base64.ts';
import { verifierKey } from '../crypto/signed-note.ts';
import type { AuditEntry } from '../store/audit.ts';
import type { Checkpoint } from '../store/log.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId } from './ids.ts';
import { consistencyProof, inclusionProof } from './log.ts';
import { limitOf } from './paging.ts';

type LogDeps = Pick<Deps, 'store' | 'signer'>;

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** What to ask for next; absent on the last page. */
  readonly cursor?: string;
}

/** The audit, newest first. @throws Fault `invalid_cursor`, `invalid_limit` */
export async function listAudit(
  { store }: Pick<Deps, 'store'>,
  cursor: string | null,
  wanted: string | null,
): Promise<AuditPage> {
  if (cursor !== null && !isId('aud', cursor)) throw new Fault('invalid_cursor');
  const limit = limitOf(wanted);
  const entries = await store.audit.list(cursor ?? undefined, limit);
  const last = entries.at(-1);
  return entries.length === limit && last !== undefined ? { entries, cursor: last.id } : { entries };
}

export interface LogFacts {
  /** What people check signatures with; undefined where this process signs nothing. */
  readonly verifier: string | undefined;
  /** Entries so far, whether a checkpoint covers them or not. */
  readonly entries: number;
  readonly latest: Checkpoint | undefined;
}

/** The state of the log. */
export async function logFacts({ store: { log }, signer }: LogDeps): Promise<LogFacts> {
  const [{ leaves }, latest] = await Promise.all([log.size(), log.latest()]);
  return { verifier: signer && verifierKey(signer), entries: leaves, latest };
}

/** A checkpoint in the words of `/admin/api`. */
export const checkpointFacts = ({ size, rootHash, note, verifier, createdAt, timestamp }: Checkpoint) => ({
  size,
  root_hash: encodePaddedBase64(rootHash),
  note,
  verifier_key: verifier,
  created_at: new Date(createdAt).toISOString(),
  timestamped: timestamp !== undefined,
});

const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/**
 * The proof that the tree of `from` entries is the beginning of that of `to`, as bundles carry it.
 * @throws Fault `not_found` unless 1 <= from <= to, and as many as `to` entries have been hashed
 */
export async function logConsistency({ store: { log } }: LogDeps, from: unknown, to: unknown) {
  const { hashed } = await log.size();
  if (!isSize(from) || !isSize(to) || from < 1 || from > to || to > hashed)
    throw new Fault('not_found', {
      message: `give two sizes, the smaller one first, from 1 to ${hashed}, which is how far the log has been hashed`,
    });
  return { size: from, to, proof: (await consistencyProof(log, from, to)).map(encodePaddedBase64) };
}

/**
 * An entry, and the proof that it is in the tree of the newest checkpoint.
 * @throws Fault `not_found` when no checkpoint covers an entry of this index
 */
export async function logProof({ store: { log } }: LogDeps, index: unknown) {
  const latest = await log.latest();
  const size = latest?.size ?? 0;
  if (!isSize(index) || index >= size)
    throw new Fault('not_found', {
      message:
        size === 0
          ? 'there is no checkpoint yet; a running server signs one within ten seconds of the first entry'
          : `give an index from 0 to ${size - 1}: the newest checkpoint covers ${size} entries`,
    });
  const [leaf] = await log.leaves(index, 1);
  if (leaf === undefined) throw new TypeError('the log lacks an entry that its checkpoint covers');
  return {
    index,
    leaf: leaf.text,
    size,
    proof: (await inclusionProof(log, index, size)).map(encodePaddedBase64),
  };
}
