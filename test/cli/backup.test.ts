/** Backups of a server that goes on: nothing acknowledged is missing, and what is restored serves it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { chmod, cp, lstat, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Session } from '../support/ask.ts';
import type { BothDoors } from '../support/both-doors.ts';
import {
  hasPaste,
  identityIn,
  kept,
  killedWhen,
  type Recording,
  record,
  type WrittenChunk,
  type WrittenPaste,
  writePaste,
} from '../support/keeping.ts';
import { rounds, seeded } from '../support/seed.ts';
import { runServer, startServer, type TestServer } from '../support/server.ts';
import { doorsOf, ownersAt } from '../support/server-owner.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

const LIMITS_OFF = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false', SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false' };
const MIB = 1024 * 1024;
/** The copy that the owner of a data directory makes. */
const COPY = /^snapshot-/;

const names = (folder: string, pattern: RegExp): string[] =>
  readdirSync(folder).filter((name) => pattern.test(name));

/** Bytes of a file that may come and go. */
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

async function hasChunk(doors: BothDoors, as: Session, { path, bytes }: WrittenChunk): Promise<void> {
  const response = await doors.main(
    new Request(`http://127.0.0.1${path}`, { headers: { authorization: `Bearer ${as.token}` } }),
  );
  assert.equal(response.status, 200, path);
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes), path);
}

