/** How bytes lie in the table `segments`. */
import type { PendingBytes, PlacedBytes } from '../store.ts';

/** Every segment of a blob but the last has so many bytes: what a libSQL server takes and gives in one statement. */
export const SEGMENT_BYTES = 1024 * 1024;

/** How many bytes wait to be committed. */
export const sizeOf = (pending: PendingBytes | PlacedBytes): number =>
  pending.kind === 'inline' ? pending.bytes.length : pending.size;

/** What the names of blobs begin with that lie in an object store; what follows is the key there. */
export const OBJECT_PREFIX = 'obj:';
/** Whether a blob lies in an object store rather than in segments. */
export const isObject = (blob: string): boolean => blob.startsWith(OBJECT_PREFIX);
/** What `GLOB` finds them by. */
export const OBJECTS = `${OBJECT_PREFIX}*`;
