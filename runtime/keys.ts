/** The keyring of a deployment, once the database has recognised it. */
import { keyFits } from '../src/core/secret-key.ts';
import type { Settings } from '../src/core/settings-types.ts';
import { type Keyring, openKeyring } from '../src/crypto/keyring.ts';
import type { SecretKeyStore } from '../src/store/secret-key.ts';
import { StartError } from './listener.ts';
import { adoptKeyFile, secretKey, stagedKey } from './secrets.ts';

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
