/** `pb`, `pbe` and `pbget` in the shells that are installed, against the server. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startServer, type TestServer } from '../support/server.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { type Client, makeClient, missing, NOBODY, root, run, UNHURRIED } from './client.ts';

const functions = join(root, 'editors', 'shell', 'fpaste.sh');

let server: TestServer;
let temp: TempDir;
let client: Client;

before(async () => {
  temp = await tempDir();
  server = await startServer({ settings: UNHURRIED });
  client = await makeClient(temp.path, server.main);
});

after(async () => {
  await server?.stop();
  await temp?.remove();
});

for (const [shell, ...args] of [
  ['bash', '--norc', '--noprofile'],
  ['zsh', '--no-rcs'],
] as const) {
  describe(shell, { skip: missing(shell) }, () => {
    /** Runs a script that has the functions, with every check that a careful script turns on. */
    function script(
      text: string,
      options: { readonly input?: string | Uint8Array; readonly env?: Record<string, string> } = {},
    ) {
      const whole = `set -eu -o pipefail\n. "$FUNCTIONS"\n${text}\n`;
      return run(shell, [...args, '-c', whole], {
        env: { ...client.env, FUNCTIONS: functions, ...options.env },
        cwd: temp.path,
        ...(options.input === undefined ? {} : { input: options.input }),
      });
    }

    test('pb turns a pipe into a link and nothing else on standard output', async () => {
      const made = await script('pb', { input: 'from a pipe' });
      assert.equal(made.code, 0, made.stderr);
      assert.match(made.stdout, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-z]{26}\n$/);
      const got = await script('pbget "$LINK"', { env: { LINK: made.stdout.trim() } });
      assert.equal(got.stdout, 'from a pipe');
    });

    test('pb makes a link for each file, whatever its name', async () => {
      const names = ['-x', 'two words', 'quote\'s "$(touch ran)" `touch ran`', '*'];
      for (const name of names) await writeFile(join(temp.path, name), `in ${name}`);
      const made = await script('pb -x 5m -- -x "two words" "$ODD" "*"', { env: { ODD: names[2] ?? '' } });
      assert.equal(made.code, 0, made.stderr);
      const links = made.stdout.trim().split('\n');
      assert.equal(links.length, names.length);
      for (const [index, link] of links.entries())
        assert.equal((await script('pbget "$LINK"', { env: { LINK: link } })).stdout, `in ${names[index]}`);
      await assert.rejects(readFile(join(temp.path, 'ran')), { code: 'ENOENT' });
    });

    test('pbe seals, pbget opens byte for byte, and no process had the key in its arguments', async () => {
      const bytes = Uint8Array.from({ length: 3000 }, (_, index) => (index * 7) % 256);
      const made = await script('pbe -b', { input: bytes });
      const link = made.stdout.trim();
      assert.match(link, /#[A-Za-z0-9_-]{43}$/);
      const options = { env: { LINK: link, OUT: 'out bytes' } };
      const got = await script('pbget -o "$OUT" "$LINK"', options);
      assert.equal(got.code, 0, got.stderr);
      assert.deepEqual(await readFile(join(temp.path, 'out bytes')), Buffer.from(bytes));
      const calls = await client.calls();
      assert.match(calls, /--encrypt/);
      assert.ok(!calls.includes(link.split('#')[1] ?? ''));
      assert.equal((await script('pbget "$LINK"', options)).code, 1);
    });

    test('pbget without a link takes it from a pipe', async () => {
      const made = await script('pbe', { input: 'piped' });
      assert.equal((await script('pbget', { input: made.stdout })).stdout, 'piped');
    });

    test('fails with the exit codes of fpaste, and stops at the first file that fails', async () => {
      assert.equal((await script('pb', { input: '' })).code, 1);
      assert.equal((await script('pb ./absent')).code, 2);
      assert.equal((await script('pbget "not a link"')).code, 2);
      assert.equal((await script('pb --no-such-option')).code, 2);
      assert.equal((await script('pb -x')).code, 2);
      assert.equal((await script('pbget one two')).code, 2);
      const away = { FPASTE_SERVER: NOBODY, FPASTE_MAX_WAIT: '1s' };
      assert.equal((await script('pb', { input: 'text', env: away })).code, 3);
      const link = (await script('pbe', { input: 'text' })).stdout.trim();
      const wrong = `${link.slice(0, -43)}${'A'.repeat(43)}`;
      assert.equal((await script('pbget "$LINK"', { env: { LINK: wrong } })).code, 4);
      await writeFile(join(temp.path, 'there'), 'there');
      const some = await script('pb there ./absent there');
      assert.equal(some.code, 2);
      assert.equal(some.stdout.split('\n').length, 2);
    });

    test('a failure can be handled, and leaves variables and options of the shell alone', async () => {
      const ended = await script(
        'OPTIND=7; option=mine; name=mine; pb ./absent || printf "%s\\n" "code $?"; printf "%s\\n" "$OPTIND $option $name"',
      );
      assert.equal(ended.stdout, 'code 2\n7 mine mine\n');
      assert.equal(ended.code, 0);
    });
  });
}

test('shellcheck finds nothing to say', { skip: missing('shellcheck') }, async () => {
  const ended = await run('shellcheck', ['--shell=bash', functions], { env: client.env, cwd: temp.path });
  assert.equal(ended.stdout, '');
  assert.equal(ended.code, 0);
});

test('zsh reads it without a word', { skip: missing('zsh') }, async () => {
  const ended = await run('zsh', ['-n', functions], { env: client.env, cwd: temp.path });
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
});
