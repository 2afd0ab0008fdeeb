/**
 * Builds `sallyport` as one executable for this platform: the runtime, the server with both doors, the operator's
 * commands and the database engine in one file. Nothing is downloaded.
 *
 *     node tools/build-binary.ts [--runtime node|bun] [--output FILE]
 */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ADDON_ASSET } from './binary/asset.ts';
import { type Addon, bundleProgram, findAddon } from './binary/bundle.ts';
import { licences } from './binary/licences.ts';

const root = join(import.meta.dirname, '..');

export const RUNTIMES = ['node', 'bun'] as const;
export type BinaryRuntime = (typeof RUNTIMES)[number];

/** What npm has installed for this platform. */
function bunFolder(): string {
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x64';
  return join(root, 'node_modules', '@oven', `bun-${process.platform}-${arch}`);
}

/** Builds it; a file that is at `output` already is replaced when the new one is whole. */
export async function buildBinary(runtime: BinaryRuntime, output: string): Promise<void> {
  const addon = await findAddon(root);
  const { script, metafiles } = await bundleProgram(root, addon);
  await mkdir(dirname(output), { recursive: true });
  // Beside it: what is built is moved to its name, not copied.
  const work = await mkdtemp(join(dirname(output), '.building-'));
  try {
    const built = join(work, 'sallyport');
    await writeFile(join(work, 'program.cjs'), script);
    await (runtime === 'node' ? buildForNode(work, built, addon) : buildForBun(work, built, addon));
    const runtimeFolder = runtime === 'node' ? await nodeFolder() : bunFolder();
    const more = runtimeFolder === undefined ? [dirname(addon.path)] : [dirname(addon.path), runtimeFolder];
    await writeFile(`${output}.licences.txt`, await licences(root, metafiles, more));
    await rename(built, output);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The package that this Node came with, if it was one. */
async function nodeFolder(): Promise<string | undefined> {
  const folder = join(dirname(process.execPath), '..');
  return stat(join(folder, 'package.json')).then(
    () => folder,
    () => undefined,
  );
}

/** https://nodejs.org/api/single-executable-applications.html */
async function buildForNode(work: string, output: string, addon: Addon): Promise<void> {
  const config = join(work, 'sea.json');
  await writeFile(
    config,
    JSON.stringify({
      main: join(work, 'program.cjs'),
      executable: process.execPath,
      output,
      disableExperimentalSEAWarning: true,
      assets: { [ADDON_ASSET]: addon.path },
    }),
  );
  await run(process.execPath, ['--build-sea', config], work);
}

/** https://bun.com/docs/bundler/executables */
async function buildForBun(work: string, output: string, addon: Addon): Promise<void> {
  await copyFile(addon.path, join(work, 'addon.bin'));
  await writeFile(
    join(work, 'entry.js'),
    `import addon from './addon.bin' with { type: 'file' };
globalThis[Symbol.for('sallyport.addon')] = addon;
await import('./program.cjs');
`,
  );
  // What lies in the folder that it is started in must not change what it does.
  const flags = ['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig'];
  await run(
    join(bunFolder(), 'bin', 'bun'),
    ['build', '--compile', ...flags, '--target=bun', 'entry.js', '--outfile', output],
    work,
  );
}

async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${basename(program)} ${args[0]} failed:\n${said}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { runtime: { type: 'string', default: 'node' }, output: { type: 'string' } },
  });
  const runtime = RUNTIMES.find((name) => name === values.runtime);
  if (runtime === undefined) throw new Error('--runtime is node or bun.');
  const name = `sallyport${runtime === 'node' ? '' : `-${runtime}`}${process.platform === 'win32' ? '.exe' : ''}`;
  const output = resolve(values.output ?? join(root, 'dist', name));
  await buildBinary(runtime, output);
  const bytes = await readFile(output);
  const digest = createHash('sha256').update(bytes).digest('hex');
  console.log(`${output}  ${bytes.length} bytes  sha256 ${digest}`);
}

if (import.meta.main) await main();
