/**
 * Everything that an executable of one file runs, as one script: the command, the server, its pages, the client that
 * it hands out, migrations, and the code of its threads as text. Only the database's addon stays outside of it.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

/** The package with the database's addon for this platform. */
const ADDONS: Readonly<Record<string, string>> = {
  'linux-x64': '@libsql/linux-x64-gnu',
  'linux-arm64': '@libsql/linux-arm64-gnu',
  'darwin-x64': '@libsql/darwin-x64',
  'darwin-arm64': '@libsql/darwin-arm64',
  'win32-x64': '@libsql/win32-x64-msvc',
};

export interface Addon {
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** The addon for this platform. @throws Error where npm has installed none */
export async function findAddon(root: string): Promise<Addon> {
  const name = ADDONS[`${process.platform}-${process.arch}`];
  if (name === undefined)
    throw new Error(`There is no database engine for ${process.platform}-${process.arch}.`);
  const path = createRequire(join(root, 'package.json')).resolve(name);
  return {
    path,
    sha256: createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
  };
}

/** How a thread is started in the sources. */
const STARTED = /new Worker\(\s*new URL\('\.\/([\w-]+\.ts)', import\.meta\.url\)/g;
/** How the package looks for its addon. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is code of another file
const SOUGHT = 'return require(`@libsql/${target}`);';

/** Puts the parts of an executable in the place of what reads files beside the sources. */
function oneFile(root: string, workers: Map<string, string>): Plugin {
  return {
    name: 'one-file',
    setup(builder) {
      builder.onLoad({ filter: /\/(src|runtime)\/.*\.ts$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const folder = relative(root, join(path, '..')).replaceAll('\\', '/');
        let found = false;
        const contents = text.replace(STARTED, (_, file: string) => {
          found = true;
          const name = `${folder}/${file}`;
          workers.set(name, '');
          return `new EmbeddedWorker('${name}'`;
        });
        if (!found) return undefined;
        const from = join(root, 'runtime', 'one-file', 'workers.ts');
        return {
          loader: 'ts',
          contents: `import { EmbeddedWorker } from ${JSON.stringify(from)};\n${contents}`,
        };
      });
      builder.onLoad({ filter: /\/node_modules\/libsql\/index\.js$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        if (text.split(SOUGHT).length !== 2)
          throw new Error(
            'libsql looks for its addon in another way than before: see tools/binary/bundle.ts',
          );
        const from = join(root, 'runtime', 'one-file', 'addon.ts');
        return {
          loader: 'js',
          contents: text.replace(SOUGHT, `return require(${JSON.stringify(from)}).default;`),
        };
      });
      builder.onResolve({ filter: /^sallyport:worker-sources$/ }, ({ path }) => ({
        path,
        namespace: 'one-file',
      }));
      builder.onLoad({ filter: /.*/, namespace: 'one-file' }, () => ({
        contents: `export const WORKER_SOURCES = ${PLACEHOLDER};`,
      }));
    },
  };
}

/** Stands for the code of the threads until all of them are known. */
const PLACEHOLDER = '__SALLYPORT_WORKER_SOURCES__';

export interface Bundle {
  /** CommonJS. */
  readonly script: string;
  readonly metafiles: readonly Metafile[];
}

/** Bundles the program. Warnings fail: one would be about something that a file alone does not have. */
export async function bundleProgram(root: string, addon: Addon): Promise<Bundle> {
  const workers = new Map<string, string>();
  const metafiles: Metafile[] = [];
  const one = async (entry: string): Promise<string> => {
    const options = {
      absWorkingDir: root,
      entryPoints: [entry],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      format: 'cjs',
      target: 'node24',
      charset: 'utf8',
      legalComments: 'none',
      logLevel: 'silent',
      minifySyntax: true,
      minifyWhitespace: true,
      define: { SALLYPORT_ADDON_SHA256: JSON.stringify(addon.sha256) },
      plugins: [oneFile(root, workers)],
    } as const satisfies BuildOptions;
    const { outputFiles, warnings, metafile } = await build(options);
    const [output] = outputFiles;
    if (output === undefined || warnings.length > 0)
      throw new Error(
        `esbuild did not bundle ${entry} cleanly: ${warnings.map(({ text }) => text).join('; ')}`,
      );
    metafiles.push(metafile);
    return output.text;
  };
  const main = await one('cli/one-file.ts');
  // A thread may start others.
  for (const [name, source] of workers) if (source === '') workers.set(name, await one(name));
  const sources = JSON.stringify(Object.fromEntries([...workers].sort()));
  return { script: main.replace(PLACEHOLDER, () => sources), metafiles };
}
