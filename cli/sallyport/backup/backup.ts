/** `sallyport backup` */
import { createHash } from 'node:crypto';
import { lstat, open } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { VERSION } from '../../../src/core/version.ts';
import { showProgress } from '../../fpaste/progress.ts';
import { ageEncrypt } from '../../shared/age.ts';
import { watchSignals } from '../../shared/cleanup.ts';
import { type Destination, fresh } from '../../shared/destination.ts';
import { errorCode, Failure, usage } from '../../shared/failure.ts';
import { spokenBytes } from '../../shared/text.ts';
import { processWorld, type World } from '../../shared/world.ts';
import { type Command, say, tell } from '../command.ts';
import { ending } from '../evidence/ending.ts';
import { type Given, type Option, optionHelp, readOptions } from '../evidence/options.ts';
import { recipientOf } from '../evidence/recipients.ts';
import { settingsFrom } from '../operator.ts';
import { presentKeys } from './keys.ts';
import { KEY_NAMES, type Manifest } from './manifest.ts';
import { packBackup } from './packing.ts';
import { takeSnapshot } from './snapshot.ts';

const OPTIONS: readonly Option[] = [
  {
    name: 'to',
    value: 'RECIPIENT',
    repeatable: true,
    help: 'encrypt it with age to age1… or age1pq1…; the keys are included then',
  },
  { name: 'without-keys', help: 'with --to: leave the keys out all the same' },
  { name: 'config', value: 'FILE', help: 'the settings of the server' },
  { name: 'json', help: 'print what was made as JSON' },
  { name: 'quiet', help: 'say nothing but failures' },
];

const DETAILS = `
Writes one file with everything that is in the database at this moment, while the server goes on, or without one. FILE
must not be there yet; "-" writes to standard output. It gets its name when it is complete and on the disk.

A database alone is not enough: without the secret key (SAFE_SECRET_KEY, or secret-key in the data directory) nobody
gets past their second factor and no delete token fits, and without checkpoint-key later evidence cannot be tied to
earlier evidence. A backup that is encrypted with --to holds both, and SAFE_DATABASE_ENCRYPTION_KEY where there is one.
A backup without --to never does: keep the keys somewhere else.

Settings and TLS files are not in it, and neither are bytes that lie in an object store.

  sallyport backup /backups/sallyport-$(date +%F).age --to age1…
  sallyport backup - --to age1… | ssh elsewhere 'cat > sallyport.age'
${optionHelp([['Options', OPTIONS]])}
Exit codes: 0 done, 1 refused or failed, 2 usage, 3 the server does not answer.
`;

export const backupCommand: Command = {
  words: ['backup'],
  usage: 'backup FILE [--to RECIPIENT]… [--json]',
  summary: 'Back up the database, while the server goes on.',
  details: DETAILS,
  run: (args) => ending(args, () => backup(processWorld(), readOptions(args, OPTIONS, [1, 1]))),
};

async function backup(world: World, given: Given): Promise<number> {
  watchSignals();
  const recipients = given.values('to').map((text) => recipientOf(text).recipient);
  if (given.has('without-keys') && recipients.length === 0)
    throw usage('--without-keys goes with --to: without --to the keys are never included.');
  const settings = settingsFrom({ values: { config: given.value('config') } });
  const out = await output(world, given.positionals[0] ?? '');
  try {
    const quiet = given.has('quiet');
    const copying = showProgress(world, !quiet, 'Copying', undefined);
    const { file, facts } = await takeSnapshot(settings, (bytes) => copying.at(bytes));
    copying.end();
    try {
      const included = recipients.length > 0 && !given.has('without-keys');
      const keys = included ? await presentKeys(settings, facts.secretKeyCheck) : new Map();
      const { size } = await file.stat();
      const hashing = showProgress(world, !quiet, 'Reading', size);
      const plan = { database: file, facts, keys, version: VERSION, now: world.now() };
      const packed = await packBackup(plan, (bytes) => hashing.at(bytes));
      hashing.end();
      const pieces =
        recipients.length === 0
          ? packed.pieces
          : (await ageEncrypt(packed.pieces, packed.length, recipients)).pieces;
      const writing = showProgress(world, !quiet, 'Writing', packed.length);
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const piece of pieces) {
        await out.write(piece);
        hash.update(piece);
        bytes += piece.length;
        writing.at(bytes);
      }
      const path = await out.commit();
      writing.end();
      report(given, packed.manifest, { path, bytes, sha256: hash.digest('hex') }, recipients.length > 0);
      return 0;
    } finally {
      await file.close();
    }
  } finally {
    await out.abandon();
  }
}

