/** Somebody who records: a running server, an account with TOTP, and `sallyport` as a process in a home of its own. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TOTP } from 'otpauth';
import { keepSession } from '../../cli/sallyport/evidence/session-file.ts';
import { processWorld } from '../../cli/shared/world.ts';
import { CHILD_ENV } from './child-env.ts';
import { startServer, type TestServer } from './server.ts';

const CLI = join(import.meta.dirname, '..', '..', 'cli', 'sallyport.ts');
export const PASSWORD = 'a passphrase for tests only';
export const LIMITS_OFF = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'false',
};

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The JSON lines of standard output. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it ran
  readonly events: readonly any[];
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves with the first event of that name, now or later; rejects when it ends without. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it ran
  event(name: string, count?: number): Promise<any>;
  readonly ended: Promise<Ran>;
}

export interface Home {
  readonly path: string;
  /** A folder for what a test writes; commands run in it. */
  readonly work: string;
  start(args: readonly string[], input?: string | Uint8Array | 'pipe'): Running;
  run(args: readonly string[], input?: string | Uint8Array): Promise<Ran>;
  /** Runs, and fails the test unless it exits with `code`. */
  ok(args: readonly string[], code?: number): Promise<Ran>;
  write(name: string, content: string | Uint8Array, mode?: number): Promise<string>;
  remove(): Promise<void>;
}

/** A home of its own. No terminal of the person who runs the tests is ever asked. */
export async function newHome(env: Readonly<Record<string, string>> = {}): Promise<Home> {
  const path = await mkdtemp(join(tmpdir(), 'sallyport-home-'));
  const work = join(path, 'work');
  await mkdir(work);
  const start = (args: readonly string[], input: string | Uint8Array | 'pipe' = ''): Running => {
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: work,
      env: { ...CHILD_ENV, HOME: path, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    child.stdin?.on('error', () => undefined);
    if (input !== 'pipe') child.stdin?.end(input);
    return watched(child);
  };
  const run = (args: readonly string[], input?: string | Uint8Array): Promise<Ran> =>
    start(args, input).ended;
  return {
    path,
    work,
    start,
    run,
    async ok(args, code = 0) {
      const ran = await run(args);
      assert.equal(ran.code, code, `sallyport ${args[0]}: ${ran.stderr}`);
      return ran;
    },
    async write(name, content, mode = 0o644) {
      const file = join(work, name);
      await writeFile(file, content, { mode });
      return file;
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

function watched(child: ChildProcess): Running {
  let [stdout, stderr] = ['', ''];
  let changed = (): void => undefined;
  let over = false;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    changed();
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const events = () =>
    stdout
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => (line.startsWith('{') ? [safely(line)] : []));
  const ended = once(child, 'close').then(([code, signal]): Ran => {
    over = true;
    changed();
    return { code, signal, stdout, stderr, events: events() };
  });
  return {
    child,
    ended,
    async event(name, count = 1) {
      for (;;) {
        const found = events().filter(({ event }) => event === name)[count - 1];
        if (found !== undefined) return found;
        if (over) throw new Error(`it ended before "${name}": ${stdout}${stderr}`);
        await new Promise<void>((done) => {
          const before = changed;
          changed = () => {
            before();
            done();
          };
        });
      }
    },
  };
}

function safely(line: string) {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}

/** JSON to the main door. */
export async function askMain(
  server: TestServer,
  path: string,
  token?: string,
  json?: unknown,
  method?: string,
) {
  const response = await fetch(`${server.main}${path}`, {
    method: method ?? (json === undefined ? 'GET' : 'POST'),
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
  return { status: response.status, body: (await response.json()) as any };
}

export interface Recorder {
  readonly server: TestServer;
  readonly home: Home;
  readonly username: string;
  /** Of a session that has shown its factor; it is kept in the home as well. */
  readonly token: string;
  /** A code that has not been used; each call takes another time step, of which three are good at any time. */
  code(): string;
  /** Keeps the session in another home. */
  keepIn(home: Home): Promise<void>;
  stop(): Promise<void>;
}

/** A server, an account with a confirmed authenticator, and a home with its session; nothing of it where one fails. */
export async function newRecorder(
  settings: Readonly<Record<string, string>> = LIMITS_OFF,
): Promise<Recorder> {
  const server = await startServer({ settings });
  let home: Home | undefined;
  const stop = async () => {
    await server.stop();
    await home?.remove();
  };
  try {
    home = await newHome({ SALLYPORT_SERVER: server.main });
    return { server, home, ...(await settledOn(server, home)), stop };
  } catch (error) {
    // A server that is left would keep the process of the test from ending.
    await stop();
    throw error;
  }
}

async function settledOn(
  server: TestServer,
  home: Home,
): Promise<Omit<Recorder, 'server' | 'home' | 'stop'>> {
  const username = 'recorder';
  await home.write('password', `${PASSWORD}\n`, 0o600);
  const made = spawn(
    process.execPath,
    [CLI, 'account', 'create', username, '--password-file', join(home.work, 'password')],
    { cwd: server.folder, env: CHILD_ENV, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const { code: exit, stderr } = await watched(made).ended;
  assert.equal(exit, 0, stderr);
  const { body } = await askMain(server, '/v1/auth/login', undefined, { username, password: PASSWORD });
  const { token, expires_at: expiresAt } = body;
  const factor = '/v1/account/second-factor/totp';
  const { secret } = (await askMain(server, `${factor}/enroll`, token, {})).body;
  const codeOf = (step: number) => new TOTP({ secret }).generate({ timestamp: step * 30_000 });
  const stepNow = () => Math.floor(Date.now() / 30_000);
  // The oldest code that is good, so that two more are; where its time ends on the way, the one after it.
  let step = stepNow() - 1;
  const confirm = () => askMain(server, `${factor}/confirm`, token, { code: codeOf(step) });
  let confirmed = await confirm();
  for (let tries = 1; confirmed.status !== 200 && tries < 3; tries += 1) {
    step += 1;
    confirmed = await confirm();
  }
  assert.equal(confirmed.status, 200);
  const code = () => {
    step = Math.max(step + 1, stepNow());
    return codeOf(step);
  };
  const session = { server: `${server.main}/`, username, token, expiresAt };
  const keepIn = ({ path }: Home) => keepSession({ ...processWorld(), home: path, env: {} }, session);
  await keepIn(home);
  return { username, token, code, keepIn };
}

/** What `sallyport open` says about the one stream that it opened. */
export async function openedIn(home: Home, args: readonly string[], code = 0) {
  const ran = await home.ok(['open', ...args, '--json'], code);
  const { streams } = JSON.parse(ran.stdout);
  assert.equal(streams.length, 1, ran.stdout);
  return streams[0];
}

/** The incident and the stream of a capture. */
export function placeOf(events: readonly { event?: string; incident_id?: string; stream_id?: string }[]) {
  const { incident_id: incident = '', stream_id: stream = '' } =
    events.find(({ event }) => event === 'stream') ?? assert.fail('no stream was made');
  return { incident, stream };
}

/** The text of a file. */
export function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8');
}
