/** The custody folder of a bundle, taken apart: who signed, which tree, and the proofs line by line. */
import { crc32 } from 'node:zlib';
import { decodePaddedBase64 } from '../../../src/crypto/base64.ts';
import {
  openNote,
  parseVerifierKey,
  readCheckpoint,
  type Verifier,
} from '../../../src/crypto/signed-note.ts';
import { Failure } from '../../shared/failure.ts';
import { type ArchiveEntry, type ArchiveFile, entryBytes } from './archive.ts';

/** A checkpoint whose signature holds. */
export interface SignedCheckpoint {
  readonly note: string;
  readonly verifier: Verifier;
  readonly size: number;
  readonly rootHash: Uint8Array<ArrayBuffer>;
}

export interface ProvenLeaf {
  readonly index: number;
  readonly text: string;
  readonly proof: readonly Uint8Array[];
}

/** The custody folder of one bundle. */
export interface Custody {
  readonly checkpoint: SignedCheckpoint;
  /** RFC 3161 TimeStampResp, DER. */
  readonly timestamp: Buffer | undefined;
  leaves(): AsyncGenerator<ProvenLeaf>;
  /** Proofs by the size of the earlier tree. */
  readonly consistency: ReadonlyMap<number, readonly Uint8Array[]>;
}

/** Notes, keys and timestamps are far smaller; what is larger is none of ours. */
const LONGEST_SMALL = 1024 * 1024;
/** A leaf of some hundred characters and at most 53 hashes. */
const LONGEST_LINE = 16 * 1024;

const bad = (message: string) => new Failure('refused', 'custody_malformed', message);

async function whole(file: ArchiveFile, entry: ArchiveEntry): Promise<Buffer> {
  if (entry.size > LONGEST_SMALL) throw bad(`"${entry.name}" is longer than this program reads.`);
  const parts: Buffer[] = [];
  for await (const piece of entryBytes(file, entry)) parts.push(piece);
  const bytes = Buffer.concat(parts);
  if (crc32(bytes) !== entry.crc32) throw bad(`"${entry.name}" was damaged.`);
  return bytes;
}

/** The lines of an entry, each of which ends with a line feed. */
async function* linesOf(file: ArchiveFile, entry: ArchiveEntry): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of entryBytes(file, entry)) {
    const lines = (rest + piece.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE) throw bad(`"${entry.name}" has a line longer than this program reads.`);
    yield* lines;
  }
  if (rest !== '') throw bad(`"${entry.name}" does not end with a whole line.`);
}

/** What proves that the log of `to` entries continues that of `size`. */
export interface ConsistencyProof {
  readonly size: number;
  readonly to: number;
  readonly proof: readonly Uint8Array[];
}

/** A line that `sallyport log consistency` prints. @throws Failure `custody_malformed` */
export function consistencyProofOf(line: string, name: string): ConsistencyProof {
  const { size, to, proof } = object(line, name);
  return { size: placeOf(size, name), to: placeOf(to, name), proof: hashesOf(proof, name) };
}

function object(line: string, name: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Told below, in words of ours.
  }
  throw bad(`"${name}" has a line that is not as it should be.`);
}

function hashesOf(value: unknown, name: string): readonly Uint8Array[] {
  const hashes = Array.isArray(value)
    ? value.map((one) => (typeof one === 'string' ? decodePaddedBase64(one) : undefined))
    : [undefined];
  if (hashes.length > 64 || hashes.some((hash) => hash?.length !== 32))
    throw bad(`"${name}" has a proof that is not made of hashes.`);
  return hashes as Uint8Array[];
}

function placeOf(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw bad(`"${name}" has a place that is no number.`);
  return value as number;
}

/** Opens a signed checkpoint. @param key as text; undefined when the signature or anything else does not hold */
export async function openCheckpoint(note: string, key: string): Promise<SignedCheckpoint | undefined> {
  const verifier = parseVerifierKey(key.trim());
  const text = verifier && (await openNote(note, verifier));
  const said = text === undefined ? undefined : readCheckpoint(text);
  if (verifier === undefined || said === undefined || said.origin !== verifier.name) return undefined;
  return { note, verifier, size: said.size, rootHash: said.rootHash };
}

/**
 * Reads the folder. Undefined where there is none.
 * @throws Failure `custody_malformed`, `custody_signature`
 */
export async function readCustody(
  file: ArchiveFile,
  entries: readonly ArchiveEntry[],
): Promise<Custody | undefined> {
  if (entries.length === 0) return undefined;
  const named = new Map(entries.map((entry) => [entry.name, entry]));
  const of = (name: string): ArchiveEntry => {
    const entry = named.get(`custody/${name}`);
    if (entry === undefined) throw bad(`The bundle lacks "custody/${name}".`);
    return entry;
  };
  const note = (await whole(file, of('checkpoint'))).toString('utf8');
  const checkpoint = await openCheckpoint(note, (await whole(file, of('verifier-key'))).toString('latin1'));
  if (checkpoint === undefined)
    throw new Failure('refused', 'custody_signature', 'The checkpoint is not signed by the key beside it.');
  const consistency = new Map<number, readonly Uint8Array[]>();
  for await (const line of linesOf(file, of('consistency.jsonl'))) {
    const { size, proof } = object(line, 'custody/consistency.jsonl');
    consistency.set(placeOf(size, 'custody/consistency.jsonl'), hashesOf(proof, 'custody/consistency.jsonl'));
  }
  const leavesEntry = of('leaves.jsonl');
  const stamp = named.get('custody/timestamp.tsr');
  return {
    checkpoint,
    timestamp: stamp && (await whole(file, stamp)),
    consistency,
    async *leaves() {
      for await (const line of linesOf(file, leavesEntry)) {
        const { index, leaf, proof } = object(line, leavesEntry.name);
        if (typeof leaf !== 'string') throw bad(`"${leavesEntry.name}" has a line without a leaf.`);
        const place = placeOf(index, leavesEntry.name);
        yield { index: place, text: leaf, proof: hashesOf(proof, leavesEntry.name) };
      }
    },
  };
}
