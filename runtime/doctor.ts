/**
 * What `sallyport doctor` looks at through an open database, and in the process that has it open: the running server,
 * or the command itself. Nothing is changed.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  checkHealth,
  type Finding,
  type FindingLevel,
  HEALTH_CHECKS,
  type HealthCheck,
} from '../src/core/health.ts';
import { checkLog } from '../src/core/health-log.ts';
import { keyIsKept } from '../src/core/secret-key.ts';
import type { Settings } from '../src/core/settings-types.ts';
import { openKeyring } from '../src/crypto/keyring.ts';
import { parseSignerKey, verifierKey } from '../src/crypto/signed-note.ts';
import { type Db, DbError } from '../src/store/db.ts';
import { libsqlHealth } from '../src/store/libsql/health.ts';
import { logStore } from '../src/store/libsql/log.ts';
import { checkSchema, SchemaError } from '../src/store/libsql/migrate.ts';
import { migrations } from '../src/store/libsql/migrations/index.ts';
import { secretKeyStore } from '../src/store/libsql/secret-key.ts';
import type { ControlCommands } from './control.ts';
import { isRecord } from './control-protocol.ts';
import { nodeCrc32, nodeDigest } from './digest.ts';
import { freeBytes, openFilesLimit, spokenSize } from './disk.ts';
import { schemaDifferences } from './known-schema.ts';

/** The checks of a visit, in order. */
export const VISIT = [
  'schema',
  'secret_key',
  'signing_key',
  'integrity',
  'references',
  'bytes',
  'objects',
  'counters',
  'log',
  'clock',
  'wal',
  'limits',
] as const;
export type DoctorCheck = (typeof VISIT)[number] | 'digests';

export interface Patient {
  readonly db: Db;
  readonly settings: Settings;
}

/** A log of the database that is longer is no passing matter. */
const LONG_WAL_BYTES = 256 * 1024 * 1024;
/** Each connection is a file, and so are the database's connections. */
const FEW_FILES = 4096;
const LITTLE_ROOM_BYTES = 1024 * 1024 * 1024;
/** How many differences of the schema are told. */
const TOLD = 10;

const finding = (check: DoctorCheck, level: FindingLevel, message: string): readonly Finding[] => [
  { check, level, message },
];

/** Does one check. Never throws: what cannot be looked at is a finding too. */
export async function examine(patient: Patient, check: DoctorCheck): Promise<readonly Finding[]> {
  try {
    return await look(patient, check);
  } catch (error) {
    const damaged = error instanceof DbError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code ?? '');
    const detail = error instanceof Error ? error.message : 'unknown error';
    return damaged
      ? finding(
          check,
          'wrong',
          `The database is damaged where this is kept (${detail}). Restore a backup (docs/operations.md).`,
        )
      : finding(check, 'unknown', `This could not be looked at (${detail}).`);
  }
}

function look(patient: Patient, check: DoctorCheck): Promise<readonly Finding[]> {
  const { db, settings } = patient;
  if (check === 'schema') return schema(patient);
  if (check === 'secret_key') return secretKey(patient);
  if (check === 'wal') return wal(settings);
  if (check === 'limits') return limits(settings);
  if (check === 'signing_key') return signingKey(patient);
  if (check === 'log') return checkLog({ health: libsqlHealth(db), log: logStore(db) });
  return engine(patient, check);
}

async function engine({ db, settings }: Patient, check: HealthCheck): Promise<readonly Finding[]> {
  if (settings.database.kind === 'remote' && (check === 'integrity' || check === 'references'))
    return finding(
      check,
      'unknown',
      'The libSQL server looks after its own file; it was not looked at here.',
    );
  const now = () => Date.now();
  const { s3: where } = settings.blobs;
  const s3 = where && (await import('../src/store/blobs/s3.ts')).s3Objects({ ...where, now });
  const ports = {
    health: libsqlHealth(db),
    digest: nodeDigest,
    crc32: nodeCrc32,
    now,
    ...(s3 !== undefined && { objectSize: (key: string) => s3.size(key) }),
  };
  return checkHealth(ports, check);
}

async function schema({ db, settings }: Patient): Promise<readonly Finding[]> {
  try {
    await checkSchema(db, migrations);
    const foreign = settings.database.kind === 'file' ? (await schemaDifferences(db)).slice(0, TOLD) : [];
    if (foreign.length > 0)
      return foreign.map((name) => ({
        check: 'schema',
        level: 'wrong',
        message: `The ${name} of the database is not as this version makes it: somebody else changed the schema.`,
      }));
    return finding('schema', 'ok', `The schema is that of this version (${migrations.at(-1)?.id}).`);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    if (error.problem === 'failed') throw error.cause ?? error;
    if (error.problem !== 'behind') return finding('schema', 'wrong', error.message);
    return finding(
      'schema',
      'warning',
      'The database is older than this version: the next start migrates it.',
    );
  }
}

