import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { VERSION } from '../../src/core/version.ts';
import { openWire } from '../support/probe.ts';
import { runServer, runtimes, startServer } from '../support/server.ts';

const mode = async (path: string) => (await stat(path)).mode & 0o777;

async function create(main: string, body: string): Promise<{ raw: string; delete_token: string }> {
  const answer = await fetch(main, { method: 'POST', body });
  assert.equal(answer.status, 201);
  return (await answer.json()) as { raw: string; delete_token: string };
}

for (const runtime of runtimes) {
  describe(`the server on ${runtime}`, () => {
    let folder = '';
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sallyport-server-'));
    });
    after(() => rm(folder, { recursive: true, force: true }));

    it('says where each door is and where the bootstrap secret lies, and keeps its files private', async () => {
      await using server = await startServer({ runtime });
      assert.match(server.said(), /^main +http:\/\/127\.0\.0\.1:\d+\nadmin http:\/\/127\.0\.0\.1:\d+\n/m);
      assert.match(server.said(), /bootstrap secret lies in data\/bootstrap-secret$/m);
      const data = join(server.folder, 'data');
      assert.equal(await mode(data), 0o700);
      for (const name of await readdir(data)) assert.equal((await mode(join(data, name))) & 0o077, 0, name);
      const secret = (await readFile(join(data, 'bootstrap-secret'), 'utf8')).trim();
      assert.match(secret, /^[A-Za-z0-9_-]{43}$/);
      assert.equal(Buffer.from(await readFile(join(data, 'secret-key'), 'utf8'), 'base64').length, 32);
      assert.ok(!server.said().includes(secret) && !server.log().includes(secret));
    });

    it('makes no bootstrap secret when one was given', async () => {
      await using server = await startServer({
        runtime,
        settings: { SAFE_AUTH_BOOTSTRAP_SECRET: 'given-for-this-test-only' },
      });
      assert.doesNotMatch(server.said(), /bootstrap/);
      assert.ok(!(await readdir(join(server.folder, 'data'))).includes('bootstrap-secret'));
    });

    it('keeps pastes, their links and its secrets over a restart', async () => {
      const first = await startServer({ runtime, folder });
      const paste = await create(first.main, 'still here tomorrow');
      assert.ok(paste.raw.startsWith(`${first.main}/`));
      const key = await readFile(join(folder, 'data', 'secret-key'), 'utf8');
      assert.deepEqual(await first.stop(), { code: 0, signal: null });
      assert.ok(!(await readdir(join(folder, 'data'))).includes('control.sock'));

      const second = await startServer({ runtime, folder });
      assert.equal(await readFile(join(folder, 'data', 'secret-key'), 'utf8'), key);
      const raw = paste.raw.replace(first.main, second.main);
      assert.equal(await (await fetch(raw)).text(), 'still here tomorrow');
      const removed = await fetch(raw.replace('/raw', ''), {
        method: 'DELETE',
        headers: { 'x-delete-token': paste.delete_token },
      });
      assert.equal(removed.status, 200);
      await second.stop();
    });

    it('logs one JSON line a request, with the pattern and not the path', async () => {
      await using server = await startServer({ runtime });
      const answer = await fetch(`${server.main}/00000000000000000000000000?q=canary`, {
        headers: { 'x-request-id': 'mine.1' },
      });
      assert.equal(answer.status, 404);
      assert.equal(answer.headers.get('x-request-id'), 'mine.1');
      await server.stop();
      const lines = server.lines().filter((line) => line.msg === 'request');
      assert.equal(lines.length, 1);
      const [line = {}] = lines;
      assert.match(String(line.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.deepEqual(
        { ...line, time: '', duration_ms: 0, bytes: 0 },
        {
          level: 'info',
          time: '',
          msg: 'request',
          request_id: 'mine.1',
          listener: 'main',
          method: 'GET',
          route: '/{id}',
          status: 404,
          bytes: 0,
          duration_ms: 0,
        },
      );
      assert.doesNotMatch(server.log(), /canary/);
    });

    it('finishes an upload that was under way when it was told to stop', async () => {
      await using server = await startServer({ runtime });
      const wire = await openWire(Number(new URL(server.main).port));
      wire.socket.write('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
      // The body is being waited for: the request is in flight.
      await wire.until(/100 Continue/);
      server.kill('SIGTERM');
      wire.socket.write('hello');
      assert.match(await wire.ended, /HTTP\/1\.1 201 /);
      assert.deepEqual(await server.exited, { code: 0, signal: null });
    });

    it('ends at once on a second signal', async () => {
      await using server = await startServer({ runtime });
      const wire = await openWire(Number(new URL(server.main).port));
      wire.socket.write('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
      await wire.until(/100 Continue/);
      server.kill('SIGINT');
      // The echo of a Ctrl-C that npm passes on is no second wish, so it is asked for until it is heard.
      const again = setInterval(() => server.kill('SIGINT'), 200);
      const exit = await server.exited;
      clearInterval(again);
      assert.deepEqual(exit, { code: 1, signal: null });
    });

    it('refuses a data directory that another server holds, and says which', async () => {
      await using first = await startServer({ runtime });
      const second = await runServer({ runtime, folder: first.folder });
      assert.equal(second.code, 1);
      assert.match(
        second.stderr,
        new RegExp(`in use by sallyport ${VERSION}, process ${first.pid}, .*Stop that`),
      );
      assert.doesNotMatch(second.stderr, /\n +at /);
    });

    it('refuses a database that another server holds from another data directory', async () => {
      await using first = await startServer({ runtime });
      const file = `file:${join(first.folder, 'data', 'sallyport.db')}`;
      const second = await runServer({ runtime, settings: { SAFE_DATABASE_URL: file } });
      assert.equal(second.code, 1);
      assert.match(second.stderr, /^The database file .* is in use by another server/m);
    });

    it('says what to do when a port is taken, and leaves nothing running', async () => {
      await using first = await startServer({ runtime });
      const taken = new URL(first.main).host;
      const second = await runServer({ runtime, settings: { SAFE_ADMIN_BIND_ADDRS: taken } });
      assert.equal(second.code, 1);
      assert.equal(
        second.stderr,
        `The admin door cannot open at ${taken}: another program listens there. Stop it, or choose another address with SAFE_ADMIN_BIND_ADDRS.\n`,
      );
    });

    it('names everything that is wrong with its settings, and exits with 2', async () => {
      const { code, stderr } = await runServer({
        runtime,
        settings: {
          SAFE_SWEEP_INTERVAL: 'often',
          SAFE_PASTE_POW_DIFFICULTY: '-1',
          SAFE_PUBLIC_BIND_ADDR: '',
        },
      });
      assert.equal(code, 2);
      for (const name of ['SAFE_SWEEP_INTERVAL', 'SAFE_PASTE_POW_DIFFICULTY', 'SAFE_PUBLIC_BIND_ADDR']) {
        assert.match(stderr, new RegExp(`^${name} `, 'm'));
      }
    });

    it('refuses a secret key that is not the one of its database', async () => {
      const first = await startServer({ runtime, folder });
      await first.stop();
      const other = Buffer.alloc(32, 7).toString('base64');
      const { code, stderr } = await runServer({ runtime, folder, settings: { SAFE_SECRET_KEY: other } });
      assert.equal(code, 1);
      assert.match(stderr, /^The database was made with another secret key\./m);
      assert.ok(!stderr.includes(other));
    });

    it('refuses a damaged secret key instead of making a new one, and puts its rights right', async () => {
      const path = join(folder, 'data', 'secret-key');
      const good = await readFile(path, 'utf8');
      await writeFile(path, 'not a key\n');
      const { code, stderr } = await runServer({ runtime, folder });
      assert.equal(code, 1);
      assert.match(stderr, /secret-key does not hold 32 bytes in base64/);
      await writeFile(path, good);
      await chmod(path, 0o644);
      const again = await startServer({ runtime, folder });
      assert.equal(await mode(path), 0o600);
      await again.stop();
    });

    it('answers --help, --version and a wrong argument without starting', async () => {
      const help = await runServer({ runtime, args: ['--help'] });
      assert.equal(help.code, 0);
      assert.match(help.stdout, /--config FILE/);
      assert.match(help.stdout, /Exit codes: 0 .* 1 .* 2 /);
      const version = await runServer({ runtime, args: ['--version'] });
      assert.deepEqual([version.code, version.stdout], [0, `${VERSION}\n`]);
      const wrong = await runServer({ runtime, args: ['--nonsense'] });
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, /--help/);
      const missing = await runServer({ runtime, args: ['--config', 'no-such.toml'] });
      assert.equal(missing.code, 2);
    });

    it('says in a sentence that a data directory cannot be made', async () => {
      const { code, stderr } = await runServer({ runtime, settings: { SAFE_DATA_DIR: '/dev/null/data' } });
      assert.equal(code, 1);
      assert.match(stderr, /^The data directory \/dev\/null\/data cannot be used/m);
      assert.doesNotMatch(stderr, /\n +at /);
    });
  });
}
