/**
 * Evidence from end to end, as people would do it: starts the server with `npm start` on a temporary folder, makes the
 * first admin and somebody who records, sets up both second factors, records on a bad network, is killed and goes on,
 * looks through the viewer link, verifies, opens and ends what it started.
 *
 *     node tools/smoke.ts
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TOTP } from 'otpauth';

const ROOT = join(import.meta.dirname, '..');
const PASSWORD = 'a passphrase for the rehearsal';
/** What `sallyport verify` says of a bundle in which something could not be proven. */
const NOT_PROVEN = 1;

/** Fails the whole run. */
function must(right: boolean, what: string): void {
  if (!right) throw new Error(what);
  console.log(`ok  ${what}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A running server, from `npm start` on; the last thing that is ended. */
async function start(folder: string) {
  const [main, admin] = [await freePort(), await freePort()];
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    SAFE_DATA_DIR: join(folder, 'data'),
    SAFE_MAIN_BIND_ADDRS: `127.0.0.1:${main}`,
    SAFE_ADMIN_BIND_ADDRS: `127.0.0.1:${admin}`,
  };
  // A group of its own: npm does not pass every signal on to what it starts.
  const child = spawn('npm', ['start', '--silent'], {
    cwd: ROOT,
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const ready = new Promise<void>((done, fail) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (/^Ready\./m.test(said)) done();
    });
    child.once('close', () => fail(new Error(`the server did not start: ${said}`)));
  });
  const gone = once(child, 'close');
  const stop = async () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
    await gone;
  };
  try {
    await ready;
  } catch (error) {
    await stop();
    throw error;
  }
  return { main: `http://127.0.0.1:${main}`, admin: `http://127.0.0.1:${admin}`, env, stop };
}

/** A person: asks as themselves, and has an authenticator. */
class Person {
  readonly #origin: string;
  #token: string | undefined;
  #seed = '';
  /** One step back is still good, so two codes can be shown at once. */
  #step = Math.floor(Date.now() / 30_000) - 1;

  constructor(origin: string) {
    this.#origin = origin;
  }

  code(): string {
    const code = new TOTP({ secret: this.#seed }).generate({ timestamp: this.#step * 30_000 });
    this.#step += 1;
    return code;
  }

  async ask(path: string, json?: unknown, origin = this.#origin) {
    const response = await fetch(`${origin}${path}`, {
      method: json === undefined ? 'GET' : 'POST',
      headers: this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    });
    return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
  }

  async setUp(username: string): Promise<boolean> {
    const factor = '/v1/account/second-factor/totp';
    const opened = await this.ask('/v1/auth/login', { username, password: PASSWORD });
    this.#token = String(opened.body.token);
    this.#seed = String((await this.ask(`${factor}/enroll`, {})).body.secret);
    return (await this.ask(`${factor}/confirm`, { code: this.code() })).status === 200;
  }
}

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

/** `sallyport` in a folder, as the person who records. */
function commands(folder: string, server: string) {
  const launch = (args: readonly string[]): ChildProcess =>
    spawn(process.execPath, [join(ROOT, 'cli', 'sallyport.ts'), ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, SALLYPORT_SERVER: server },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  /** Runs to the end, or until `until` says so of an event: then it is killed. */
  const run = async (
    args: readonly string[],
    until?: (event: Ran['events'][number]) => boolean,
  ): Promise<Ran> => {
    const child = launch(args);
    const events: Readonly<Record<string, unknown>>[] = [];
    let [stdout, stderr, rest] = ['', '', ''];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.filter((one) => one.startsWith('{"'))) {
        const event = JSON.parse(line) as Readonly<Record<string, unknown>>;
        events.push(event);
        if (until?.(event) === true) child.kill('SIGKILL');
      }
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, stderr, events };
  };
  return async (
    args: readonly string[],
    what: string,
    until?: Parameters<typeof run>[1],
    exit = 0,
  ): Promise<Ran> => {
    const ran = await run(args, until);
    if (until === undefined && ran.code !== exit) console.error(ran.stdout, ran.stderr);
    must(until === undefined ? ran.code === exit : ran.code === null, what);
    return ran;
  };
}

async function smoke(folder: string, server: Awaited<ReturnType<typeof start>>): Promise<void> {
  const admin = new Person(server.main);
  const secret = (await readFile(join(folder, 'data', 'bootstrap-secret'), 'utf8')).trim();
  const form = new URLSearchParams({ bootstrap_secret: secret, username: 'an-admin', password: PASSWORD });
  const made = await fetch(`${server.admin}/admin/bootstrap`, {
    method: 'POST',
    body: form,
    redirect: 'manual',
  });
  must(made.status === 303, 'the first admin is made with the bootstrap secret');
  must(await admin.setUp('an-admin'), 'the admin sets up an authenticator');
  const account = { username: 'recorder', password: PASSWORD, role: 'user' };
  must(
    (await admin.ask('/admin/api/accounts', account, server.admin)).status === 201,
    'the admin makes an account for somebody who records',
  );
  const recorder = new Person(server.main);
  must(await recorder.setUp('recorder'), 'who sets up an authenticator too');

  const sallyport = commands(folder, server.main);
  await writeFile(join(folder, 'password'), `${PASSWORD}\n`, { mode: 0o600 });
  await writeFile(join(folder, 'code'), `${recorder.code()}\n`, { mode: 0o600 });
  const secrets = ['--user', 'recorder', '--password-file', 'password', '--totp-file', 'code'];
  await sallyport(['login', ...secrets], 'and logs in with password and code');

  const { generateIdentity, identityToRecipient } = await import('age-encryption');
  const identity = await generateIdentity();
  await writeFile(join(folder, 'identity'), `${identity}\n`, { mode: 0o600 });
  const contact = await identityToRecipient(identity);
  const weather = ['--loss', '20', '--latency', '20', '--seed', '1'];
  const begun = await sallyport(
    [
      ...['capture', '--json', '--media', 'audio', '--source', 'signal', '--duration', '20s', '--speed', '2'],
      ...['--dir', 'first', '--to', contact, '--checkin-every', '1h', '--battery', '80', ...weather],
    ],
    'a recording on a bad network is killed in the middle',
    ({ event, chunk_index: index }) => event === 'acknowledged' && Number(index) >= 3,
  );
  const { incident_id: incident } = begun.events.find(({ event }) => event === 'stream') ?? {};
  const { link } = begun.events.find(({ event }) => event === 'viewer_link') ?? {};
  const { file: wrapped } = begun.events.find(({ event }) => event === 'key_wrapped') ?? {};
  await sallyport(
    ['capture', '--json', '--resume', 'first', '--duration', '20s', '--speed', '20'],
    'it goes on where it was and is completed',
  );

  const left = await sallyport(
    [
      ...[
        'capture',
        '--json',
        '--media',
        'video',
        '--source',
        'signal',
        '--duration',
        '20s',
        '--dir',
        'second',
      ],
      ...['--incident', String(incident), '--no-viewer'],
    ],
    'a second stream of the incident is left behind',
    ({ event, chunk_index: index }) => event === 'acknowledged' && Number(index) >= 2,
  );
  const { stream_id: stream } = left.events.find(({ event }) => event === 'stream') ?? {};
  const unfinished = ['--from-server', String(incident), String(stream), '--keys', 'second/keys.json'];
  const early = await sallyport(
    ['open', ...unfinished, '--output', 'early', '--json'],
    'it opens unfinished',
  );
  must(early.stdout.includes('"end_proven": false'), 'and its end is not proven');
  await sallyport(['stream', 'complete', String(incident), String(stream)], 'it is completed from elsewhere');

  const seen = (await (await fetch(`${String(link)}/data`)).json()) as { completed_streams?: unknown[] };
  must(seen.completed_streams?.length === 2, 'the viewer link shows two complete streams');
  must((await fetch(String(link), { headers: { accept: 'text/html' } })).status === 200, 'and has a page');
  const bundle = await fetch(`${String(link)}/incident/download`);
  await writeFile(join(folder, 'bundle.zip'), new Uint8Array(await bundle.arrayBuffer()));
  must(bundle.status === 200, 'the bundle is downloaded with the link alone');
  const checked = await sallyport(
    ['verify', 'bundle.zip', '--json'],
    'without a key, nothing in it is found missing or changed',
    undefined,
    NOT_PROVEN,
  );
  const { problems } = JSON.parse(checked.stdout) as { problems: { code: string; stream_id: string }[] };
  must(
    problems.every((problem) => problem.code === 'end_not_proven' && problem.stream_id === stream),
    'but for the end of the stream that was left behind',
  );
  const keys = ['--keys', String(wrapped), '--identity', 'identity', '--keys', 'second/keys.json'];
  const whole = await sallyport(
    ['open', 'bundle.zip', ...keys, '--output', 'out', '--json'],
    'it opens with the contact’s key',
  );
  const { streams } = JSON.parse(whole.stdout) as {
    streams: { file: string; media_type: string; end_proven: boolean }[];
  };
  const audio = streams.find(({ media_type: media }) => media === 'audio');
  must(audio?.end_proven === true, 'the end of the recording is proven');
  const heard = await readFile(audio?.file ?? '');
  must(
    heard.length === 20 * 16_000 && heard.subarray(0, 4).toString() === 'RIFF',
    'all of its 20 seconds are there',
  );
  await sallyport(['logout'], 'and the session is ended');
  await sallyport(
    ['capture', '--media', 'audio', '--source', 'signal'],
    'after which nothing is recorded',
    undefined,
    2,
  );
}

const folder = await mkdtemp(join(tmpdir(), 'sallyport-smoke-'));
try {
  const server = await start(folder);
  try {
    await smoke(folder, server);
  } finally {
    await server.stop();
  }
  console.log('All of it works.');
} finally {
  await rm(folder, { recursive: true, force: true });
}
