/**
 * Writes the tables of fields into docs/logs.md, between two marks. `--check` writes nothing and fails when the file is
 * not what it would write.
 *
 *     node tools/logs-docs.ts [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LINE_FIELDS, LOG_FIELDS } from '../src/core/log-fields.ts';

const BEGIN = '<!-- fields:begin -->';
const END = '<!-- fields:end -->';
const FILE = 'docs/logs.md';

type Table = Readonly<Record<string, { type: string; meaning: string; example: string | number | boolean }>>;

function table(fields: Table): string {
  const rows = Object.entries(fields).map(
    ([name, { type, meaning, example }]) =>
      `| \`${name}\` | ${type} | ${meaning.replaceAll('|', '\\|')} | \`${example}\` |`,
  );
  return ['| Field | Type | Meaning | Such as |', '|---|---|---|---|', ...rows].join('\n');
}

/** The text with the tables in it. @throws Error when the marks are not there, once and in order */
export function withFields(text: string): string {
  const [before, rest, ...more] = text.split(BEGIN);
  const [, after, ...others] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined || more.length > 0 || others.length > 0)
    throw new Error(`${FILE} needs one ${BEGIN} and, after it, one ${END}.`);
  const inner = ['Every line has:', table(LINE_FIELDS), 'Beside them, lines have:', table(LOG_FIELDS)];
  return `${before}${BEGIN}\n\n${inner.join('\n\n')}\n\n${END}${after}`;
}

function main(check: boolean): number {
  const path = join(import.meta.dirname, '..', FILE);
  const text = readFileSync(path, 'utf8');
  const wanted = withFields(text);
  if (text === wanted) return 0;
  if (check) console.error(`${FILE} does not match the fields: run node tools/logs-docs.ts`);
  else writeFileSync(path, wanted);
  return check ? 1 : 0;
}

if (import.meta.main) process.exitCode = main(process.argv.includes('--check'));
