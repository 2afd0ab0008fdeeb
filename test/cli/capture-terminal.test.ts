/** Logging in on a terminal, as somebody does who records. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TOTP } from 'otpauth';
import { CHILD_ENV } from '../support/child-env.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { askMain, LIMITS_OFF, newRecorder, PASSWORD, type Recorder } from '../support/recorder.ts';
import { NO_TERMINAL, openTerminal } from '../support/terminal.ts';

const CLI = fileURLToPath(new URL('../../cli/sallyport.ts', import.meta.url));

describe('on a terminal', { skip: NO_TERMINAL }, () => {
  let recorder: Recorder;
  let mail: MailServer;
  before(async () => {
    mail = await startMailServer();
    recorder = await newRecorder({
      ...LIMITS_OFF,
      SAFE_EMAIL_BACKEND: 'smtp',
      SAFE_SMTP_HOST: '127.0.0.1',
      SAFE_SMTP_PORT: String(mail.port),
      SAFE_SMTP_STARTTLS: 'disabled',
      SAFE_SMTP_FROM: 'vault@example.org',
    });
  });
  after(async () => {
    await recorder?.stop();
    await mail?.close();
  });

  const onTerminal = (args: readonly string[]) =>
    openTerminal([process.execPath, CLI, ...args], {
      cwd: recorder.home.work,
      env: {
        ...CHILD_ENV,
        HOME: recorder.home.path,
        TERM: 'xterm',
        SALLYPORT_SERVER: recorder.server.main,
      },
    });

  it('a login asks for password and code, shows neither, and says when one is wrong', async () => {
    const terminal = onTerminal(['login', '--user', recorder.username]);
    // The session of the home is still good.
    await terminal.until('Logged in as recorder.');
    assert.equal(await terminal.exit, 0);
    await rm(join(recorder.home.path, '.local'), { recursive: true });
    const again = onTerminal(['login', '--user', recorder.username]);
    await again.until('Password of recorder');
    again.type('not the right one\r');
    await again.until('The user name or the password is wrong.');
    await again.until('Password of recorder');
    again.type(`${PASSWORD}\r`);
    await again.until('Code from your authenticator app');
    again.type('000000\r');
    await again.until('The code is wrong');
    await again.until('Code from your authenticator app');
    const code = recorder.code();
    again.type(`${code}\r`);
    await again.until('Logged in as recorder.');
    assert.equal(await again.exit, 0);
    for (const secret of [PASSWORD, code, 'not the right one']) assert.ok(!again.screen().includes(secret));
  });

  it('a login takes a code that came by mail, also when no more of them are mailed for now', async () => {
    const { server, username, token } = recorder;
    const factor = '/v1/account/second-factor/email';
    const lastCode = () => {
      const { text } = mail.deliveries.at(-1) ?? assert.fail('nothing was mailed');
      return /^([\w-]{43})\r?$/m.exec(text)?.[1] ?? assert.fail(text);
    };
    const mailed = await askMain(server, `${factor}/challenge`, token, { email: 'recorder@example.org' });
    assert.equal(mailed.status, 202);
    assert.equal((await askMain(server, `${factor}/verify`, token, { code: lastCode() })).status, 200);
    const opened = await askMain(server, '/v1/auth/login', undefined, { username, password: PASSWORD });
    const more = () => askMain(server, `${factor}/challenge`, opened.body.token, {});
    let refused = await more();
    while (refused.status === 202) refused = await more();
    assert.equal(refused.status, 429);
    await rm(join(recorder.home.path, '.local'), { recursive: true });
    const terminal = onTerminal(['login', '--user', username]);
    await terminal.until('Password of recorder');
    terminal.type(`${PASSWORD}\r`);
    await terminal.until('empty: mail me one');
    terminal.type('\r');
    await terminal.until('use one of those that came');
    await terminal.until('Code from the mail: ');
    terminal.type(`${lastCode()}\r`);
    await terminal.until('Logged in as recorder.');
    assert.equal(await terminal.exit, 0);
  });

  it('a recording whose session is revoked asks, records on meanwhile, and uploads all of it', async () => {
    const terminal = onTerminal([
      ...[
        'capture',
        '--media',
        'location',
        '--source',
        'signal',
        '--speed',
        '4',
        '--no-viewer',
        '--dir',
        'asked',
      ],
      ...['--duration', '1m', '--chunk-seconds', '0.2'],
    ]);
    await terminal.until(' on the server');
    const revoke = [CLI, 'account', 'revoke-sessions', recorder.username];
    const { status } = spawnSync(process.execPath, revoke, { cwd: recorder.server.folder });
    assert.equal(status, 0);
    await terminal.until('The server wants a login.');
    await terminal.until('Password of recorder');
    terminal.type(`${PASSWORD}\r`);
    await terminal.until('Code from your authenticator app');
    terminal.type(`${recorder.code()}\r`);
    await terminal.until('Logged in; uploading goes on.');
    await terminal.until('The stream is complete');
    assert.equal(await terminal.exit, 0, terminal.screen());
    const args = [
      'open',
      '--from-server',
      incidentOn(terminal.screen()),
      '--keys',
      'asked/keys.json',
      '--json',
    ];
    const [found] = JSON.parse((await recorder.home.ok(args)).stdout).streams;
    assert.deepEqual([found.byte_count, found.end_proven], [6000, true]);
  });

  it('the first login of an account sets up an authenticator app', async () => {
    const made = [
      CLI,
      'account',
      'create',
      'newcomer',
      '--password-file',
      join(recorder.home.work, 'password'),
    ];
    const child = spawn(process.execPath, made, { cwd: recorder.server.folder, stdio: 'ignore' });
    assert.equal((await once(child, 'close'))[0], 0);
    const terminal = onTerminal(['login', '--user', 'newcomer']);
    await terminal.until('Password of newcomer');
    terminal.type(`${PASSWORD}\r`);
    await terminal.until('The six digits that the app shows');
    const secret = /Secret: ([A-Z2-7]+)/.exec(terminal.screen())?.[1] ?? assert.fail(terminal.screen());
    assert.match(terminal.screen(), /█/);
    terminal.type(`${new TOTP({ secret }).generate()}\r`);
    await terminal.until('Logged in as newcomer.');
    assert.equal(await terminal.exit, 0);
  });
});

function incidentOn(screen: string): string {
  return /inc_[0-9A-Z]{26}/.exec(screen)?.[0] ?? assert.fail(screen);
}
