/** What benches come to: a ratio of two servers, or a figure with a bound. Neither is a verdict. */
import { appendFile } from 'node:fs/promises';

export interface Contest {
  /** Such as `pastes of 1 KiB, create, node`. */
  readonly name: string;
  /** What the other side is, such as `bare node:http`. */
  readonly against: string;
  /** The ratio that was asked for, and the one that is aimed at. A peer has neither, nor has a prototype. */
  readonly goal?: number;
  readonly aim?: number;
  /** It is no Sallyport, but the least that must be there for one: what can be had at most. */
  readonly prototype?: true;
}

/** What two servers came to that were asked in turns. */
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

/** What one server came to by itself. */
export interface Figure {
  /** Such as `mixed load, the longest turn of the event loop`. */
  readonly name: string;
  /** What it is a multiple of, such as `their median`; '' where it has a unit. */
  readonly against: string;
  readonly value: number;
  /** Such as `ms`; '' for a ratio. */
  readonly unit: string;
  /** The goal: no more than this. */
  readonly atMost: number;
  /** Milliseconds, where exchanges were timed. */
  readonly median?: number;
  readonly p99?: number;
}

/** A row of the table. */
export type Outcome = Result | Figure;

export const isFigure = (outcome: Outcome): outcome is Figure => 'atMost' in outcome;

/** Whether the goal was reached; undefined where there is none. */
export function reached(outcome: Outcome): boolean | undefined {
  if (isFigure(outcome)) return outcome.value <= outcome.atMost;
  return outcome.goal === undefined ? undefined : outcome.ratio >= outcome.goal;
}

/** Whether it is of another server of the kind. */
export const isPeer = (outcome: Outcome): outcome is Result =>
  !isFigure(outcome) && outcome.goal === undefined && outcome.prototype !== true;

/** The value in the middle. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** What so great a part of sorted values stays under. */
export const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;

/** Three digits that count, and no more: a figure that was measured once has no others. */
export function short(value: number): string {
  if (Number.isInteger(value) || value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** Where results are kept, a line of JSON each: `tools/bench.ts` says so. */
const KEPT = process.env.SALLYPORT_BENCH_RESULTS;

/** Prints a line, and keeps the outcome where somebody collects them. @throws Error where nothing was measured */
export async function keep<One extends Outcome>(outcome: One): Promise<One> {
  if (!Number.isFinite(isFigure(outcome) ? outcome.value : outcome.ratio))
    throw new Error(`${outcome.name}: too little was measured to say anything.`);
  console.log(lineOf(outcome));
  if (KEPT !== undefined) await appendFile(KEPT, `${JSON.stringify(outcome)}\n`);
  return outcome;
}

function lineOf(outcome: Outcome): string {
  if (isFigure(outcome)) {
    const { name, against, value, unit, atMost } = outcome;
    const verdict = reached(outcome) ? 'reached' : 'ABOVE';
    return `${value.toFixed(3)}${unit && ` ${unit}`}  (at most ${atMost}: ${verdict})  ${name}${against && `, of ${against}`}`;
  }
  const { name, against, ratio, goal, aim, ours, theirs, median: half, p99 } = outcome;
  const figures = `${ours.toFixed(0)}/s of ${theirs.toFixed(0)}/s, ${half.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
  return `${ratio.toFixed(3)}  ${boundOf(ratio, goal, aim)}${name}, of ${against}  [${figures}]`;
}

function boundOf(ratio: number, goal: number | undefined, aim: number | undefined): string {
  if (goal === undefined) return '';
  const verdict = ratio >= (aim ?? goal) ? 'reached' : ratio >= goal ? 'goal' : 'BELOW';
  return `(at least ${goal}${aim ? `, aim ${aim}` : ''}: ${verdict})  `;
}
