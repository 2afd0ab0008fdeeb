/** Leaves of the log and receipts, as a reader takes them: every field, in order, with the length that it states. */

import { RECEIPT_HEAD } from '../../../src/core/log.ts';
import { LEAF_HEAD } from '../../../src/core/log-leaf.ts';

/** What the log says of a chunk. */
export interface ChunkLeaf {
  readonly id: string;
  /** When the server took it in, milliseconds since the epoch by its clock. */
  readonly at: number;
  readonly incidentId: string;
  readonly streamId: string;
  readonly chunkIndex: number;
  readonly mediaType: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly byteSize: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

const FIELDS = [
  'kind',
  'id',
  'at',
  'incident_id',
  'stream_id',
  'chunk_index',
  'media_type',
  'started_at',
  'ended_at',
  'byte_size',
  'sha256',
] as const;
const LEAF = new RegExp(`^${FIELDS.map((name) => `${name}=(\\d{1,4}):([\\x20-\\x7e]*)\\n`).join('')}$`);

/** The fields of a chunk under this first line; undefined for every other text. */
function chunkUnder(head: string, text: string): ChunkLeaf | undefined {
  if (!text.startsWith(`${head}\n`)) return undefined;
  const found = LEAF.exec(text.slice(head.length + 1));
  if (found === null) return undefined;
  const values: string[] = [];
  for (let at = 1; at < found.length; at += 2) {
    const value = found[at + 1] ?? '';
    if (found[at] !== String(value.length)) return undefined;
    values.push(value);
  }
  const [kind, id, at, incidentId, streamId, index, mediaType, startedAt, endedAt, size, sha256] = values as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const numbers = [at, index, size].map((value) => (/^\d{1,15}$/.test(value) ? Number(value) : -1));
  const [atMs = -1, chunkIndex = -1, byteSize = -1] = numbers;
  if (kind !== 'chunk' || Math.min(...numbers) < 0) return undefined;
  return {
    ...{ id, at: atMs, incidentId, streamId, chunkIndex, mediaType },
    ...{ startedAt, endedAt, byteSize, sha256 },
  };
}

/** A leaf of the log that speaks of a chunk. */
export function parseChunkLeaf(text: string): ChunkLeaf | undefined {
  return chunkUnder(LEAF_HEAD, text);
}

/** The leaf that a receipt promises, as text; undefined when the text is no receipt's. */
export function leafOfReceipt(text: string): string | undefined {
  if (chunkUnder(RECEIPT_HEAD, text) === undefined) return undefined;
  return LEAF_HEAD + text.slice(RECEIPT_HEAD.length);
}
