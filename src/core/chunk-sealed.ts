/** Sealed for this very place, or refused: what the server can tell of a chunk that it cannot open. */
import { SealedError } from '../crypto/sealed-error.ts';
import {
  type ChunkContext,
  COMMITMENT_BYTES,
  MAX_HEADER_BYTES,
  PREAMBLE_BYTES,
  parseClaimedHeader,
} from '../crypto/sealed-header.ts';
import { Fault } from './faults.ts';

/** How much of a chunk's beginning holds any header. */
export const SEALED_PREFIX_BYTES = PREAMBLE_BYTES + MAX_HEADER_BYTES;

/** The tag of an empty last segment: no sealed payload is shorter. */
const LEAST_PAYLOAD_BYTES = 16;

/** Where a chunk belongs, its members named as in the sealed header. */
export type ChunkPlace = Pick<ChunkContext, 'incident_id' | 'stream_id' | 'media_type' | 'chunk_index'>;

function parsed(prefix: Uint8Array): ReturnType<typeof parseClaimedHeader> | undefined {
  try {
    return parseClaimedHeader(prefix);
  } catch (error) {
    if (error instanceof SealedError) return undefined;
    throw error;
  }
}

/**
 * Checks the public header of a chunk. What follows it is ciphertext to us and is not judged.
 *
 * @param prefix the first {@link SEALED_PREFIX_BYTES} bytes, or all when there are fewer
 * @param size of the whole chunk, in bytes
 * @throws Fault `chunk_not_sealed` without a strict header, room for its commitment and the least payload, or with
 *   one that asks for a password; `sealed_context_mismatch` when it was sealed for something else,
 *   be that nothing that could exist
 */
export function requireSealedFor(place: ChunkPlace, prefix: Uint8Array, size: number): void {
  const sealed = parsed(prefix);
  if (sealed === undefined) throw new Fault('chunk_not_sealed');
  const { header, headerLength } = sealed;
  if (header.kdf.id !== 'none' || size < headerLength + COMMITMENT_BYTES + LEAST_PAYLOAD_BYTES)
    throw new Fault('chunk_not_sealed');
  const { context } = header;
  const here =
    context.kind === 'chunk' &&
    context.incident_id === place.incident_id &&
    context.stream_id === place.stream_id &&
    context.media_type === place.media_type &&
    context.chunk_index === place.chunk_index;
  if (!here) throw new Fault('sealed_context_mismatch');
}
