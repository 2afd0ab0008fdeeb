/** The bundle behind the main door, as an edge runtime would get it, and what must not be in it. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildFailure, type BuildOptions, build } from 'esbuild';

/** Everything that a main door needs on an edge runtime: its handler, the store, the driver for a libSQL server. */
const ENTRY = `
export { createMain } from './src/handlers/main.ts';
export { libsqlStore } from './src/store/libsql/store.ts';
export { libsqlBlobs } from './src/store/blobs/libsql.ts';
export { openRemote } from './src/store/remote.ts';
`;

/** Globals of one runtime; the web platform has none of them. */
const FOREIGN = ['process', 'Buffer', 'Deno', 'Bun', '__dirname', '__filename', 'setImmediate'] as const;

const FORBIDDEN: readonly [RegExp, string][] = [
  [/^src\/handlers\/admin(\.ts$|\/)/, 'the private door'],
  [/^src\/store\/native\//, 'the embedded driver'],
  [/^(runtime|cli|tools|test|bench)\//, 'what only a machine of our own has'],
];

const edgeOptions: BuildOptions = {
  bundle: true,
  write: false,
  metafile: true,
  format: 'esm',
  // What Cloudflare's own bundler uses: of a package's entries, the one without a machine under it.
  platform: 'browser',
  target: 'es2022',
  mainFields: ['browser', 'module', 'main'],
  conditions: ['workerd', 'worker', 'browser'],
  logLevel: 'silent',
};

/** What is wrong with the bundle; and its size in bytes. */
export async function edgeProblems(root: string): Promise<{ problems: readonly string[]; bytes: number }> {
  try {
    const { metafile } = await build({
      ...edgeOptions,
      absWorkingDir: root,
      stdin: { contents: ENTRY, resolveDir: root, sourcefile: 'edge-entry.ts', loader: 'ts' },
      outfile: join(root, 'dist', 'never-written.js'),
    });
    const problems: string[] = [];
    for (const [path, { imports }] of Object.entries(metafile?.inputs ?? {})) {
      for (const [pattern, what] of FORBIDDEN)
        if (pattern.test(path)) problems.push(`${path} is in it: ${what}`);
      for (const one of imports) {
        if (one.external === true) problems.push(`${path} imports ${one.path}, which an edge runtime lacks`);
      }
    }
    const [output] = Object.values(metafile?.outputs ?? {});
    return { problems, bytes: output?.bytes ?? 0 };
  } catch (error) {
    return { problems: messagesOf(error), bytes: 0 };
  }
}

/** Uses, in our own source behind the doors, of globals that only some runtimes have. */
export async function foreignGlobals(root: string): Promise<readonly string[]> {
  const marker = (name: string) => `the global ${name}!`;
  // esbuild binds each free use of such a name to an export of this file, and leaves out those nobody uses.
  const shim = FOREIGN.map((name) => `export const ${name} = ${JSON.stringify(marker(name))};`).join('\n');
  const files = globSync('src/**/*.ts', { cwd: root }).filter(
    (file) => !file.endsWith('.d.ts') && !file.startsWith(join('src', 'store', 'native')),
  );
  const { outputFiles } = await build({
    ...edgeOptions,
    absWorkingDir: root,
    entryPoints: files,
    outbase: root,
    outdir: join(root, 'dist', 'never-written'),
    inject: ['foreign-globals-shim'],
    plugins: [
      {
        name: 'one-file-at-a-time',
        setup(host) {
          host.onResolve({ filter: /.*/ }, ({ path, kind }) => {
            if (path === 'foreign-globals-shim') return { path, namespace: 'shim', sideEffects: false };
            return kind === 'entry-point' ? undefined : { path, external: true };
          });
          host.onLoad({ filter: /.*/, namespace: 'shim' }, () => ({ contents: shim, loader: 'js' }));
        },
      },
    ],
  });
  const found = (outputFiles ?? []).flatMap(({ path, text }) => {
    const file = path.slice(join(root, 'dist', 'never-written').length + 1).replace(/\.js$/, '.ts');
    return FOREIGN.filter((name) => text.includes(marker(name))).map((name) => `${file} uses ${name}`);
  });
  return found.sort();
}

function messagesOf(error: unknown): readonly string[] {
  const errors = (error as Partial<BuildFailure>).errors ?? [];
  if (errors.length === 0) throw error;
  return errors.map(({ text, location }) => `${location?.file ?? '?'}:${location?.line ?? 0} ${text}`);
}
