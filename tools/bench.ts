/**
 * Runs every bench, one after the other, and prints what they came to as one table. What they print are figures, and
 * none of them is a verdict. A whole run also writes bench/results.json, docs/performance.md and its pictures.
 *
 *     node tools/bench.ts                     all of them
 *     node tools/bench.ts NAME…               those, without writing anything
 *     node tools/bench.ts --write NAME…       those, and the page with what they came to
 *
 *     --peer NAME=URL    another server on this machine to compare with: privatebin, enclosed
 *     --for TIME         how long the mixed load lasts, such as 1m; 10m unless given
 *     --rows N           how many pastes the full store holds; 1000000 unless given
 *
 * All of them take about half an hour on two cores, ten minutes of which are the mixed load.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machine, page, table } from '../bench/lib/page.ts';
import { peerFrom } from '../bench/lib/peers.ts';
import { plot, plotBounds, plotPeers } from '../bench/lib/plot.ts';
import type { Outcome } from '../bench/lib/results.ts';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'bench');
const images = join(root, 'docs', 'images');

const OPTIONS = {
  write: { type: 'boolean', default: false },
  peer: { type: 'string', multiple: true, default: [] as string[] },
  for: { type: 'string' },
  rows: { type: 'string' },
} as const;

/** What is passed on to one bench. */
function wordsFor(name: string): string[] {
  if (name === 'peers') return values.peer.flatMap((peer) => ['--peer', peer]);
  if (name === 'mixed' && values.for !== undefined) return ['--for', values.for];
  if (name === 'growth' && values.rows !== undefined) return ['--rows', values.rows];
  return [];
}

async function run(name: string, kept: string): Promise<boolean> {
  console.log(`\n== ${name}`);
  const began = performance.now();
  const child = spawn(process.execPath, [join(folder, `${name}.ts`), ...wordsFor(name)], {
    stdio: 'inherit',
    env: { ...process.env, SALLYPORT_BENCH_RESULTS: kept },
  });
  const good = (await new Promise((resolve) => child.on('exit', resolve))) === 0;
  console.log(`   ${((performance.now() - began) / 1000).toFixed(0)} s`);
  return good;
}

async function resultsIn(kept: string): Promise<Outcome[]> {
  const text = await readFile(kept, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Outcome);
}

function refuse(why: unknown): never {
  console.error(why instanceof Error ? why.message : why);
  process.exit(2);
}

function asked() {
  try {
    const parsed = parseArgs({ options: OPTIONS, allowPositionals: true });
    parsed.values.peer.map(peerFrom);
    return parsed;
  } catch (thrown) {
    return refuse(thrown);
  }
}

const { values, positionals: wanted } = asked();
const files = (await readdir(folder)).filter((name) => name.endsWith('.ts')).sort();
const names = files.map((name) => name.replace(/\.ts$/, ''));
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) refuse(`There is no bench ${unknown.join(', ')}. There are: ${names.join(', ')}.`);
const scratch = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
const began = performance.now();
try {
  const kept = join(scratch, 'results');
  const whole = wanted.length === 0;
  let write = whole || values.write;
  for (const name of names) {
    if (!whole && !wanted.includes(name)) continue;
    if (await run(name, kept)) continue;
    process.exitCode = 1;
    write = false;
  }
  const results = await resultsIn(kept);
  const minutes = Math.round((performance.now() - began) / 60_000);
  if (results.length > 0) console.log(`\n${table(results)}`);
  console.log(`\nAll of it took ${minutes} minutes.`);
  if (write) {
    const date = new Date().toISOString().slice(0, 10);
    const report = { date, machine: machine(), results, ...(whole && { minutes }) };
    await writeFile(join(folder, 'results.json'), `${JSON.stringify(report, undefined, 2)}\n`);
    await writeFile(join(root, 'docs', 'performance.md'), page(report));
    await writeFile(join(images, 'performance.svg'), plot(results));
    await writeFile(join(images, 'performance-bounds.svg'), plotBounds(results));
    const peers = join(images, 'performance-peers.svg');
    if (values.peer.length > 0) await writeFile(peers, plotPeers(results));
    else await rm(peers, { force: true });
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
