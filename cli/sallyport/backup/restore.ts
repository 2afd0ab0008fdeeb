/** `sallyport restore` */
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { freeBytes } from '../../../runtime/disk.ts';
import { type DoctorCheck, examine } from '../../../runtime/doctor.ts';
import { isKnownSchema } from '../../../runtime/known-schema.ts';
import type { Finding } from '../../../src/core/health.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { VERSION } from '../../../src/core/version.ts';
import { equalBytes } from '../../../src/crypto/compare.ts';
import { type Db, DbError } from '../../../src/store/db.ts';
import { secretKeyStore } from '../../../src/store/libsql/secret-key.ts';
import { openEmbedded } from '../../../src/store/native/embedded.ts';
import { showProgress } from '../../fpaste/progress.ts';
import { ageOpener } from '../../shared/age.ts';
import { watchSignals } from '../../shared/cleanup.ts';
import { errorCode, Failure, usage } from '../../shared/failure.ts';
import { spokenBytes } from '../../shared/text.ts';
import { processWorld, type World } from '../../shared/world.ts';
import { type Command, say, tell } from '../command.ts';
import { ending } from '../evidence/ending.ts';
import { type Given, type Option, optionHelp, readOptions } from '../evidence/options.ts';
import { settingsFrom } from '../operator.ts';
import { WHERE } from './backup.ts';
import { keyFile, keyFits, secretKeyOf } from './keys.ts';
import { damagedBackup, KEY_NAMES, type KeyName, type Manifest } from './manifest.ts';
import { openTarget } from './target.ts';
import { type Unpacked, unpackBackup } from './unpacking.ts';

const OPTIONS: readonly Option[] = [
  {
    name: 'identity',
    value: 'FILE',
    repeatable: true,
    help: 'the age identities that open it; needed where it is encrypted',
  },
  { name: 'check', help: 'verify everything in a temporary folder (TMPDIR), and restore nothing' },
  {
    name: 'keep-damaged',
    help: 'restore a database that was damaged before it was backed up; a changed file is refused all the same',
  },
  { name: 'config', value: 'FILE', help: 'the settings of the server' },
  { name: 'json', help: 'print what was found as JSON' },
  { name: 'quiet', help: 'say nothing but findings and failures' },
];

const DETAILS = `
Puts a backup back: into the data directory of the settings, which must be empty or missing. The keys may lie in it
already. Nothing gets its place before all is verified: the digests of the file, every page and reference, the quotas,
the log against its checkpoints, and the bytes of each chunk against its digest.

A restored server needs the secret key (SAFE_SECRET_KEY, or secret-key in the data directory) and checkpoint-key. A
backup that was encrypted with --to brings them along; else put them there from where you keep them. What is missing is
said. Settings, TLS files and an object store come from elsewhere.

  sallyport restore sallyport.age --identity identity.txt
  SAFE_DATA_DIR=/srv/restored sallyport restore sallyport.tar
  sallyport restore sallyport.age --identity identity.txt --check
${optionHelp([['Options', OPTIONS]])}
Exit codes: 0 done, 1 refused, or something is wrong with it, 2 usage, 4 it does not open (wrong identity, changed, cut).
`;

export const restoreCommand: Command = {
  words: ['restore'],
  usage: 'restore FILE [--identity FILE]… [--check] [--json]',
  summary: 'Verify a backup and put it into an empty data directory.',
  details: DETAILS,
  run: (args) => ending(args, () => restore(processWorld(), readOptions(args, OPTIONS, [1, 1]))),
};

async function restore(world: World, given: Given): Promise<number> {
  watchSignals();
  const settings = settingsFrom({ values: { config: given.value('config') } });
  if (settings.database.kind === 'remote')
    throw usage('SAFE_DATABASE_URL names a libSQL server. A backup is restored into a database file.');
  const { path } = settings.database;
  const [name = ''] = given.positionals;
  const identities = given.values('identity');
  if (name === '-' && identities.includes('-')) throw usage('Standard input cannot be both.');
  const source = await openSource(world, name);
  try {
    const input = await decrypted(world, source, identities);
    return given.has('check')
      ? await check(world, given, settings, input)
      : await place(world, given, settings, input, path);
  } finally {
    source.destroy();
  }
}

