/** Runs the built command line client, as a person has it: one file called `fpaste`, in a home of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLIENT_TEXT } from '../../src/generated/client.ts';

const root = join(import.meta.dirname, '..', '..');

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as it was. */
  readonly bytes: Buffer;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** The folder to run in; by default the home's `work`. */
  readonly cwd?: string;
  /** Program and leading arguments; by default this Node. */
  readonly runtime?: readonly string[];
}

export interface Fpaste {
  /** The one file. */
  readonly file: string;
  /** A folder for what a test writes; commands run in it. */
  readonly work: string;
  readonly home: string;
  /** Runs to the end. */
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** As `run`, and fails the test unless it exits with 0; answers standard output without the line's end. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>;
  /** Starts it, for tests that watch it. */
  start(args: readonly string[], options?: RunOptions): ChildProcess;
  /** A file in `work`; answers its path. */
  write(name: string, content: string | Uint8Array, mode?: number): Promise<string>;
  remove(): Promise<void>;
}

/** @param server what FPASTE_SERVER says */
export async function installFpaste(server?: string): Promise<Fpaste> {
  const home = await mkdtemp(join(tmpdir(), 'fpaste-home-'));
  const work = join(home, 'work');
  await mkdir(work);
  const file = join(home, 'fpaste');
  await writeFile(file, CLIENT_TEXT, { mode: 0o755 });
  const start = (args: readonly string[], options: RunOptions = {}): ChildProcess => {
    const [program = '', ...leading] = options.runtime ?? [process.execPath];
    const child = spawn(program, [...leading, file, ...args], {
      cwd: options.cwd ?? work,
      env: {
        PATH: process.env.PATH,
        HOME: home,
        DENO_DIR: join(home, '.deno'),
        ...(server === undefined ? {} : { FPASTE_SERVER: server }),
        ...options.env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A session of its own: no terminal of the person who runs the tests is ever asked for a password.
      detached: true,
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
    return child;
  };
  const run = async (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    await finished(start(args, options));
  return {
    file,
    work,
    home,
    start,
    run,
    async ok(args, options) {
      const { code, stdout, stderr } = await run(args, options);
      if (code !== 0) throw new Error(`fpaste ${args[0]} exited with ${code}: ${stderr}`);
      return stdout.trimEnd();
    },
    async write(name, content, mode = 0o644) {
      const path = join(work, name);
      await writeFile(path, content, { mode });
      return path;
    },
    remove: () => rm(home, { recursive: true, force: true }),
  };
}

/** Waits for a started command and gathers what it said. */
export async function finished(child: ChildProcess): Promise<Ran> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (piece: Buffer) => out.push(piece));
  child.stderr?.on('data', (piece: Buffer) => err.push(piece));
  const [code] = (await once(child, 'close')) as [number | null];
  const bytes = Buffer.concat(out);
  return { code, bytes, stdout: bytes.toString('utf8'), stderr: Buffer.concat(err).toString('utf8') };
}

/** The runtimes of this machine that the client should run on: name, and how to start a script with it. */
export function clientRuntimes(): readonly (readonly [string, readonly string[]])[] {
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x64';
  const candidates: readonly (readonly [string, readonly string[]])[] = [
    ['this Node', [process.execPath]],
    ["the system's Node", ['/usr/bin/node']],
    ['Bun', [join(root, 'node_modules', '@oven', `bun-${process.platform}-${arch}`, 'bin', 'bun')]],
    [
      'Deno',
      [
        join(
          root,
          'node_modules',
          '@deno',
          `${process.platform}-${process.arch}${process.platform === 'linux' ? '-glibc' : ''}`,
          'deno',
        ),
        'run',
        '-A',
      ],
    ],
    ...(process.env.FPASTE_TEST_RUNTIMES ?? '')
      .split(':')
      .filter(Boolean)
      .map((path) => [path, [path]] as const),
  ];
  return candidates.filter(([, [program = '']]) => existsSync(program));
}
