/**
 * Argon2id for workerd, by hash-wasm. That library carries its WebAssembly as base64 and compiles it, which workerd
 * forbids; the same modules are deployed beside the script instead, and given to it when it asks for one by its
 * bytes.
 */
import { argon2id } from 'hash-wasm';
import type { Hasher } from '../../src/core/deps.ts';
import type { Turns } from '../../src/core/turns.ts';
import { hex, sha256 } from '../../src/crypto/hash.ts';

type Modules = ReadonlyMap<string, WebAssembly.Module>;
type Compile = typeof WebAssembly.compile;

/**
 * A `WebAssembly.compile` that knows these modules by the SHA-256 of their bytes, and refuses all others. Without a
 * wait for anything, so that no request depends on another one that began to load them.
 */
export function compileKnown(modules: Modules): Compile {
  return async (source) => {
    const bytes = ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source);
    const module = modules.get(hex(sha256(bytes)));
    if (module === undefined) throw new WebAssembly.CompileError('no module of these bytes is deployed here');
    return module;
  };
}

/**
 * A hasher that hashes one password at a time (19 MiB and tens of milliseconds of CPU each), in the order of `turns`,
 * which refuse when too many wait.
 */
export function edgeHasher(modules: Modules, turns: Turns): Hasher {
  WebAssembly.compile = compileKnown(modules);
  return {
    argon2id: (password, salt, cost) =>
      turns.take('argon2id', () =>
        argon2id({
          password,
          salt,
          memorySize: cost.memoryKiB,
          iterations: cost.iterations,
          parallelism: cost.parallelism,
          hashLength: cost.length,
          outputType: 'binary',
        }),
      ),
  };
}
