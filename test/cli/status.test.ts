/** `sallyport status`: what containers and scripts ask instead of a health route. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { acquire } from '../../runtime/control.ts';
import { sallyport } from '../support/sallyport.ts';
import { startServer } from '../support/server.ts';
import { tempDir } from '../support/temp.ts';

it('is well while a server runs, says who it is, and can be silent', async () => {
  await using server = await startServer();
  const told = await sallyport(server.folder, ['status', '--json']);
  assert.equal(told.code, 0, told.said);
  const { running, pid, since } = JSON.parse(told.out) as Record<string, unknown>;
  assert.deepEqual([running, pid], [true, server.pid]);
  assert.ok(!Number.isNaN(Date.parse(String(since))));
  assert.deepEqual(await sallyport(server.folder, ['status', '--quiet']), { code: 0, out: '', said: '' });
});

it('is not well without a server, while one is starting, and when its database is not as it should be', async () => {
  const folder = await tempDir();
  const ask = () => sallyport(folder.path, ['status', '--quiet']);
  const data = join(folder.path, 'data');
  try {
    const nobody = await ask();
    assert.deepEqual([nobody.code, nobody.out], [1, '']);
    assert.match(nobody.said, /^No server is running/);
    // The owner of the directory answers on the socket before it has opened anything.
    const owned = await acquire(data, { version: '1.2.3', now: Date.UTC(2026, 0, 1) });
    try {
      const starting = await ask();
      assert.equal(starting.code, 1);
      assert.match(starting.said, /It is starting/);
      const message = 'The database is newer than this version.';
      owned.answer({ doctor: () => [{ check: 'schema', level: 'wrong', message }] });
      assert.deepEqual(await ask(), { code: 1, out: '', said: `${message}\n` });
      owned.answer({ doctor: () => 'nonsense' });
      assert.equal((await ask()).code, 1);
    } finally {
      await owned.release();
    }
  } finally {
    await folder.remove();
  }
});
