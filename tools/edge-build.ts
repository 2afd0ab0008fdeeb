/** The main door as its deployment builds it: by wrangler, without a network and without sending anything. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parse } from 'smol-toml';

/** The configuration that people copy. */
export const EXAMPLE = 'wrangler.example.toml';

/** What esbuild, inside wrangler, tells of its work. */
export interface Metafile {
  readonly inputs: Readonly<
    Record<string, { readonly imports: readonly { readonly path: string; readonly external?: boolean }[] }>
  >;
  readonly outputs: Readonly<
    Record<
      string,
      {
        readonly imports: readonly { readonly path: string; readonly external?: boolean }[];
        readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>>;
      }
    >
  >;
}

export interface EdgeBuild {
  /** Holds the script and its modules. */
  readonly folder: string;
  readonly script: string;
  readonly wasm: readonly string[];
  readonly metafile: Metafile;
  /** Of everything that would be sent, compressed with gzip, in bytes. */
  readonly gzipBytes: number;
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  remove(): Promise<void>;
}

/** Builds the project in `root`. @throws Error with what wrangler said */
export async function buildEdge(root: string): Promise<EdgeBuild> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-edge-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const meta = join(folder, 'metafile.json');
    await wrangler(root, folder, ['--outdir', folder, '--metafile', meta]);
    const config = parse(await readFile(join(root, EXAMPLE), 'utf8'));
    const script = basename(String(config.main)).replace(/\.ts$/, '.js');
    const wasm = (await readdir(folder)).filter((name) => name.endsWith('.wasm'));
    const sent = await Promise.all([script, ...wasm].map((name) => readFile(join(folder, name))));
    return {
      folder,
      script,
      wasm,
      metafile: JSON.parse(await readFile(meta, 'utf8')) as Metafile,
      gzipBytes: sent.reduce((sum, bytes) => sum + gzipSync(bytes).length, 0),
      compatibilityDate: String(config.compatibility_date),
      compatibilityFlags: (config.compatibility_flags as string[] | undefined) ?? [],
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** @param home a folder that wrangler may fill with what it keeps about its user */
async function wrangler(root: string, home: string, args: readonly string[]): Promise<void> {
  const program = join(root, 'node_modules', 'wrangler', 'bin', 'wrangler.js');
  const child = spawn(process.execPath, [program, 'deploy', '--dry-run', '--config', EXAMPLE, ...args], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: home,
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      WRANGLER_SEND_METRICS: 'false',
      // The banner asks the registry for a newer wrangler.
      WRANGLER_HIDE_BANNER: 'true',
      FORCE_COLOR: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(said);
}
