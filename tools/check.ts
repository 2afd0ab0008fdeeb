/**
 * Everything about the source that is not a test: types, format and lint, who imports whom, that what lies behind the
 * doors runs on any runtime, that the edge bundle holds nothing else, that generated files are up to date.
 *
 *     node tools/check.ts [NAME…]   all of it, or the named checks alone
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { edgeProblems, foreignGlobals } from './edge.ts';
import { brokenImports } from './imports.ts';

export interface Verdict {
  /** What is wrong, a line each; empty when nothing is. */
  readonly problems: readonly string[];
  /** Worth knowing although nothing is wrong. */
  readonly note?: string;
}

export interface Check {
  readonly name: string;
  /** What to do when it fails. */
  readonly mend: string;
  run(root: string): Promise<Verdict>;
}

/** Runs a program of node_modules, or a script of ours, with this Node. */
function run(root: string, script: string, args: readonly string[]): Verdict {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [join(root, script), ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) return { problems: [String(error)] };
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => line.trim() !== '');
  return { problems: status === 0 ? [] : lines.length > 0 ? lines : [`it ended with ${status}`] };
}

const TSC = 'node_modules/typescript/bin/tsc';
const BIOME = 'node_modules/@biomejs/biome/bin/biome';

/** A type of Node or Bun that got in through some package would let `process` through in src. */
function foreignTypes(root: string): Verdict {
  const args = [join(root, TSC), '-p', 'tsconfig.src.json', '--listFilesOnly'];
  const { stdout } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const found = stdout
    .split('\n')
    .filter((path) => /node_modules\/(@types\/(node|bun)|bun-types)\//.test(path));
  if (stdout === '') return { problems: ['the compiler listed no files'] };
  return {
    problems:
      found.length > 0 ? [`types of a runtime reach src: ${found[0]} and ${found.length - 1} more`] : [],
  };
}

function upToDate(name: string, tool: string): Check {
  return {
    name,
    mend: `node ${tool}`,
    run: async (root) =>
      existsSync(join(root, tool))
        ? run(root, tool, ['--check'])
        : { problems: [], note: `there is no ${tool}` },
  };
}

export const checks: readonly Check[] = [
  {
    name: 'types',
    mend: 'correct what the compiler names',
    run: async (root) => run(root, TSC, ['-p', 'tsconfig.json']),
  },
  {
    name: 'types-src',
    mend: 'src has the web platform alone: no process, no Buffer, no types of Node',
    run: async (root) => {
      const compiled = run(root, TSC, ['-p', 'tsconfig.src.json']);
      return { problems: [...compiled.problems, ...foreignTypes(root).problems] };
    },
  },
  {
    name: 'style',
    mend: 'npx biome check --write .',
    run: async (root) =>
      run(root, BIOME, ['ci', '--colors=off', '--diagnostic-level=warn', '--error-on-warnings', '.']),
  },
  {
    name: 'imports',
    mend: 'the table of who imports whom is RULES in tools/imports.ts; docs/architecture.md says why',
    run: async (root) => ({ problems: await brokenImports(root) }),
  },
  {
    name: 'globals',
    mend: 'src has the web platform alone; what a runtime has besides it comes in as a port (src/core/deps.ts)',
    run: async (root) => ({ problems: await foreignGlobals(root) }),
  },
  {
    name: 'edge',
    mend: 'the main door must bundle for an edge runtime; follow the import that brought it in',
    run: async (root) => {
      const { problems, gzipBytes } = await edgeProblems(root);
      return { problems, note: `${Math.ceil(gzipBytes / 1024)} KiB compressed` };
    },
  },
  upToDate('edge-wasm', 'tools/edge-wasm.ts'),
  upToDate('settings-docs', 'tools/settings-docs.ts'),
  upToDate('logs-docs', 'tools/logs-docs.ts'),
  upToDate('openapi', 'tools/openapi.ts'),
  upToDate('metrics-docs', 'tools/metrics-docs.ts'),
  upToDate('format-vectors', 'tools/format-vectors.ts'),
  upToDate('client', 'tools/build-client.ts'),
  upToDate('release-notes', 'tools/release-notes.ts'),
];

async function main(root: string, names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !checks.some((check) => check.name === name));
  if (unknown.length > 0) {
    console.error(
      `There is no check ${unknown.join(', ')}. There are: ${checks.map(({ name }) => name).join(', ')}`,
    );
    return 2;
  }
  let failed = 0;
  for (const check of checks) {
    if (names.length > 0 && !names.includes(check.name)) continue;
    const { problems, note } = await check.run(root);
    if (problems.length === 0) {
      console.log(`ok      ${check.name}${note === undefined ? '' : ` (${note})`}`);
      continue;
    }
    failed += 1;
    console.log(`FAILED  ${check.name}`);
    for (const line of problems.slice(0, 80)) console.log(`        ${line}`);
    console.log(`        To mend: ${check.mend}`);
  }
  console.log(failed === 0 ? 'check: all passed' : `check: ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(join(import.meta.dirname, '..'), process.argv.slice(2));
