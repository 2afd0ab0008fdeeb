/**
 * Runs the tests, prints what failed, and ends with one line: `tests: N passed, N failed`.
 *
 *     node tools/test.ts               all of them
 *     node tools/test.ts --coverage    all of them, and holds the line coverage of `src` to its minimum
 *     node tools/test.ts FILE…         those files
 *
 * Counting what is covered takes a tenth of the time of all tests, so that the pipeline alone does.
 *
 * Exit codes: 0 when something ran, nothing failed and coverage is high enough; 2 for options that there are not; else 1.
 */
import { globSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve, sep } from 'node:path';
import type { EventData } from 'node:test';
import { run } from 'node:test';
import { parseArgs } from 'node:util';
import { CHILD_ENV } from '../test/support/child-env.ts';
import { CHROMIUM_VARIABLE, ensureChromium } from './chromium.ts';
import { coverageReport, type FileCoverage } from './coverage.ts';
import { groupFiles } from './test-groups.ts';

const ROOT = join(import.meta.dirname, '..');
/** Percent of the lines of `src` that tests must run. */
const MINIMUM = 90;
/** Files at a time: they start servers, databases and browsers of their own, and wait for those a good deal. */
const AT_A_TIME = 4;
/** A file that takes longer hangs. */
const PATIENCE_MS = 20 * 60_000;

interface Outcome {
  passed: number;
  failed: number;
  readonly skipped: string[];
  coverage: readonly FileCoverage[];
}

async function main(wanted: readonly string[], coverage: boolean): Promise<number> {
  const files = wanted.length > 0 ? wanted.map((file) => resolve(file)) : testFiles();
  const chromium = ensureChromium();
  if (chromium === undefined) {
    console.log(`No Chromium was found and none could be installed; ${CHROMIUM_VARIABLE} can name one.`);
    return verdict({ passed: 0, failed: 1, skipped: [], coverage: [] }, false);
  }
  process.env[CHROMIUM_VARIABLE] = chromium;
  // A third of what a file costs is reading TypeScript, in it and in each thread that it starts.
  Object.assign(process.env, CHILD_ENV);
  const outcome: Outcome = { passed: 0, failed: 0, skipped: [], coverage: [] };
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-tests-'));
  try {
    // One run counts for all of its files or for none.
    const counted = new Set(coverage ? files.filter(isCounted) : []);
    const others = files.filter((file) => !counted.has(file));
    await runTests(await processesFor(others, folder), outcome, false);
    await runTests(await processesFor([...counted], folder), outcome, true);
  } finally {
    await rm(folder, { recursive: true });
  }
  for (const skipped of outcome.skipped) console.log(`skipped: ${skipped}`);
  const enough = !coverage || (await enoughCoverage(outcome.coverage));
  return verdict(outcome, enough);
}

/**
 * Rooms whose tests start servers, commands and browsers: what those run is not counted, and counting what the tests
 * themselves run would make them slower by a sixth.
 */
const OUTSIDE = new Set([
  'races',
  'runtimes',
  'browser',
  'cli',
  'tools',
  'exposure',
  'editors',
  'runtime',
  'deploy',
  'docs',
  'fuzz',
]);
/** Files of other rooms that do so too, or that run what their neighbours run, with more bytes. */
const UNCOUNTED = /(?:^|-)(?:kill|large|processes|power-loss|file-to-server)\b/;

/** Files that are not counted and yet may share a process: suites on doors of their own. */
const TOGETHER_TOO = /^runtimes\/(?:accounts|bundles|chunks|handlers|incidents|sharing|uploads|viewer)$/;

/** What takes longest comes first, so that nothing long is left when the rest is done. */
const LONGEST = [
  'runtimes/edge',
  'browser/active-content',
  'races/chunks',
  'store/kill-chunks',
  'races/resumable',
  'races/burn',
  'races/model',
  'browser/admin',
  'handlers/bundles-large',
  'editors/vim',
  'store/kill-pastes',
  'cli/backup',
  'browser/viewer-refresh',
  'browser/viewer',
  'cli/sallyport',
  'cli/share',
  'store/db',
  'cli/capture-killed',
  'cli/fpaste',
  'runtimes/bun',
  'runtimes/node',
  'store/kill-deletion',
  'races/memory',
  'cli/blobs',
  'cli/verify-large',
  'races/upload-memory',
  'exposure/sockets',
  'runtimes/edge-home',
  'runtimes/edge-door',
  'store/kill-sqld',
  'runtime/remote-database',
  'runtime/server',
];

/** A file as `room/name`. */
const nameOf = (file: string) =>
  relative(join(ROOT, 'test'), file)
    .split(sep)
    .join('/')
    .replace(/\.test\.ts$/, '');

/** Whether what a file runs of `src` is counted. */
function isCounted(file: string): boolean {
  const name = nameOf(file);
  return !OUTSIDE.has(name.split('/')[0] ?? '') && !UNCOUNTED.test(basename(name));
}

function testFiles(): string[] {
  const places = new Map(LONGEST.map((name, place) => [name, place]));
  const place = (file: string) => places.get(nameOf(file)) ?? LONGEST.length;
  return globSync('test/**/*.test.ts', { cwd: ROOT })
    .map((file) => join(ROOT, file))
    .sort()
    .sort((a, b) => place(a) - place(b));
}

