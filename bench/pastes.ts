/**
 * How many pastes a second are created and read, as a part of what a bare server does with the same bytes: on Node
 * against `node:http`, on Bun against `Bun.serve`, durable, 16 connections.
 *
 *     node bench/pastes.ts [node|bun]
 */
import { type RuntimeName, runtimes, startServer } from '../test/support/server.ts';
import { wire } from './lib/load.ts';
import { creation, storedPastes } from './lib/pastes.ts';
import { type Contest, contest, type Side } from './lib/ratio.ts';
import { LIMITS_OFF, startBare } from './lib/servers.ts';

const KIB = 1024;

interface Size {
  readonly bytes: number;
  readonly named: string;
  /** Exchanges in a round. */
  readonly count: number;
}

/** Rounds before those that count: a server runs for weeks, and compiles what it does often within its first minute. */
const WARM_UP = 6;

const SMALL: Size = { bytes: KIB, named: '1 KiB', count: 3000 };
const LARGE: Size = { bytes: 100 * KIB, named: '100 KiB', count: 1000 };

/** Ratios asked for, and aimed at where there is more to be had. */
type Goals = Record<'create' | 'read', readonly [goal: number, aim?: number]>;
const GOALS: Record<RuntimeName, readonly [Size, Goals][]> = {
  node: [
    [SMALL, { create: [0.16, 0.25], read: [0.25, 0.4] }],
    [LARGE, { create: [0.15, 0.3], read: [0.45, 0.65] }],
  ],
  bun: [
    [SMALL, { create: [0.1], read: [0.2] }],
    [LARGE, { create: [0.15], read: [0.45] }],
  ],
};

const creates = (url: string, { bytes, count }: Size): Side => ({
  url,
  status: 201,
  requests: () => Array.from({ length: count }, () => creation(bytes)),
});

const reads = (url: string, paths: readonly string[], count: number): Side => ({
  url,
  status: 200,
  requests: () => Array.from({ length: count }, (_, i) => wire('GET', paths[i % paths.length] ?? '/')),
});

/** What a create costs where equal contents are counted, as they are unless that limit is taken off as well. */
async function countedCreates(against: string): Promise<void> {
  const { SAFE_PASTE_DEDUP_MAX: _, ...settings } = LIMITS_OFF;
  await using server = await startServer({ settings });
  await using take = await startBare('take');
  for (const [size, goal] of [
    [SMALL, 0.16],
    [LARGE, 0.15],
  ] as const) {
    const name = `pastes of ${size.named}, create, node, equal contents counted`;
    await contest({ name, against, goal }, creates(server.main, size), creates(take.url, size), WARM_UP);
  }
}

async function pastesOn(runtime: RuntimeName): Promise<void> {
  await using server = await startServer({ runtime, settings: LIMITS_OFF });
  const bare = runtime === 'node' ? 'bare node:http' : 'bare Bun.serve';
  if (runtime === 'node') await countedCreates(bare);
  for (const [size, goals] of GOALS[runtime]) {
    const about = (what: 'create' | 'read', against: string, [goal, aim] = goals[what]): Contest => ({
      name: `pastes of ${size.named}, ${what}, ${runtime}`,
      against,
      goal,
      ...(aim !== undefined && { aim }),
    });
    {
      await using take = await startBare('take', runtime);
      await contest(about('create', bare), creates(server.main, size), creates(take.url, size), WARM_UP);
    }
    if (runtime === 'node') {
      await using append = await startBare('append');
      const against = 'a bare server that appends, synced';
      const theirs = creates(append.url, size);
      await contest(about('create', against, [0.5]), creates(server.main, size), theirs, WARM_UP);
      await using drive = await startBare('drive');
      const name = `pastes of ${size.named}, create, the embedded driver behind bare node:http`;
      await contest({ name, against, prototype: true }, creates(drive.url, size), theirs, WARM_UP);
    }
    await using give = await startBare('give', runtime);
    const paths = await storedPastes(server.main, size.bytes);
    const ours = reads(server.main, paths, size.count);
    await contest(about('read', bare), ours, reads(give.url, [`/?bytes=${size.bytes}`], size.count), WARM_UP);
  }
}

const [wanted] = process.argv.slice(2);
for (const runtime of runtimes) if (wanted === undefined || wanted === runtime) await pastesOn(runtime);
