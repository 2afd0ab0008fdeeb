/** Measures two servers in turns, so that what the machine does meanwhile falls on both, and says what it came to. */
import { load, type Measured, type Wire } from './load.ts';
import { type Contest, keep, median, quantile, type Result } from './results.ts';

export type { Contest } from './results.ts';

export const CONNECTIONS = 16;
const ROUNDS = 5;

/** What is asked of one server in each round. */
export interface Side {
  readonly url: string;
  readonly status: number;
  /** What every answer's body has at least, in bytes: where a status alone says little. */
  readonly least?: number;
  /** The requests of a round, fresh ones each time. */
  requests(round: number): readonly Wire[] | Promise<readonly Wire[]>;
}

const once = async ({ url, status, least = 0, requests }: Side, round: number): Promise<Measured> =>
  load(url, await requests(round), { connections: CONNECTIONS, status, least });

/**
 * Measures, prints a line, and keeps the result where somebody collects them.
 * @param warmUp rounds that both are asked before those that count; 1 unless given
 */
export async function contest(about: Contest, ours: Side, theirs: Side, warmUp = 1): Promise<Result> {
  const seen: { ours: Measured; theirs: Measured }[] = [];
  for (let round = 0; round < warmUp + ROUNDS; round += 1) {
    // Who comes first changes, so that neither always finds what the other left.
    const pair =
      round % 2 === 0
        ? { ours: await once(ours, round), theirs: await once(theirs, round) }
        : { theirs: await once(theirs, round), ours: await once(ours, round) };
    if (round >= warmUp) seen.push(pair);
  }
  const rounds = seen.map((pair) => pair.ours.rate / pair.theirs.rate);
  const times = seen.flatMap((pair) => pair.ours.times).sort((a, b) => a - b);
  return keep({
    ...about,
    ratio: median(rounds),
    ours: median(seen.map((pair) => pair.ours.rate)),
    theirs: median(seen.map((pair) => pair.theirs.rate)),
    median: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    rounds,
  });
}
