/**
 * A place where an executable finds nothing but itself. As root on Linux: a root directory of its own, with the
 * system's C and C++ libraries and nothing else, not even a shell. Elsewhere an empty folder and an empty environment.
 */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, link, mkdir, mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Jail {
  /** Whether it has a root directory of its own. */
  readonly sealed: boolean;
  /** The empty folder that programs start in, as it is called here. */
  readonly folder: string;
  /** Starts the executable there with these settings alone. */
  start(args: readonly string[], settings?: Readonly<Record<string, string>>): ChildProcess;
  /** Runs it to its end. */
  run(
    args: readonly string[],
    settings?: Readonly<Record<string, string>>,
  ): Promise<{ code: number | null; out: string; said: string }>;
  /** What lies in the place beside the executable, its libraries and the folder. */
  strays(): Promise<string[]>;
  remove(): Promise<void>;
}

export interface JailWish {
  readonly executable: string;
  /** Further files whose libraries it loads itself. */
  readonly loads: readonly string[];
  /** Bun finds what is embedded in itself through /proc. */
  readonly proc: boolean;
}

/** The files that the dynamic linker would load for these. */
function librariesOf(files: readonly string[]): string[] {
  const { stdout } = spawnSync('ldd', [...files], { encoding: 'utf8' });
  return [...new Set(stdout.match(/\/[^\s:()]*\.so[^\s:()]*/g) ?? [])];
}

/** Whether this user may make root directories and mounts of its own. */
function maySeal(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  return spawnSync('unshare', ['--mount', 'chroot', '/', 'true']).status === 0;
}

/** With /proc where that is needed; what is mounted goes with the process. */
const SEALED = `[ "$1" = proc ] && mount -t proc proc "$0/proc"; root=$0; shift; exec chroot "$root" /sallyport "$@"`;

export async function openJail({ executable, loads, proc }: JailWish): Promise<Jail> {
  const sealed = maySeal();
  // Beside the executable, which then needs not be copied.
  const root = sealed
    ? await mkdtemp(join(dirname(executable), 'jail-'))
    : await mkdtemp(join(tmpdir(), 'sallyport-jail-'));
  // In a root of its own programs start at the top.
  const folder = sealed ? root : await realpath(root);
  const own = new Set<string>();
  if (sealed) {
    await link(executable, join(root, 'sallyport'));
    for (const library of librariesOf([executable, ...loads])) {
      await mkdir(join(root, dirname(library)), { recursive: true });
      await copyFile(library, join(root, library));
    }
    if (proc) await mkdir(join(root, 'proc'));
    for (const name of await readdir(root)) own.add(name);
  }
  const start: Jail['start'] = (args, settings = {}) => {
    const options: SpawnOptions = { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] };
    if (!sealed) return spawn(executable, [...args], { ...options, env: settings });
    // The way to these programs is the host's; the executable is not told of it.
    const line = ['--mount', 'sh', '-c', SEALED, root, proc ? 'proc' : 'bare', ...args];
    return spawn('unshare', line, { ...options, env: { ...settings, PATH: process.env.PATH } });
  };
  return {
    sealed,
    folder,
    start,
    async run(args, settings) {
      const child = start(args, settings);
      let [out, said] = ['', ''];
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        out += text;
      });
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      const [code] = await once(child, 'close');
      return { code: code as number | null, out, said };
    },
    strays: async () => (await readdir(root)).filter((name) => !own.has(name)).sort(),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}
