/** Whether the log is the tree that was signed: every hash and every checkpoint is computed again from the leaves. */
import { equalBytes } from '../crypto/compare.ts';
import { utf8 } from '../crypto/hash.ts';
import { grownNodes, leafHash, nodesOf, rangeHash } from '../crypto/merkle.ts';
import { openNote, parseVerifierKey, readCheckpoint } from '../crypto/signed-note.ts';
import type { HealthStore, RowCheck } from '../store/health.ts';
import type { Checkpoint, LogStore, TreeNode } from '../store/log.ts';
import { type Finding, Problems } from './health.ts';

const LEAVES_AT_ONCE = 512;
const CHECKPOINTS_AT_ONCE = 500;
const ORDER: RowCheck = 'log_order';

/** Memory stays small: only the hashes of the subtrees that make up the tree so far are kept. */
export async function checkLog({
  health,
  log,
}: {
  readonly health: HealthStore;
  readonly log: LogStore;
}): Promise<readonly Finding[]> {
  const problems = new Problems('log');
  for (const problem of (await health.check(ORDER, '')).problems) problems.add(problem);
  const { leaves, hashed } = await log.size();
  const waiting = checkpointsOf(health);
  let next = await waiting.next();
  let frontier: readonly TreeNode[] = [];
  let checkpoints = 0;
  let latest: Checkpoint | undefined;
  for (let size = 0; size < leaves; ) {
    const fresh = await log.leaves(size, LEAVES_AT_ONCE);
    if (fresh.length === 0) break;
    const grown = grownNodes(
      size,
      fresh.map(({ text }) => leafHash(utf8(text))),
      frontier,
    );
    const known = new Map([...frontier, ...grown].map((node) => [key(node), node]));
    const treeOf = (end: number) =>
      nodesOf({ start: 0, end }).flatMap((place) => known.get(key(place)) ?? []);
    while (next.done !== true && next.value.size <= size + fresh.length) {
      latest = next.value;
      checkpoints += 1;
      if (!equalBytes(rangeHash(treeOf(latest.size).map(({ hash }) => hash)), latest.rootHash))
        problems.add(`The checkpoint of ${latest.size} entries is not of the entries that are there.`);
      next = await waiting.next();
    }
    await compareNodes(log, grown, Math.min(hashed, size + fresh.length), problems);
    size += fresh.length;
    frontier = treeOf(size);
  }
  if (next.done !== true)
    problems.add(`The checkpoint of ${next.value.size} entries covers more than there are.`);
  if (latest !== undefined) await checkSignature(latest, problems);
  return problems.findings(`${leaves} entries and ${checkpoints} checkpoints of the log are one tree.`);
}

async function* checkpointsOf(health: HealthStore): AsyncGenerator<Checkpoint, undefined> {
  for (let size = 0; ; ) {
    const page = await health.checkpoints(size, CHECKPOINTS_AT_ONCE);
    yield* page;
    if (page.length < CHECKPOINTS_AT_ONCE) return undefined;
    size = page.at(-1)?.size ?? size;
  }
}

const key = ({ level, index }: Pick<TreeNode, 'level' | 'index'>) => `${level}/${index}`;

/** The hashes that are kept, as far as they go, are those of the leaves. */
async function compareNodes(
  log: LogStore,
  computed: readonly TreeNode[],
  hashed: number,
  problems: Problems,
): Promise<void> {
  const expected = computed.filter(({ level, index }) => (index + 1) * 2 ** level <= hashed);
  const kept = new Map((await log.nodes(expected)).map((node) => [key(node), node.hash]));
  for (const node of expected) {
    const hash = kept.get(key(node));
    if (hash === undefined || !equalBytes(hash, node.hash))
      problems.add(`The hash ${key(node)} of the log is ${hash === undefined ? 'missing' : 'another one'}.`);
  }
}

async function checkSignature(latest: Checkpoint, problems: Problems): Promise<void> {
  const signer = parseVerifierKey(latest.verifier);
  const text = signer && (await openNote(latest.note, signer));
  const said = text === undefined ? undefined : readCheckpoint(text);
  if (said === undefined || said.size !== latest.size || !equalBytes(said.rootHash, latest.rootHash))
    problems.add('The newest checkpoint is not signed by the key that it names.');
}
