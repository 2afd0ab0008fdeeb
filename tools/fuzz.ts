/**
 * Fuzzes the project: makes inputs from a seed, holds what comes of them against what must always be true, and makes
 * what breaks it as small as it gets. `--help` says how, docs/fuzzing.md what is looked at.
 */
import { randomInt } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import type { Find, Target } from './fuzz/target.ts';
import { saying } from './fuzz/target.ts';
import { targets } from './fuzz/targets.ts';

const ROOT = join(import.meta.dirname, '..');
const FINDS = join(ROOT, 'test-artifacts', 'fuzz');

const HELP = `Usage: npm run fuzz [-- TARGET… [--runs N | --for TIME] [--seed N]]
       npm run fuzz -- --replay FILE

Targets (all of them unless some are named):
${targets.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}`).join('\n')}

  --runs N       so many requests, connections or inputs of each target
  --for TIME     so long for each target: 30s, 10m, 2h
  --seed N       the inputs of a former run again; a new seed unless given
  --replay FILE  one find again
  --help         this

A find is written below test-artifacts/fuzz, with its seed and the smallest input that was found; --replay says whether
it still holds. Put it into test/fuzz/corpus once it is mended: npm test plays what lies there.

Exit codes: 0 nothing was found, 1 something was, 2 usage.
`;

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

function milliseconds(text: string): number {
  const [, number, unit = ''] = /^(\d+)([smh])$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (!(ms > 0)) throw new TypeError(`--for takes a time such as 30s, 10m or 2h, not "${text}".`);
  return ms;
}

function whole(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new TypeError(`--${name} takes a whole number, not "${text}".`);
  return Number(text);
}

interface Wish {
  readonly wanted: readonly Target[];
  readonly runs: number | undefined;
  readonly forMs: number | undefined;
  readonly seed: number;
}

function wishOf(values: Readonly<Record<string, unknown>>, names: readonly string[]): Wish {
  const unknown = names.filter((name) => !targets.some((target) => target.name === name));
  if (unknown.length > 0) throw new TypeError(`There is no target ${unknown.join(', ')}.`);
  const { runs, seed, for: time } = values as Readonly<Record<string, string | undefined>>;
  if (runs !== undefined && time !== undefined) throw new TypeError('Give --runs or --for, not both.');
  return {
    wanted: names.length === 0 ? targets : targets.filter(({ name }) => names.includes(name)),
    runs: runs === undefined ? undefined : whole('runs', runs),
    forMs: time === undefined ? undefined : milliseconds(time),
    seed: seed === undefined ? randomInt(2 ** 31) : whole('seed', seed),
  };
}

/** Where nobody watches, a line so often says how far a long run has come. */
const LINE_EVERY_MS = 60_000;

/** One line that is written over, where somebody watches; else a line a minute. */
function status(): (text: string) => void {
  let last = performance.now();
  return (text) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${text.padEnd(100).slice(0, 100)}`);
    else if (text !== '' && performance.now() - last >= LINE_EVERY_MS) {
      last = performance.now();
      console.log(`  ${text}`);
    }
  };
}

async function keep(find: Find): Promise<string> {
  await mkdir(FINDS, { recursive: true });
  const file = join(FINDS, `${find.target}-${find.seed}.json`);
  await writeFile(file, `${JSON.stringify(find, undefined, 2)}\n`);
  return relative(ROOT, file);
}

/** @returns whether nothing was found */
async function run(target: Target, { runs, forMs, seed }: Wish): Promise<boolean> {
  console.log(`${target.name}: seed ${seed}`);
  const began = performance.now();
  const say = status();
  const most = runs ?? (forMs === undefined ? target.runs : Number.POSITIVE_INFINITY);
  const outcome = await target.fuzz({
    seed,
    more: (done) => done < most && (forMs === undefined || performance.now() - began < forMs),
    progress: (done, about = '') => {
      const rate = Math.round(done / ((performance.now() - began) / 1000));
      say(`${target.name}: ${done} ${target.unit}, ${rate} a second, ${about}`);
    },
  });
  say('');
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`${target.name}: ${outcome.runs} ${target.unit} in ${seconds} s`);
  for (const note of outcome.notes ?? []) console.log(`  ${note}`);
  if (outcome.find === undefined) return true;
  const file = await keep(outcome.find);
  console.log(`\nFOUND by ${target.name}, seed ${seed}: ${outcome.find.message}`);
  console.log(JSON.stringify(outcome.find.input, undefined, 1).slice(0, 4000));
  console.log(`Again: npm run fuzz -- --replay ${file}`);
  return false;
}

async function replay(file: string): Promise<number> {
  const find = JSON.parse(await readFile(file, 'utf8')) as Find;
  const target = targets.find(({ name }) => name === find.target);
  if (target === undefined) throw new TypeError(`${file} is of a target that is not there: ${find.target}`);
  try {
    await target.replay(find.input);
  } catch (error) {
    console.log(`It still holds: ${saying(error)}`);
    return 1;
  }
  console.log('It does not hold any more.');
  return 0;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string' },
      for: { type: 'string' },
      seed: { type: 'string' },
      replay: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.replay !== undefined) return replay(values.replay);
  const wish = wishOf(values, positionals);
  let well = true;
  for (const target of wish.wanted) well = (await run(target, wish)) && well;
  return well ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.error(`${error.message}\nTry --help.`);
  process.exitCode = 2;
}
