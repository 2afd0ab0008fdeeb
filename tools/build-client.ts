/**
 * Builds the command line client: one JavaScript file without dependencies, the same bytes from the same sources
 * on any machine. It is written to `dist/fpaste.js` and, as a module that a server without a file system can
 * import, to `src/generated/client.ts`, which is committed: a start must not need a build.
 *
 *     node tools/build-client.ts           writes both
 *     node tools/build-client.ts --check   fails when the committed module is not what the sources give
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuildOptions, type BuildResult, build, type Metafile, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..');
const MODULE = join(root, 'src', 'generated', 'client.ts');
const FILE = join(root, 'dist', 'fpaste.js');

/** The oldest runtimes that have `process.getBuiltinModule`; Bun and Deno have it too. */
const OLDEST = 'node20.16';

/**
 * The file is a script that is valid both as CommonJS and as a module, since runtimes decide differently what a
 * file called `fpaste`, without an extension, is. So it neither imports nor exports, and asks the process for
 * the runtime's own modules.
 */
function banner(version: string): string {
  return `#!/usr/bin/env node
// fpaste ${version}, the command line client of Sallyport.
// SPDX-License-Identifier: AGPL-3.0-only
// Built from cli/fpaste.ts. Libraries come first, minified; their licences stand at the end.
if (typeof process === "undefined" || typeof process.getBuiltinModule !== "function") {
  throw new Error("fpaste needs Node 20.16 or later, Bun or Deno 2");
}
var require = process.getBuiltinModule;`;
}

/** What the client uses of libraries. A name that is missing here fails the build. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  'age-encryption': ['Decrypter', 'Encrypter'],
  'hash-wasm': ['argon2id'],
  'smol-toml': ['parse'],
  uqr: ['encode'],
};

/** The libraries as one expression, minified: their documentation would be half of the file. */
async function buildLibraries(): Promise<{ readonly text: string; readonly metafile: Metafile }> {
  const contents = Object.entries(LIBRARIES)
    .map(([name, exported]) => `export { ${exported.join(', ')} } from '${name}';`)
    .join('\n');
  const result = await build({
    ...COMMON,
    stdin: { contents, resolveDir: root, sourcefile: 'libraries.js' },
    metafile: true,
    minify: true,
    globalName: 'loaded',
  });
  return { text: onlyOutput(result), metafile: result.metafile };
}

/** Most commands need no library, and then should not spend time and memory on them. */
function lazily(text: string): string {
  return `var loadedLibraries;\nfunction libraries() {\n  if (loadedLibraries !== undefined) return loadedLibraries;\n${text}\n  return (loadedLibraries = loaded);\n}`;
}

/** Each export as a function that stands for the real one, be it called or constructed. */
function exportsOf(names: readonly string[]): string {
  const stand = (name: string): string =>
    `export const ${name} = function (...args) {
  const real = libraries().${name};
  return new.target === undefined ? real(...args) : new real(...args);
};`;
  return names.map(stand).join('\n');
}

/** Hands out the libraries' exports, which stand before our own code. */
const fromLibraries: Plugin = {
  name: 'from-libraries',
  setup(builder) {
    const filter = new RegExp(`^(${Object.keys(LIBRARIES).join('|')})$`);
    builder.onResolve({ filter }, ({ path }) => ({ path, namespace: 'library' }));
    builder.onLoad({ filter: /.*/, namespace: 'library' }, ({ path }) => ({
      contents: exportsOf(LIBRARIES[path] ?? []),
    }));
  },
};

const COMMON = {
  absWorkingDir: root,
  bundle: true,
  write: false,
  platform: 'node',
  format: 'iife',
  target: OLDEST,
  // Modules, of which only what is used is taken.
  mainFields: ['module', 'main'],
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'silent',
} as const satisfies BuildOptions;

/** The text of the one file. */
export async function buildClient(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const libraries = await buildLibraries();
  const client = await build({
    ...COMMON,
    entryPoints: ['cli/fpaste.ts'],
    define: { FPASTE_VERSION: JSON.stringify(version) },
    plugins: [fromLibraries],
  });
  return [
    banner(version),
    lazily(libraries.text),
    onlyOutput(client),
    await licences(libraries.metafile),
  ].join('\n');
}

function onlyOutput({ outputFiles, warnings }: BuildResult<{ write: false }>): string {
  const [output] = outputFiles;
  if (output === undefined || warnings.length > 0)
    throw new Error('esbuild did not build the client cleanly');
  return output.text.trim();
}

/** The licence texts of all packages in the bundle, equal ones once. */
async function licences(metafile: Metafile): Promise<string> {
  const packages = new Map<string, string>();
  for (const input of Object.keys(metafile.inputs)) {
    const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
    if (folder !== undefined) packages.set(folder, folder.slice(folder.lastIndexOf('node_modules/') + 13));
  }
  const texts = new Map<string, Set<string>>();
  for (const [folder, name] of packages) {
    const text = (await readFile(join(root, folder, 'LICENSE'), 'utf8')).replaceAll('\r\n', '\n').trim();
    texts.set(text, (texts.get(text) ?? new Set()).add(name));
  }
  const sorted = [...texts].map(([text, names]) => `${[...names].sort().join(', ')}\n\n${text}`).sort();
  if (sorted.some((text) => text.includes('*/'))) throw new Error('a licence text would end its comment');
  return sorted.map((text) => `/*\n${text}\n*/\n`).join('');
}

/** The module that a server imports. Lines, so that a change shows as what changed. */
export function clientModule(text: string): string {
  const digest = createHash('sha256').update(text).digest();
  const lines = text.split('\n').map((line) => `  ${JSON.stringify(line)},`);
  return `// Made by tools/build-client.ts from cli/fpaste.ts. Do not edit.
// biome-ignore-all lint: generated
// biome-ignore-all format: generated

/** SHA-256 of the file, base64, as Content-Digest (RFC 9530) writes it. */
export const CLIENT_SHA256_BASE64 = '${digest.toString('base64')}';

/** The same in hex, as \`sha256sum\` and \`fpaste --version\` write it. */
export const CLIENT_SHA256_HEX = '${digest.toString('hex')}';

/** A strong ETag, quotes included. */
export const CLIENT_ETAG = '"${digest.toString('hex').slice(0, 32)}"';

/** Length of the file in bytes. */
export const CLIENT_BYTES = ${Buffer.byteLength(text)};

/** The one file, \`fpaste\`: UTF-8 text that runs on Node, Bun and Deno. */
export const CLIENT_TEXT = [
${lines.join('\n')}
].join('\\n');
`;
}

/** Whether the committed module is what the sources give. */
export async function isFresh(): Promise<boolean> {
  return existsSync(MODULE) && (await readFile(MODULE, 'utf8')) === clientModule(await buildClient());
}

async function main(): Promise<void> {
  if (process.argv.includes('--check')) {
    if (await isFresh()) return;
    console.error('src/generated/client.ts is stale. Run: node tools/build-client.ts');
    process.exitCode = 1;
    return;
  }
  const text = await buildClient();
  for (const [path, content, mode] of [
    [FILE, text, 0o755],
    [MODULE, clientModule(text), 0o644],
  ] as const) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content, { mode });
  }
  const digest = createHash('sha256').update(text).digest('hex');
  console.log(`dist/fpaste.js  ${Buffer.byteLength(text)} bytes  sha256 ${digest}`);
}

if (import.meta.main) await main();
