/** Moving the bytes of committed chunks between the database and an object store, types only. */
import type { PlacedBytes } from './store.ts';

/** Where bytes lie. */
export type BlobPlace = 'database' | 'objects';

export interface MovableChunk {
  readonly id: string;
  readonly incidentId: string;
  readonly streamId?: string;
  readonly chunkIndex: number;
  readonly byteSize: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly blob: string;
}

/** What lies where. Sizes are bytes. */
export interface BlobCensus {
  readonly database: { readonly chunks: number; readonly bytes: number };
  readonly objects: { readonly chunks: number; readonly bytes: number };
  /** Objects that no chunk owns: being put, or to be removed. */
  readonly looseObjects: number;
}

export interface ChunkMoveStore {
  /** Chunks that do not lie there yet, of incidents that nobody deletes; by id, those after `after`. */
  toMove(to: BlobPlace, after: string | undefined, limit: number): Promise<MovableChunk[]>;
  /**
   * Gives a chunk other bytes, which are staged or placed, and leaves those of before to be erased.
   * @returns false when it lies elsewhere by now, is gone or on its way out, or its new bytes are gone
   */
  move(
    chunk: Pick<MovableChunk, 'id' | 'blob'>,
    to: PlacedBytes | { readonly kind: 'staged'; readonly blob: string; readonly size: number },
  ): Promise<boolean>;
  census(): Promise<BlobCensus>;
}
