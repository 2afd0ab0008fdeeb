/** `sallyport restore`, given backups that strangers made: bytes that were changed, and databases made on purpose. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DATABASE, KEY_NAMES, MANIFEST } from '../../../cli/sallyport/backup/manifest.ts';
import { restoreCommand } from '../../../cli/sallyport/backup/restore.ts';
import { LOCK_NAME } from '../../../runtime/control.ts';
import { SOCKET_NAME } from '../../../runtime/control-protocol.ts';
import { openConnection } from '../../../src/store/native/connection.ts';
import { must } from '../target.ts';
import { type ArchivedEntry, archived, backups, withEnvironment } from './backup-seeds.ts';
import { checkEnd, type Ended, inFolder, run } from './commands.ts';
import { entriesIn, writtenEntries } from './entries.ts';
import type { Reader } from './reader.ts';

interface Restored extends Ended {
  /** The database that is there now, if one is. */
  readonly database: Uint8Array | undefined;
}

/** Restores into an empty directory, and looks at what is there then. @throws Broken */
async function restored(bytes: Uint8Array): Promise<Restored> {
  const { identity } = await backups();
  return inFolder(async (folder) => {
    const [file, identities, data] = [join(folder, 'backup'), join(folder, 'identity'), join(folder, 'data')];
    await writeFile(file, bytes);
    await writeFile(identities, `${identity}\n`);
    const isAge = Buffer.from(bytes.subarray(0, 8)).toString('latin1') === 'age-encr';
    const args = [file, '--json', ...(isAge ? ['--identity', identities] : [])];
    const ended = await withEnvironment('SAFE_DATA_DIR', data, () => run(restoreCommand, args));
    checkEnd(ended, [0, 1, 2, 4]);
    if (ended.code !== 0) {
      const { error } = JSON.parse(ended.said.trim().split('\n').at(-1) ?? '') as { error: { code: string } };
      must(/^[a-z_]+$/.test(error.code), () => `the refusal is called ${error.code}`);
    }
    const there = existsSync(data) ? readdirSync(data) : [];
    const own = [DATABASE, ...KEY_NAMES, LOCK_NAME, SOCKET_NAME, `${DATABASE}.lock`];
    const left = there.filter((name) => !own.includes(name));
    must(left.length === 0, () => `${left[0]} is left behind`);
    const whole = there.includes(DATABASE);
    must(whole === (ended.code === 0), () => `it ends with ${ended.code}, and there are ${there.join()}`);
    must(whole || !there.includes('secret-key'), () => 'a key was placed without its database');
    return { ...ended, database: whole ? await readFile(join(data, DATABASE)) : undefined };
  });
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const WORDS = [
  'ustar\x0000',
  '0000600\0',
  '77777777777\0',
  '\x80\0\0\0\0\0\0\0',
  '20 size=1\n',
  '../../etc/passwd',
  '/etc/passwd',
  'sallyport.db-wal',
  '"entries": [',
  '"size": 9007199254740991',
  '"format": "sallyport-backup/2"',
  '\x1b[2J',
  '-> X25519 ',
  '\0'.repeat(512),
];

/** A backup of a database that is none: whoever changes it reaches the archive more often than pages. */
async function small(): Promise<Uint8Array> {
  const { entries } = await backups();
  const manifest = JSON.parse(Buffer.from(entries.get(MANIFEST) ?? []).toString());
  const bytes = Buffer.from('no database');
  manifest.entries = [{ name: DATABASE, size: bytes.length, sha256: sha256(bytes) }];
  return archived([
    { name: MANIFEST, bytes: Buffer.from(JSON.stringify(manifest)) },
    { name: DATABASE, bytes },
  ]);
}

const asWritten: Reader = {
  name: 'backups',
  summary: 'backups as sallyport restore reads them, open and encrypted, byte by byte',
  words: WORDS,
  seeds: async () => {
    const { plain, encrypted } = await backups();
    return [plain, encrypted, await small(), (await small()).subarray(0, 1024), encrypted.subarray(0, 400)];
  },
  async read(bytes) {
    const { plain, encrypted, entries } = await backups();
    const { database } = await restored(bytes);
    const original = [plain, encrypted].some((one) => Buffer.compare(one, bytes) === 0);
    if (original) must(database !== undefined, () => 'a whole backup is refused');
    // Fields of the archive that say nothing, such as times, can be changed; what is restored cannot.
    const whole = entries.get(DATABASE);
    if (database !== undefined)
      must(whole?.length === database.length, () => `a database of ${database.length} bytes is restored`);
  },
};

/** What may be done to a database before it is packed: nothing here asks for much time by itself. */
const STATEMENT =
  /^(CREATE (VIEW|TRIGGER|TABLE|INDEX)|DROP|INSERT|UPDATE|DELETE|ALTER|PRAGMA user_version)\b/;
const SELECTS = /\b(RECURSIVE|SELECT|randomblob|zeroblob|replace|printf|format)\b/i;
const MOST_STATEMENTS = 8;
/** Bytes put into the file itself, afterwards: `POKE 4096 0d00`. */
const POKE = /^POKE (\d{1,7}) ((?:[0-9a-f]{2}){1,64})$/g;

const ENDLESS = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT';

/** A copy of the database with statements carried out in it, as far as the engine takes them, and bytes changed. */
async function hostile(lines: readonly string[]): Promise<Uint8Array> {
  const { entries } = await backups();
  const statements = lines.filter(
    (line) => STATEMENT.test(line) && (line.startsWith('CREATE VIEW') || !SELECTS.test(line)),
  );
  const pokes = lines.flatMap((line) => [...line.matchAll(POKE)]);
  return inFolder(async (folder) => {
    const path = join(folder, DATABASE);
    await writeFile(path, entries.get(DATABASE) ?? '');
    const connection = openConnection(
      { path, encryptionKey: undefined, busyTimeoutMs: 0, maxPages: 4000 },
      'write',
    );
    try {
      for (const statement of ['PRAGMA foreign_keys = OFF', ...statements.slice(0, MOST_STATEMENTS)])
        try {
          connection.exec(statement);
        } catch {
          // Not SQL any more, or not for this schema.
        }
      connection.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      connection.close();
    }
    const bytes = await readFile(path);
    for (const [, at = '', hex = ''] of pokes) {
      const put = Buffer.from(hex, 'hex');
      const from = Number(at) % bytes.length;
      put.copy(bytes, from, 0, Math.min(put.length, bytes.length - from));
    }
    return bytes;
  });
}

const packed: Reader = {
  name: 'backup-entries',
  summary:
    'backups whose description, keys and database were changed and packed again, with digests that are right',
  words: [
    ...[
      '\n=== sallyport.db\n',
      '\n=== secret-key\n',
      '\n=== checkpoint-key\n',
      '\n=== sallyport-backup.json\n',
    ],
    ...['\nDROP TABLE pastes;', '\nDELETE FROM chunks;', `\nCREATE VIEW pastes AS ${ENDLESS} x AS id FROM c`],
    ...[
      '\nUPDATE log_leaves SET',
      '\nUPDATE chunks SET',
      '"database_encrypted": true',
      '"counts": {',
      '"size":',
    ],
    ...['0014_later', '\\u001b[2J', '-1', "= x'00'", '= NULL', "= 'a'", 'sqlite_schema'],
    ...['\nPOKE 4096 05', '\nPOKE 100 ', '\nPOKE 24576 0a', '00000002', 'ffff', '0500000000000000'],
  ],
  seeds: async () => {
    const { entries } = await backups();
    const others = [...entries].filter(([name]) => name !== DATABASE);
    const withSql = (...sql: readonly string[]) => {
      const [first, ...keys] = others;
      const database = [DATABASE, Buffer.from(sql.join('\n'))] as const;
      return writtenEntries(new Map([first ?? database, database, ...keys]));
    };
    const replaced = (table: string, view: string) =>
      withSql(`DROP TABLE ${table}`, `CREATE VIEW ${table} AS ${view}`);
    return [
      withSql(),
      withSql('UPDATE chunks SET byte_size = byte_size + 1', 'DELETE FROM log_leaves WHERE rowid = 1'),
      withSql("UPDATE accounts SET id = x'00' || id", 'DELETE FROM segments'),
      replaced('pastes', `${ENDLESS} x AS id FROM c`),
      replaced('schema_migrations', `${ENDLESS} x AS id, x AS applied_at FROM c`),
      withSql('POKE 28 00000001', 'POKE 4096 0500000000000000', 'POKE 8192 0d'),
      withSql('POKE 100 05', 'POKE 108 00000002', 'POKE 18 0202', 'POKE 16 0001', 'POKE 20 ff'),
      replaced('secret_key', `${ENDLESS} x FROM c`),
    ];
  },
  async read(bytes) {
    const { entries: original } = await backups();
    const given = [...entriesIn(bytes)].filter(({ name }) => /^[a-z0-9./-]{1,100}$/.test(name));
    const entries: { name: string; bytes: Uint8Array }[] = [];
    for (const { name, bytes: content } of given) {
      if (name !== DATABASE) {
        entries.push({ name, bytes: content });
        continue;
      }
      entries.push({ name, bytes: await hostile(Buffer.from(content).toString('latin1').split('\n')) });
    }
    const { code, database } = await restored(archived(described(entries)));
    if (code !== 0) return;
    const brought = entries.find(({ name }) => name === DATABASE)?.bytes;
    must(
      brought !== undefined && database !== undefined && brought.length === database.length,
      () => 'another database than that of the backup is restored',
    );
    for (const name of KEY_NAMES)
      must(
        entries.every((one) => one.name !== name || original.has(name)),
        () => `${name} was taken up`,
      );
  },
};

/** With the sizes and digests of what is there, where the description can be read. */
function described(entries: readonly ArchivedEntry[]): readonly ArchivedEntry[] {
  return entries.map((entry) => {
    if (entry.name !== MANIFEST) return entry;
    try {
      const manifest = JSON.parse(Buffer.from(entry.bytes).toString()) as {
        entries: { name: string; size: number; sha256: string }[];
      };
      for (const one of manifest.entries) {
        const bytes = entries.find(({ name }) => name === one.name)?.bytes;
        if (bytes === undefined) continue;
        one.size = bytes.length;
        one.sha256 = sha256(bytes);
      }
      return { ...entry, bytes: Buffer.from(JSON.stringify(manifest)) };
    } catch {
      return entry;
    }
  });
}

export const backupReaders: readonly Reader[] = [asWritten, packed];
