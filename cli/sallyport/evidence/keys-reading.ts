/** The keys files that a command is given, decrypted where they are age files. */

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ageOpener } from '../../shared/age.ts';
import { errorCode, usage } from '../../shared/failure.ts';
import type { World } from '../../shared/world.ts';
import { parseKeys, type StreamKey } from './keys-file.ts';
import type { Given, Option } from './options.ts';

export const KEYS_OPTIONS: readonly Option[] = [
  {
    name: 'keys',
    value: 'FILE',
    repeatable: true,
    help: 'keys of the streams (sallyport-keys/1), or an age file that holds them',
  },
  { name: 'identity', value: 'FILE', repeatable: true, help: 'age identities that open such an age file' },
];

/** All keys of all files that `--keys` names. Throws usage failures that quote nothing of them. */
export async function keysFrom(world: World, given: Given): Promise<readonly StreamKey[]> {
  if (!given.has('keys')) throw usage('Say where the keys are: --keys FILE.');
  const keys: StreamKey[] = [];
  for (const file of given.values('keys')) {
    const bytes = await readFile(resolve(world.cwd, file)).catch((error: unknown) => {
      throw usage(`The keys file cannot be read (${errorCode(error)}).`);
    });
    keys.push(...parseKeys(await keysText(world, given, bytes)));
  }
  return keys;
}

const AGE = Buffer.from('age-encryption.org/v1\n');

async function keysText(world: World, given: Given, bytes: Buffer): Promise<string> {
  if (!bytes.subarray(0, AGE.length).equals(AGE)) return bytes.toString('utf8');
  if (!given.has('identity'))
    throw usage('The keys file is an age file: give the identity that opens it, --identity FILE.');
  const openAge = await ageOpener(world, given.values('identity'));
  const once = (async function* () {
    yield bytes;
  })();
  const parts: Uint8Array[] = [];
  for await (const part of await openAge(once)) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}