async function check(
  world: World,
  given: Given,
  settings: Settings,
  input: AsyncIterable<Uint8Array>,
): Promise<number> {
  const staging = await mkdtemp(join(tmpdir(), 'sallyport-check-'));
  try {
    const verified = await verify(world, given, settings, input, staging);
    report(given, verified, undefined);
    return 0;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** @param path of the database */
async function place(
  world: World,
  given: Given,
  settings: Settings,
  input: AsyncIterable<Uint8Array>,
  path: string,
): Promise<number> {
  const target = await openTarget(settings.dataDir, path, VERSION);
  try {
    const verified = await verify(world, given, settings, input, target.staging);
    await target.commit(verified.toPlace);
    report(given, verified, resolve(path));
    return 0;
  } finally {
    await target.release();
  }
}

const AGE = 'age-encryption.org/v1\n';

/** Where the archive is read from. */
async function openSource(world: World, name: string): Promise<Readable> {
  if (name === '-') return world.stdin;
  const path = resolve(world.cwd, name);
  const facts = await stat(path).catch((error: unknown) => {
    throw usage(`${path} cannot be read (${errorCode(error)}).`);
  });
  if (facts.isDirectory()) throw usage(`${path} is a folder. Name a backup.`);
  return createReadStream(path);
}

/** The archive, decrypted where it is encrypted. */
async function decrypted(world: World, source: Readable, identities: readonly string[]) {
  const { head, pieces } = await peek(source, AGE.length);
  const encrypted = Buffer.from(head).toString('latin1') === AGE;
  if (!encrypted && identities.length > 0)
    throw new Failure(
      'refused',
      'not_encrypted',
      'This backup is not encrypted, so it may be anybody’s. Leave --identity out to restore it all the same.',
    );
  if (!encrypted) return pieces;
  if (identities.length === 0)
    throw usage('This backup is encrypted. Name a file with the identity that opens it: --identity FILE');
  return await (await ageOpener(world, identities))(pieces);
}

/** The first bytes of a stream, and all of it. */
async function peek(source: AsyncIterable<Uint8Array>, length: number) {
  const iterator = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < length) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head;
      for (;;) {
        const { done, value } = await iterator.next();
        if (done === true) return;
        yield value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { head: head.subarray(0, length), pieces: pieces() };
}

interface Verified extends Unpacked {
  /** Keys that the settings do not give already. */
  readonly toPlace: ReadonlyMap<KeyName, string>;
  readonly findings: readonly Finding[];
  /** Keys that neither the backup brings nor this machine has. */
  readonly missing: readonly KeyName[];
}

/** What is looked at in a restored database, in order. */
const CHECKS: readonly DoctorCheck[] = [
  'schema',
  'integrity',
  'references',
  'bytes',
  'counters',
  'log',
  'clock',
  'digests',
];

/** Unpacks into `staging` and looks at everything. Throws refusals. */
async function verify(
  world: World,
  given: Given,
  settings: Settings,
  input: AsyncIterable<Uint8Array>,
  staging: string,
): Promise<Verified> {
  const path = join(staging, 'sallyport.db');
  const progress = showProgress(world, !given.has('quiet'), 'Unpacking', undefined);
  const unpacked = await unpackBackup(
    input,
    path,
    (manifest) => mustHaveRoom(manifest, path),
    (bytes) => progress.at(bytes),
  );
  progress.end();
  for (const [name, text] of unpacked.keys) await writeFile(join(staging, name), text, { mode: 0o600 });
  const { dataDir } = settings;
  const key = async (name: KeyName) =>
    unpacked.keys.get(name)?.replace(/\n$/, '') ?? (await keyFile(dataDir, name));
  const fromSettings = settings.secretKey;
  const secret = secretKeyOf(await key('secret-key')) ?? fromSettings;
  const encryptionKey =
    unpacked.manifest.database_encrypted && settings.database.kind === 'file'
      ? (unpacked.keys.get('database-encryption-key')?.replace(/\n$/, '') ?? settings.database.encryptionKey)
      : undefined;
  if (unpacked.manifest.database_encrypted && encryptionKey === undefined)
    throw new Failure(
      'refused',
      'encryption_key_needed',
      'The database in this backup is encrypted. Set SAFE_DATABASE_ENCRYPTION_KEY to the key that it was made with.',
    );
  const keyed = { ...settings, dataDir: unpacked.keys.has('checkpoint-key') ? staging : dataDir };
  const hasSigningKey = (await key('checkpoint-key')) !== undefined;
  const findings = await examineFile(path, encryptionKey, keyed, { secret, hasSigningKey });
  const wrong = findings.filter(({ level }) => level === 'wrong');
  for (const { level, message } of findings)
    if (level === 'wrong' || level === 'warning')
      say(`${level === 'wrong' ? 'Wrong' : 'Warning'}: ${message}`);
  if (wrong.length > 0 && !given.has('keep-damaged'))
    throw new Failure(
      'refused',
      'something_wrong',
      'Something is wrong with this backup, and nothing was restored. With --keep-damaged it is restored as it is.',
    );
  const missing: KeyName[] = [];
  if (secret === undefined) missing.push('secret-key');
  if (!hasSigningKey) missing.push('checkpoint-key');
  if (
    encryptionKey !== undefined &&
    settings.database.kind === 'file' &&
    settings.database.encryptionKey !== encryptionKey
  )
    missing.push('database-encryption-key');
  const toPlace = new Map(unpacked.keys);
  const brought = secretKeyOf(toPlace.get('secret-key')?.trim());
  if (fromSettings !== undefined && brought !== undefined) {
    toPlace.delete('secret-key');
    if (!equalBytes(fromSettings, brought)) {
      say(
        'Warning: SAFE_SECRET_KEY is another key than the one in the backup, which is put in the data directory.',
      );
      toPlace.set('secret-key', unpacked.keys.get('secret-key') ?? '');
    }
  }
  if (!missing.includes('database-encryption-key')) toPlace.delete('database-encryption-key');
  return { ...unpacked, toPlace, findings, missing };
}

async function mustHaveRoom({ entries }: Manifest, path: string): Promise<void> {
  const size = entries.reduce((sum, entry) => sum + entry.size, 0);
  const free = await freeBytes(path);
  if (free === undefined || free > size) return;
  throw new Failure(
    'refused',
    'no_room',
    `The database takes ${spokenBytes(size)}, and ${spokenBytes(free)} are free at ${path}. Make room first.`,
  );
}

async function examineFile(
  path: string,
  encryptionKey: string | undefined,
  settings: Settings,
  { secret, hasSigningKey }: { readonly secret: Uint8Array | undefined; readonly hasSigningKey: boolean },
): Promise<readonly Finding[]> {
  const db = await openEmbedded({ path, encryptionKey, readers: 1, checkUpTo: 0 }).catch((error: unknown) => {
    if (!(error instanceof DbError)) throw error;
    throw damagedBackup('its database does not open, or its encryption key is another one');
  });
  try {
    const findings: Finding[] = [];
    const database = { kind: 'file', path, url: '', encryptionKey } as const;
    if (!(await hasKnownSchema(db))) {
      findings.push({
        check: 'schema',
        level: 'wrong',
        message:
          'The schema of the database is none that this version or one before it makes: a newer version made it, or somebody else. Nothing else in it was looked at.',
      });
      return findings;
    }
    const checks = hasSigningKey ? [...CHECKS, 'signing_key' as const] : CHECKS;
    for (const check of checks) {
      const found = await examine({ db, settings: { ...settings, database } }, check);
      findings.push(...found);
      // Pages that refer to each other in circles are read without an end.
      if (check === 'integrity' && found.some(({ level }) => level === 'wrong')) return findings;
    }
    const check = await secretKeyStore(db)
      .kept()
      .catch(() => undefined);
    if (secret !== undefined && !keyFits(secret, check))
      findings.push({
        check: 'secret_key',
        level: 'wrong',
        message: 'The secret key on this machine is not the one that the database was made with.',
      });
    return findings;
  } finally {
    await db.close();
    await syncFile(path);
  }
}

/** False also where its schema cannot be read. */
async function hasKnownSchema(db: Db): Promise<boolean> {
  try {
    return await isKnownSchema(db);
  } catch (error) {
    if (error instanceof DbError) return false;
    throw error;
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  await file.sync().finally(() => file.close());
}

function report(given: Given, verified: Verified, restored: string | undefined): void {
  const { manifest, findings, missing, keys } = verified;
  const outside = manifest.counts.object_store_chunks ?? 0;
  const value = {
    restored_to: restored ?? null,
    created_at: manifest.created_at,
    made_by: manifest.version,
    schema: manifest.schema,
    counts: manifest.counts,
    keys: [...keys.keys()],
    keys_missing: missing,
    findings,
  };
  const { accounts = 0, pastes = 0, chunks = 0 } = manifest.counts;
  const what = `a backup of ${manifest.created_at}: ${accounts} accounts, ${pastes} pastes, ${chunks} chunks`;
  const lines = [restored === undefined ? `Sound: ${what}.` : `Restored to ${restored}: ${what}.`];
  tell(given.has('json'), value, given.has('quiet') ? [] : lines);
  for (const name of KEY_NAMES)
    if (missing.includes(name)) say(`Before the server starts it needs ${WHERE[name]}.`);
  if (restored !== undefined && verified.toPlace.has('database-encryption-key'))
    say(
      'The database’s key lies in database-encryption-key beside it: SAFE_DATABASE_ENCRYPTION_KEY_FILE may name it.',
    );
  if (outside > 0)
    say(
      `The bytes of ${outside} chunks (${spokenBytes(manifest.counts.object_store_bytes ?? 0)}) lie in the object store: it must be there too.`,
    );
  if (restored !== undefined && !given.has('quiet'))
    say('Settings and TLS files are not part of a backup. Look at it with: sallyport doctor');
}
