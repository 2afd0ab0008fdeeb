/** Neither plaintext, nor key, nor password ever reach the server, the wire, or another process. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Fpaste, finished, installFpaste } from '../support/fpaste.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openWire, type Wire } from '../support/wire.ts';

let server: TestServer;
let wire: Wire;
let fpaste: Fpaste;

before(async () => {
  server = await startServer();
  wire = await openWire(server.main);
  fpaste = await installFpaste(wire.url);
});

after(async () => {
  await fpaste?.remove();
  await wire?.close();
  await server?.stop();
});

/** Fails when any 8 bytes of the content, or any of the secrets, stand in `place`. */
function holdsNothingOf(
  place: Buffer,
  name: string,
  content: Buffer,
  secrets: readonly (string | Buffer)[],
): void {
  for (let at = 0; at + 8 <= content.length; at += 1) {
    assert.ok(!place.includes(content.subarray(at, at + 8)), `8 bytes of the plaintext are in ${name}`);
  }
  for (const secret of secrets) assert.ok(!place.includes(secret), `a secret is in ${name}`);
}

async function everyFile(folder: string): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Buffer.concat(await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name)))));
}

test('the wire, the log, the database and the state of the client hold no plaintext, key or password', async () => {
  const content = randomBytes(3000);
  const password = 'a long enough and quite unlikely password';
  await fpaste.write('password', password);
  await fpaste.write('quite-unlikely-name.bin', content);
  const link = await fpaste.ok(['create', '-e', '--password-file', 'password', 'quite-unlikely-name.bin']);
  const [address = '', key = ''] = link.split('#');
  // By the id, so that it goes over the wire that we watch.
  const reference = `${new URL(address).pathname.slice(1)}#${key}`;
  const got = await fpaste.run(['get', '--password-file', 'password', '-'], { input: reference });
  assert.deepEqual(got.bytes, content);
  await fpaste.ok(['update', reference, 'quite-unlikely-name.bin', '--password-file', 'password']);
  await fpaste.write('wrong', 'a wrong but also secret password');
  assert.equal((await fpaste.run(['get', reference, '--password-file', 'wrong'])).code, 1);

  const secrets = [
    key,
    Buffer.from(key, 'base64url'),
    password,
    password.slice(0, 12),
    'a wrong but also',
    'unlikely-name',
  ];
  assert.ok(wire.captured().includes('x-paste-access-hash'), 'the capture sees the requests');
  holdsNothingOf(wire.captured(), 'the capture of the wire', content, secrets);
  holdsNothingOf(Buffer.from(server.log() + server.said()), 'the log', content, secrets);
  holdsNothingOf(await everyFile(join(server.folder, 'data')), 'the data folder', content, secrets);
  holdsNothingOf(await everyFile(join(fpaste.home, '.local')), 'the state', content, secrets.slice(0, 5));
});

test('a clipboard program gets the link through its standard input, not in arguments or environment', async () => {
  const bin = join(fpaste.home, 'bin');
  await mkdir(bin);
  const script = `#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/cmdline > ${bin}/seen\ntr '\\0' '\\n' < /proc/$$/environ >> ${bin}/seen\ntr '\\0' '\\n' < /proc/$PPID/environ >> ${bin}/seen\ncat > ${bin}/copied\n`;
  await fpaste.write('../bin/wl-copy', script, 0o755);
  const env = { PATH: `${bin}:${process.env.PATH}`, WAYLAND_DISPLAY: 'wayland-0' };
  const link = await fpaste.ok(['create', '-e', '-c'], { input: 'copy me', env });
  assert.equal(await readFile(join(bin, 'copied'), 'utf8'), link);
  const seen = await readFile(join(bin, 'seen'), 'utf8');
  assert.match(seen, /wl-copy/);
  assert.ok(!seen.includes(link.slice(-43)));
});

test('a clipboard that does not work is said, and the paste is there all the same', async () => {
  const { code, stdout, stderr } = await fpaste.run(['create', '-c'], {
    input: 'no clipboard',
    env: { PATH: '/nonexistent' },
  });
  assert.equal(code, 0);
  assert.match(stdout, /^http/);
  assert.match(stderr, /could not be copied/);
});

test('a link on the command line does not stay in the process list', async (t) => {
  if (process.platform !== 'linux') return t.skip('only Linux has /proc');
  const { main: base } = server;
  const link = `${base}/${'0'.repeat(26)}#${'B'.repeat(42)}A`;
  // It waits for its password file, a pipe that nobody has opened, so that there is time to look.
  const fifo = join(fpaste.work, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const child = fpaste.start(['get', link, '--password-file', fifo]);
  const ended = finished(child);
  const writer = await open(fifo, 'w');
  assert.ok(!(await readFile(`/proc/${child.pid}/cmdline`, 'utf8')).includes('BBBB'));
  await writer.writeFile('password');
  await writer.close();
  assert.equal((await ended).code, 1);
});