describe('a backup of a running server', () => {
  let dir: TempDir;
  let server: TestServer;
  let doors: BothDoors;
  let as: Session;
  let recording: Recording;
  let recipient: string;
  const pastes: WrittenPaste[] = [];
  const chunks: WrittenChunk[] = [];
  before(async () => {
    dir = await tempDir();
    server = await startServer({ folder: dir.path, settings: LIMITS_OFF });
    const settled = await ownersAt(server);
    doors = settled.doors;
    as = settled.owners[0] as Session;
    recipient = await identityIn(dir.path);
    recording = await record(doors, as);
    for (let i = 0; i < 2; i += 1) pastes.push(await writePaste(server.main, 1.2 * MIB));
    for (let i = 0; i < 2; i += 1) chunks.push(await recording.next(400_000));
  });
  after(async () => {
    await server?.stop();
    await dir?.remove();
  });
  const at = (name: string) => join(dir.path, name);

  it('holds everything that was acknowledged before it began, while writing goes on', async (t) => {
    let writing = true;
    const later: WrittenPaste[] = [];
    const load = (async () => {
      while (writing) later.push(await writePaste(server.main, 3000));
    })();
    const loadOfChunks = (async () => {
      while (writing) chunks.push(await recording.next(3000));
    })();
    while (later.length < 3) await Promise.race([load, new Promise((done) => setImmediate(done))]);
    const [sure, sureChunks] = [later.length, chunks.length];
    const made = await kept(dir.path, ['backup', 'loaded.age', '--to', recipient, '--json']).finally(
      async () => {
        writing = false;
        await Promise.all([load, loadOfChunks]);
      },
    );
    const report = JSON.parse(made.text);
    assert.equal(
      report.sha256,
      createHash('sha256')
        .update(await readFile(at('loaded.age')))
        .digest('hex'),
    );
    assert.equal((await lstat(at('loaded.age'))).mode & 0o777, 0o600);
    assert.deepEqual(report.keys, ['secret-key', 'checkpoint-key']);
    t.diagnostic(
      `${later.length - sure} pastes and ${chunks.length - sureChunks} chunks came while it was made`,
    );

    const restoring = { env: { SAFE_DATA_DIR: 'restored' } };
    await kept(dir.path, ['restore', 'loaded.age', '--identity', 'identity.txt'], 0, restoring);
    assert.deepEqual((await readdir(at('restored'))).sort(), [
      'checkpoint-key',
      'sallyport.db',
      'secret-key',
      'server.lock',
    ]);
    const doctor = await kept(dir.path, ['doctor', '--digests', '--json'], 0, restoring);
    assert.equal(JSON.parse(doctor.text).verdict, 'well', doctor.text);
    const settings = { ...LIMITS_OFF, SAFE_DATA_DIR: 'restored' };
    await using second = await startServer({ folder: dir.path, settings });
    const home = await doorsOf(second);
    for (const paste of [...pastes, ...later.slice(0, sure)]) await hasPaste(second.main, paste);
    // The session is good there too: it is the same deployment, with the same secret key.
    for (const chunk of chunks.slice(0, sureChunks)) await hasChunk(home, as, chunk);
    assert.equal(report.counts.chunks >= sureChunks, true);
    await second.stop();
    await rm(at('restored'), { recursive: true });
  });

  it('that is killed at any moment leaves no file of its name, and no copy for long', async (t) => {
    const random = seeded(t);
    const full = await kept(dir.path, ['backup', 'full.tar', '--json']);
    const { bytes } = JSON.parse(full.text);
    for (let round = 0; round < rounds(2); round += 1) {
      const encrypted = round % 2 === 1 ? ['--to', recipient] : [];
      // While the copy is made, or after so many bytes of the file.
      const after = random.below(bytes);
      // The first of them always: the next one waits until the owner has let go of that copy.
      const copying = round === 0 || random.below(3) === 0;
      const when = () =>
        copying
          ? names(at('data'), COPY).length > 0
          : names(dir.path, /\.part$/).some((name) => sizeOf(at(name)) > after);
      const ended = await killedWhen(dir.path, ['backup', 'killed.tar', ...encrypted], when);
      if (ended.code === 0) await rm(at('killed.tar'));
      else assert.equal(ended.signal, 'SIGKILL', ended.said);
      assert.deepEqual(names(dir.path, /^killed/), [], 'a name without a whole backup');
      for (const part of names(dir.path, /\.part$/)) await rm(at(part));
      await hasPaste(server.main, pastes[0] as WrittenPaste);
    }
    // The owner lets go of a copy that nobody fetched, or has its place taken: there is never more than one.
    await server.stop('SIGKILL');
    await writeFile(at('data/snapshot-0123456789ab.part'), 'left by a process that was killed');
    server = await startServer({ folder: dir.path, settings: LIMITS_OFF });
    doors = await doorsOf(server);
    assert.deepEqual(names(at('data'), COPY), []);
    await kept(dir.path, ['backup', 'after.tar']);
    await kept(dir.path, ['restore', 'after.tar', '--check']);
    await rm(at('full.tar'));
  });

  it('is a tar archive, which age of Debian decrypts and any tar lists', async () => {
    const piped = await kept(dir.path, ['backup', '-', '--to', recipient, '--json']);
    assert.match(piped.said, /"encrypted":true/);
    const opened = spawnSync('age', ['-d', '-i', at('identity.txt')], { input: piped.out, maxBuffer: 1e9 });
    assert.equal(opened.status, 0, String(opened.stderr));
    const unpacked = spawnSync('tar', ['-xO', 'secret-key'], { input: opened.stdout, encoding: 'utf8' });
    assert.equal(unpacked.stdout, await readFile(at('data/secret-key'), 'utf8'));
    const listed = spawnSync('tar', ['-tf', at('after.tar')], { encoding: 'utf8' });
    assert.equal(listed.stdout, 'sallyport-backup.json\nsallyport.db\n', listed.stderr);
  });

  it('without encryption holds no key, in no spelling', async () => {
    const { out, said } = await kept(dir.path, ['backup', '-']);
    assert.match(said, /does not hold.*secret key.*checkpoint-key/);
    const secret = Buffer.from((await readFile(at('data/secret-key'), 'utf8')).trim(), 'base64');
    const signing = (await readFile(at('data/checkpoint-key'), 'utf8')).trim();
    const typed = /^PRIVATE\+KEY\+[^+]+\+[0-9a-f]{8}\+(.+)$/.exec(signing)?.[1] ?? '';
    const seed = Buffer.from(typed, 'base64').subarray(1);
    assert.deepEqual([secret.length, seed.length], [32, 32]);
    const spellings = (key: Buffer) => [key, key.toString('base64url'), key.toString('hex')];
    for (const key of [
      ...spellings(secret),
      ...spellings(seed),
      'PRIVATE+KEY',
      secret.toString('base64'),
      typed,
    ])
      assert.ok(!out.includes(key));
  });

  it('replaces nothing, and follows no link', async () => {
    await writeFile(at('there.tar'), 'mine');
    await symlink('elsewhere.tar', at('link.tar'));
    for (const name of ['there.tar', 'link.tar']) {
      const { said } = await kept(dir.path, ['backup', name], 1);
      assert.match(said, /there already/);
    }
    assert.equal(await readFile(at('there.tar'), 'utf8'), 'mine');
    assert.deepEqual(names(dir.path, /^elsewhere/), []);
  });

  it('takes no recipient that is none, and never repeats a private key', async () => {
    const identity = (await readFile(at('identity.txt'), 'utf8')).trim();
    const { said, text } = await kept(dir.path, ['backup', 'x.tar', '--to', identity], 2);
    assert.ok(!(said + text).includes(identity));
    assert.deepEqual(names(dir.path, /^x\.tar/), []);
  });

  it('is refused when it was cut or changed, or opens for somebody else', async () => {
    await kept(dir.path, ['backup', 'good.age', '--to', recipient, '--quiet']);
    await identityIn(dir.path, 'other.txt');
    const wrong = await kept(dir.path, ['restore', 'good.age', '--identity', 'other.txt', '--check'], 4);
    assert.match(wrong.said, /None of the identities/);
    await kept(dir.path, ['restore', 'good.age', '--check'], 2);
    const swapped = await kept(
      dir.path,
      ['restore', 'after.tar', '--identity', 'identity.txt', '--check'],
      1,
    );
    assert.match(swapped.said, /not encrypted/);
    const env = { env: { SAFE_DATA_DIR: 'from-bad' } };
    const good = await readFile(at('good.age'));
    await writeFile(at('bad'), good.subarray(0, good.length >> 1));
    await kept(dir.path, ['restore', 'bad', '--identity', 'identity.txt'], 4, env);
    const plain = await readFile(at('after.tar'));
    plain[plain.length >> 1] = (plain[plain.length >> 1] ?? 0) ^ 1;
    await writeFile(at('bad'), plain);
    assert.match((await kept(dir.path, ['restore', 'bad'], 1, env)).said, /changed or cut/);
    assert.deepEqual(names(at('from-bad'), /sallyport|key/), []);
  });

  it('goes nowhere but into an empty data directory', async () => {
    const env = { env: { SAFE_DATA_DIR: 'target' } };
    const run = (code: number) =>
      kept(dir.path, ['restore', 'good.age', '--identity', 'identity.txt'], code, env);
    const own = await kept(dir.path, ['restore', 'good.age', '--identity', 'identity.txt'], 1);
    assert.match(own.said, /there already/);
    await cp(at('identity.txt'), at('target/identity.txt'), { recursive: true });
    await chmod(at('target'), 0o755);
    assert.match((await run(1)).said, /not empty/);
    assert.equal((await lstat(at('target'))).mode & 0o777, 0o755, 'a folder of somebody else was changed');
    await rm(at('target/identity.txt'));
    await symlink(at('elsewhere.db'), at('target/sallyport.db'));
    assert.match((await run(1)).said, /there already/);
    await rm(at('target/sallyport.db'));
    await writeFile(at('target/secret-key'), `${Buffer.alloc(32, 1).toString('base64')}\n`, { mode: 0o600 });
    assert.match((await run(1)).said, /another key/);
    assert.deepEqual(names(at('target'), /db$/), []);
    await cp(at('data/secret-key'), at('target/secret-key'));
    await run(0);
    assert.match((await run(1)).said, /there already/);
    await rm(at('target'), { recursive: true });
  });

  it('that is killed while it is restored leaves nothing that a server takes, and is restored again', async (t) => {
    const random = seeded(t);
    const env = { SAFE_DATA_DIR: 'again' };
    const staged = at('again/sallyport.db.restoring/sallyport.db');
    const args = ['restore', 'good.age', '--identity', 'identity.txt'];
    for (let round = 0; round < rounds(2); round += 1) {
      const whole = sizeOf(at('data/sallyport.db'));
      const enough = random.below(2) === 0 ? random.below(whole) : 0;
      const seen = () => sizeOf(staged) > enough;
      // Or when all of it lies there, and is being looked at.
      const when = enough > 0 ? seen : () => sizeOf(`${staged}-shm`) > 0;
      const ended = await killedWhen(dir.path, args, when, { env });
      if (ended.code === 0) break;
      assert.deepEqual(names(at('again'), /\.db$/), []);
      const started = await runServer({ folder: dir.path, settings: env });
      assert.equal(started.code, 1);
      assert.match(started.stderr, /restore .* did not finish/);
    }
    if (names(at('again'), /\.db$/).length === 0) await kept(dir.path, args, 0, { env });
    assert.deepEqual(names(at('again'), /restoring/), []);
    const doctor = await kept(dir.path, ['doctor', '--json'], 0, { env });
    assert.equal(JSON.parse(doctor.text).verdict, 'well');
    await rm(at('again'), { recursive: true });
  });
});

