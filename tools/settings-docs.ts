/**
 * Writes the settings into the documentation: a short table between two marks of README.md, and docs/settings.md
 * whole. `--check` writes nothing and fails when a file is not what it would write.
 *
 *     node tools/settings-docs.ts [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from '../src/core/settings-entry.ts';
import { CHAPTERS, ENTRIES, FORBIDDEN } from '../src/core/settings-table.ts';

export const BEGIN = '<!-- settings:begin -->';
export const END = '<!-- settings:end -->';

const ROWS: ReadonlyMap<string, Entry> = new Map(ENTRIES);

/** Text in a table cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

function names(name: string, { secret, second }: Entry): string {
  return [code(secret ? `${name}[_FILE]` : name), ...(second === undefined ? [] : [code(second)])].join(', ');
}

function defaultOf(entry: Entry): string {
  if (entry.default === undefined) return entry.absent === undefined ? '–' : cell(entry.absent);
  return entry.default === '' ? 'empty' : code(entry.default);
}

/** The tables of README.md: name, default, meaning. */
export function shortTables(): string {
  const chapters = CHAPTERS.map(([title, members]) => {
    const rows = members.flatMap((name) => {
      const entry = ROWS.get(name);
      return entry === undefined
        ? []
        : [`| ${names(name, entry)} | ${defaultOf(entry)} | ${cell(entry.meaning)} |`];
    });
    return [`**${title}**`, '', '| Setting | Default | What it does |', '|---|---|---|', ...rows].join('\n');
  });
  const more =
    'What each value looks like, keys in TOML and old names: [docs/settings.md](docs/settings.md).';
  return [...chapters, more].join('\n\n');
}

const INTRODUCTION = `# Settings

Every setting, generated from the table that the server itself reads (\`src/core/settings-table.ts\`).

- A setting is an environment variable or a key of the TOML file. Later layers win: defaults, the TOML file,
  \`SAFE_…\`, \`SAFE_…_FILE\`.
- The TOML file is the one that \`--config\` names, else \`SAFE_CONFIG_FILE\`, else \`./sallyport.toml\`, else
  \`/etc/sallyport/sallyport.toml\`. A named file must exist. Relative paths start from the working directory.
- Secrets may lie in files: \`SAFE_…_FILE\`, or the key with \`_file\` in TOML, names one. It is read at start
  and at a reload; one line end at its end is dropped; it must not be empty. In TOML, a secret and its file together are refused.
- The server refuses to start on unknown names, bad values and contradictions. It names all of them at once, and
  never shows a secret.
- Durations are numbers with a unit, one after another: \`ms\`, \`s\`, \`m\`, \`h\`, \`d\` (\`1m30s\`, \`30d\`). Sizes are bytes,
  or numbers with \`K\`, \`M\` or \`G\`, all powers of 1024 (\`3MiB\`, \`10GB\`).
- An empty value is refused except where its row allows it. Leave a setting out to have its default.
`;

function legacyNames(): string {
  const rows = [...ROWS].flatMap(([name, { legacy }]) =>
    (legacy?.names ?? []).map((old) => `| ${code(old)} | ${code(name)} |`),
  );
  const refused = FORBIDDEN.map(code).join(' and ');
  return [
    '## Old names',
    '',
    'Still read. Where the new name is given too, both must say the same.',
    '',
    '| Old | New |',
    '|---|---|',
    ...rows,
    '',
    `${refused} refuse to start, even when empty: they once opened a public viewer on the port where the private`,
    'admin door is now.',
  ].join('\n');
}

/** docs/settings.md: everything. */
export function longPage(): string {
  const chapters = CHAPTERS.map(([title, members]) => {
    const rows = members.flatMap((name) => {
      const entry = ROWS.get(name);
      if (entry === undefined) return [];
      const toml = entry.toml === undefined ? '–' : code(entry.toml);
      const shape = `${cell(entry.kind.shape)}, such as ${code(entry.example ?? entry.kind.example)}`;
      return [
        `| ${names(name, entry)} | ${toml} | ${defaultOf(entry)} | ${shape} | ${cell(entry.meaning)} |`,
      ];
    });
    return [
      `## ${title}`,
      '',
      '| Variable | TOML | Default | Value | What it does |',
      '|---|---|---|---|---|',
      ...rows,
    ].join('\n');
  });
  return `${[INTRODUCTION.trimEnd(), ...chapters, legacyNames()].join('\n\n')}\n`;
}

/** The text with what lies between the marks replaced; undefined when the marks are not there, once and in order. */
export function between(text: string, inner: string): string | undefined {
  const [before, rest, ...more] = text.split(BEGIN);
  const [, after, ...others] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined || more.length > 0 || others.length > 0) return undefined;
  return `${before}${BEGIN}\n\n${inner}\n\n${END}${after}`;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function main(check: boolean): number {
  const root = join(import.meta.dirname, '..');
  const readme = read(join(root, 'README.md')) || `# Sallyport\n\n## Settings\n\n${BEGIN}\n${END}\n`;
  const filled = between(readme, shortTables());
  if (filled === undefined) {
    console.error(`README.md needs one ${BEGIN} and, after it, one ${END}.`);
    return 1;
  }
  const wanted: readonly [string, string][] = [
    ['README.md', filled],
    ['docs/settings.md', longPage()],
  ];
  const stale = wanted.filter(([path, text]) => read(join(root, path)) !== text);
  for (const [path, text] of stale) {
    if (check) console.error(`${path} does not match the settings: run node tools/settings-docs.ts`);
    else writeFileSync(join(root, path), text);
  }
  return check && stale.length > 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = main(process.argv.includes('--check'));
