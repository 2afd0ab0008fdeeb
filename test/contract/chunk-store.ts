/** What every store promises about chunks, uploads, bundles and viewer links. */
import { committing } from './chunk-commit.ts';
import { racing } from './chunk-races.ts';
import { bundling, reading } from './chunk-reading.ts';
import { repeating } from './chunk-replay.ts';
import { type ChunksFactory, chunkCases } from './chunk-room.ts';
import type { Case } from './room.ts';
import { uploading } from './upload-pieces.ts';
import { taking } from './upload-turns.ts';
import { viewing } from './viewer-links.ts';

/** The cases of the contract, each on stores that `make` makes. */
export function chunkContract(make: ChunksFactory): readonly Case[] {
  return chunkCases(make, [committing, repeating, racing, reading, bundling, uploading, taking, viewing]);
}
