/** What programs load of other people's code before they are asked for anything: that is most of the wait for them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CHILD_ENV } from '../support/child-env.ts';
import { startServer } from '../support/server.ts';
import { tempDir } from '../support/temp.ts';

const CLI = fileURLToPath(new URL('../../cli/sallyport.ts', import.meta.url));
const PROBE = new URL('../support/loaded-packages.ts', import.meta.url);

/** Libraries that some settings, some requests or some commands need, and nothing else. */
const ON_DEMAND = [
  '@libsql/client',
  '@simplewebauthn/server',
  'age-encryption',
  'asn1js',
  'file-type',
  'iovalkey',
  'nodemailer',
  'pkijs',
];

type Env = Readonly<Record<string, string>>;

/** The packages of {@link ON_DEMAND}, and of those also named, that a program loaded. */
async function loadedBy(run: (env: Env) => Promise<void>, also: readonly string[]): Promise<string[]> {
  const folder = await tempDir();
  try {
    const file = join(folder.path, 'packages');
    await run({ NODE_OPTIONS: `--import=${PROBE.href}`, LOADED_PACKAGES: file });
    const loaded = new Set((await readFile(file, 'utf8')).split('\n'));
    return [...ON_DEMAND, ...also].filter((name) => loaded.has(name));
  } finally {
    await folder.remove();
  }
}

const byServer = (settings: Env) =>
  loadedBy(
    async (env) => {
      await using server = await startServer({ settings: { ...env, ...settings } });
      assert.equal((await fetch(`${server.main}/`)).status, 200);
      assert.deepEqual(await server.stop(), { code: 0, signal: null });
    },
    ['libsql'],
  );

const byCommand = (...args: string[]) =>
  loadedBy(
    async (env) => {
      const child = spawn(process.execPath, [CLI, ...args], {
        env: { ...CHILD_ENV, ...env },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      const [code] = await once(child, 'close');
      assert.equal(code, 0);
    },
    ['libsql', 'valibot'],
  );

describe('a server', () => {
  it('starts and answers without the libraries that only other settings and other requests need', async () => {
    assert.deepEqual(await byServer({}), ['libsql']);
  });

  it('loads those that its settings ask for', async () => {
    const loaded = await byServer({
      SAFE_TIMESTAMP_URL: 'http://127.0.0.1:9/',
      SAFE_EMAIL_BACKEND: 'smtp',
      SAFE_SMTP_HOST: '127.0.0.1',
      SAFE_SMTP_PORT: '9',
      SAFE_SMTP_FROM: 'vault@example.org',
    });
    assert.deepEqual(loaded, ['asn1js', 'nodemailer', 'pkijs', 'libsql']);
  });
});

describe('the command', () => {
  it('tells of all commands without what only some of them use', async () => {
    assert.deepEqual(await byCommand('--help'), ['libsql', 'valibot']);
  });

  it('begins a recording without the server and without what opens one', async () => {
    assert.deepEqual(await byCommand('capture', '--help'), []);
  });

  it('asks a running server for an account without loading the database itself', async () => {
    assert.deepEqual(await byCommand('account', 'create', '--help'), ['valibot']);
  });
});
