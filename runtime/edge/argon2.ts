/**
 * Argon2id for workerd, by hash-wasm. That library carries its WebAssembly as base64 and compiles it, which workerd
 * forbids; the same modules are deployed beside the script instead, and given to it when it asks for one by its
 * bytes. It also makes an instance of 19 MiB for each password and leaves it to the garbage collector, which an
 * isolate of 128 MiB cannot wait for: here one instance is used again and again.
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

/** An instance that had to grow beyond this, for a hash of another cost than ours, is not kept. */
const MOST_KEPT_BYTES = 32 * 1024 * 1024;

/** What hash-wasm's module of Argon2 exports, as far as it matters here; its other modules lack the second. */
interface Argon2Exports {
  readonly memory: WebAssembly.Memory;
  Hash_SetMemorySize(bytes: number): number;
  /** Where the blocks lie in the memory; what is before belongs to the module. */
  Hash_GetBuffer(): number;
}

/** The one instance of Argon2. Who uses it has to be alone with it. */
function oneInstance() {
  let kept: WebAssembly.Instance | undefined;
  let inUse = false;
  return {
    /** A `WebAssembly.instantiate` for modules, without a wait for anything. */
    async instantiate(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      if (!WebAssembly.Module.exports(module).some(({ name }) => name === 'Hash_SetMemorySize')) {
        return new WebAssembly.Instance(module, imports);
      }
      // One in use was left by a request that was ended in the middle of it.
      if (kept === undefined || inUse) kept = new WebAssembly.Instance(module, imports);
      inUse = true;
      return kept;
    },
    /** After a hash: Argon2 begins with zeros, and nothing of a password stays. */
    clear(): void {
      if (kept === undefined) return;
      const { memory, Hash_GetBuffer } = kept.exports as unknown as Argon2Exports;
      new Uint8Array(memory.buffer, Hash_GetBuffer()).fill(0);
      inUse = false;
      if (memory.buffer.byteLength > MOST_KEPT_BYTES) kept = undefined;
    },
  };
}

/**
 * A hasher that hashes one password at a time (19 MiB and tens of milliseconds of CPU each), in the order of `turns`,
 * which refuse when too many wait. It takes over `WebAssembly.compile` and `instantiate`: nothing else here has a use
 * for them.
 */
export function edgeHasher(modules: Modules, turns: Turns): Hasher {
  const argon2 = oneInstance();
  WebAssembly.compile = compileKnown(modules);
  WebAssembly.instantiate = argon2.instantiate as typeof WebAssembly.instantiate;
  return {
    argon2id: (password, salt, cost) =>
      turns.take('argon2id', async () => {
        try {
          return await argon2id({
            password,
            salt,
            memorySize: cost.memoryKiB,
            iterations: cost.iterations,
            parallelism: cost.parallelism,
            hashLength: cost.length,
            outputType: 'binary',
          });
        } finally {
          argon2.clear();
        }
      }),
  };
}
