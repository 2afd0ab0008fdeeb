/** The unit for systemd: how far it confines the server, and that the server can live so. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CHILD_ENV } from '../support/child-env.ts';
import { debianProgram } from '../support/debian.ts';
import { tempDir } from '../support/temp.ts';

const root = join(import.meta.dirname, '..', '..');
const unit = join(root, 'deploy', 'systemd', 'sallyport.service');
const analyze = (...args: string[]) => spawnSync('systemd-analyze', args, { encoding: 'utf8' });
const skip = analyze('--version').status === 0 ? false : 'this machine has no systemd-analyze';

describe('the unit for systemd', () => {
  it('is exposed less than 2.0, as systemd itself reckons', { skip }, () => {
    const { status, stdout } = analyze('security', '--offline=yes', '--threshold=20', unit);
    const [, level] = /Overall exposure level for \S+: (\d+\.\d+)/.exec(stdout) ?? [];
    assert.ok(Number(level) < 2, stdout);
    assert.equal(status, 0);
  });

  it('and its sockets are understood by systemd to the last line', { skip }, () => {
    const units = ['sallyport.service', 'sallyport-main.socket', 'sallyport-admin.socket'];
    const { stdout, stderr } = analyze('verify', ...units.map((name) => join(root, 'deploy/systemd', name)));
    const ours = `${stdout}${stderr}`
      .split('\n')
      .filter((line) => /sallyport/.test(line) && !/is not executable: No such file/.test(line));
    assert.deepEqual(ours, []);
  });

  it('leaves the server the system calls that it needs', { skip }, async () => {
    const folder = await tempDir();
    const python = debianProgram('python3');
    const script = join(import.meta.dirname, 'confine.py');
    const child = spawn(python, [script, unit, process.execPath, join(root, 'server.node.ts')], {
      cwd: folder.path,
      env: { ...CHILD_ENV, SAFE_MAIN_BIND_ADDRS: '127.0.0.1:0', SAFE_ADMIN_BIND_ADDRS: '127.0.0.1:0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(child, 'close');
    try {
      let said = '';
      const ready = new Promise<void>((done) => {
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          if (/^Ready\./m.test(said)) done();
        });
      });
      await Promise.race([ready, ended]);
      const main = /^main +(\S+)$/m.exec(said)?.[1] ?? assert.fail(said);
      const filters = /^Seccomp:\s+(\d)$/m.exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))?.[1];
      assert.equal(filters, '2', 'the filter is in force');
      const made = await fetch(`${main}/`, { method: 'POST', body: new Uint8Array(1_500_000) });
      assert.equal(made.status, 201);
      // A password is hashed on another thread.
      const locked = await fetch(`${main}/`, {
        method: 'POST',
        body: 'something',
        headers: { 'x-paste-password': 'correct horse' },
      });
      assert.equal(locked.status, 201);
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null], said);
    } finally {
      child.kill('SIGKILL');
      await ended;
      await folder.remove();
    }
  });
});
