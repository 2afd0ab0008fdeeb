/** The container of a backup: what any tar makes of it, and that nothing passes that was changed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DATABASE, type KeyName } from '../../cli/sallyport/backup/manifest.ts';
import { packBackup } from '../../cli/sallyport/backup/packing.ts';
import { readTar, tarEnd, tarHeader, tarLength, tarPadding } from '../../cli/sallyport/backup/tar.ts';
import { unpackBackup } from '../../cli/sallyport/backup/unpacking.ts';
import { Failure } from '../../cli/shared/failure.ts';
import { BACKUP_COUNTS, type BackupFacts } from '../../src/store/libsql/backup-facts.ts';
import { rounds, seeded } from '../support/seed.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

const facts: BackupFacts = {
  schema: '0001_pastes',
  secretKeyCheck: undefined,
  counts: Object.fromEntries(BACKUP_COUNTS.map((name) => [name, 1])) as BackupFacts['counts'],
};

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

let dir: TempDir;
before(async () => {
  dir = await tempDir();
});
after(() => dir.remove());

describe('the container of a backup', () => {
  const content = Buffer.from('what stands for a database. '.repeat(100));
  let whole: Buffer;
  before(async () => {
    await writeFile(join(dir.path, 'database'), content);
    const database = await open(join(dir.path, 'database'));
    const keys = new Map<KeyName, string>([['secret-key', 'a key\n']]);
    const plan = {
      database,
      facts,
      keys,
      version: '1.2.3',
      now: Date.UTC(2026, 0),
    };
    const packed = await packBackup(plan, () => {});
    const pieces: Uint8Array[] = [];
    for await (const piece of packed.pieces) pieces.push(piece);
    await database.close();
    whole = Buffer.concat(pieces);
    assert.equal(whole.length, packed.length);
  });
  const target = () => join(dir.path, 'unpacked');
  const unpack = async (bytes: Uint8Array, size = 1000) => {
    await rm(target(), { force: true });
    return unpackBackup(
      inPieces(bytes, size),
      target(),
      async () => {},
      () => {},
    );
  };

  it('gives back what went in, however it arrives', async () => {
    for (const size of [1, 511, 512, 513, 1 << 20]) {
      const { manifest, keys } = await unpack(whole, size);
      assert.deepEqual(await readFile(target()), content);
      assert.deepEqual([...keys], [['secret-key', 'a key\n']]);
      assert.equal(manifest.entries[0]?.name, DATABASE);
    }
  });

  it('is refused when a single bit of a description, a database or a key was changed', async (t) => {
    const random = seeded(t);
    for (let round = 0; round < rounds(400); round += 1) {
      const changed = Buffer.from(whole);
      const place = random.below(whole.length);
      changed[place] = (changed[place] ?? 0) ^ (1 << random.below(8));
      const outcome = await unpack(changed).then(
        ({ manifest, keys }) => ({ manifest, keys }),
        (error: unknown) => error,
      );
      if (outcome instanceof Failure) continue;
      // What is not covered by a digest says when it was made and by what, in a form that stays readable.
      assert.ok(!(outcome instanceof Error), `bit ${place}: ${outcome}`);
      assert.deepEqual(await readFile(target()), content, `bit ${place}`);
      assert.equal(
        (outcome as { keys: Map<string, string> }).keys.get('secret-key'),
        'a key\n',
        `bit ${place}`,
      );
    }
  });

  it('is refused when it was cut or lengthened anywhere', async (t) => {
    const random = seeded(t);
    const lengths = [0, 1, 512, whole.length - 1, whole.length - 512, whole.length - 1024];
    for (let round = 0; round < rounds(100); round += 1) lengths.push(random.below(whole.length));
    for (const length of lengths)
      await assert.rejects(unpack(whole.subarray(0, length)), Failure, `cut at ${length}`);
    for (const more of [1, 512])
      await assert.rejects(unpack(Buffer.concat([whole, Buffer.alloc(more)])), Failure);
    await assert.rejects(unpack(Buffer.concat([whole, whole])), Failure);
  });

  it('of a later format is refused with a word on what to use', async () => {
    const later = Buffer.from(
      whole.toString('latin1').replace('sallyport-backup/1', 'sallyport-backup/2'),
      'latin1',
    );
    await assert.rejects(unpack(later), (error: Failure) => error.code === 'newer_backup');
  });

  it('leads nowhere: names, links and folders of others are refused', async () => {
    for (const [name, args] of [
      ['link', ['--transform=s/.*/sallyport-backup.json/']],
      ['absolute', ['-P', '--transform=s|.*|/etc/sallyport|']],
      ['up', ['-P', '--transform=s|.*|../sallyport.db|']],
    ] as const) {
      const path = name === 'link' ? '/dev/stdin' : join(dir.path, 'database');
      const { stdout, status } = spawnSync('tar', ['--format=ustar', '-cf', '-', ...args, path], {
        maxBuffer: 1e8,
      });
      assert.equal(status, 0);
      await assert.rejects(unpack(stdout), Failure, name);
    }
  });

  it('takes a database of more than eight gibibytes, as pax says, which other tars read', async () => {
    const size = 9 * 2 ** 30 + 1;
    const entries = [
      { name: 'sallyport.db', size },
      { name: 'secret-key', size: 0 },
    ];
    const path = join(dir.path, 'large.tar');
    const file = await open(path, 'w');
    const first = tarHeader({ name: 'sallyport.db', size }, 0);
    await file.write(first, 0, first.length, 0);
    const next = first.length + size + tarPadding(size).length;
    // Nothing is written in between, and takes no room.
    await file.write(tarHeader({ name: 'secret-key', size: 0 }, 0), 0, 512, next);
    await file.write(tarEnd(), 0, 1024, next + 512);
    assert.equal((await file.stat()).size, tarLength(entries));
    await file.close();
    const listed = spawnSync('tar', ['-tvf', path], { encoding: 'utf8' });
    assert.match(
      listed.stdout,
      new RegExp(`\\b${size} .*sallyport\\.db\\n.*\\b0 .*secret-key\\n$`),
      listed.stderr,
    );
    for await (const entry of readTar(inPieces(new Uint8Array(first), 100))) {
      assert.deepEqual([entry.name, entry.size], ['sallyport.db', size]);
      break;
    }
  });
});
