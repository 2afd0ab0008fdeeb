/**
 * Holds a bundle against the log that its custody folder speaks of: every chunk is a leaf of the signed tree, with the
 * digest, size and times of the manifest; and the tree continues what was seen before.
 */
import { utf8 } from '../../../src/crypto/hash.ts';
import { isConsistent, isIncluded, leafHash } from '../../../src/crypto/merkle.ts';
import { openNote, type Verifier, verifierKey } from '../../../src/crypto/signed-note.ts';
import type { Problem } from './bundle-report.ts';
import type { ConsistencyProof, Custody, SignedCheckpoint } from './custody.ts';
import { leafOfReceipt, parseChunkLeaf } from './custody-leaf.ts';
import type { StreamManifest } from './manifests.ts';
import type { TimestampFacts } from './timestamp.ts';

/** What was kept from before, and whom to believe. */
export interface Knowledge {
  /** The key that the operator has published; without it the bundle's own is only reported. */
  readonly trusted: Verifier | undefined;
  /** Checkpoints seen before, each with the leaves of the bundle that it came in, by index. */
  readonly earlier: readonly {
    readonly name: string;
    readonly checkpoint: SignedCheckpoint;
    readonly leaves: ReadonlyMap<number, string>;
    /** What that bundle can prove of even earlier trees. */
    readonly consistency: ReadonlyMap<number, readonly Uint8Array[]>;
  }[];
  /** Signed notes that uploads were answered with. */
  readonly receipts: readonly string[];
  /** Proofs that the operator made for trees which no bundle can prove to continue each other. */
  readonly consistency: readonly ConsistencyProof[];
  /** PEM of whom timestamps are believed from; without it a timestamp is only reported. */
  readonly timestampAuthorities: string | undefined;
}

export interface CustodyReport {
  /** `absent`: the bundle has no proofs; it was made before a checkpoint covered it. */
  readonly state: 'absent' | 'checked';
  readonly key?: string;
  readonly keyTrusted?: boolean;
  readonly treeSize?: number;
  readonly chunksProven?: number;
  /** When the server took in the first and the last chunk, by its clock, in milliseconds since the epoch. */
  readonly keptFrom?: number;
  readonly keptTo?: number;
  readonly receiptsMet?: number;
  readonly timestamp?: TimestampFacts;
  readonly problems: readonly Problem[];
}

const MOST_PROBLEMS = 100;

/** Chunks that the manifests name, by stream and index. */
function wantedChunks(streams: readonly StreamManifest[]) {
  const wanted = new Map<string, { readonly stream: StreamManifest; readonly at: number }>();
  for (const stream of streams)
    for (const [at] of stream.chunks.entries()) wanted.set(`${stream.stream_id}/${at + 1}`, { stream, at });
  return wanted;
}

/** @param streams the manifests of the bundle whose custody this is; they have been checked against its chunks */
export async function checkCustody(
  custody: Custody | undefined,
  streams: readonly StreamManifest[],
  knowledge: Knowledge,
): Promise<CustodyReport> {
  const problems: Problem[] = [];
  const say = (kind: Problem['kind'], code: string, message: string, where: Partial<Problem> = {}) => {
    if (problems.length < MOST_PROBLEMS) problems.push({ code, kind, message, ...where });
  };
  const asked =
    knowledge.earlier.length > 0 || knowledge.receipts.length > 0 || knowledge.trusted !== undefined;
  if (custody === undefined) {
    if (asked && streams.length > 0)
      say('not_proven', 'custody_absent', 'The bundle carries no proofs; download it again in a minute.');
    return { state: 'absent', problems };
  }
  const { checkpoint } = custody;
  const { trusted } = knowledge;
  const key = verifierKey(checkpoint.verifier);
  if (trusted !== undefined && verifierKey(trusted) !== key)
    say('failed', 'custody_key', 'The checkpoint is signed by another key than the one to be trusted.');

  const wanted = wantedChunks(streams);
  const leaves = new Map<number, string>();
  const texts = new Set<string>();
  let proven = 0;
  let keptFrom = Number.POSITIVE_INFINITY;
  let keptTo = 0;
  for await (const { index, text, proof } of custody.leaves()) {
    const leaf = parseChunkLeaf(text);
    const where = leaf && { streamId: leaf.streamId, chunkIndex: leaf.chunkIndex };
    const place = leaf && `${leaf.streamId}/${leaf.chunkIndex}`;
    const chunk = place === undefined ? undefined : wanted.get(place);
    if (leaf === undefined || place === undefined || chunk === undefined || leaves.has(index)) {
      say(
        'failed',
        'custody_leaf',
        'A leaf speaks of nothing that the bundle holds, or twice of one chunk.',
        where,
      );
      continue;
    }
    wanted.delete(place);
    leaves.set(index, text);
    texts.add(text);
    const line = chunk.stream.chunks[chunk.at];
    if (
      leaf.incidentId !== chunk.stream.incident_id ||
      leaf.mediaType !== line?.media_type ||
      leaf.byteSize !== line.byte_size ||
      leaf.sha256 !== line.sha256_hex ||
      leaf.startedAt !== line.started_at ||
      leaf.endedAt !== line.ended_at
    )
      say(
        'failed',
        'custody_differs',
        `Chunk ${leaf.chunkIndex}: the log says something else than the manifest.`,
        where,
      );
    else if (!isIncluded(leafHash(utf8(text)), index, checkpoint.size, proof, checkpoint.rootHash))
      say(
        'failed',
        'custody_inclusion',
        `Chunk ${leaf.chunkIndex}: it is not in the tree that was signed.`,
        where,
      );
    else proven += 1;
    keptFrom = Math.min(keptFrom, leaf.at);
    keptTo = Math.max(keptTo, leaf.at);
  }
  for (const { stream, at } of wanted.values())
    say('failed', 'custody_missing', `Chunk ${at + 1}: the log says nothing of it.`, {
      streamId: stream.stream_id,
      chunkIndex: at + 1,
    });

  const theirs = new Set(streams.map(({ stream_id }) => stream_id));
  for (const earlier of knowledge.earlier)
    checkEarlier(custody, leaves, theirs, earlier, knowledge.consistency, say);
  const receiptsMet = await checkReceipts(checkpoint, texts, theirs, knowledge.receipts, say);
  let timestamp: TimestampFacts | undefined;
  if (custody.timestamp !== undefined) {
    const { readTimestamp } = await import('./timestamp.ts');
    timestamp = await readTimestamp(custody.timestamp, utf8(checkpoint.note), knowledge.timestampAuthorities);
    if (timestamp.problem !== undefined) say('failed', 'custody_timestamp', timestamp.problem);
  }
  return {
    state: 'checked',
    key,
    keyTrusted: trusted !== undefined && verifierKey(trusted) === key,
    treeSize: checkpoint.size,
    chunksProven: proven,
    ...(proven > 0 && { keptFrom, keptTo }),
    ...(knowledge.receipts.length > 0 && { receiptsMet }),
    ...(timestamp !== undefined && { timestamp }),
    problems,
  };
}

