/** Chunks that count as sealed for their place, though nobody could open them: what a bench sends. */
import { writeSealedHeader } from '../../src/crypto/sealed-header.ts';
import type { ChunkSpec } from '../../test/support/evidence.ts';

/** The sealed header of an audio chunk, by default the first one. */
export function unopenable({ incidentId, streamId, index = 1 }: ChunkSpec): Uint8Array {
  return writeSealedHeader({
    salt: new Uint8Array(16).fill(index),
    kdf: { id: 'none' },
    context: {
      kind: 'chunk',
      incident_id: incidentId,
      stream_id: streamId,
      media_type: 'audio',
      chunk_index: index,
      final: false,
    },
  });
}
