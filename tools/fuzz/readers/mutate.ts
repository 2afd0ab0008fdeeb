/** Inputs made from other inputs: what a reader of bytes gets wrong is mostly near to what is right. */
import type { Chance } from '../chance.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** No input is longer, unless its seed is. */
const MOST_BYTES = 64 * 1024;

const NUMBERS = [
  '0',
  '-1',
  '1',
  '255',
  '256',
  '65535',
  '65536',
  '2147483648',
  '9007199254740993',
  '1e999',
  '٣',
] as const;
const SPECIAL = [
  0, 1, 9, 10, 13, 32, 34, 44, 45, 47, 58, 59, 61, 92, 123, 127, 128, 192, 237, 239, 255,
] as const;

const encoder = new TextEncoder();

function spliced(into: Bytes, at: number, remove: number, insert: Uint8Array): Bytes {
  const made = new Uint8Array(into.length - remove + insert.length);
  made.set(into.subarray(0, at));
  made.set(insert, at);
  made.set(into.subarray(at + remove), at + insert.length);
  return made;
}

function once(chance: Chance, bytes: Bytes, other: Bytes, words: readonly string[]): Bytes {
  const at = chance.below(bytes.length + 1);
  const length = Math.min(chance.below(1 << chance.below(9)) + 1, bytes.length - at);
  const none = new Uint8Array(0);
  switch (chance.below(11)) {
    case 0:
      return bytes.map((byte, index) => (index === at ? byte ^ (1 << chance.below(8)) : byte));
    case 1:
      return bytes.map((byte, index) => (index === at ? chance.of(SPECIAL) : byte));
    case 2:
      return spliced(bytes, at, length, none);
    case 3:
      return spliced(bytes, at, 0, chance.bytes(chance.below(8) + 1));
    case 4:
      return spliced(bytes, at, 0, bytes.subarray(at, at + length));
    case 5: {
      const repeated = bytes.subarray(at, at + Math.min(length, 16));
      const times = 1 << chance.below(10);
      const much = new Uint8Array(Math.min(repeated.length * times, MOST_BYTES));
      for (let index = 0; index < much.length; index += 1)
        much[index] = repeated[index % repeated.length] ?? 0;
      return spliced(bytes, at, 0, much);
    }
    case 6:
      return spliced(bytes, at, length, encoder.encode(chance.of(NUMBERS)));
    case 7: {
      const from = chance.below(other.length + 1);
      return spliced(bytes, at, length, other.subarray(from, from + chance.below(64)));
    }
    case 8:
      return bytes.slice(0, at);
    case 9:
      return spliced(bytes, at, 0, new Uint8Array([chance.of(SPECIAL)]));
    default:
      return spliced(bytes, at, chance.once(2) ? length : 0, encoder.encode(chance.some(words) ?? ' '));
  }
}

/** An input made from one of the corpus, and now and then from two. */
export function mutated(chance: Chance, corpus: readonly Bytes[], words: readonly string[]): Bytes {
  let made: Bytes = (chance.some(corpus) ?? new Uint8Array(0)).slice();
  const other = chance.some(corpus) ?? made;
  for (let times = 1 + chance.below(4); times > 0; times -= 1) made = once(chance, made, other, words);
  const most = Math.max(MOST_BYTES, other.length);
  return made.length > most ? made.slice(0, most) : made;
}

/** Makes an input smaller for as long as it breaks the same rule. @param holds whether it still does */
export async function smaller(bytes: Bytes, holds: (bytes: Bytes) => Promise<boolean>): Promise<Bytes> {
  let best = bytes;
  let tries = 2000;
  for (let size = Math.max(1, best.length >> 1); size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let at = 0; at < best.length && tries > 0; tries -= 1) {
      const next = spliced(best, at, Math.min(size, best.length - at), new Uint8Array(0));
      if (await holds(next)) best = next;
      else at += size;
    }
  }
  return best;
}