describe('a backup without a server', () => {
  it('of an encrypted database stays encrypted, and brings its key along to whoever may open it', async (t) => {
    const dir = await tempDir();
    t.after(dir.remove);
    const key = 'a key of the tests, thirty-two bytes and more';
    const env = { SAFE_DATABASE_ENCRYPTION_KEY: key };
    const server = await startServer({ folder: dir.path, settings: env });
    const paste = await writePaste(server.main, 1000);
    await server.stop();
    const recipient = await identityIn(dir.path);
    const plain = await kept(dir.path, ['backup', '-', '--quiet'], 0, { env });
    assert.ok(!plain.out.includes(key) && !plain.out.includes('SQLite format 3'));
    assert.ok(!plain.out.includes(paste.bytes));
    await writeFile(join(dir.path, 'b.tar'), plain.out);
    const keyless = await kept(dir.path, ['restore', 'b.tar', '--check'], 1);
    assert.match(keyless.said, /SAFE_DATABASE_ENCRYPTION_KEY/);
    const wrong = { env: { SAFE_DATABASE_ENCRYPTION_KEY: 'another key of the tests, which is as long' } };
    await kept(dir.path, ['restore', 'b.tar', '--check'], 1, wrong);
    await kept(dir.path, ['restore', 'b.tar', '--check'], 0, { env });
    await kept(dir.path, ['backup', 'b.age', '--to', recipient], 0, { env });
    const restored = { SAFE_DATA_DIR: 'restored' };
    const { said } = await kept(dir.path, ['restore', 'b.age', '--identity', 'identity.txt'], 0, {
      env: restored,
    });
    assert.match(said, /SAFE_DATABASE_ENCRYPTION_KEY/);
    const settings = { ...restored, SAFE_DATABASE_ENCRYPTION_KEY_FILE: 'restored/database-encryption-key' };
    await using second = await startServer({ folder: dir.path, settings });
    await hasPaste(second.main, paste);
    await second.stop();
  });

  it('says what to do where there is nothing to back up', async (t) => {
    const dir = await tempDir();
    t.after(dir.remove);
    assert.match((await kept(dir.path, ['backup', 'x.tar'], 1)).said, /no data directory/);
    const env = {
      SAFE_DATABASE_URL: 'http://127.0.0.1:9',
      SAFE_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
    };
    assert.match((await kept(dir.path, ['restore', 'x.tar'], 2, { env })).said, /libSQL server/);
    assert.deepEqual(await readdir(dir.path), []);
  });
});
