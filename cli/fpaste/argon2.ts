/** Argon2id with the sealed format's parameters: the runtime's own where it has one, else WebAssembly. */

import * as nodeCrypto from 'node:crypto';
import { argon2id as wasmArgon2id } from 'hash-wasm';
import { ARGON2ID_PARAMETERS, type Argon2id } from '../../src/crypto/sealed.ts';

const { memoryKiB, passes, lanes, outputBytes } = ARGON2ID_PARAMETERS;

export const argon2id: Argon2id = async (password, salt) =>
  (await native(password, salt)) ?? (await wasm(password, salt));

/** Node 24.7 and later. */
function native(message: Uint8Array, nonce: Uint8Array): Promise<Uint8Array | undefined> {
  const argon2 = (nodeCrypto as { argon2?: typeof nodeCrypto.argon2 }).argon2;
  if (typeof argon2 !== 'function') return Promise.resolve(undefined);
  const options = { message, nonce, memory: memoryKiB, passes, parallelism: lanes, tagLength: outputBytes };
  return new Promise((done) => {
    try {
      // An OpenSSL without Argon2 says so here; WebAssembly then does the work.
      argon2('argon2id', options, (error, tag) => done(error ? undefined : new Uint8Array(tag)));
    } catch {
      done(undefined);
    }
  });
}

async function wasm(password: Uint8Array, salt: Uint8Array): Promise<Uint8Array> {
  return await wasmArgon2id({
    password,
    salt,
    memorySize: memoryKiB,
    iterations: passes,
    parallelism: lanes,
    hashLength: outputBytes,
    outputType: 'binary',
  });
}
