/** The real server as a child process: free loopback ports, a temporary data directory, its log and its words kept. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHILD_ENV } from './child-env.ts';
import { FENCED, fenceAround } from './fence.ts';

const root = join(import.meta.dirname, '..', '..');

export type RuntimeName = 'node' | 'bun';

/** Bun's own binary: the package's `bin/bun` needs an install script that is not run. */
function bunPath(): string | undefined {
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x64';
  const path = join(root, 'node_modules', '@oven', `bun-${process.platform}-${arch}`, 'bin', 'bun');
  return existsSync(path) ? path : undefined;
}

const bun = bunPath();

/** The runtimes that this machine can start; npm installs Bun on Linux and macOS, on x64 and arm64. */
export const runtimes: readonly RuntimeName[] = bun === undefined ? ['node'] : ['node', 'bun'];

/** Program and arguments that start the server on a runtime. */
export function serverCommand(runtime: RuntimeName): [string, string[]] {
  return runtime === 'bun' && bun !== undefined
    ? [bun, [join(root, 'server.bun.ts')]]
    : [process.execPath, [join(root, 'server.node.ts')]];
}

export interface ServerOptions {
  readonly runtime?: RuntimeName;
  /** SAFE_… settings. The rest of the environment is not passed on, apart from PATH. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Keeps none of its log: for millions of requests. */
  readonly silent?: boolean;
  /** Megabytes of heap that V8 may use at most, as on a small machine; Bun has no such bound. */
  readonly heapMb?: number;
  /** Another server on the same database: its signing key is copied, as an operator does it. */
  readonly besides?: { readonly folder: string };
  /** An existing folder to start in; its `data` is the data directory. By default a fresh one, removed at the end. */
  readonly folder?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface TestServer {
  /** `http://127.0.0.1:port` of the main door, and of the admin door. */
  readonly main: string;
  readonly admin: string;
  readonly pid: number;
  /** The folder that it was started in. */
  readonly folder: string;
  /** All of standard output so far: JSON lines. */
  log(): string;
  /** The log as objects. */
  lines(): readonly Readonly<Record<string, unknown>>[];
  /** All of standard error so far. */
  said(): string;
  kill(signal: NodeJS.Signals): void;
  /** How it ended, once it has. */
  readonly exited: Promise<Exit>;
  /** Ends it (SIGTERM unless said otherwise), waits for that, and removes the folder if it was a fresh one. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Started {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  readonly exited: Promise<Exit>;
}

function start(options: ServerOptions, folder: string): Started {
  const [program, args] = serverCommand(options.runtime ?? 'node');
  const inFence = FENCED && (options.runtime ?? 'node') === 'node' && options.heapMb === undefined;
  const child = spawn(program, [...args, ...(options.args ?? [])], {
    cwd: folder,
    env: {
      ...CHILD_ENV,
      SAFE_MAIN_BIND_ADDRS: '127.0.0.1:0',
      SAFE_ADMIN_BIND_ADDRS: '127.0.0.1:0',
      ...(inFence && { NODE_OPTIONS: fenceAround(folder, options.settings ?? {}) }),
      ...options.settings,
      ...(options.heapMb !== undefined && { NODE_OPTIONS: `--max-old-space-size=${options.heapMb}` }),
    },
    stdio: ['ignore', options.silent === true ? 'ignore' : 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const exited = once(child, 'close').then(
    ([code, signal]): Exit => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }),
  );
  return { child, output, exited };
}

/** Gives the server in one folder the signing key of that in another. */
export async function copySigningKey(from: string, to: string): Promise<void> {
  await mkdir(join(to, 'data'), { mode: 0o700, recursive: true });
  await copyFile(join(from, 'data', 'checkpoint-key'), join(to, 'data', 'checkpoint-key'));
}

/** Starts the server and resolves when both doors are open. Rejects with what it said when it ends before that. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'sallyport-')));
  if (options.besides !== undefined) await copySigningKey(options.besides.folder, folder);
  const { child, output, exited } = start(options, folder);
  const removeFolder = async () => {
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  };
  const ready = new Promise<void>((resolve) => {
    child.stderr?.on('data', () => {
      if (/^Ready\./m.test(output.stderr)) resolve();
    });
  });
  const ended = await Promise.race([ready, exited]);
  if (ended !== undefined) {
    await removeFolder();
    throw new Error(`the server ended with ${ended.code ?? ended.signal}: ${output.stderr}${output.stdout}`);
  }
  const door = (name: string) => new RegExp(`^${name} +(\\S+)$`, 'm').exec(output.stderr)?.[1] ?? '';
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const exit = await exited;
    await removeFolder();
    return exit;
  };
  return {
    main: door('main'),
    admin: door('admin'),
    pid: child.pid ?? 0,
    folder,
    log: () => output.stdout,
    lines: () =>
      output.stdout
        .split('\n')
        // What follows the last line's end is a line that has not arrived whole.
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    said: () => output.stderr,
    kill: (signal) => {
      child.kill(signal);
    },
    exited,
    stop,
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL');
    },
  };
}

/** Starts the server where it is expected to end by itself; answers how it ended and what it said. */
export async function runServer(options: ServerOptions): Promise<Exit & { stdout: string; stderr: string }> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'sallyport-')));
  const { output, exited } = start(options, folder);
  const exit = await exited;
  if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  return { ...exit, ...output };
}
