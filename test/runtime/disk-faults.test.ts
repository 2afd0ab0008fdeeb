/**
 * A server whose disk is full, read-only or broken: what it answers meanwhile, that reading goes on, that it recovers
 * by itself, what it tells its operator, and that nothing it acknowledged is lost.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import Database from 'libsql';
import { type DiskFault, type Faults, faults } from '../support/faults.ts';
import { checkAnswer } from '../support/openapi.ts';
import { inSoak } from '../support/seed.ts';
import { runServer, startServer, type TestServer } from '../support/server.ts';
import { tempDir } from '../support/temp.ts';

const UNCOUNTED = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false', SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false' };
const LINUX = process.platform === 'linux' ? false : 'faults are put under the process as Linux does it';
/** Bytes that lie in the paste's row, and bytes that are staged in segments before the commit. */
const SIZES = [100, 2_500_000];

/** What a server acknowledged, and whether it can still show it. */
class Promises {
  readonly #kept = new Map<string, Buffer>();
  #count = 0;

  async create(main: string, size = 100) {
    this.#count += 1;
    const sent = Buffer.alloc(size, `paste ${this.#count} `);
    const response = await fetch(main, { method: 'POST', body: sent });
    const body = new Uint8Array(await response.arrayBuffer());
    const { status, headers } = response;
    checkAnswer('main', { method: 'POST', path: '/', status, headers, body });
    const told = JSON.parse(new TextDecoder().decode(body));
    if (status === 201) this.#kept.set(told.id, sent);
    return { status, code: told.error?.code, retryAfter: headers.get('retry-after') };
  }

  /**
   * The statuses of reading everything that was acknowledged, 0 for an answer that was cut in the middle. Bytes that
   * come must be those that were sent.
   */
  async read(main: string): Promise<number[]> {
    const statuses: number[] = [];
    for (const [id, sent] of this.#kept) {
      const { response, got } = await whole(`${main}/${id}/raw`);
      statuses.push(response?.status ?? 0);
      if (response === undefined) continue;
      if (response.status === 200) assert.ok(got.equals(sent), 'other bytes than were sent');
      else assert.equal(JSON.parse(got.toString()).error.code, 'storage_unavailable');
    }
    return statuses;
  }

  async allThere(main: string): Promise<void> {
    const statuses = await this.read(main);
    assert.deepEqual(
      statuses,
      statuses.map(() => 200),
    );
  }
}

async function whole(url: string) {
  try {
    const response = await fetch(url);
    return { response, got: Buffer.from(await response.arrayBuffer()) };
  } catch (error) {
    assert.ok(error instanceof TypeError, String(error));
    return { response: undefined, got: Buffer.alloc(0) };
  }
}

async function refused(promises: Promises, main: string, size: number): Promise<void> {
  const { status, code, retryAfter } = await promises.create(main, size);
  assert.deepEqual([status, code], [503, 'storage_unavailable']);
  assert.match(retryAfter ?? '', /^[1-9][0-9]*$/);
}

function assertSound(folder: string): void {
  const db = new Database(join(folder, 'data', 'sallyport.db'));
  try {
    assert.deepEqual(db.prepare('PRAGMA integrity_check').raw().all([]), [['ok']]);
    assert.deepEqual(db.prepare('PRAGMA foreign_key_check').raw().all([]), []);
  } finally {
    db.close();
  }
}

