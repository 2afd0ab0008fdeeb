import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { until } from '../support/process.ts';
import { runtimes } from '../support/server.ts';

const root = join(import.meta.dirname, '..', '..');

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

for (const runtime of runtimes) {
  const script = runtime === 'bun' ? 'start:bun' : 'start';
  it(`A SIGTERM to npm run ${script} stops the server too, in an orderly way`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-npm-'));
    const npm = spawn('npm', ['run', '--silent', script], {
      cwd: root,
      env: {
        ...process.env,
        SAFE_DATA_DIR: folder,
        SAFE_MAIN_BIND_ADDRS: '127.0.0.1:0',
        SAFE_ADMIN_BIND_ADDRS: '127.0.0.1:0',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    let said = '';
    npm.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    npm.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await until(() => /"msg":"started"/.test(log) || npm.exitCode !== null);
    const pid = Number(/"pid":(\d+)/.exec(log)?.[1]);
    try {
      assert.ok(alive(pid), said);
      npm.kill('SIGTERM');
      // Its output ends with the last of whoever has it.
      await once(npm, 'close');
      await until(() => !alive(pid));
      assert.match(log, /"msg":"stopped"/);
    } finally {
      if (pid > 0 && alive(pid)) process.kill(pid, 'SIGKILL');
      npm.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    }
  });
}
