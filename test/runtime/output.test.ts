/** Whoever reads the server's output may go away: a pipe that is closed ends nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { runtimes, serverCommand } from '../support/server.ts';

for (const runtime of runtimes) {
  it(`serves on and stops in order on ${runtime} when nobody reads its output any more`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-output-'));
    const [program, args] = serverCommand(runtime);
    const env = {
      PATH: process.env.PATH ?? '',
      SAFE_MAIN_BIND_ADDRS: '127.0.0.1:0',
      SAFE_ADMIN_BIND_ADDRS: '127.0.0.1:0',
    };
    const server = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = once(server, 'exit');
    try {
      let said = '';
      for await (const piece of server.stderr) {
        said += String(piece);
        if (/^Ready\./m.test(said)) break;
      }
      server.stdout.destroy();
      server.stderr.destroy();
      const [, main = ''] = /^main +(\S+)/m.exec(said) ?? [];
      for (let n = 0; n < 3; n += 1) assert.equal((await fetch(main)).status, 200);
      server.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
    } finally {
      server.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    }
  });
}
