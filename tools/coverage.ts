/** What of `src` the tests ran, and what they never even loaded. */
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { transform } from 'esbuild';

/** One file's part, as the test runner reports it. */
export interface FileCoverage {
  /** Absolute. */
  readonly path: string;
  readonly totalLineCount: number;
  readonly coveredLineCount: number;
}

export interface CoverageReport {
  /** Percent of lines, over all files. */
  readonly lines: number;
  /** The files with the most lines that no test ran, worst first: a line of text each. */
  readonly worst: readonly string[];
  /** Files with code in them that no test loads; each counts as if none of its lines were run. */
  readonly unloaded: readonly string[];
}

/** Files that are written by a tool. */
const GENERATED = /^src\/generated\//;

/** A report over every file of `src` that has code, whether a test loads it or not. */
export async function coverageReport(root: string, files: readonly FileCoverage[]): Promise<CoverageReport> {
  const counted = files
    .map((file) => ({ ...file, name: relative(root, file.path).split(sep).join('/') }))
    .filter(({ name }) => name.startsWith('src/') && !GENERATED.test(name));
  const loaded = new Set(counted.map(({ name }) => name));
  const unloaded: string[] = [];
  let total = 0;
  let covered = 0;
  for (const { totalLineCount, coveredLineCount } of counted) {
    total += totalLineCount;
    covered += coveredLineCount;
  }
  for (const path of globSync('src/**/*.ts', { cwd: root })) {
    const name = path.split(sep).join('/');
    if (loaded.has(name) || name.endsWith('.d.ts') || GENERATED.test(name)) continue;
    const text = await readFile(join(root, path), 'utf8');
    // A file of types leaves nothing behind.
    const { code } = await transform(text, { loader: 'ts', format: 'esm', minify: true });
    if (code.trim() === '') continue;
    unloaded.push(name);
    total += text.split('\n').length;
  }
  const worst = counted
    .map(({ name, totalLineCount, coveredLineCount }) => ({
      name,
      missing: totalLineCount - coveredLineCount,
      percent: totalLineCount === 0 ? 100 : (100 * coveredLineCount) / totalLineCount,
    }))
    .filter(({ percent }) => percent < 90)
    .sort((a, b) => b.missing - a.missing)
    .map(({ name, missing, percent }) => `${percent.toFixed(0).padStart(3)} %  ${name} (${missing} lines)`);
  return { lines: total === 0 ? 0 : (100 * covered) / total, worst, unloaded };
}
