/** What the tests of the sealed format share. */

import { argon2, createHash } from 'node:crypto';
import { argon2id } from 'hash-wasm';
import {
  ARGON2ID_PARAMETERS,
  type Argon2id,
  SealedError,
  type SealedErrorCode,
} from '../../src/crypto/sealed.ts';

const { memoryKiB, passes, lanes, outputBytes } = ARGON2ID_PARAMETERS;

/** Argon2id by Node's own OpenSSL (Node 24.7 and newer). */
export const nativeArgon2: Argon2id = (message, nonce) =>
  new Promise((resolve, reject) => {
    const parameters = {
      message,
      nonce,
      parallelism: lanes,
      tagLength: outputBytes,
      memory: memoryKiB,
      passes,
    };
    argon2('argon2id', parameters, (error, derived) =>
      error ? reject(error) : resolve(new Uint8Array(derived)),
    );
  });

/** Argon2id in WebAssembly, as runtimes without one of their own use it. */
export const wasmArgon2: Argon2id = (password, salt) =>
  argon2id({
    password,
    salt,
    parallelism: lanes,
    iterations: passes,
    memorySize: memoryKiB,
    hashLength: outputBytes,
    outputType: 'binary',
  });

/** The faster of the two where it exists, remembering what it derived: vectors share a password. */
export const argon2Of: Argon2id = (() => {
  const derived = new Map<string, Promise<Uint8Array>>();
  return (password, salt) => {
    const memo = `${Buffer.from(password).toString('hex')} ${Buffer.from(salt).toString('hex')}`;
    const known = derived.get(memo) ?? (argon2 === undefined ? wasmArgon2 : nativeArgon2)(password, salt);
    derived.set(memo, known);
    return known;
  };
})();

/** Secure enough to test with, the same for one seed: SHA-256 of a counter. */
export function seededRandom(seed: string): (count: number) => Uint8Array<ArrayBuffer> {
  let counter = 0;
  return (count) => {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at += 32) {
      const block = createHash('sha256').update(`${seed} ${counter++}`).digest();
      bytes.set(block.subarray(0, count - at), at);
    }
    return bytes;
  };
}

/** How many runs a property gets: SALLYPORT_TEST_ROUNDS multiplies. */
export function rounds(count: number): number {
  return Math.ceil(count * Number(process.env.SALLYPORT_TEST_ROUNDS ?? 1));
}

export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** For assert.rejects and assert.throws: a SealedError of this code. */
export function code(expected: SealedErrorCode): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof SealedError)) throw error;
    if (error.code !== expected) throw new Error(`expected ${expected}, got ${error.code}`);
    return true;
  };
}

/** `bytes` in pieces of these lengths (again from the first when they run out), through one buffer. */
export async function* inPieces(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.max(1, ...lengths));
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    // A list of zeros alone would never get anywhere.
    const length = lengths[turn % lengths.length] || (turn % 2 === 0 ? 0 : 1);
    const piece = bytes.subarray(at, at + length);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
    buffer.fill(0xee);
    at += piece.length;
  }
}
