/**
 * Short leases that several servers share, so that one of two that are sent the same chunk at the same time says at
 * once that the other one has it. A hint: which upload becomes the chunk is decided by the database, with a lease,
 * without one, and when it has ended too early.
 */
import { sha256Hex } from '../crypto/hash.ts';

export interface UploadLeases {
  /**
   * Takes a lease, which ends by itself after a while: when its holder is gone, or stalls.
   * @returns what gives it back. That never throws, and takes nothing from whoever has it by then.
   * @throws Fault `upload_in_progress` while somebody else has it, `upload_coordination_unavailable` when nobody can
   *   tell; both say when to come again
   */
  take(key: string): Promise<() => Promise<void>>;
}

/** Where a chunk belongs. */
export interface ChunkPlace {
  readonly incidentId: string;
  readonly streamId: string;
  readonly chunkIndex: number;
}

/** The name of a chunk's lease: `sallyport:lease:upload:v1:{hex SHA-256 of its place}`. */
export function uploadLeaseKey({ incidentId, streamId, chunkIndex }: ChunkPlace): string {
  return `sallyport:lease:upload:v1:${sha256Hex(`${incidentId}\n${streamId}\n${chunkIndex}`)}`;
}
