/**
 * Runs every bench, one after the other, and prints what they came to as one table. What they print are figures, and
 * none of them is a verdict. A whole run also writes bench/results.json, docs/performance.md and its picture.
 *
 *     node tools/bench.ts                     all of them
 *     node tools/bench.ts NAME…               those, without writing anything
 *     node tools/bench.ts --write NAME…       those, and the page with what they came to
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machine, page, plot, table } from '../bench/lib/page.ts';
import type { Result } from '../bench/lib/ratio.ts';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'bench');

async function run(name: string, kept: string): Promise<boolean> {
  console.log(`\n== ${name}`);
  const child = spawn(process.execPath, [join(folder, `${name}.ts`)], {
    stdio: 'inherit',
    env: { ...process.env, SALLYPORT_BENCH_RESULTS: kept },
  });
  return (await new Promise((resolve) => child.on('exit', resolve))) === 0;
}

async function resultsIn(kept: string): Promise<Result[]> {
  const text = await readFile(kept, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Result);
}

const words = process.argv.slice(2);
const wanted = words.filter((word) => word !== '--write');
const files = (await readdir(folder)).filter((name) => name.endsWith('.ts')).sort();
const names = files.map((name) => name.replace(/\.ts$/, ''));
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}. There are: ${names.join(', ')}.`);
  process.exit(2);
}
const scratch = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
try {
  const kept = join(scratch, 'results');
  let write = wanted.length === 0 || words.includes('--write');
  for (const name of names) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    if (await run(name, kept)) continue;
    process.exitCode = 1;
    write = false;
  }
  const results = await resultsIn(kept);
  if (results.length > 0) console.log(`\n${table(results)}`);
  if (write) {
    const report = { date: new Date().toISOString().slice(0, 10), machine: machine(), results };
    await writeFile(join(folder, 'results.json'), `${JSON.stringify(report, undefined, 2)}\n`);
    await writeFile(join(root, 'docs', 'performance.md'), page(report));
    await writeFile(join(root, 'docs', 'images', 'performance.svg'), plot(results));
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
