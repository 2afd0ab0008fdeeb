/** From a source to the staging directory: pieces are sealed in memory, and only what is sealed is written. */

import { type MediaType, sealChunk } from '../../../src/crypto/sealed.ts';
import { fromStream } from '../../shared/age.ts';
import type { World } from '../../shared/world.ts';
import type { StreamPlace } from './chunk-upload.ts';
import type { Happening } from './events.ts';
import { type Cutting, cutPieces, type Piece } from './pieces.ts';
import type { RecordingSource } from './sources.ts';
import { isDiskFull, type Staging } from './staging.ts';

export interface RecordPlan {
  readonly world: Pick<World, 'random'>;
  readonly staging: Staging;
  readonly place: StreamPlace & { readonly mediaType: MediaType };
  /** The stream's media key, 32 bytes. */
  readonly key: Uint8Array;
  readonly cutting: Cutting;
  /** Bytes that may wait for the server. */
  readonly maxStaging: number;
  /** Whether nothing will be taken away from the staging directory any more. */
  readonly uploadsOver: () => boolean;
  readonly tell: (happening: Happening) => void;
}

export type RecordEnd =
  /** The source has ended; the last chunk is marked. */
  | 'ended'
  /** So has a live source, because there was no more room for it. */
  | 'full'
  /** A source that can wait was left where it stands: there is no room, and there will be none. */
  | 'blocked';

export interface Recorder {
  /** Runs to the end. Rejects with what the source, or the disk, rejects with; what was staged stays. */
  run(): Promise<RecordEnd>;
  /** Whether something is being recorded that would be lost by not recording it. */
  isRecording(): boolean;
}

/** What moves a source, piece by piece, into the staging directory. */
export function recorderOf(source: RecordingSource, plan: RecordPlan): Recorder {
  const { staging, tell } = plan;
  let recording = true;
  let full = false;

  /** Waits for room. @returns false when there will be none */
  const room = async (isFull: () => boolean): Promise<boolean> => {
    while (isFull()) {
      if (source.live) {
        if (!full) tell({ event: 'staging_full' });
        full = true;
        source.stop();
        return true;
      }
      if (plan.uploadsOver()) return false;
      recording = false;
      await staging.changed();
      recording = true;
    }
    return true;
  };
  const overLimit = (piece: Piece) => (): boolean =>
    staging.pending.chunks > 0 && staging.pending.bytes + piece.bytes.length > plan.maxStaging;

  const keep = async (piece: Piece): Promise<boolean> => {
    if (!(await room(overLimit(piece)))) return false;
    for (;;) {
      try {
        const { bytes, index, final } = await sealedAndStaged(plan, piece);
        tell({ event: 'sealed', chunk_index: index, byte_size: bytes, final });
        return true;
      } catch (error) {
        // A full disk: what is in hand waits in memory for an acknowledgement to make room.
        if (!isDiskFull(error) || staging.pending.chunks === 0 || plan.uploadsOver()) throw error;
        if (source.live) await room(() => true);
        recording = false;
        await staging.changed();
      }
    }
  };
  return {
    isRecording: () => recording,
    async run() {
      try {
        for await (const piece of cutPieces(source.bytes, plan.cutting)) {
          if (!(await keep(piece))) return 'blocked';
        }
        return full ? 'full' : 'ended';
      } finally {
        recording = false;
        staging.ring();
      }
    },
  };
}

async function sealedAndStaged({ world, staging, place, key }: RecordPlan, piece: Piece) {
  const sealed = await sealChunk(piece.bytes, {
    key,
    random: (count) => world.random(count),
    context: {
      kind: 'chunk',
      incident_id: place.incidentId,
      stream_id: place.streamId,
      media_type: place.mediaType,
      chunk_index: staging.nextIndex,
      final: piece.final,
    },
  });
  return await staging.stage(fromStream(sealed), {
    startedAt: new Date(piece.startedAt).toISOString(),
    endedAt: new Date(piece.endedAt).toISOString(),
    plainBytes: piece.bytes.length,
    final: piece.final,
  });
}
