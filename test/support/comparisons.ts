/**
 * Counts comparisons of secrets: whoever imports this first and the rest of Sallyport afterwards (`await import`)
 * gets a `src/crypto/compare.ts` whose functions say so each time, with the lengths that they were given.
 */
import { registerHooks } from 'node:module';

type Told = (a: { readonly length: number }, b: { readonly length: number }) => void;

const NAME = 'sallyportComparison';
const listeners = new Set<(length: number) => void>();

/** Has `listener` told the length of each comparison. @returns what ends that */
export function onComparison(listener: (length: number) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const told: Told = (a, b) => {
  for (const listener of listeners) listener(a.length === b.length ? a.length : Number.NaN);
};
Object.assign(globalThis, { [NAME]: told });

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.endsWith('/src/crypto/compare.ts')) return loaded;
    const source = String(
      typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source as Uint8Array),
    );
    const functions = /(export function \w+\(a: \w+, b: \w+\): boolean \{)/g;
    if (source.match(functions)?.length !== 2) throw new Error('compare.ts has other functions by now');
    return { ...loaded, source: source.replace(functions, `$1 globalThis.${NAME}(a, b);`) };
  },
});
