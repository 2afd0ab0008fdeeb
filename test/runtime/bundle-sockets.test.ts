/** Bundles over real sockets: downloads that break off, on either side, and go on. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { answers, ask, type Session, throughSockets } from '../support/ask.ts';
import { anotherOwner, firstAdmin, newIncident } from '../support/evidence.ts';
import { incidentBundlePath, type Recording, recording, streamBundlePath } from '../support/recordings.ts';
import { type RuntimeName, runtimes, startServer, type TestServer } from '../support/server.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const SETTINGS = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false', SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false' };
const noCurl =
  spawnSync('curl', ['--version']).status === 0
    ? false
    : 'curl is not installed; on Debian: apt-get install curl';

/** Runs curl. @returns its exit code */
async function curl(server: TestServer, as: Session, path: string, args: readonly string[]): Promise<number> {
  const always = ['--silent', '--header', `Authorization: Bearer ${as.token}`, `${server.main}${path}`];
  try {
    await run('curl', [...args, ...always]);
    return 0;
  } catch (error) {
    return (error as { code: number }).code;
  }
}

const PARTIAL_FILE = 18;
const RANGE_ERROR = 33;

function suite(runtime: RuntimeName): void {
  describe(`bundles over sockets of ${runtime === 'node' ? 'Node' : 'Bun'}`, { timeout: 600_000 }, () => {
    let dir: TempDir;
    let server: TestServer;
    let as: Session;
    let made: Recording;
    const start = async () => {
      server = await startServer({ runtime, settings: SETTINGS, folder: dir.path });
      return throughSockets(server);
    };
    before(async () => {
      dir = await tempDir();
      const doors = await start();
      const secret = (await readFile(join(dir.path, 'data', 'bootstrap-secret'), 'utf8')).trim();
      const both = { ...doors, bootstrapSecret: secret, now: Date.now, close: async () => {} };
      as = await anotherOwner(both, await firstAdmin(both));
      const media = [Buffer.alloc(10, 1), Buffer.alloc(9 * MIB, 2), Buffer.alloc(10, 3)];
      made = await recording(doors, as, await newIncident(doors, as), { media });
      // A bundle changes once more, with the first checkpoint that covers it: a server signs one as it starts.
      await server.stop();
      await start();
      while (!(await whole(incidentBundlePath(made.incidentId))).bytes.includes('custody/checkpoint'));
    });
    after(async () => {
      await server?.stop();
      await dir.remove();
    });
    const whole = async (path: string) => {
      const answer = await fetch(`${server.main}${path}`, {
        headers: { authorization: `Bearer ${as.token}` },
      });
      const etag = answer.headers.get('etag') ?? '';
      return { bytes: Buffer.from(await answer.arrayBuffer()), etag };
    };

    it('a download that broke off goes on with curl -C -', { skip: noCurl }, async () => {
      const file = join(dir.path, 'resumed.zip');
      for (const path of [streamBundlePath(made), incidentBundlePath(made.incidentId)]) {
        const { bytes, etag } = await whole(path);
        for (const kept of [1, 200, 4 * MIB + 77, bytes.length - 3]) {
          await writeFile(file, bytes.subarray(0, kept));
          const args = ['--continue-at', '-', '--header', `If-Range: ${etag}`, '--output', file];
          assert.equal(await curl(server, as, path, args), 0);
          assert.ok((await readFile(file)).equals(bytes), `${kept} of ${bytes.length}`);
        }
      }
    });

    it('a download of what is another bundle by now is not sewn together', { skip: noCurl }, async () => {
      const path = incidentBundlePath(made.incidentId);
      const { bytes, etag } = await whole(path);
      const doors = throughSockets(server);
      answers(await ask(doors, `/v1/incidents/${made.incidentId}/checkins`, { as, body: {} }), 201);
      const file = join(dir.path, 'other.zip');
      await writeFile(file, bytes.subarray(0, MIB));
      const args = ['--continue-at', '-', '--header', `If-Range: ${etag}`, '--output', file];
      assert.equal(await curl(server, as, path, args), RANGE_ERROR);
      assert.ok((await readFile(file)).equals(bytes.subarray(0, MIB)));
      assert.equal(await curl(server, as, path, ['--output', file]), 0);
      const now = await whole(path);
      assert.notEqual(now.etag, etag);
      assert.ok((await readFile(file)).equals(now.bytes));
    });

    it('a client that leaves in the middle harms nobody', async () => {
      const path = streamBundlePath(made);
      const { bytes } = await whole(path);
      for (let i = 0; i < 5; i += 1) {
        const leave = new AbortController();
        const headers = { authorization: `Bearer ${as.token}` };
        const answer = await fetch(`${server.main}${path}`, { headers, signal: leave.signal });
        await answer.body?.getReader().read();
        leave.abort();
      }
      assert.ok((await whole(path)).bytes.equals(bytes));
    });

    it('a bundle of which bytes are missing breaks off, and the client is told', async () => {
      await server.stop();
      const db = await openEmbedded({ path: join(dir.path, 'data', 'sallyport.db') });
      const sql = `DELETE FROM segments WHERE idx = 5 AND blob =
        (SELECT blob FROM chunks WHERE stream_id = ? AND chunk_index = 2)`;
      const [erased] = await db.batch([{ sql, args: [made.streamId] }], 'write');
      await db.close();
      assert.equal(erased?.changes, 1);
      await start();
      for (const path of [streamBundlePath(made), incidentBundlePath(made.incidentId)]) {
        const headers = { authorization: `Bearer ${as.token}` };
        const answer = await fetch(`${server.main}${path}`, { headers });
        assert.equal(answer.status, 200);
        await assert.rejects(answer.arrayBuffer());
        if (noCurl === false) {
          const file = join(dir.path, 'missing.zip');
          assert.equal(await curl(server, as, path, ['--output', file]), PARTIAL_FILE);
        }
      }
      const told = server.lines().filter(({ msg }) => msg === 'bundle broken');
      assert.ok(told.length >= 2);
      for (const line of told) assert.equal(line.error_category, 'not_found');
    });
  });
}

for (const runtime of runtimes) suite(runtime);
