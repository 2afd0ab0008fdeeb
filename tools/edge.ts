/** What is deployed on an edge runtime, and what must not be in it. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { buildEdge, type EdgeBuild, type Metafile } from './edge-build.ts';

/** Globals of one runtime; the web platform has none of them. */
const FOREIGN = ['process', 'Buffer', 'Deno', 'Bun', '__dirname', '__filename', 'setImmediate'] as const;

const FORBIDDEN: readonly [RegExp, string][] = [
  [/^src\/handlers\/admin(\.ts$|\/)/, 'the private door'],
  [/^src\/store\/native\//, 'the embedded driver'],
  [/^runtime\/(?!edge\/)|^(cli|tools|test|bench)\//, 'what only a machine of our own has'],
  [/node_modules\/(@libsql\/[^/]+-(linux|darwin|win32)[^/]*|libsql)\//, 'the embedded driver'],
  [/node_modules\/nodemailer\//, 'a mailer: home sends what the outbox holds'],
  [/node_modules\/pkijs\//, 'timestamps: home asks for them'],
  [/node_modules\/(iovalkey|pino|prom-client|@whatwg-node\/[^/]+)\//, 'a package for a machine of our own'],
];

/** What the script may import beside what is in it: the runtime's own, and its WebAssembly. */
const FROM_OUTSIDE = /^cloudflare:workers$|^\.\/[^/]+\.wasm$/;
/** What may be sent, compressed, in bytes. */
const MOST_GZIP_BYTES = 1024 * 1024;

const webOptions: BuildOptions = {
  bundle: true,
  write: false,
  format: 'esm',
  // What Cloudflare's own bundler uses: of a package's entries, the one without a machine under it.
  platform: 'browser',
  target: 'es2022',
  mainFields: ['browser', 'module', 'main'],
  conditions: ['workerd', 'worker', 'browser'],
  logLevel: 'silent',
};

/** What is wrong with what would be deployed; and its compressed size in bytes. */
export async function edgeProblems(
  root: string,
): Promise<{ problems: readonly string[]; gzipBytes: number }> {
  let built: EdgeBuild;
  try {
    built = await buildEdge(root);
  } catch (error) {
    return { problems: String(error).split('\n'), gzipBytes: 0 };
  }
  const { metafile, gzipBytes, remove } = built;
  await remove();
  const problems: string[] = [];
  for (const output of Object.values(metafile.outputs)) {
    for (const path of Object.keys(output.inputs)) {
      for (const [pattern, what] of FORBIDDEN)
        if (pattern.test(path)) problems.push(`${path} is in it: ${what}`);
    }
    for (const { path, external } of output.imports) {
      if (external === true && !FROM_OUTSIDE.test(path))
        problems.push(`it imports ${path}, which an edge runtime lacks: ${importersOf(metafile, path)}`);
    }
  }
  if (gzipBytes > MOST_GZIP_BYTES)
    problems.push(`it has ${gzipBytes} bytes compressed, more than ${MOST_GZIP_BYTES}`);
  return { problems, gzipBytes };
}

/** Who wants a module from outside: the bundler puts a stub of its own between. */
function importersOf({ inputs }: Metafile, wanted: string): string {
  const importers = Object.entries(inputs).filter(([, { imports }]) =>
    imports.some(({ path }) => path === wanted || path.endsWith(`:${wanted}`)),
  );
  return importers.map(([path]) => path).join(', ');
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
    ...webOptions,
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
