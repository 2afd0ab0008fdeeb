/** What the editors' tests share: a client that notes how it was called, and a program run to its end. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { buildClient } from '../../tools/build-client.ts';

export const root = join(import.meta.dirname, '..', '..');

/** The full path of a program on the PATH. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** For `skip`: false when all are there, else the reason. */
export function missing(...names: readonly string[]): string | false {
  const absent = names.filter((name) => findProgram(name) === undefined);
  return absent.length === 0 ? false : `${absent.join(' and ')} not installed`;
}

export interface Client {
  /** A program that runs the client. */
  readonly program: string;
  /** The environment for whoever starts it: a home of its own. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything that stood in arguments when the client ran: its own and, on Linux, those of all processes. */
  calls(): Promise<string>;
}

/** A client in `folder`, whose path has a space and a quote in it, as real ones may. */
export async function makeClient(folder: string, server: string): Promise<Client> {
  const home = join(folder, "it's home");
  await mkdir(home, { recursive: true });
  const file = join(home, 'fpaste.js');
  const program = join(home, 'fpaste');
  const calls = join(folder, 'calls');
  await writeFile(file, await buildClient());
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  await writeFile(
    program,
    `#!/bin/sh
{ printf '%s\\n' "$@"; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\000' ' '; echo; } >> ${quoted(calls)}
exec ${quoted(process.execPath)} ${quoted(file)} "$@"
`,
  );
  await chmod(program, 0o700);
  await writeFile(calls, '');
  return {
    program,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: home,
      TMPDIR: folder,
      LC_ALL: 'C.UTF-8',
      TERM: 'dumb',
      FPASTE_SERVER: server,
      FPASTE_BIN: program,
    },
    calls: () => readFile(calls, 'utf8'),
  };
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const LONGEST_MS = 5 * 60_000;

/** Runs a program without a terminal, in a session of its own so that it has none to find. */
export async function run(
  program: string,
  args: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
    readonly input?: string | Uint8Array;
  },
): Promise<Ended> {
  const child = spawn(program, args, { env: options.env, cwd: options.cwd, detached: true, stdio: 'pipe' });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
  child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  // An editor that waits for a key would wait for ever.
  const overdue = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  });
  clearTimeout(overdue);
  return {
    code,
    stdout: Buffer.concat(stdout).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8'),
  };
}

/** Settings of a server that takes many pastes, equal ones too, one after the other. */
export const UNHURRIED: Readonly<Record<string, string>> = {
  SAFE_MAIN_API_RATE_LIMIT_PASTE_CREATE: '10000',
  SAFE_MAIN_API_RATE_LIMIT_PASTE_READ: '10000',
  SAFE_PASTE_DEDUP_MAX: '0',
};

/** A loopback address where nothing listens. */
export const NOBODY = 'http://127.0.0.1:1';
