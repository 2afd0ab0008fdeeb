/** The client against the real server, as a person uses both. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CLIENT_SHA256_HEX } from '../../src/generated/client.ts';
import { clientRuntimes, type Fpaste, installFpaste } from '../support/fpaste.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let fpaste: Fpaste;

before(async () => {
  server = await startServer({
    settings: {
      SAFE_MAIN_API_RATE_LIMIT_PASTE_CREATE: '10000',
      SAFE_MAIN_API_RATE_LIMIT_PASTE_READ: '10000',
      SAFE_MAIN_API_RATE_LIMIT_PASTE_MANAGE: '10000',
    },
  });
  fpaste = await installFpaste(server.main);
});

after(async () => {
  await fpaste?.remove();
  await server?.stop();
});

for (const [name, command] of clientRuntimes()) {
  test(`what the server hands out seals and opens a file on ${name}`, async () => {
    const content = randomBytes(70_001);
    const downloaded = join(fpaste.home, 'downloaded');
    await writeFile(downloaded, Buffer.from(await (await fetch(`${server.main}/client`)).arrayBuffer()));
    assert.deepEqual(await readFile(downloaded), await readFile(fpaste.file));
    await fpaste.write('photo.png', content);
    const link = await fpaste.ok(['create', '-e', 'photo.png'], { runtime: command });
    assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-z]{26}#[A-Za-z0-9_-]{43}$/);
    const folder = join(fpaste.work, createHash('sha1').update(name).digest('hex'));
    await mkdir(folder);
    const result = JSON.parse(
      await fpaste.ok(['get', '-O', '--json', link], { cwd: folder, runtime: command }),
    );
    assert.equal(result.name, 'photo.png');
    assert.equal(result.mime, 'image/png');
    assert.deepEqual(await readFile(join(folder, 'photo.png')), content);
    const piped = await fpaste.run(['get', '-'], { input: `${link}\n`, runtime: command });
    assert.deepEqual(piped.bytes, content);
    assert.deepEqual(await readdir(folder), ['photo.png']);
  });
}

test('--version names the digest of its own file', async () => {
  assert.match(
    await fpaste.ok(['--version']),
    new RegExp(`^fpaste \\d+\\.\\d+\\.\\d+\nsha256 ${CLIENT_SHA256_HEX}$`),
  );
  assert.equal(JSON.parse(await fpaste.ok(['--version', '--json'])).sha256, CLIENT_SHA256_HEX);
});

test('each command explains itself', async () => {
  for (const command of ['create', 'get', 'update', 'delete', 'list', 'info', 'completion']) {
    assert.match(await fpaste.ok([command, '--help']), new RegExp(`^Usage: fpaste ${command}`));
  }
  assert.match(
    await fpaste.ok(['--help']),
    /Exit codes: 0 done, 1 refused, 2 usage, 3 network, 4 decryption failed/,
  );
});

test('a pipe of unknown length is sealed and comes back', async () => {
  const content = randomBytes(300_000);
  const link = await fpaste.ok(['create', '-e', '-q'], { input: content });
  assert.deepEqual((await fpaste.run(['get', link])).bytes, content);
  assert.deepEqual((await fpaste.run(['get'], { input: link })).bytes, content);
});

test('an empty input can be sealed, and is refused when it is not', async () => {
  const link = await fpaste.ok(['create', '-e'], { input: '' });
  assert.equal((await fpaste.run(['get', link])).bytes.length, 0);
  const plain = await fpaste.run(['create'], { input: '' });
  assert.equal(plain.code, 1);
  assert.match(plain.stderr, /nothing to upload/);
});

test('-q prints the link alone, otherwise the rest goes to standard error', async () => {
  const quiet = await fpaste.run(['create', '-q'], { input: 'quiet' });
  assert.equal(quiet.stderr, '');
  const loud = await fpaste.run(['create'], { input: 'loud' });
  assert.match(loud.stdout, /^http\S+\n$/);
  assert.match(loud.stderr, /To delete it: fpaste delete [0-9a-z]{26}/);
});

test('a burn paste is read once', async () => {
  const link = await fpaste.ok(['create', '-e', '-b'], { input: 'once' });
  assert.equal(await fpaste.ok(['get', link]), 'once');
  const again = await fpaste.run(['get', link]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /expired, was deleted, was read once already/);
});

test('a link without its key is refused before a burn paste is fetched', async () => {
  const link = await fpaste.ok(['create', '-e', '-b'], { input: 'careful' });
  const [address = ''] = link.split('#');
  const refused = await fpaste.run(['get', address]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /was not fetched/);
  assert.equal(await fpaste.ok(['get', link]), 'careful');
});

test('a key for what is not sealed is refused before it is fetched', async () => {
  const address = await fpaste.ok(['create', '-b'], { input: 'plain' });
  const refused = await fpaste.run(['get', `${address}#${'A'.repeat(43)}`]);
  assert.equal(refused.code, 4);
  assert.equal(await fpaste.ok(['get', address]), 'plain');
});

test('a wrong key exits with 4, releases nothing and leaves no file', async () => {
  const link = await fpaste.ok(['create', '-e'], { input: 'secret text' });
  const other = `${link.slice(0, -43)}${'A'.repeat(43)}`;
  for (const args of [
    ['get', other],
    ['get', '-o', 'wrong.txt', other],
    ['get', '-O', other],
  ]) {
    const folder = join(fpaste.work, 'wrong-key');
    await mkdir(folder, { recursive: true });
    const { code, stdout, stderr } = await fpaste.run(args, { cwd: folder });
    assert.equal(code, 4);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /A{43}/);
    assert.deepEqual(await readdir(folder), []);
  }
});

test('a password and the link open a sealed paste, and a wrong password burns nothing', async () => {
  await fpaste.write('password', 'grüße, höchst geheim\n');
  await fpaste.write('wrong', 'something else');
  const link = await fpaste.ok(['create', '-e', '-b', '--password-file', 'password'], {
    input: 'twice locked',
  });
  const none = await fpaste.run(['get', link]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /has a password/);
  const wrong = await fpaste.run(['get', link, '--password-file', 'wrong']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /password is wrong.*untouched/i);
  assert.equal(await fpaste.ok(['get', link, '--password-file', 'password']), 'twice locked');
});

test('the password of a paste that is not sealed may be any text', async () => {
  for (const password of ['plain ascii words', "naïve ☃ 'quoted' 100%", "UTF-8''looks-encoded"]) {
    await fpaste.write('password', password);
    const link = await fpaste.ok(['create', '--password-file', 'password'], { input: `behind ${password}` });
    assert.equal(await fpaste.ok(['get', link, '--password-file', 'password']), `behind ${password}`);
  }
});

test('a password for a paste that has none is refused before it is fetched', async () => {
  await fpaste.write('password', 'needless');
  const link = await fpaste.ok(['create', '-e', '-b'], { input: 'open' });
  const refused = await fpaste.run(['get', link, '--password-file', 'password']);
  assert.equal(refused.code, 2);
  assert.equal(await fpaste.ok(['get', link]), 'open');
});

test('-O never overwrites and never leaves the folder', async () => {
  const folder = join(fpaste.work, 'save');
  await mkdir(folder);
  const name = '../../..\\.ssh/authorized\u202e_keys\n';
  const link = await fpaste.ok(['create', '-e', '--name', name], { input: 'harmless' });
  const first = JSON.parse(await fpaste.ok(['get', '-O', '--json', link], { cwd: folder }));
  const second = JSON.parse(await fpaste.ok(['get', '-O', '--json', link], { cwd: folder }));
  assert.equal(first.name, name);
  assert.notEqual(first.saved_to, second.saved_to);
  assert.deepEqual((await readdir(folder)).sort(), ['authorized__keys_', 'authorized__keys_.1']);
});

test('-o replaces the file, through a link too, and only when all is well', async () => {
  const path = await fpaste.write('kept.txt', 'before');
  await symlink(path, join(fpaste.work, 'alias.txt'));
  const link = await fpaste.ok(['create', '-e'], { input: 'after' });
  assert.equal(
    (await fpaste.run(['get', '-o', 'kept.txt', `${link.slice(0, -43)}${'A'.repeat(43)}`])).code,
    4,
  );
  assert.equal(await readFile(path, 'utf8'), 'before');
  await fpaste.ok(['get', '-o', 'alias.txt', link]);
  assert.equal(await readFile(path, 'utf8'), 'after');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test('-o /dev/null and -o - write there', async () => {
  const link = await fpaste.ok(['create', '-e'], { input: 'anywhere' });
  await fpaste.ok(['get', '-o', '/dev/null', link]);
  assert.ok((await stat('/dev/null')).isCharacterDevice());
  assert.equal(await fpaste.ok(['get', '-o', '-', link]), 'anywhere');
});

test('update seals again under the same key and keeps the name', async () => {
  const path = await fpaste.write('first.txt', 'first');
  const link = await fpaste.ok(['create', '-e', path]);
  await fpaste.write('second.bin', 'second');
  assert.equal(await fpaste.ok(['update', link, 'second.bin']), link);
  const result = JSON.parse(await fpaste.ok(['get', '--json', link]));
  assert.deepEqual([result.name, result.mime, result.content], ['first.txt', 'text/plain', 'second']);
  await fpaste.ok(['update', link, 'second.bin', '--name', 'third.md', '--mime', 'text/markdown']);
  assert.equal(JSON.parse(await fpaste.ok(['get', '--json', link])).name, 'third.md');
});

test('update keeps a password, and refuses to unseal', async () => {
  await fpaste.write('password', 'the same as before');
  await fpaste.write('new.txt', 'new text');
  const link = await fpaste.ok(['create', '-e', '--password-file', 'password'], { input: 'old text' });
  await fpaste.ok(['update', link, 'new.txt', '--password-file', 'password']);
  assert.equal(await fpaste.ok(['get', link, '--password-file', 'password']), 'new text');
  const refused = await fpaste.run([
    'update',
    link.split('#')[0] ?? '',
    'new.txt',
    '--password-file',
    'password',
  ]);
  assert.notEqual(refused.code, 0);
  const sealed = await fpaste.ok(['create', '-e'], { input: 'sealed' });
  const unsealing = await fpaste.run(['update', sealed.split('#')[0] ?? '', 'new.txt']);
  assert.equal(unsealing.code, 2);
  assert.equal(await fpaste.ok(['get', sealed]), 'sealed');
});

test('update refuses a wrong key before it replaces anything', async () => {
  await fpaste.write('new.txt', 'new text');
  const link = await fpaste.ok(['create', '-e'], { input: 'old text' });
  assert.equal((await fpaste.run(['update', `${link.slice(0, -43)}${'A'.repeat(43)}`, 'new.txt'])).code, 4);
  assert.equal(await fpaste.ok(['get', link]), 'old text');
});

test('delete uses the token that create kept, by id or by link', async () => {
  const home = await installFpaste(server.main);
  try {
    const [one, two] = [
      await home.ok(['create'], { input: 'one' }),
      await home.ok(['create', '-e'], { input: 'two' }),
    ];
    assert.equal(JSON.parse(await home.ok(['list', '--json'])).length, 2);
    await home.ok(['delete', new URL(one).pathname.slice(1)]);
    assert.deepEqual(JSON.parse(await home.ok(['delete', '--json', two])).deleted, true);
    assert.equal((await home.run(['get', one])).code, 1);
    assert.deepEqual(JSON.parse(await home.ok(['list', '--json'])), []);
  } finally {
    await home.remove();
  }
});

test('delete elsewhere needs the token, which --json printed', async () => {
  const other = await installFpaste(server.main);
  try {
    const { link, delete_token: token } = JSON.parse(
      await fpaste.ok(['create', '--json'], { input: 'theirs' }),
    );
    const without = await other.run(['delete', link]);
    assert.equal(without.code, 2);
    assert.equal((await other.run(['delete', link, '--token', 'not-the-token-not-the-token'])).code, 1);
    await other.write('token', `${token}\n`);
    await other.ok(['delete', link, '--token-file', 'token']);
  } finally {
    await other.remove();
  }
});

test('the state holds tokens in private files, and neither keys nor links with keys', async () => {
  const link = await fpaste.ok(['create', '-e'], { input: 'state' });
  const folder = join(fpaste.home, '.local', 'state', 'fpaste');
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  for (const name of await readdir(folder)) {
    assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600);
    assert.ok(!(await readFile(join(folder, name), 'utf8')).includes(link.slice(-43)));
  }
});

test('twenty runs at once keep twenty tokens', async () => {
  const home = await installFpaste(server.main);
  try {
    const links = await Promise.all(
      Array.from({ length: 20 }, (_, n) => home.ok(['create', '-q'], { input: `run ${n}` })),
    );
    const kept = JSON.parse(await home.ok(['list', '--json'])) as { url: string }[];
    assert.deepEqual(kept.map(({ url }) => url).sort(), links.sort());
  } finally {
    await home.remove();
  }
});

test('info shows the limits of the server', async () => {
  const json = JSON.parse(await fpaste.ok(['info', '--json']));
  assert.equal(json.limits.max_bytes_anonymous, 3 * 1024 * 1024);
  assert.match(await fpaste.ok(['info']), /Largest: +3\.0 MiB, with a client certificate 50\.0 MiB/);
});

test('what is too large is refused before it is uploaded, and from a pipe while it is', async () => {
  await fpaste.write('large.bin', Buffer.alloc(3 * 1024 * 1024 + 1));
  const known = await fpaste.run(['create', 'large.bin']);
  assert.equal(known.code, 1);
  assert.match(known.stderr, /the server takes 3\.0 MiB/);
  await rm(join(fpaste.work, 'large.bin'));
  const piped = await fpaste.run(['create', '--json'], { input: randomBytes(8 * 1024 * 1024) });
  assert.equal(piped.code, 1);
  assert.equal(JSON.parse(piped.stderr).error.code, 'paste_too_large');
});

test('the expiry is as asked for', async () => {
  const { created_at: from, expires_at: until } = JSON.parse(
    await fpaste.ok(['create', '-x', '1h30m', '--json'], { input: 'short' }),
  );
  assert.equal(Date.parse(until) - Date.parse(from), 5400_000);
  assert.equal((await fpaste.run(['create', '-x', 'soon'], { input: 'x' })).code, 2);
});

test('--json reports errors as JSON too, with the exit code', async () => {
  const { code, stderr } = await fpaste.run(['get', '--json', '0'.repeat(26)]);
  assert.deepEqual(
    [code, JSON.parse(stderr).error.code, JSON.parse(stderr).error.exit],
    [1, 'paste_not_found', 1],
  );
});

test('usage errors exit with 2 and never repeat what may be a secret', async () => {
  const secret = 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE';
  const wrong: readonly (readonly string[])[] = [
    [],
    ['frobnicate', secret],
    [secret],
    ['get', `https://host/not-an-id#${secret}`],
    ['get', secret],
    ['get', `--${secret}`],
    ['get', `-${secret}`],
    ['create', 'a', secret],
    ['create', '-e', '--to', secret],
    ['create', '--to', secret],
    ['create', `--quiet=${secret}`],
    ['create', '/nonexistent/file'],
    ['create', '--server', `ftp://${secret}@host`],
    ['delete', '0'.repeat(26)],
    ['delete', '0'.repeat(26), '--token', `${secret} ${secret}`],
    ['update', '0'.repeat(26)],
    ['completion', 'tcsh'],
    ['get', '0'.repeat(26), '-i', '/nonexistent'],
    ['get', '-O', '-o', 'x', '0'.repeat(26)],
  ];
  for (const args of wrong) {
    const { code, stdout, stderr } = await fpaste.run(args, { input: 'x' });
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    assert.equal(stdout, '');
    assert.ok(!stderr.includes(secret), stderr);
  }
});

test('no server at all exits with 3', async () => {
  const { code, stderr } = await fpaste.run(['create', '-e', '--server', 'http://127.0.0.1:1'], {
    input: 'x',
  });
  assert.equal(code, 3);
  assert.match(stderr, /no connection to 127\.0\.0\.1:1/);
});