type Say = (kind: Problem['kind'], code: string, message: string, where?: Partial<Problem>) => void;

/** The newer of two trees must begin with the older, and the bundle must still hold what an earlier one of it did. */
function checkEarlier(
  { checkpoint, consistency }: Custody,
  leaves: ReadonlyMap<number, string>,
  streams: ReadonlySet<string>,
  earlier: Knowledge['earlier'][number],
  extra: readonly ConsistencyProof[],
  say: Say,
): void {
  const { name } = earlier;
  const before = earlier.checkpoint;
  if (verifierKey(before.verifier) !== verifierKey(checkpoint.verifier)) {
    say('failed', 'custody_key', `${name} was signed by another key than this bundle.`);
    return;
  }
  const [older, newer, proofs] =
    before.size <= checkpoint.size
      ? [before, checkpoint, consistency]
      : [checkpoint, before, earlier.consistency];
  const given = () => extra.find(({ size, to }) => size === older.size && to === newer.size)?.proof;
  const proof = older.size === newer.size ? [] : (proofs.get(older.size) ?? given());
  if (proof === undefined)
    say(
      'not_proven',
      'custody_consistency_unknown',
      `Nothing here proves that the log continues ${name}. The operator can make that proof, to be given with --consistency: sallyport log consistency ${older.size} ${newer.size}`,
    );
  else if (!isConsistent(older.size, newer.size, proof, older.rootHash, newer.rootHash))
    say(
      'failed',
      'custody_inconsistent',
      `The log does not continue ${name}: entries were removed, changed or put in between.`,
    );
  for (const [index, text] of earlier.leaves) {
    const leaf = parseChunkLeaf(text);
    if (leaf === undefined || !streams.has(leaf.streamId) || leaves.get(index) === text) continue;
    say(
      'failed',
      'custody_withdrawn',
      `Chunk ${leaf.chunkIndex} was in ${name}, and the log now says otherwise.`,
      {
        streamId: leaf.streamId,
        chunkIndex: leaf.chunkIndex,
      },
    );
  }
}

/** Every receipt for a stream of the bundle must be met by a leaf. @returns how many were */
async function checkReceipts(
  { verifier }: SignedCheckpoint,
  leaves: ReadonlySet<string>,
  streams: ReadonlySet<string>,
  receipts: readonly string[],
  say: Say,
): Promise<number> {
  let met = 0;
  for (const receipt of receipts) {
    const text = await openNote(receipt, verifier);
    const promised = text === undefined ? undefined : leafOfReceipt(text);
    if (promised === undefined) {
      say('failed', 'receipt_invalid', 'A receipt is malformed, or was signed by another key.');
      continue;
    }
    const leaf = parseChunkLeaf(promised);
    if (leaf === undefined || !streams.has(leaf.streamId)) continue;
    if (leaves.has(promised)) met += 1;
    else
      say(
        'failed',
        'receipt_unmet',
        `Chunk ${leaf.chunkIndex}: the server signed that it took it in, and the log says otherwise.`,
        {
          streamId: leaf.streamId,
          chunkIndex: leaf.chunkIndex,
        },
      );
  }
  return met;
}
