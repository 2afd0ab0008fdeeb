/** A reader as a target: inputs that reach something new are kept, and further ones are made from them. */
import { setImmediate } from 'node:timers/promises';
import { chanceOf } from '../chance.ts';
import { Broken, type Budget, type Find, must, type Outcome, saying, type Target } from '../target.ts';
import { Coverage } from './coverage.ts';
import { mutated, smaller } from './mutate.ts';
import type { Reader } from './reader.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Inputs between two looks at what they reached. Counts go by powers of two: few together, or one hides the other. */
const BATCH = 128;
/** Without coverage: between two looks at the budget. */
const BATCH_UNGUIDED = 16;
const GROUP = 8;
const MOST_KEPT = 2000;
/** Processor time of one input: readers are linear and inputs short, so that this is a thousand times too much. */
const PATIENCE_US = 5_000_000;

const bytesOf = (input: Uint8Array | string): Bytes =>
  typeof input === 'string' ? new TextEncoder().encode(input) : new Uint8Array(input);

/** Is told of each input, so that somebody knows which one is under way. */
export interface Listening {
  began(input: Bytes): void;
  ended(): void;
}

/** What does not hold, or undefined. */
async function troubleWith({ read }: Reader, bytes: Bytes): Promise<string | undefined> {
  const before = process.cpuUsage();
  try {
    // A copy: a reader may keep or change what it is given.
    await read(bytes.slice());
    const { user } = process.cpuUsage(before);
    must(user < PATIENCE_US, () => `takes ${Math.round(user / 1000)} ms for ${bytes.length} bytes`);
    return undefined;
  } catch (error) {
    return saying(error);
  }
}

/** The first words of a message: those that do not depend on the input. */
const kindOf = (message: string) => message.slice(0, 40);

/** @param guided whether coverage chooses what further inputs are made from; without, they are made from the seeds alone */
export function readerTarget(reader: Reader, guided = true, listening?: Listening): Target {
  const { name, words = [] } = reader;

  async function trouble(bytes: Bytes): Promise<string | undefined> {
    listening?.began(bytes);
    const said = await troubleWith(reader, bytes);
    // What it left behind for later, a rejection that nobody handles, comes up while the input is still its own.
    await setImmediate();
    listening?.ended();
    return said;
  }

  async function found(seed: number, bytes: Bytes, message: string): Promise<Find> {
    const small = await smaller(bytes, async (next) => {
      const said = await trouble(next);
      return said !== undefined && kindOf(said) === kindOf(message);
    });
    const said = (await trouble(small)) ?? message;
    return { target: name, seed, input: { base64: Buffer.from(small).toString('base64') }, message: said };
  }

  async function fuzz({ seed, more, progress }: Budget): Promise<Outcome> {
    const chance = chanceOf(seed);
    const corpus = (await reader.seeds()).map(bytesOf);
    const begun = corpus.length;
    const coverage = guided ? new Coverage() : undefined;
    await coverage?.start();
    let runs = 0;
    try {
      for (let batch = corpus.slice(); ; ) {
        for (const bytes of batch) {
          const message = await trouble(bytes);
          runs += 1;
          if (message !== undefined) return { runs, find: await found(seed, bytes, message) };
        }
        if (coverage !== undefined && (await coverage.fresh(false)) > 0)
          await keepNew(coverage, corpus, batch, GROUP);
        progress(runs, `${corpus.length} kept, ${coverage?.size ?? 0} places`);
        if (!more(runs)) break;
        batch = Array.from({ length: guided ? BATCH : BATCH_UNGUIDED }, () => mutated(chance, corpus, words));
      }
    } finally {
      await coverage?.stop();
    }
    if (coverage === undefined) return { runs };
    const kept = corpus.length - begun;
    return {
      runs,
      notes: [`${begun} seeds, ${kept} inputs that reached something new, ${coverage.size} places`],
    };
  }

  /** Takes those of a batch into the corpus that reach what none before them did: by groups, and then one by one. */
  async function keepNew(
    coverage: Coverage,
    corpus: Bytes[],
    batch: readonly Bytes[],
    size: number,
  ): Promise<void> {
    for (let at = 0; at < batch.length; at += size) {
      const group = batch.slice(at, at + size);
      await coverage.reset();
      for (const bytes of group) await trouble(bytes);
      if ((await coverage.fresh(size === 1)) === 0) continue;
      if (size > 1) await keepNew(coverage, corpus, group, 1);
      else if (corpus.length < MOST_KEPT) corpus.push(...group);
    }
  }

  return {
    name,
    unit: 'inputs',
    summary: reader.summary,
    runs: 20_000,
    fuzz,
    async replay(input) {
      const { base64 } = input as { readonly base64: string };
      const said = await trouble(new Uint8Array(Buffer.from(base64, 'base64')));
      if (said !== undefined) throw new Broken(said);
    },
  };
}
