/** What a look through a bundle found. */
import type { ArchiveEntry } from './archive.ts';
import type { StreamManifest } from './manifests.ts';

export interface Problem {
  /** A stable name. */
  readonly code: string;
  /** `failed`: something is wrong. `not_proven`: nothing is, and something may be missing. */
  readonly kind: 'failed' | 'not_proven';
  readonly message: string;
  readonly streamId?: string;
  readonly chunkIndex?: number;
}

/** Between a chunk and the next one: time that nothing was recorded, or time that both claim (then negative). */
export interface Gap {
  /** Of the chunk before it. */
  readonly afterIndex: number;
  readonly seconds: number;
}

export interface StreamReport {
  readonly streamId: string;
  readonly mediaType: string;
  readonly label: string | undefined;
  readonly chunkCount: number;
  readonly totalBytes: number;
  /** As the recording client stated them. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly endProven: boolean;
  /** The first hundred. */
  readonly gaps: readonly Gap[];
  readonly gapCount: number;
}

export interface BundleReport {
  /** Undefined where not even that can be told. */
  readonly bundle: 'stream' | 'incident' | undefined;
  readonly incidentId: string | undefined;
  readonly verdict: 'ok' | 'not_proven' | 'failed';
  readonly streams: readonly StreamReport[];
  /** The first hundred. */
  readonly problems: readonly Problem[];
  readonly problemCount: number;
  /** What the bundle says of its streams. */
  readonly manifests: readonly StreamManifest[];
  /** Entries that prove when and by whom the chunks were kept; only their checksums were looked at. */
  readonly custody: readonly ArchiveEntry[];
}
