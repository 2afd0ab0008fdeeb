/**
 * Writes the table of metrics into docs/metrics.md, between two marks, from the table that the server uses.
 * `--check` writes nothing and fails when the file is not what the table says.
 *
 *     node tools/metrics-docs.ts [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { METRICS, type MetricRow, REQUEST_BUCKETS } from '../src/core/metrics-table.ts';

const BEGIN = '<!-- metrics:begin -->';
const END = '<!-- metrics:end -->';

const FROM: Readonly<Record<MetricRow['from'], string>> = {
  process: 'this process',
  database: 'the database',
  machine: 'the machine',
};

const cell = (text: string) => text.replaceAll('|', '\\|');

/** The rows of the table, and what the histogram's buckets are. */
export function metricsTable(): string {
  const rows = Object.entries<MetricRow>(METRICS).map(([name, { kind, help, labels = {}, from }]) => {
    const named = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`);
    return `| \`${name}\` | ${kind} | ${cell(named.join('; ')) || '–'} | ${FROM[from]} | ${cell(help)} |`;
  });
  return [
    '| Name | Kind | Labels | From | What it is |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    `Buckets of the histogram, in seconds: ${REQUEST_BUCKETS.join(', ')}.`,
  ].join('\n');
}

/** The page with the table put in; undefined when the marks are not there, once and in order. */
export function filled(page: string): string | undefined {
  const [before, rest, ...more] = page.split(BEGIN);
  const [, after, ...others] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined || more.length > 0 || others.length > 0) return undefined;
  return `${before}${BEGIN}\n\n${metricsTable()}\n\n${END}${after}`;
}

function main(check: boolean): number {
  const file = join(import.meta.dirname, '..', 'docs', 'metrics.md');
  const page = readFileSync(file, 'utf8');
  const wanted = filled(page);
  if (wanted === undefined) {
    console.error(`docs/metrics.md needs one ${BEGIN} and, after it, one ${END}.`);
    return 1;
  }
  if (wanted === page) return 0;
  if (check) console.error('docs/metrics.md does not match the table: run node tools/metrics-docs.ts');
  else writeFileSync(file, wanted);
  return check ? 1 : 0;
}

if (import.meta.main) process.exitCode = main(process.argv.includes('--check'));