describe('a disk under a server', { skip: LINUX, timeout: 120_000 }, () => {
  let under: Faults;
  let server: TestServer;
  const promises = new Promises();
  const start = () => startServer({ folder: under.folder, settings: { ...UNCOUNTED, ...under.env } });
  before(async () => {
    under = await faults();
    server = await start();
    for (const size of SIZES) assert.equal((await promises.create(server.main, size)).status, 201);
  });
  after(async () => {
    await server?.stop();
    await under?.remove();
  });

  const WRITING: readonly [name: string, fault: DiskFault, says: RegExp][] = [
    ['that is full', { write: 'ENOSPC' }, /^SQLITE_FULL: The disk under the database is full\. Make room/],
    [
      'that is read-only',
      { write: 'EROFS' },
      /^SQLITE_READONLY.*: The database file cannot be written: its disk is read-only/,
    ],
    ['that cannot write', { write: 'EIO' }, /^SQLITE_IOERR_WRITE: The disk under the database fails\./],
    ['that cannot flush', { sync: 'EIO' }, /^SQLITE_IOERR_FSYNC: The disk under the database fails\./],
  ];
  for (const [name, fault] of WRITING) {
    it(`${name} is 503 for writers, nothing to readers, and no reason to start again`, async () => {
      under.disk(fault);
      for (const size of [...SIZES, 100]) await refused(promises, server.main, size);
      await promises.allThere(server.main);
      under.disk({});
      for (const size of SIZES) assert.equal((await promises.create(server.main, size)).status, 201);
      await promises.allThere(server.main);
    });
  }

  it('that cannot be read is 503 for what is not in memory, and well again once it can', async () => {
    under.disk({ read: 'EIO' });
    for (const status of await promises.read(server.main)) assert.ok([200, 503, 0].includes(status));
    under.disk({});
    await promises.allThere(server.main);
    assert.equal((await promises.create(server.main)).status, 201);
  });

  it('is told of, with what to do, and so is that it works again', async () => {
    await server.stop();
    const lines = server.lines();
    const told = lines.flatMap(({ msg, error_code, what_to_do }) =>
      msg === 'storage is in trouble' ? [`${error_code}: ${what_to_do}`] : [],
    );
    for (const [name, , says] of WRITING)
      assert.ok(
        told.some((line) => says.test(line)),
        `${name}: ${told.join('\n')}`,
      );
    assert.ok(lines.some(({ msg }) => msg === 'storage works again'));
    assert.deepEqual(
      lines.filter(({ status }) => status === 500),
      [],
    );
    assertSound(under.folder);
    server = await start();
    await promises.allThere(server.main);
  });

  it('whose log cannot be read at the end, or at the start, loses nothing of it', async () => {
    // In the log and not yet in the database file.
    for (const size of SIZES) assert.equal((await promises.create(server.main, size)).status, 201);
    under.disk({ read: 'EIO' });
    await server.stop();
    const { code, stderr } = await runServer({
      folder: under.folder,
      settings: { ...UNCOUNTED, ...under.env },
    });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^The database file .* cannot be opened: The log .* cannot be read \(EIO\)\. Check .*$/m,
    );
    under.disk({});
    assertSound(under.folder);
    server = await start();
    await promises.allThere(server.main);
  });

  it('that is read-only is no place to start on, as a sentence says, and nothing is changed', async () => {
    await server.stop();
    under.disk({ write: 'EROFS' });
    const { code, stderr } = await runServer({
      folder: under.folder,
      settings: { ...UNCOUNTED, ...under.env },
    });
    assert.equal(code, 1);
    assert.match(stderr, /cannot be locked: EROFS.*must have room and be writable/);
    assert.doesNotMatch(stderr, /\n\s+at /, `a sentence and no stack: ${stderr}`);
    assertSound(under.folder);
  });

  it('that is full is one to start on: what is there is read, and written again once there is room', async () => {
    under.disk({ write: 'ENOSPC' });
    server = await start();
    await promises.allThere(server.main);
    await refused(promises, server.main, 100);
    under.disk({});
    assert.equal((await promises.create(server.main)).status, 201);
    await promises.allThere(server.main);
  });
});

const mounts =
  LINUX ||
  inSoak('“a disk under a server that is full”') ||
  (process.getuid?.() === 0 ? false : 'only root mounts a small file system');

describe('a real file system of 8 MiB', { skip: mounts || mountable(), timeout: 120_000 }, () => {
  it('fills up: writers are 503, readers go on, and once there is room all is well', async (t) => {
    const dir = await tempDir();
    const data = join(dir.path, 'data');
    await mkdir(data, { mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'tmpfs', data]);
    let server: TestServer | undefined;
    t.after(async () => {
      await server?.stop();
      execFileSync('umount', [data]);
      await dir.remove();
    });
    server = await startServer({ folder: dir.path, settings: UNCOUNTED });
    const promises = new Promises();
    await promises.create(server.main);
    // Somebody else's file takes what is left.
    const ballast = join(data, 'ballast');
    await fill(ballast);
    let status = 201;
    for (let count = 0; status === 201 && count < 20; count += 1)
      ({ status } = await promises.create(server.main, 500_000));
    assert.equal(status, 503);
    await refused(promises, server.main, 500_000);
    await promises.allThere(server.main);
    await rm(ballast);
    assert.equal((await promises.create(server.main, 500_000)).status, 201);
    await promises.allThere(server.main);
    await server.stop();
    assert.match(server.log(), /The disk under the database is full/);
    server = await startServer({ folder: dir.path, settings: UNCOUNTED });
    await promises.allThere(server.main);
    assert.ok(!(await readdir(data)).some((name) => name.endsWith('.new')));
  });
});

async function fill(path: string): Promise<void> {
  const piece = Buffer.alloc(64 * 1024);
  for (let pieces = 0; pieces < 1024; pieces += 1) {
    try {
      await writeFile(path, piece, { flag: 'a' });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      return;
    }
  }
}

/** Containers often may not mount although they are root. */
function mountable(): string | false {
  try {
    execFileSync('unshare', ['-m', 'true'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'this system lets nobody mount (CAP_SYS_ADMIN)';
  }
}
