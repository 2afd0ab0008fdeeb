/**
 * What a leaf of the log says, as text. The database writes leaves itself, in the transaction of what they record;
 * this is the same text from the record, for receipts and for whoever checks. `docs/custody.md` has the format.
 */
import type { AuditEntry } from '../store/audit.ts';
import type { Chunk } from '../store/chunks.ts';

type Fields = readonly (readonly [name: string, value: string | number | undefined])[];

/** The first line of every leaf. */
export const LEAF_HEAD = 'sallyport-leaf/1';

const lines = (fields: Fields) =>
  fields
    .map(([name, value]) => {
      const text = value === undefined ? '' : String(value);
      return `${name}=${text.length}:${text}\n`;
    })
    .join('');

/** The lines of a chunk's leaf after the first. All values are ASCII. */
export function chunkLines(chunk: Chunk): string {
  return lines([
    ['kind', 'chunk'],
    ['id', chunk.id],
    ['at', chunk.createdAt],
    ['incident_id', chunk.incidentId],
    ['stream_id', chunk.streamId],
    ['chunk_index', chunk.chunkIndex],
    ['media_type', chunk.mediaType],
    ['started_at', chunk.startedAt],
    ['ended_at', chunk.endedAt],
    ['byte_size', chunk.byteSize],
    ['sha256', chunk.sha256],
  ]);
}

/** A committed chunk as a leaf. */
export function chunkLeaf(chunk: Chunk): string {
  return `${LEAF_HEAD}\n${chunkLines(chunk)}`;
}

/** An audit entry as a leaf. */
export function auditLeaf(entry: AuditEntry): string {
  return `${LEAF_HEAD}\n${lines([
    ['kind', 'audit'],
    ['id', entry.id],
    ['at', entry.at],
    ['listener', entry.listener],
    ['actor_kind', entry.actorKind],
    ['actor_account_id', entry.actorAccountId],
    ['action', entry.action],
    ['route_class', entry.routeClass],
    ['subject_account_id', entry.subjectAccountId],
    ['subject_id', entry.subjectId],
    ['incident_id', entry.incidentId],
    ['outcome', entry.outcome],
  ])}`;
}
