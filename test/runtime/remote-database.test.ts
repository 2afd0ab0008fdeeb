/** A server whose database is a libSQL server: what it refuses at start, and what becomes of it while that is away. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { openRemote } from '../../src/store/remote.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import { tokenMaker } from '../support/database-tokens.ts';
import { SAFE_SECRET_KEY } from '../support/edge-door.ts';
import { checkAnswer } from '../support/openapi.ts';
import { runServer, runtimes, startServer } from '../support/server.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

/** A busy machine is no trouble with the database, unless a test says so. */
const UNCOUNTED = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_SECRET_KEY,
  SAFE_DATABASE_TIMEOUT: '60s',
};
const HOUR = 3600;

/** Creates a paste, which needs the database. */
async function create(main: string) {
  const response = await fetch(main, { method: 'POST', body: crypto.randomUUID() });
  const body = new Uint8Array(await response.arrayBuffer());
  const { status, headers } = response;
  checkAnswer('main', { method: 'POST', path: '/', status, headers, body });
  return { status, headers, code: status < 400 ? '' : JSON.parse(new TextDecoder().decode(body)).error.code };
}

function assertAway({ status, code, headers }: Awaited<ReturnType<typeof create>>): void {
  assert.deepEqual([status, code], [503, 'storage_unavailable']);
  assert.match(headers.get('retry-after') ?? '', /^[1-9][0-9]*$/);
}

/** A connection that is gone may cost one more request before it is known for that. */
async function untilCreated(main: string): Promise<void> {
  for (;;) {
    const answer = await create(main);
    if (answer.status === 201) return;
    assertAway(answer);
  }
}

for (const runtime of runtimes) {
  describe(`a server on ${runtime} whose database is a libSQL server`, {
    skip: hasSqld ? false : 'npm has no libSQL server for this platform',
    timeout: 600_000,
  }, () => {
    const ours = tokenMaker();
    const now = () => Math.floor(Date.now() / 1000);
    const good = ours.token({ exp: now() + HOUR });
    let sqld: Sqld;
    // One after the other they are the same server.
    let folder = '';
    before(async () => {
      sqld = await startSqld(ours);
      folder = await mkdtemp(join(tmpdir(), 'sallyport-remote-'));
    });
    after(async () => {
      await sqld?.stop();
      await rm(folder, { recursive: true, force: true });
    });
    const settings = (token: string, more: Readonly<Record<string, string>> = {}) => ({
      ...UNCOUNTED,
      SAFE_DATABASE_URL: sqld.url,
      ...(token !== '' && { SAFE_DATABASE_AUTH_TOKEN: token }),
      ...more,
    });
    const refusal = async (given: Readonly<Record<string, string>>) => {
      const { code, stderr, stdout } = await runServer({ runtime, folder, settings: given });
      assert.equal(code, 1);
      const token = given.SAFE_DATABASE_AUTH_TOKEN ?? 'none';
      assert.ok(!`${stderr}${stdout}`.includes(token), 'the token is not repeated');
      assert.doesNotMatch(stderr, /\n\s+at /, 'a sentence and no stack');
      return stderr;
    };

    it('works with a token, and never shows it', async () => {
      await using server = await startServer({ runtime, folder, settings: settings(good) });
      assert.equal((await create(server.main)).status, 201);
      await server.stop();
      assert.ok(!`${server.log()}${server.said()}`.includes(good));
    });

    for (const [what, token] of [
      ['without a token', ''],
      ['with a token of another key', tokenMaker().token()],
      ['with a token that has expired', ours.token({ exp: now() - HOUR })],
      ['with a token that may only read', ours.token({ a: 'ro' })],
    ] as const) {
      it(`does not start ${what}, and says so`, async () => {
        const said = await refusal(settings(token));
        assert.match(said, /^The libSQL server at 127\.0\.0\.1:\d+ refuses SAFE_DATABASE_AUTH_TOKEN: /m);
      });
    }

    it('answers 503 while its token is not taken any more, says why in its log, and recovers by itself', async () => {
      await using server = await startServer({ runtime, folder, settings: settings(good) });
      await sqld.kill();
      await sqld.start(tokenMaker().publicKey);
      assertAway(await create(server.main));
      await sqld.kill();
      await sqld.start();
      await untilCreated(server.main);
      await server.stop();
      const refused = server.lines().find(({ msg, status }) => msg === 'request' && status === 503);
      assert.deepEqual([refused?.error_type, refused?.error_kind], ['DbError', 'denied']);
      assert.ok(!server.log().includes(good));
    });

    it('does not start on a server that never answers, and says so', async (t) => {
      const proxy = await startDatabaseProxy(sqld.port);
      t.after(() => proxy.close());
      proxy.swallow = true;
      const away = { SAFE_DATABASE_URL: proxy.url, SAFE_DATABASE_TIMEOUT: '300ms' };
      assert.match(await refusal(settings(good, away)), /does not answer within SAFE_DATABASE_TIMEOUT/);
    });

    it('answers 503 when its time for a server that never answers is over, not before others’ and not after', async (t) => {
      const proxy = await startDatabaseProxy(sqld.port);
      t.after(() => proxy.close());
      const through = { SAFE_DATABASE_URL: proxy.url };
      await using hurried = await startServer({
        runtime,
        folder,
        settings: settings(good, { ...through, SAFE_DATABASE_TIMEOUT: '8s' }),
      });
      await using patient = await startServer({
        runtime,
        besides: { folder },
        settings: settings(good, { ...through, SAFE_DATABASE_TIMEOUT: '1h' }),
      });
      proxy.swallow = true;
      const swallowed = proxy.swallowed();
      let patientAnswered = false;
      const waits = create(patient.main).then((answer) => {
        patientAnswered = true;
        return answer;
      });
      await swallowed;
      // More than are sent at a time: none waits for another one's end.
      const answers = await Promise.all(Array.from({ length: 12 }, () => create(hurried.main)));
      for (const answer of answers) assertAway(answer);
      assert.equal(patientAnswered, false);
      proxy.swallow = false;
      await untilCreated(hurried.main);
      // Whoever still waits is answered at the end of the connection: its own, or that of what it waits for.
      proxy.cut();
      const waited = await waits;
      if (waited.status !== 201) assertAway(waited);
      await untilCreated(patient.main);
    });

    it('does not start on a database of a newer version, and changes nothing there', async () => {
      const db = openRemote({ url: sqld.url, authToken: good });
      const newer = String(migrations.length + 1).padStart(4, '0');
      const row = `('${newer}_of_the_future', '${'a'.repeat(64)}', 1)`;
      await db.batch([{ sql: `INSERT INTO schema_migrations VALUES ${row}` }], 'write');
      try {
        assert.match(await refusal(settings(good)), new RegExp(`migration ${newer}_of_the_future, which`));
      } finally {
        await db.batch([{ sql: `DELETE FROM schema_migrations WHERE id LIKE '${newer}%'` }], 'write');
        await db.close();
      }
    });
  });
}
