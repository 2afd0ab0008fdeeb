/**
 * Keeps a long transfer small. What sockets and WebCrypto answer is memory outside of V8's heap, which V8 lets
 * pile up to some 100 MiB before it looks. So pieces are given back as soon as they were used, and V8 is asked to
 * look at its young generation every few MiB, which takes it a fraction of a millisecond.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { readonly type: 'minor' }) => void;

const COLLECT_EVERY_BYTES = 2 * 1024 * 1024;

/** Undefined until it was looked for; null where there is none. */
let collector: Collect | null | undefined;
let passed = 0;

/** `pieces`, each given back when the one after it is there: what uses them must be done with one by then. */
export async function* releasing<T extends Uint8Array>(pieces: AsyncIterable<T>): AsyncGenerator<T> {
  let used: T | undefined;
  for await (const piece of pieces) {
    if (used !== undefined) release(used);
    used = piece;
    collectAfter(piece.byteLength);
    yield piece;
  }
}

/**
 * A piece that shares its memory with others, as slices of a pool or of one read do, is left to the collector, as
 * all are on Node 20, which has no `transfer`.
 */
function release(piece: Uint8Array): void {
  if (piece.byteLength !== piece.buffer.byteLength) return;
  (piece.buffer as { transfer?: (length: number) => unknown }).transfer?.(0);
}

function collectAfter(bytes: number): void {
  passed += bytes;
  if (passed < COLLECT_EVERY_BYTES) return;
  passed = 0;
  if (collector === undefined) collector = findCollector();
  collector?.({ type: 'minor' });
}

/** Bun and Deno keep small by themselves, and have no such function. */
function findCollector(): Collect | null {
  if (process.versions.bun !== undefined || process.versions.deno !== undefined) return null;
  try {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    return typeof collect === 'function' ? (collect as Collect) : null;
  } catch {
    return null;
  }
}
