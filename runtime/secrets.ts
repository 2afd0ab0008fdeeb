/** The secrets that are made in the data directory when nobody has given them. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { BootstrapSecret } from '../src/core/bootstrap.ts';
import type { BootstrapSettings } from '../src/core/settings-types.ts';
import { parseSignerKey, type Signer, signerKey } from '../src/crypto/signed-note.ts';
import { syncDirectory } from './durable.ts';
import { StartError } from './listener.ts';

const SECRET_BYTES = 32;

/** The server's secret key: the one that was given, else `secret-key` in the data directory, made when missing. */
export function secretKey(given: Uint8Array | undefined, dataDir: string): Uint8Array {
  if (given !== undefined) return given;
  const path = join(dataDir, 'secret-key');
  const text = keepSecret(path, () => randomBytes(SECRET_BYTES).toString('base64'));
  const key = /^[A-Za-z0-9+/]{43}=$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  if (key.length !== SECRET_BYTES) {
    throw new StartError(
      `${path} does not hold 32 bytes in base64. Restore it from a backup: without it, delete tokens stop working.`,
    );
  }
  return new Uint8Array(key);
}

/** Writes a key that is about to be taken into use to `secret-key.new` (0600), durably, in place of an older draft. */
export function stageKeyFile(dataDir: string, key: Uint8Array): void {
  const path = join(dataDir, 'secret-key.new');
  rmSync(path, { force: true });
  writeDurably(path, `${Buffer.from(key).toString('base64')}\n`);
  syncDirectory(dataDir);
}

/** Makes `secret-key.new` the key; the one before stays as `secret-key.old`. @returns its path */
export function adoptKeyFile(dataDir: string): string {
  const path = join(dataDir, 'secret-key');
  rmSync(`${path}.old`, { force: true });
  linkSync(path, `${path}.old`);
  renameSync(`${path}.new`, path);
  syncDirectory(dataDir);
  return path;
}

/** The key of a change that was committed and not adopted yet: a crash came between. */
export function stagedKey(dataDir: string): Uint8Array | undefined {
  const text = read(join(dataDir, 'secret-key.new'));
  const key = text === undefined ? Buffer.alloc(0) : Buffer.from(text, 'base64');
  return key.length === SECRET_BYTES ? new Uint8Array(key) : undefined;
}

/** Makes the one-time secret with which the first admin is made, unless it is there. @returns its path */
export function bootstrapSecret(dataDir: string): string {
  const path = join(dataDir, 'bootstrap-secret');
  if (keepSecret(path, () => randomBytes(SECRET_BYTES).toString('base64url')) === '') {
    throw new StartError(`${path} is empty. Remove it and start again: a new one is made.`);
  }
  return path;
}

/**
 * The one-time secret as the core sees it: the operator's own, or the one that lies in the data directory and goes
 * away with its use.
 */
export function bootstrapPort(settings: BootstrapSettings, dataDir: string): BootstrapSecret {
  const path = join(dataDir, 'bootstrap-secret');
  return {
    async current() {
      if (settings.kind === 'given') return settings.secret;
      if (settings.kind === 'disabled') return undefined;
      const text = read(path);
      return text === '' ? undefined : text;
    },
    async spent() {
      if (settings.kind === 'generated') rmSync(path, { force: true });
    },
  };
}

/**
 * The key that signs checkpoints and receipts: `checkpoint-key` in the data directory, made at the first start under a
 * name of its own. Its public half is what people check bundles against, so losing it breaks a chain of evidence.
 */
export async function checkpointSigner(dataDir: string): Promise<Signer> {
  const path = join(dataDir, 'checkpoint-key');
  const fresh = await signerKey(
    `sallyport-${randomBytes(8).toString('hex')}`,
    new Uint8Array(randomBytes(SECRET_BYTES)),
  );
  const signer = await parseSignerKey(keepSecret(path, () => fresh));
  if (signer === undefined) {
    throw new StartError(
      `${path} does not hold a signing key. Restore it from a backup: with another one, earlier checkpoints and receipts cannot be told from forged ones.`,
    );
  }
  return signer;
}

/** Whether the signing key is there already. */
export const hasCheckpointKey = (dataDir: string): boolean => existsSync(join(dataDir, 'checkpoint-key'));

/** The text of a secret file without its line end. Makes it (0600) when it is missing, whole or not at all. */
function keepSecret(path: string, make: () => string): string {
  try {
    const found = read(path);
    if (found !== undefined) return found;
    // Chance, not the process id: in a container every start has the same one.
    const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
    try {
      writeDurably(draft, `${make()}\n`);
      linkSync(draft, path);
    } catch (error) {
      // Another process made it in the meantime: then that one is the secret.
      if (codeOf(error) !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    syncDirectory(join(path, '..'));
    return read(path) ?? '';
  } catch (error) {
    throw new StartError(
      `${path} cannot be read or made (${codeOf(error)}). Check who owns the data directory.`,
    );
  }
}

/** Windows has no O_SYNC; there the file is flushed afterwards, as everywhere. */
const NEW_AND_WRITTEN_THROUGH =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_SYNC ?? 0);

/** A new file, readable by its owner alone, on disk when this returns. */
function writeDurably(path: string, text: string): void {
  const file = openSync(path, NEW_AND_WRITTEN_THROUGH, 0o600);
  try {
    writeSync(file, text);
    flush(file);
  } finally {
    closeSync(file);
  }
}

function read(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    // A copy from a backup often comes back readable by all.
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
    return text;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Under `--permission` Node has no fsync; what was written to the file has gone through to the disk by then. */
function flush(file: number): void {
  try {
    fsyncSync(file);
  } catch (error) {
    if (codeOf(error) !== 'ERR_ACCESS_DENIED') throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
