/** Made by tools/edge-wasm.ts: the modules of Argon2id by the SHA-256 of their bytes. */
import argon2 from './argon2.7a25eff94eb7bc559acb7305d8352ed24470670a9ae653d79d86f92f8a395c3d.wasm';
import blake2b from './blake2b.2aa7f33c4ece502997304672bc8defa348a7a30ef9a191e8648d317830e50afd.wasm';

export const modules: ReadonlyMap<string, WebAssembly.Module> = new Map([
  ['7a25eff94eb7bc559acb7305d8352ed24470670a9ae653d79d86f92f8a395c3d', argon2],
  ['2aa7f33c4ece502997304672bc8defa348a7a30ef9a191e8648d317830e50afd', blake2b],
]);
