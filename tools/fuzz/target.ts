/** What can be fuzzed: each target makes inputs from a seed, knows what must hold, and can be given one input again. */

/** How long to go on. */
export interface Budget {
  /** A whole number; the same one gives the same inputs. */
  readonly seed: number;
  /** Whether another run may begin, after so many. */
  more(runs: number): boolean;
  /** Told now and then, with what is worth knowing besides. */
  progress(runs: number, about?: string): void;
}

/** What broke a rule, as small as it could be made. */
export interface Find {
  readonly target: string;
  readonly seed: number;
  /** What {@link Target.replay} takes: JSON. */
  readonly input: unknown;
  /** What did not hold. */
  readonly message: string;
}

export interface Outcome {
  /** Requests, connections or inputs, whatever the target counts. */
  readonly runs: number;
  readonly find?: Find;
  /** Figures of the run, for people. */
  readonly notes?: readonly string[];
}

export interface Target {
  readonly name: string;
  /** What is counted as a run. */
  readonly unit: string;
  readonly summary: string;
  /** How many runs where nobody says. */
  readonly runs: number;
  fuzz(budget: Budget): Promise<Outcome>;
  /** Throws what a find said, if it still holds. */
  replay(input: unknown): Promise<void>;
}

/** What did not hold, in a sentence. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** @throws Broken */
export function must(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new Broken(message());
}

/** Everything that was thrown, as text. */
export function saying(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown instanceof Broken ? thrown.message : (thrown.stack ?? `${thrown.name}: ${thrown.message}`);
}
