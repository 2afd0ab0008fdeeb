/** The operator's command, as a process, with a running server and without one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TOTP } from 'otpauth';
import { adminRoutes } from '../../src/handlers/admin.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { answers, ask, isLive, logIn, post, throughSockets } from '../support/ask.ts';
import { CHILD_ENV } from '../support/child-env.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

const CLI = fileURLToPath(new URL('../../cli/sallyport.ts', import.meta.url));
const PASSWORD = 'a passphrase from a file';
const NEXT = 'the passphrase after that';
const LIMITS_OFF = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false', SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false' };
const FACTOR = '/v1/account/second-factor';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly said: string;
}

interface Run {
  /** Standard input; nothing unless given. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function sallyport(
  folder: string,
  line: readonly string[],
  { input = '', env = {} }: Run = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, ...line], {
    cwd: folder,
    env: { ...CHILD_ENV, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [out, said] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code: Number(code), out, said };
}

function ended(ran: Ran, code: number): Ran {
  assert.equal(ran.code, code, `${ran.out}${ran.said}`);
  return ran;
}

const words = (line: string) => line.split(' ');

for (const running of [false, true]) {
  describe(`account commands ${running ? 'beside a running server' : 'without a server'}`, () => {
    let dir: TempDir;
    let server: TestServer | undefined;
    before(async () => {
      dir = await tempDir();
      if (running) server = await startServer({ folder: dir.path, settings: LIMITS_OFF });
    });
    after(async () => {
      await server?.stop();
      await dir.remove();
    });
    const run = (line: string, options: Run = {}) => sallyport(dir.path, words(line), options);
    const quiet = (ran: Ran) => {
      for (const secret of [PASSWORD, NEXT]) assert.ok(!(ran.out + ran.said).includes(secret));
      return ran;
    };

    it('make accounts, with a password from a pipe, from a file, or one that is shown once', async () => {
      const piped = quiet(
        ended(await run('account create Alice --role admin', { input: `${PASSWORD}\n` }), 0),
      );
      assert.equal(piped.out, 'alice (admin, active): made.\n');
      await writeFile(join(dir.path, 'password'), `${PASSWORD}\r\n`);
      const filed = await run('account create bob --password-file password --json');
      const { account, ...rest } = JSON.parse(quiet(ended(filed, 0)).out);
      assert.deepEqual([account.username, account.role, rest], ['bob', 'user', {}]);
      assert.equal(account.second_factor_setup_required, true);
      const made = ended(await run('account create carol --generate --json'), 0);
      assert.match(JSON.parse(made.out).password, /^[A-Za-z0-9_-]{24}$/);
      if (server !== undefined) {
        const doors = throughSockets(server);
        await logIn(doors, 'alice', 'bearer', PASSWORD);
        await logIn(doors, 'bob', 'bearer', PASSWORD);
        await logIn(doors, 'carol', 'bearer', JSON.parse(made.out).password);
      }
    });

    it('refuse what the server would refuse, with exit code 1 and one sentence', async () => {
      for (const [line, sentence] of [
        ['account create alice', 'Username is taken.'],
        ['account create x', 'Username must be 3 to 64 characters'],
        ['account create dave --role owner', 'Role must be user or admin.'],
        ['account disable nobody', 'Account was not found.'],
        ['account role bob owner', 'Role must be user or admin'],
        ['account disable alice', 'The last active admin'],
        ['account role alice user', 'The last active admin'],
        ['account create dave --password-file nowhere', 'The password file nowhere cannot be read'],
      ] as const) {
        const ran = quiet(ended(await run(line, { input: PASSWORD }), 1));
        assert.ok(ran.said.startsWith(sentence), `${line}: ${ran.said}`);
        assert.equal(ran.out, '', line);
        assert.doesNotMatch(ran.said, /\n\s+at /);
      }
      const short = ended(await run('account create dave', { input: 'short' }), 1);
      assert.match(short.said, /^A password must have 12 to 256 bytes/);
      const reasons = ended(await run('account recover bob --reason because'), 2);
      assert.match(reasons.said, /^--reason is one of: lost_email_access, /);
    });

    it('end sessions, set a new password, change a role, shut, open and recover', async () => {
      const doors = server && throughSockets(server);
      const open = doors && (await logIn(doors, 'bob', 'bearer', PASSWORD));
      const revoked = ended(await run('account revoke-sessions bob --json'), 0);
      // With a server: this session and the one of the test before.
      assert.deepEqual(JSON.parse(revoked.out), { sessions_revoked: running ? 2 : 0 });
      if (doors && open) assert.equal(await isLive(doors, open), false);

      quiet(ended(await run('account reset-password bob', { input: NEXT }), 0));
      if (doors) await logIn(doors, 'bob', 'bearer', NEXT);
      const role = ended(await run('account role bob admin --json'), 0);
      assert.equal(JSON.parse(role.out).account.role, 'admin');
      const id = JSON.parse(role.out).account.id;
      const shut = ended(await run(`account disable ${id} --json`), 0);
      assert.equal(JSON.parse(shut.out).account.account_state, 'disabled');
      if (doors) {
        const body = { username: 'bob', password: NEXT };
        answers(await ask(doors, '/v1/auth/login', { body }), 401, 'invalid_credentials');
      }
      assert.equal(
        ended(await run('account enable BOB'), 0).out.startsWith('bob (admin, active): open.'),
        true,
      );
      const recovered = ended(await run('account recover bob --reason lost_all_factors'), 0);
      assert.match(
        recovered.out,
        /^bob \(admin, active\): sets up its second factor anew\.\nSessions ended: 0\n$/,
      );
    });

    it('show the bootstrap secret no longer', async () => {
      assert.match(ended(await run('bootstrap-secret'), 1).said, /^Bootstrap is closed/);
    });
  });
}

describe('the bootstrap secret', () => {
  it('is shown as it lies in the data directory, by the server and without it', async () => {
    const dir = await tempDir();
    try {
      assert.match(ended(await sallyport(dir.path, ['bootstrap-secret']), 1).said, /^There is none/);
      const server = await startServer({ folder: dir.path });
      const secret = (await readFile(join(dir.path, 'data', 'bootstrap-secret'), 'utf8')).trim();
      assert.equal(ended(await sallyport(dir.path, ['bootstrap-secret']), 0).out, `${secret}\n`);
      await server.stop();
      const json = ended(await sallyport(dir.path, ['bootstrap-secret', '--json']), 0);
      assert.deepEqual(JSON.parse(json.out), { secret });
    } finally {
      await dir.remove();
    }
  });
});

describe('the command line', () => {
  let dir: TempDir;
  before(async () => {
    dir = await tempDir();
  });
  after(() => dir.remove());
  const run = (line: readonly string[], options: Run = {}) => sallyport(dir.path, line, options);

  it('takes no password as an argument, and does not repeat one', async () => {
    for (const line of [
      ['account', 'create', 'alice', '--password', PASSWORD],
      ['account', 'create', 'alice', PASSWORD],
      ['account', 'reset-password', 'alice', PASSWORD],
    ]) {
      const ran = ended(await run(line), 2);
      assert.ok(!(ran.out + ran.said).includes(PASSWORD), ran.said);
    }
  });

  it('that is wrong ends with 2 and the usage', async () => {
    for (const line of [
      'account',
      'account create',
      'account recover alice',
      'nonsense',
      'routes now',
      'account disable a --force',
    ]) {
      const ran = ended(await run(words(line)), 2);
      assert.match(ran.said, /Usage: sallyport|sallyport --help/, line);
      assert.equal(ran.out, '');
    }
    assert.match(ended(await run([]), 2).out, /^Sallyport /);
    for (const line of ['--help', 'help', 'account create --help', '--version'])
      ended(await run(words(line)), 0);
  });

  it('shows the commands of a group by its first word', async () => {
    assert.match(ended(await run(['account', '--help']), 0).out, /^ +account recover ACCOUNT --reason/m);
    assert.match(
      ended(await run(['log', 'nothing']), 2).said,
      /^There is no such command\.\n.*\n+ +log key /,
    );
  });

  it('checks settings without starting anything, secrets hidden', async () => {
    const key = Buffer.alloc(32, 5).toString('base64');
    const ran = ended(
      await run(['check-config'], { env: { SAFE_SECRET_KEY: key, SAFE_SESSION_TTL: '1h' } }),
      0,
    );
    assert.match(ran.out, /^SAFE_SESSION_TTL = 1h /m);
    assert.ok(!(ran.out + ran.said).includes(key));
    const plain = ended(await run(['check-config', '--json']), 0);
    assert.equal(plain.said, '', 'the defaults are nothing to warn of');
    const rows = JSON.parse(plain.out);
    assert.ok(rows.some(({ name }: { name: string }) => name === 'SAFE_WEB_AUTH_ENABLED'));
    const wrong = ended(await run(['check-config'], { env: { SAFE_SESION_TTL: '1h' } }), 2);
    assert.match(wrong.said, /SAFE_SESSION_TTL/);
    await assert.rejects(stat(join(dir.path, 'data')), { code: 'ENOENT' });
  });

  it('shows every route of both doors with its class and its gate', async () => {
    const rows = JSON.parse(ended(await run(['routes', '--json']), 0).out) as Record<string, string>[];
    assert.deepEqual(
      rows.map(({ door, id }) => `${door} ${id}`),
      [...mainRoutes, ...adminRoutes].map(({ listener, id }) => `${listener} ${id}`),
    );
    const login = rows.find(({ id }) => id === 'auth.login');
    assert.deepEqual(login, {
      ...{
        door: 'main',
        method: 'POST',
        path: '/v1/auth/login',
        class: 'auth',
        gate: 'anyone',
        id: 'auth.login',
      },
    });
    const text = ended(await run(['routes'], { env: { SAFE_URL_PREFIX: '/paste' } }), 0).out;
    assert.match(text, /^main {2}GET {4}\/paste\/\{id\} /m);
    assert.match(text, /^admin GET {4}\/admin\/api\/accounts +admin_json +admin$/m);
  });
});

describe('the secret key', () => {
  let dir: TempDir;
  let server: TestServer;
  const seeds = new Map<string, string>();
  const file = (name: string) => join(dir.path, 'data', name);
  const read = (name: string) => readFile(file(name), 'utf8');
  const start = () => startServer({ folder: dir.path, settings: LIMITS_OFF });
  /** Confirmed with the code of this step, so that the one of the next is still good. */
  const codeOf = (secret: string, later: number) =>
    new TOTP({ secret }).generate({ timestamp: Date.now() + later * 30_000 });

  before(async () => {
    dir = await tempDir();
    server = await start();
    const doors = throughSockets(server);
    for (const name of ['first', 'second', 'third']) {
      const made = await sallyport(dir.path, ['account', 'create', name], { input: PASSWORD });
      ended(made, 0);
      const as = await logIn(doors, name, 'bearer', PASSWORD);
      const { secret } = answers(await post(doors, `${FACTOR}/totp/enroll`, as), 201).body;
      answers(await post(doors, `${FACTOR}/totp/confirm`, as, { code: codeOf(secret, 0) }), 200);
      seeds.set(name, secret);
    }
  });
  after(async () => {
    await server.stop();
    await dir.remove();
  });

  /** That TOTP still works for somebody who has not used the next code yet. */
  async function shows(name: string): Promise<void> {
    const doors = throughSockets(server);
    const as = await logIn(doors, name, 'bearer', PASSWORD);
    const code = codeOf(seeds.get(name) ?? '', 1);
    answers(await post(doors, `${FACTOR}/totp/verify`, as, { code }), 200);
  }
  const rotate = () => sallyport(dir.path, ['rotate-secret-key', '--json']);

  it('is not replaced under a running server', async () => {
    const key = await read('secret-key');
    ended(await rotate(), 1);
    assert.equal(await read('secret-key'), key);
  });

  it('is replaced, the old one is kept beside it, and TOTP goes on', async () => {
    await server.stop();
    const key = await read('secret-key');
    const ran = ended(await rotate(), 0);
    assert.equal(JSON.parse(ran.out).seeds_resealed, 3);
    const next = await read('secret-key');
    assert.notEqual(next, key);
    assert.equal(await read('secret-key.old'), key);
    assert.ok(!(ran.out + ran.said).includes(next.trim()));
    assert.equal((await stat(file('secret-key'))).mode & 0o777, 0o600);
    server = await start();
    await shows('first');
  });

  it('is finished by the next start when the command was cut off after its commit', async () => {
    await server.stop();
    ended(await rotate(), 0);
    const next = await read('secret-key');
    // As it lies on the disk between the commit and the change of the file.
    await rename(file('secret-key'), file('secret-key.new'));
    await rename(file('secret-key.old'), file('secret-key'));
    server = await start();
    assert.equal(await read('secret-key'), next);
    await assert.rejects(stat(file('secret-key.new')), { code: 'ENOENT' });
    await shows('second');
  });

  it('stays the old one when the command was cut off before its commit', async () => {
    await server.stop();
    const key = await read('secret-key');
    await writeFile(file('secret-key.new'), `${Buffer.alloc(32, 9).toString('base64')}\n`, { mode: 0o600 });
    server = await start();
    assert.equal(await read('secret-key'), key);
    await shows('third');
  });

  it('of another database is refused at start', async () => {
    const other = await tempDir();
    try {
      await mkdir(join(other.path, 'data'));
      ended(await sallyport(other.path, ['account', 'create', 'alice'], { input: PASSWORD }), 0);
      await writeFile(join(other.path, 'data', 'secret-key'), `${Buffer.alloc(32, 3).toString('base64')}\n`);
      const ran = ended(await sallyport(other.path, ['account', 'enable', 'alice']), 1);
      assert.match(ran.said, /made with another secret key/);
    } finally {
      await other.remove();
    }
  });
});
