/** The target that asks HTTP requests, on any ground. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { Broken, type Budget, type Find, must, type Outcome, saying, type Target } from '../target.ts';
import type { Ground, Opening } from './ground.ts';
import { play, Tally } from './play.ts';
import { PROFILES } from './profiles.ts';
import { type Step, steps } from './steps.ts';

/** Sequences between two looks at the budget. */
const SEQUENCES = 10;
/** What the heap may have grown since the first ground was left: caches fill, nothing else may. */
const HEAP_ROOM_BYTES = 48 * 1024 * 1024;

export interface HttpInput {
  readonly seed: number;
  readonly profile: number;
  readonly steps: readonly Step[];
}

/** Collects garbage, twice so that what the first time set free is gone too. @returns bytes of the heap in use */
export function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

const mebibytes = (bytes = 0) => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;

class Run {
  requests = 0;
  readonly tally = new Tally();
  ground: Ground | undefined;
  /** What the ground was opened with. */
  seed = 0;
  profile = 0;
  grounds = 0;
  asked = 0;
  /** In use once the first ground had been left, and the most and the last since. */
  firstHeap: number | undefined;
  mostHeap = 0;
  heap = 0;
}

async function opened(open: Opening, seed: number, profile: number): Promise<Ground> {
  const ground = await open(seed, profile);
  try {
    await play(ground, []);
  } catch (error) {
    await ground.close();
    throw error;
  }
  return ground;
}

/** Whether a sequence breaks a ground of its own, too: what it says then. */
async function alone(
  open: Opening,
  { seed, profile, steps: sequence }: HttpInput,
): Promise<string | undefined> {
  const ground = await opened(open, seed, profile);
  try {
    await play(ground, sequence);
    await ground.aftermath();
    return undefined;
  } catch (error) {
    return saying(error);
  } finally {
    await ground.close();
  }
}

/** Leaves a ground: nothing may be half done, and nothing may stay in memory. */
async function leave(run: Run): Promise<void> {
  const { ground } = run;
  run.ground = undefined;
  run.asked = 0;
  if (ground === undefined) return;
  try {
    await ground.aftermath();
  } finally {
    await ground.close();
  }
  const heap = heapAfterCollection();
  run.heap = heap;
  run.firstHeap ??= heap;
  run.mostHeap = Math.max(run.mostHeap, heap);
  const grown = heap - run.firstHeap;
  must(grown < HEAP_ROOM_BYTES, () => `the heap has grown by ${grown} bytes`);
}

export function httpTarget(spec: {
  readonly name: string;
  readonly summary: string;
  readonly runs: number;
  readonly open: Opening;
  readonly byItself: readonly string[];
}): Target {
  const { name, open } = spec;

  async function fuzz({ seed, more, progress }: Budget): Promise<Outcome> {
    const run = new Run();
    const notes = () => [
      ...run.tally.notes(),
      `grounds: ${run.grounds}, each left with nothing half done`,
      `heap after a ground: ${mebibytes(run.firstHeap)} at first, ${mebibytes(run.mostHeap)} at most, ${mebibytes(run.heap)} at last`,
    ];
    const outcome = (find?: Find): Outcome => ({ runs: run.requests, notes: notes(), ...(find && { find }) });
    const found = (message: string, input: unknown) => outcome({ target: name, seed, input, message });
    for (let round = 0; more(run.requests); round += 1) {
      if (run.ground === undefined) {
        run.seed = seed + run.grounds;
        run.profile = run.grounds % PROFILES.length;
        run.ground = await opened(open, run.seed, run.profile);
        run.grounds += 1;
      }
      const { ground } = run;
      const property = fc.asyncProperty(steps(spec.byItself), async (sequence) => {
        const sent = await play(ground, sequence, run.tally);
        run.requests += sent;
        run.asked += sent;
      });
      const result = await fc.check(property, {
        seed: seed + round,
        numRuns: SEQUENCES,
        endOnFailure: false,
      });
      if (result.failed) {
        const input = { seed: run.seed, profile: run.profile, steps: result.counterexample?.[0] ?? [] };
        await ground.close();
        const said = saying(result.errorInstance);
        const again = await alone(open, input);
        const how = again === undefined ? ' (not on a fresh ground: it takes what went before)' : '';
        return found(`${said}${how}`, input);
      }
      progress(run.requests, `ground ${run.grounds}, heap ${mebibytes(run.heap)}`);
      try {
        if (run.asked >= ground.leaveAfter || !more(run.requests)) await leave(run);
      } catch (error) {
        return found(saying(error), { seed: run.seed, profile: run.profile, steps: [] });
      }
    }
    return outcome();
  }

  return {
    name,
    unit: 'requests',
    summary: spec.summary,
    runs: spec.runs,
    fuzz,
    async replay(input) {
      const said = await alone(open, input as HttpInput);
      if (said !== undefined) throw new Broken(said);
    },
  };
}