/** Standard output, or a file of a new name; refused before any work is done when there is one already. */
async function output(world: World, name: string): Promise<Destination> {
  if (name === '-') return standardOutput(world);
  const target = resolve(world.cwd, name);
  const there = await lstat(target).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT') return false;
      throw usage(`${target} cannot be written (${errorCode(error)}).`);
    },
  );
  if (there)
    throw new Failure(
      'refused',
      'already_there',
      `${target} is there already. A backup never replaces anything.`,
    );
  const destination = await fresh(world, dirname(target), 0o600, () => basename(target));
  return {
    ...destination,
    async commit() {
      const path = await destination.commit();
      await syncFolder(dirname(path));
      return path;
    },
  };
}

/** Makes a new name durable, where the system can. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    await folder.sync().finally(() => folder.close());
  } catch {
    // Windows cannot open a folder.
  }
}

function standardOutput(world: World): Destination {
  if (world.stdout.isTTY === true) throw usage('A backup is not for a terminal. Name a file, or use a pipe.');
  return {
    write: (piece) =>
      new Promise((done, fail) => {
        world.stdout.write(piece, (error) => {
          if (error === null || error === undefined) done();
          else
            fail(
              new Failure('refused', 'cannot_write', `The output cannot be written (${errorCode(error)}).`),
            );
        });
      }),
    truncate: async () => {},
    commit: async () => '-',
    abandon: async () => {},
  };
}

interface Made {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

function report(given: Given, manifest: Manifest, made: Made, encrypted: boolean): void {
  const held = KEY_NAMES.filter((name) => manifest.entries.some((entry) => entry.name === name));
  const outside = manifest.counts.object_store_chunks ?? 0;
  const piped = made.path === '-';
  const value = {
    file: piped ? null : made.path,
    bytes: made.bytes,
    sha256: made.sha256,
    encrypted,
    keys: held,
    created_at: manifest.created_at,
    schema: manifest.schema,
    counts: manifest.counts,
  };
  const { chunks = 0, pastes = 0, accounts = 0 } = manifest.counts;
  const lines = [
    `${piped ? 'Standard output' : made.path}: ${spokenBytes(made.bytes)}, ${accounts} accounts, ${pastes} pastes, ${chunks} chunks.`,
    `SHA-256 ${made.sha256}`,
  ];
  if (!piped) tell(given.has('json'), value, given.has('quiet') ? [] : lines);
  else if (!given.has('quiet'))
    for (const line of given.has('json') ? [JSON.stringify(value)] : lines) say(line);
  if (given.has('quiet')) return;
  for (const line of warnings(manifest, held, outside)) say(line);
}

function warnings(manifest: Manifest, held: readonly string[], outside: number): readonly string[] {
  const needed = KEY_NAMES.filter(
    (name) => name !== 'database-encryption-key' || manifest.database_encrypted,
  ).filter((name) => !held.includes(name));
  const names = needed.map((name) => WHERE[name]);
  return [
    ...(needed.length === 0
      ? ['It holds the keys: whoever opens it can run this server.']
      : [`It does not hold, and a restore needs: ${names.join('; ')}. Keep them somewhere else.`]),
    ...(outside === 0
      ? []
      : [
          `The bytes of ${outside} chunks (${spokenBytes(manifest.counts.object_store_bytes ?? 0)}) lie in the object store and are not in it: back that up too.`,
        ]),
  ];
}

/** Where each key lies. */
export const WHERE: Readonly<Record<(typeof KEY_NAMES)[number], string>> = {
  'secret-key': 'the secret key (SAFE_SECRET_KEY, or secret-key in the data directory)',
  'checkpoint-key': 'checkpoint-key in the data directory',
  'database-encryption-key': 'SAFE_DATABASE_ENCRYPTION_KEY',
};
