/** Measures two servers in turns, so that what the machine does meanwhile falls on both, and says what it came to. */
import { appendFile } from 'node:fs/promises';
import { load, type Measured, type Wire } from './load.ts';

export const CONNECTIONS = 16;
const ROUNDS = 5;

/** What is asked of one server in each round. */
export interface Side {
  readonly url: string;
  readonly status: number;
  /** The requests of a round, fresh ones each time. */
  requests(round: number): readonly Wire[] | Promise<readonly Wire[]>;
}

export interface Contest {
  /** Such as `pastes of 1 KiB, create, node`. */
  readonly name: string;
  /** What the other side is, such as `bare node:http`. */
  readonly against: string;
  /** The ratio that was asked for, and the one that is aimed at. */
  readonly goal: number;
  readonly aim?: number;
}

/** What a bench leaves for the table of all. */
export interface Result extends Contest {
  readonly ratio: number;
  /** Exchanges a second, medians. */
  readonly ours: number;
  readonly theirs: number;
  /** Milliseconds of ours: the median of all, and what 99 of 100 stay under. */
  readonly median: number;
  readonly p99: number;
  /** The ratio of each round. */
  readonly rounds: readonly number[];
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;

const once = async (side: Side, round: number): Promise<Measured> =>
  load(side.url, await side.requests(round), { connections: CONNECTIONS, status: side.status });

/** Where results are kept, a line of JSON each: `tools/bench.ts` says so. */
const KEPT = process.env.SALLYPORT_BENCH_RESULTS;

/** Measures, prints a line, and keeps the result where somebody collects them. The first round warms up. */
export async function contest(about: Contest, ours: Side, theirs: Side): Promise<Result> {
  const seen: { ours: Measured; theirs: Measured }[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    // Who comes first changes, so that neither always finds what the other left.
    const pair =
      round % 2 === 0
        ? { ours: await once(ours, round), theirs: await once(theirs, round) }
        : { theirs: await once(theirs, round), ours: await once(ours, round) };
    if (round > 0) seen.push(pair);
  }
  const rounds = seen.map((pair) => pair.ours.rate / pair.theirs.rate);
  const times = seen.flatMap((pair) => pair.ours.times).sort((a, b) => a - b);
  const result: Result = {
    ...about,
    ratio: median(rounds),
    ours: median(seen.map((pair) => pair.ours.rate)),
    theirs: median(seen.map((pair) => pair.theirs.rate)),
    median: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    rounds,
  };
  console.log(lineOf(result));
  if (KEPT !== undefined) await appendFile(KEPT, `${JSON.stringify(result)}\n`);
  return result;
}

function lineOf({ name, against, ratio, goal, aim, ours, theirs, median: half, p99 }: Result): string {
  const verdict = ratio >= (aim ?? goal) ? 'reached' : ratio >= goal ? 'goal' : 'BELOW';
  const figures = `${ours.toFixed(0)}/s of ${theirs.toFixed(0)}/s, ${half.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
  return `${ratio.toFixed(3)}  (at least ${goal}${aim ? `, aim ${aim}` : ''}: ${verdict})  ${name}, of ${against}  [${figures}]`;
}