/** The text of a file without its line end; undefined when there is none. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The secret key as the next start would find it, and nothing is made. Undefined: there is none, or it is malformed. */
function presentSecretKey({ secretKey: given, dataDir }: Settings): Uint8Array | undefined {
  if (given !== undefined) return given;
  const text = textOf(join(dataDir, 'secret-key'));
  if (text === undefined || !/^[A-Za-z0-9+/]{43}=$/.test(text)) return undefined;
  return new Uint8Array(Buffer.from(text, 'base64'));
}

async function secretKey({ db, settings }: Patient): Promise<readonly Finding[]> {
  const key = presentSecretKey(settings);
  const store = secretKeyStore(db);
  if ((await store.kept()) === undefined)
    return finding(
      'secret_key',
      'note',
      'The database belongs to no secret key yet: the next start settles it.',
    );
  if (key === undefined)
    return finding(
      'secret_key',
      'wrong',
      'There is no secret key (SAFE_SECRET_KEY, or secret-key in the data directory). Put back the one that the database was made with.',
    );
  if (await keyIsKept(store, openKeyring(key)))
    return finding('secret_key', 'ok', 'The database belongs to this secret key.');
  return finding(
    'secret_key',
    'wrong',
    'The database was made with another secret key: the next start will refuse it.',
  );
}

async function signingKey({ db, settings }: Patient): Promise<readonly Finding[]> {
  const owner = await logStore(db).verifier();
  const text = textOf(join(settings.dataDir, 'checkpoint-key'));
  const signer = text === undefined ? undefined : await parseSignerKey(text);
  if (owner === undefined)
    return finding('signing_key', 'note', 'Nothing is signed yet: the next start makes a signing key.');
  if (signer !== undefined && verifierKey(signer) === owner)
    return finding('signing_key', 'ok', 'The log is signed with this signing key.');
  const what =
    text === undefined
      ? 'is missing'
      : signer === undefined
        ? 'holds no key'
        : `is another key (${signer.name})`;
  const message = `The log is signed with the key ${owner.split('+', 1)[0]}, and checkpoint-key in the data directory ${what}: the next start refuses it. Put the right one back.`;
  return finding('signing_key', 'wrong', message);
}

async function wal({ database }: Settings): Promise<readonly Finding[]> {
  if (database.kind === 'remote') return finding('wal', 'note', 'The libSQL server keeps its own log.');
  const size = statSync(`${resolve(database.path)}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= LONG_WAL_BYTES) return finding('wal', 'ok', `The write-ahead log has ${spokenSize(size)}.`);
  const message = `The write-ahead log has ${spokenSize(size)}: something has been reading one moment for long, a backup or a program outside of the server. Wait for the backup, or end the program; the log is cut when writing pauses.`;
  return finding('wal', 'warning', message);
}

async function limits(settings: Settings): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const say = (level: FindingLevel, message: string) => found.push({ check: 'limits', level, message });
  const files = openFilesLimit();
  if (files === undefined) say('unknown', 'How many files may be open is not known on this system.');
  else if (files < FEW_FILES)
    say(
      'warning',
      `At most ${files} files may be open, one for each connection: raise the limit (LimitNOFILE, ulimit -n) to 65536.`,
    );
  else say('ok', `${files} files may be open.`);
  const folders = new Set([resolve(settings.dataDir)]);
  if (settings.database.kind === 'file') folders.add(dirname(resolve(settings.database.path)));
  for (const folder of folders) {
    const free = await freeBytes(join(folder, 'file'));
    if (free === undefined) say('unknown', 'How much room the disk has is not known on this system.');
    else if (free < LITTLE_ROOM_BYTES)
      say('warning', `The disk of ${folder} has ${spokenSize(free)} left: make room before writes fail.`);
    else say('ok', `The disk of ${folder} has ${spokenSize(free)} left.`);
  }
  return found;
}

const NAMES: ReadonlySet<string> = new Set([...VISIT, ...HEALTH_CHECKS]);

/** The command by which the doctor reaches a running server. */
export function doctorCommands(patient: Patient): ControlCommands {
  return {
    doctor: (args) => {
      const check = isRecord(args) ? args.check : undefined;
      if (typeof check !== 'string' || !NAMES.has(check))
        throw new Error('This server has no such check: is it of the same version?');
      return examine(patient, check as DoctorCheck);
    },
  };
}
