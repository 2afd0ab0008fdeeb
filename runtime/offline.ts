/** Operator commands where no server runs: the database is opened, the command done, and everything closed again. */
import { randomBytes } from 'node:crypto';
import type { Deps } from '../src/core/deps.ts';
import { noMailer } from '../src/core/mail.ts';
import { noMetrics } from '../src/core/metrics.ts';
import type { Settings } from '../src/core/settings-types.ts';
import { keyedTurns } from '../src/core/turns.ts';
import { VERSION } from '../src/core/version.ts';
import type { Keyring } from '../src/crypto/keyring.ts';
import { libsqlStore } from '../src/store/libsql/store.ts';
import { nodeHasher } from './argon2.ts';
import { openBlobs } from './blobs.ts';
import { acquire } from './control.ts';
import { ControlError } from './control-protocol.ts';
import { nodeCrc32, nodeDigest } from './digest.ts';
import { settledKeys, settledSigner } from './keys.ts';
import { StartError } from './listener.ts';
import { operatorCommands } from './operator.ts';
import { passwordListWhenAsked } from './password-list.ts';
import { bootstrapPort, checkpointSigner } from './secrets.ts';
import { openDatabase } from './storage.ts';

/** What a command without a server works with. */
export interface Offline {
  readonly deps: Deps;
  readonly keys: Keyring;
}

/**
 * Owns the data directory while `use` runs.
 * @param options `anyLog`: with the key of this data directory, whoever has signed the log so far
 * @throws StartError, ControlError with a sentence that says what to do
 */
export async function offline<T>(
  settings: Settings,
  use: (house: Offline) => Promise<T>,
  { anyLog = false }: { readonly anyLog?: boolean } = {},
): Promise<T> {
  const closers: (() => Promise<void> | void)[] = [];
  try {
    const owned = await acquire(settings.dataDir, { version: VERSION, now: Date.now() });
    closers.push(() => owned.release());
    const { db, close } = await openDatabase({
      database: settings.database,
      now: Date.now(),
      onFatal: () => process.exit(1),
    });
    closers.push(close);
    const { blobs } = await openBlobs(db, {
      settings: settings.blobs,
      stagingQuotaBytes: settings.uploads.stagingQuotaBytes,
      stagingLifetimeMs: 0,
      // A command that has nothing to do with chunks runs without the store.
      check: false,
    });
    const store = libsqlStore(db);
    const keys = await settledKeys(settings, store.secretKey);
    const hasher = nodeHasher({ maxQueued: 1 });
    closers.push(() => hasher.close());
    const { listFile } = settings.auth.passwords;
    const passwordList = listFile === undefined ? undefined : passwordListWhenAsked(listFile);
    closers.push(async () => passwordList?.close());
    const deps: Deps = {
      settings,
      store,
      blobs,
      // Nobody sends requests here.
      limiter: { hit: async () => undefined },
      hasher,
      keys,
      signer: anyLog
        ? await checkpointSigner(settings.dataDir)
        : await settledSigner(settings.dataDir, store.log),
      turns: keyedTurns(),
      log: { write: () => {} },
      metrics: noMetrics,
      mailer: noMailer,
      bootstrap: bootstrapPort(settings.auth.bootstrap, settings.dataDir),
      passwordList,
      background: () => {},
      startedAt: Date.now(),
      now: () => Date.now(),
      elapsed: () => performance.now(),
      random: (length) => new Uint8Array(randomBytes(length)),
      digest: nodeDigest,
      crc32: nodeCrc32,
      after: (ms, then) => {
        const timer = setTimeout(then, ms);
        return () => clearTimeout(timer);
      },
      sized: (stream) => stream,
      origin: undefined,
    };
    return await use({ deps, keys });
  } finally {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  }
}

/** Runs one command of the operator's table here. */
export function withoutServer(settings: Settings, name: string, args: unknown): Promise<unknown> {
  return offline(settings, async ({ deps }) => {
    const command = operatorCommands(deps)[name];
    if (command === undefined) throw new StartError(`There is no command ${name}.`);
    try {
      return await command(args);
    } catch (error) {
      throw new ControlError('refused', error instanceof Error ? error.message : 'The command failed.');
    }
  });
}
