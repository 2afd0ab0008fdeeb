/**
 * Who imports whom: the table, and the graph that it is held against. The graph is esbuild's, so nothing depends on
 * how an import is written.
 */
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

/** The storage interface's own files; every other file directly in `src/store` is a driver's. */
const DRIVER_FILES = new Set(['db.ts', 'statements.ts', 'remote.ts', 'turns.ts', 'web-client.js']);

/** Which room of the house a file lies in. Paths are relative to the root, with `/`. */
export function roomOf(path: string): string {
  const [top = '', second = '', third = ''] = path.split('/');
  if (top !== 'src') return path.includes('/') ? top : 'root';
  if (second === 'handlers') return `handlers/${third.replace(/\.ts$/, '')}`;
  if (second !== 'store') return second;
  if (third === 'db.ts') return 'store/db';
  if (third === 'remote.ts' || third === 'turns.ts' || third === 'web-client.js') return 'store/remote';
  if (third === 'statements.ts') return 'store/statements';
  return third.endsWith('.ts') && !DRIVER_FILES.has(third) ? 'store' : `store/${third}`;
}

interface Rule {
  /** Rooms whose values and types may be imported. */
  readonly values: readonly string[];
  /** Rooms of which only types may be. */
  readonly types?: readonly string[];
}

const outside: Rule = { values: ['*'] };

/** For every room, what it may import besides itself. What is not listed is refused. */
export const RULES: Readonly<Record<string, Rule>> = {
  root: outside,
  test: outside,
  tools: outside,
  bench: outside,
  cli: outside,
  // What composition roots share. It knows the roots no more than the house knows it.
  runtime: {
    values: ['handlers/main', 'handlers/admin', 'handlers/kit', 'core', 'crypto', 'generated'].concat([
      'store',
      'store/db',
      'store/statements',
      'store/remote',
      'store/libsql',
      'store/blobs',
      'store/native',
    ]),
  },
  'handlers/main': {
    values: ['handlers/kit', 'handlers/pages', 'core', 'crypto', 'generated'],
    types: ['store'],
  },
  'handlers/admin': { values: ['handlers/kit', 'handlers/pages', 'core', 'crypto'], types: ['store'] },
  'handlers/kit': { values: ['core', 'crypto'], types: ['store'] },
  'handlers/pages': { values: ['core', 'crypto'], types: ['store'] },
  core: { values: ['crypto'], types: ['store'] },
  crypto: { values: [] },
  generated: { values: [] },
  store: { values: [] },
  'store/db': { values: [] },
  'store/statements': { values: ['store/db'] },
  'store/remote': { values: ['store/db', 'store/statements'] },
  'store/native': { values: ['store/db', 'store/statements'] },
  'store/libsql': { values: ['store', 'store/db'] },
  'store/blobs': { values: ['store', 'store/db', 'store/libsql'] },
};

export interface Edge {
  readonly from: string;
  /** A path in the project, or a package's or builtin's name. */
  readonly to: string;
  readonly external: boolean;
}

/** Turns imports and exports of types into ones of values, so that esbuild keeps them in its graph. */
const seeTypes: Plugin = {
  name: 'see-types',
  setup(host) {
    host.onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
      loader: 'ts',
      contents: (await readFile(path, 'utf8')).replace(
        /^(\s*(?:import|export))\s+type\b(?=[^=;]*?\bfrom\b)/gm,
        '$1',
      ),
    }));
  },
};

/** What the entry is called that imports every file. */
const EVERYTHING = 'every-file';

/** Every import of the project, of values alone or of types too. */
export async function importGraph(root: string, which: 'values' | 'all'): Promise<readonly Edge[]> {
  const files = globSync(
    ['*.ts', 'src/**/*.ts', 'runtime/**/*.ts', 'cli/**/*.ts', 'tools/**/*.ts', 'bench/**/*.ts'],
    { cwd: root },
  );
  const all = files.filter((file) => !file.endsWith('.d.ts')).map((file) => `import './${file}';`);
  const { metafile } = await build({
    absWorkingDir: root,
    // One entry that wants every file: an entry each would be a bundle each, of hundreds of files.
    stdin: { contents: all.join('\n'), resolveDir: root, sourcefile: EVERYTHING },
    bundle: true,
    write: false,
    metafile: true,
    outdir: join(root, 'dist', 'never-written'),
    packages: 'external',
    external: ['cloudflare:workers'],
    loader: { '.wasm': 'empty' },
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    plugins: which === 'all' ? [seeTypes] : [],
  });
  return Object.entries(metafile.inputs)
    .filter(([from]) => from !== EVERYTHING)
    .flatMap(([from, { imports }]) =>
      imports.map((one) => ({ from, to: one.path, external: one.external === true })),
    );
}

/** Why an import is refused, or undefined. */
export function refusal(edge: Edge, kind: 'values' | 'types'): string | undefined {
  const room = roomOf(edge.from);
  if (edge.external) {
    if (!edge.to.startsWith('node:') || !edge.from.startsWith('src/') || room === 'store/native')
      return undefined;
    return `${edge.from} imports ${edge.to}: src runs everywhere; pass it in as a port from runtime/`;
  }
  const other = roomOf(edge.to);
  const rule = RULES[room];
  if (rule === undefined) return `${edge.from} lies in no room that tools/imports.ts knows`;
  const { values, types = [] } = rule;
  if (other === room || values.includes('*') || values.includes(other)) return undefined;
  if (types.includes(other)) {
    return kind === 'types' ? undefined : `${edge.from} may import only types from ${edge.to}`;
  }
  return `${edge.from} may not import ${edge.to}: ${room} imports ${[...values, ...types].join(', ') || 'nothing of ours'}`;
}

/** Every import that breaks the table. */
export async function brokenImports(root: string): Promise<readonly string[]> {
  const [values, all] = await Promise.all([importGraph(root, 'values'), importGraph(root, 'all')]);
  const found = [
    ...values.map((edge) => refusal(edge, 'values')),
    ...all.map((edge) => refusal(edge, 'types')),
  ].filter((text) => text !== undefined);
  return [...new Set(found)].sort();
}