function verdict({ passed, failed }: Outcome, enough: boolean): number {
  if (passed + failed === 0) console.log('No test ran.');
  console.log(`tests: ${passed} passed, ${failed} failed`);
  return enough && failed === 0 && passed > 0 ? 0 : 1;
}

/** What one process loads: a test file, or a module that loads several. */
interface Entry {
  readonly path: string;
  /** For people. */
  readonly name: string;
  readonly files: readonly string[];
}

/** Deals files out to processes; what takes longest comes first and alone, then those that share one. */
async function processesFor(files: readonly string[], folder: string): Promise<Entry[]> {
  const isLong = (file: string) => LONGEST.includes(nameOf(file));
  const mayJoin = (file: string) => (isCounted(file) || TOGETHER_TOO.test(nameOf(file))) && !isLong(file);
  const { groups, alone } = await groupFiles(files.filter(mayJoin), folder);
  // Those of stores run on three databases, and take longest.
  const ofStores = ({ name }: Entry) => Number(name.startsWith('store'));
  const inOrder = groups.toSorted((a, b) => ofStores(b) - ofStores(a));
  const single = (path: string): Entry => ({ path, name: relative(ROOT, path), files: [] });
  const rest = [...files.filter((file) => !mayJoin(file) && !isLong(file)), ...alone];
  return [...files.filter(isLong).map(single), ...inOrder, ...rest.map(single)];
}

/** Adds what these files come to. */
async function runTests(entries: readonly Entry[], outcome: Outcome, coverage: boolean): Promise<void> {
  if (entries.length === 0) return;
  const entryAt = new Map(entries.map((entry) => [entry.path, entry]));
  const stream = run({
    files: [...entryAt.keys()],
    cwd: ROOT,
    concurrency: AT_A_TIME,
    timeout: PATIENCE_MS,
    ...(coverage && { coverage: true, coverageIncludeGlobs: ['src/**/*.ts'] }),
  });
  const place = (data: { file?: string; line?: number }) =>
    data.file === undefined ? '' : `${relative(ROOT, data.file)}:${data.line ?? 0}`;
  stream.on('test:pass', (data) => {
    if (isContainer(data)) return;
    if (data.skip !== undefined) outcome.skipped.push(`${data.name}: ${data.skip} (${place(data)})`);
    else if (data.todo !== undefined) outcome.skipped.push(`${data.name}: ${data.todo} (${place(data)})`);
    else outcome.passed += 1;
  });
  stream.on('test:fail', (data) => {
    // A suite fails with its tests; it counts when it failed by itself.
    if (isContainer(data) && causeOf(data) === 'subtestsFailed') return;
    outcome.failed += 1;
    console.log(`\nFAILED  ${data.name}  (${place(data)})`);
    console.log(indent(describeError(data.details.error)));
  });
  stream.on('test:stderr', ({ message }) => process.stderr.write(message));
  stream.on('test:summary', ({ file, duration_ms, counts }) => {
    if (file === undefined) return;
    const left = counts.tests - counts.passed - counts.skipped - counts.todo;
    const seconds = (duration_ms / 1000).toFixed(1).padStart(6);
    const entry = entryAt.get(file);
    console.log(`${left === 0 ? 'ok    ' : 'FAILED'} ${seconds} s  ${entry?.name ?? file} (${counts.tests})`);
    for (const member of entry?.files ?? []) console.log(`                  ${relative(ROOT, member)}`);
  });
  stream.on('test:coverage', ({ summary }) => {
    outcome.coverage = summary.files;
  });
  // The stream must be read to its end, or the run never gets there.
  for await (const _ of stream);
}

type Ended = EventData.TestPass | EventData.TestFail;

/** A suite, or the file as a whole: not a test that somebody wrote. */
function isContainer(data: Ended): boolean {
  return data.details.type === 'suite' || (data.nesting === 0 && data.name === data.file);
}

function causeOf(data: EventData.TestFail): unknown {
  const { error } = data.details;
  return 'failureType' in error ? error.failureType : undefined;
}

/** The assertion's own words, and where it stands. */
function describeError(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  return cause.stack ?? cause.message;
}

function indent(text: string): string {
  return text
    .split('\n')
    .slice(0, 60)
    .map((line) => `        ${line}`)
    .join('\n');
}

async function enoughCoverage(files: readonly FileCoverage[]): Promise<boolean> {
  const { lines, worst, unloaded } = await coverageReport(ROOT, files);
  console.log('');
  for (const line of worst.slice(0, 20)) console.log(line);
  for (const file of unloaded) console.log(`  0 %  ${file} (no test loads it)`);
  console.log(`line coverage of src: ${lines.toFixed(2)} %, at least ${MINIMUM} % are needed`);
  return lines >= MINIMUM;
}

function asked(): { readonly files: readonly string[]; readonly coverage: boolean } {
  try {
    const { values, positionals } = parseArgs({
      options: { coverage: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
    if (values.coverage && positionals.length > 0) throw new Error('Coverage is counted of all tests alone.');
    return { files: positionals, coverage: values.coverage };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}

const { files, coverage } = asked();
process.exitCode = await main(files, coverage);
