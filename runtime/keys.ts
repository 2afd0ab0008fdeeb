/** The keys of a deployment, once the database has recognised them. */
import { claimLog, logOwner } from '../src/core/log.ts';
import { keyFits } from '../src/core/secret-key.ts';
import type { Settings } from '../src/core/settings-types.ts';
import { type Keyring, openKeyring } from '../src/crypto/keyring.ts';
import type { Signer } from '../src/crypto/signed-note.ts';
import type { LogStore } from '../src/store/log.ts';
import type { SecretKeyStore } from '../src/store/secret-key.ts';
import { StartError } from './listener.ts';
import { adoptKeyFile, checkpointSigner, hasCheckpointKey, secretKey, stagedKey } from './secrets.ts';

/** @throws StartError when the database was made with another key */
export async function settledKeys(settings: Settings, store: SecretKeyStore): Promise<Keyring> {
  const keys = openKeyring(secretKey(settings.secretKey, settings.dataDir));
  if (await keyFits(store, keys)) return keys;
  // A change of the key that was committed, with the file not yet in its place.
  const staged = settings.secretKey === undefined ? stagedKey(settings.dataDir) : undefined;
  const next = staged && openKeyring(staged);
  if (next !== undefined && (await keyFits(store, next))) {
    adoptKeyFile(settings.dataDir);
    return next;
  }
  throw new StartError(
    'The database was made with another secret key. Start with that one (SAFE_SECRET_KEY, or secret-key in the data directory), or restore the database that belongs to this one.',
  );
}

/**
 * The key that signs this log, made with the log itself. Two keys on one database would be two histories: what one
 * server signs, the bundles of another could not be checked with.
 * @throws StartError when the log is another key's, or when its key is not there
 */
export async function settledSigner(dataDir: string, log: LogStore): Promise<Signer> {
  const owner = await logOwner(log);
  // Nothing is made then: a key that lies there looks like the right one.
  if (owner !== undefined && !hasCheckpointKey(dataDir)) throw anothersLog(dataDir, owner, 'is missing');
  const signer = await checkpointSigner(dataDir);
  if (await claimLog({ now: () => Date.now() }, log, signer)) return signer;
  throw anothersLog(dataDir, (await logOwner(log)) ?? '', `is another key (${signer.name})`);
}

function anothersLog(dataDir: string, owner: string, what: string): StartError {
  return new StartError(
    `The log in this database is signed with the key ${owner}, and checkpoint-key in ${dataDir} ${what}. ` +
      'Copy checkpoint-key from the data directory of a server that works on this database, or from its backup. ' +
      'If it is lost for good, "sallyport log adopt-key" goes on under a new key, while no server runs.',
  );
}
