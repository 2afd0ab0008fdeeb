/** The client on a terminal: questions without echo, a bar, a QR code, and what a terminal must not be shown. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { clientRuntimes, type Fpaste, installFpaste } from '../support/fpaste.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { NO_TERMINAL, openTerminal, type Terminal } from '../support/terminal.ts';

describe('on a terminal', { skip: NO_TERMINAL }, () => {
  let server: TestServer;
  let fpaste: Fpaste;

  before(async () => {
    server = await startServer();
    fpaste = await installFpaste(server.main);
  });

  after(async () => {
    await fpaste?.remove();
    await server?.stop();
  });

  const onTerminal = (
    args: readonly string[],
    env: Record<string, string> = {},
    runtime: readonly string[] = [process.execPath],
  ): Terminal =>
    openTerminal([...runtime, fpaste.file, ...args], {
      cwd: fpaste.work,
      env: {
        PATH: process.env.PATH,
        HOME: fpaste.home,
        TERM: 'xterm',
        DENO_DIR: join(fpaste.home, '.deno'),
        FPASTE_SERVER: server.main,
        ...env,
      },
    });

  for (const [name, runtime] of clientRuntimes()) {
    test(`a password is asked for twice, without echo, and a link once on ${name}`, async () => {
      await fpaste.write('file.txt', 'behind a question');
      const create = onTerminal(['create', '-e', '-p', '-q', 'file.txt'], {}, runtime);
      await create.until('Password: ');
      create.type('grüße\u007fe!\r');
      await create.until('Again: ');
      create.type('grüße!\r');
      assert.equal(await create.exit, 0, create.screen());
      const link = /http\S+/.exec(create.screen())?.[0] ?? '';
      // A link can hold any two letters.
      assert.doesNotMatch(create.screen().replace(link, ''), /gr/);

      const get = onTerminal(['get'], {}, runtime);
      await get.until('Link (not shown): ');
      get.type(`${link}\r`);
      await get.until('Password: ');
      get.type('wrong\r');
      await get.until('password is wrong');
      await get.until('Password: ');
      get.type('grüße!\r');
      assert.equal(await get.exit, 0, get.screen());
      assert.match(get.screen(), /behind a question/);
      assert.ok(!get.screen().includes(link.slice(-43)));
    });
  }

  test('two passwords that differ, and Ctrl-C, create nothing', async () => {
    await fpaste.write('file.txt', 'never created');
    const differ = onTerminal(['create', '-p', 'file.txt']);
    await differ.until('Password: ');
    differ.type('one\r');
    await differ.until('Again: ');
    differ.type('two\r');
    assert.equal(await differ.exit, 2);
    const stopped = onTerminal(['create', '-p', 'file.txt']);
    await stopped.until('Password: ');
    stopped.type('\u0003');
    assert.equal(await stopped.exit, 2);
    assert.doesNotMatch(stopped.screen(), /http/);
  });

  test('a bar shows what takes longer, and only on a terminal', async () => {
    const fifo = join(fpaste.work, 'slow');
    execFileSync('mkfifo', [fifo]);
    const create = onTerminal(['create', '-e', 'slow']);
    const writer = await open(fifo, 'w');
    const feeding = setInterval(() => void writer.write(randomBytes(1024)), 20);
    await create.until('Uploading');
    clearInterval(feeding);
    await writer.close();
    assert.equal(await create.exit, 0);
    const piped = await fpaste.run(['create', '-e'], { input: 'in a pipe' });
    assert.doesNotMatch(piped.stderr, /Uploading|\r/);
  });

  test('binary is refused with a hint, and saved when it cannot be fetched again', async () => {
    const kept = await fpaste.ok(['create', '-e', '--name', 'kept.bin'], {
      input: Uint8Array.of(27, 91, 50, 74, 0),
    });
    const refused = onTerminal(['get', kept]);
    assert.equal(await refused.exit, 1);
    assert.match(refused.screen(), /Use -O to save it/);
    assert.ok(!refused.screen().includes('\u001b[2J'));
    const burned = await fpaste.ok(['create', '-e', '-b', '--name', 'once.bin'], {
      input: Uint8Array.of(27, 91, 50, 74, 0),
    });
    const saved = onTerminal(['get', burned]);
    assert.equal(await saved.exit, 1);
    assert.match(saved.screen(), /saved as .*once\.bin/);
    assert.ok((await readdir(fpaste.work)).includes('once.bin'));
    assert.ok(!(await readdir(fpaste.work)).includes('kept.bin'));
  });

  test('over SSH the terminal itself is asked to copy, and the QR code has its own colours', async () => {
    await fpaste.write('file.txt', 'over ssh');
    const create = onTerminal(['create', '-e', '-c', '--qr', 'file.txt'], {
      SSH_TTY: '/dev/pts/0',
      WAYLAND_DISPLAY: 'none',
    });
    assert.equal(await create.exit, 0);
    const link = /http\S+#[\w-]{43}/.exec(create.screen())?.[0] ?? '';
    assert.ok(create.screen().includes(`\u001b]52;c;${Buffer.from(link).toString('base64')}\u0007`));
    assert.match(create.screen(), /\[38;5;231m.\[48;5;16m█/u);
  });
});
