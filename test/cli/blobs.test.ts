/** `sallyport blobs`: moving the bytes of a live system to an S3 server and back, killed on the way. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { type Session, throughSockets } from '../support/ask.ts';
import type { BothDoors } from '../support/both-doors.ts';
import { newIncident, newStream, sealedChunk, sha256Hex } from '../support/evidence.ts';
import { download, putChunk, type Recording, recording, streamBundlePath } from '../support/recordings.ts';
import { type S3Server, startS3 } from '../support/s3.ts';
import { sallyport } from '../support/sallyport.ts';
import { rounds } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { ownersAt } from '../support/server-owner.ts';
import { putPath, send } from '../support/uploads.ts';

const MIB = 1024 * 1024;
const RECORDED = rounds(12);
const SETTINGS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_SESSION_TTL: '30d',
};

describe('sallyport blobs', { timeout: 240_000 }, () => {
  let s3: S3Server;
  let folder: string;
  let server: TestServer;
  let doors: BothDoors;
  let as: Session;
  let made: Recording;
  /** SHA-256 of every chunk that was acknowledged, by its path. */
  const kept = new Map<string, string>();

  before(async () => {
    s3 = await startS3();
    folder = await mkdtemp(join(tmpdir(), 'sallyport-blobs-'));
    server = await startServer({ folder, settings: SETTINGS });
    const owners = await ownersAt(server);
    doors = owners.doors;
    as = owners.owners[0] as Session;
    const media = Array.from({ length: RECORDED }, (_, i) =>
      Buffer.alloc(i % 4 === 0 ? MIB + i : 3000 + i, i),
    );
    made = await recording(doors, as, await newIncident(doors, as), { media });
    for (const [at, sealed] of made.sealed.entries())
      kept.set(putPath({ ...made, index: at + 1 }), sha256Hex(sealed));
  });
  after(async () => {
    await server?.stop('SIGKILL');
    await s3?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const backend = (name: 's3' | 'libsql') => ({ ...SETTINGS, ...s3.settings, SAFE_BLOB_BACKEND: name });
  async function restart(settings: Readonly<Record<string, string>>, signal?: NodeJS.Signals): Promise<void> {
    await server.stop(signal);
    server = await startServer({ folder, settings });
    doors = { ...doors, ...throughSockets(server) };
  }
  const blobs = (line: string, settings: Readonly<Record<string, string>> = backend('s3')) =>
    sallyport(folder, ['blobs', ...line.split(' ')], settings);

  async function allAreRead(): Promise<void> {
    for (const [path, sha256] of kept) {
      const { status, bytes } = await send(doors, path, { as });
      assert.equal(`${status} ${sha256Hex(bytes)}`, `200 ${sha256}`, path);
    }
  }

  /** Uploads to a stream of its own and reads what is there, until told to stop. */
  function goingOn(): { stop(): Promise<{ uploaded: number; read: number }> } {
    let stopping = false;
    let [uploaded, read] = [0, 0];
    const uploading = async () => {
      const incidentId = await newIncident(doors, as);
      const place = { incidentId, streamId: await newStream(doors, as, incidentId) };
      for (let index = 1; !stopping; index += 1) {
        const bytes = await sealedChunk({
          ...place,
          index,
          media: Buffer.alloc(index % 5 === 0 ? MIB : 100),
        });
        await putChunk(doors, as, { ...place, mediaType: 'audio' }, index, bytes);
        kept.set(putPath({ ...place, index }), sha256Hex(bytes));
        uploaded += 1;
      }
    };
    const reading = async () => {
      while (!stopping) {
        const { status, bytes } = await download(doors, streamBundlePath(made), as);
        assert.equal(status, 200);
        for (const sealed of made.sealed) assert.ok(Buffer.from(bytes).includes(sealed));
        read += 1;
      }
    };
    const both = Promise.all([uploading(), reading()]);
    // Waited for below.
    both.catch(() => {});
    return {
      async stop() {
        stopping = true;
        await both;
        return { uploaded, read };
      },
    };
  }

  it('moves nothing while new chunks still go to the other place, and says what to do', async () => {
    const plain = await blobs('migrate --to s3', SETTINGS);
    assert.equal(plain.code, 1);
    assert.match(plain.said, /set SAFE_BLOB_BACKEND=s3/);
    for (const line of ['migrate', 'migrate --to disk', 'migrate --to s3 now', 'status now', 'nothing'])
      assert.equal((await blobs(line, SETTINGS)).code, 2, line);
    const help = await blobs('migrate --help', SETTINGS);
    assert.equal(help.code, 0);
    assert.match(help.out, /Exit codes: 0 all lie there, 1 some could not be moved/);
  });

  it('moves a live system to the store while people upload and read', async () => {
    await restart(backend('s3'));
    const busy = goingOn();
    const { code, out, said } = await blobs('migrate --to s3');
    const { uploaded, read } = await busy.stop();
    assert.equal(code, 0, said);
    assert.match(out, new RegExp(`^Moved ${RECORDED} chunks, .* into the object store. Each was read back`));
    assert.ok(uploaded > 0 && read > 0, JSON.stringify({ uploaded, read }));
    await allAreRead();
    const status = JSON.parse((await blobs('status --json')).out);
    assert.deepEqual([status.database, status.new_chunks], [{ chunks: 0, bytes: 0 }, 's3']);
    assert.equal(status.object_store.chunks, kept.size);
    assert.equal((await s3.keys()).length, kept.size + status.loose_objects);
  });

  it('goes on where it was after the server was killed, back into the database', async () => {
    await restart(backend('libsql'));
    let gets = 0;
    s3.trouble = ({ method }) => {
      gets += method === 'GET' ? 1 : 0;
      if (gets === Math.floor(RECORDED / 2)) server.kill('SIGKILL');
      return 'none';
    };
    const cut = await blobs('migrate --to libsql', backend('libsql'));
    s3.trouble = () => 'none';
    assert.equal(cut.code, 1);
    assert.match(cut.said, /ended the connection|broke the connection/);
    await restart(backend('libsql'), 'SIGKILL');
    await allAreRead();
    const busy = goingOn();
    const { code, said } = await blobs('migrate --to libsql', backend('libsql'));
    await busy.stop();
    assert.equal(code, 0, said);
    await allAreRead();
    assert.deepEqual(await s3.keys(), []);
  });

  it('without a server it opens the database itself, and says when the store fails', async () => {
    await server.stop();
    await s3.away();
    const failed = await blobs('migrate --to s3');
    assert.equal(failed.code, 1);
    assert.match(failed.said, /Storage failed \(busy\)/);
    await s3.back();
    const { code, said } = await blobs('migrate --to s3');
    assert.equal(code, 0, said);
    const db = await openEmbedded({ path: join(folder, 'data', 'sallyport.db') });
    try {
      const rows = await db.batch([{ sql: 'SELECT count(*) FROM segments' }], 'read');
      // Copies that the kill interrupted are staged still, until their time is over.
      const staged = await db.batch(
        [
          {
            sql: `SELECT count(*) FROM segments WHERE blob IN (SELECT blob FROM loose_blobs WHERE state = 'staged')`,
          },
        ],
        'read',
      );
      assert.deepEqual(rows[0]?.rows, staged[0]?.rows);
    } finally {
      await db.close();
    }
    server = await startServer({ folder, settings: backend('s3') });
    doors = { ...doors, ...throughSockets(server) };
    await allAreRead();
  });
});
