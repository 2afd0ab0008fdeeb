/** A reader of bytes that somebody else wrote, and what must hold for whatever they wrote. */
import { Broken, must } from '../target.ts';

export interface Reader {
  readonly name: string;
  readonly summary: string;
  /** Inputs that are right, or nearly: what others are made from. */
  seeds(): readonly (Uint8Array | string)[] | Promise<readonly (Uint8Array | string)[]>;
  /** What inputs of this kind are made of. */
  readonly words?: readonly string[];
  /** Reads. Throws where a rule does not hold; a refusal of the reader's own kind is an answer like any other. */
  read(bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A reader of text. */
export function ofText(
  reader: Omit<Reader, 'read'> & { readText(text: string): void | Promise<void> },
): Reader {
  const { readText, ...rest } = reader;
  return { ...rest, read: (bytes) => readText(decoder.decode(bytes)) };
}

/** What a reader came to: its value, or the refusal that is its own. @throws Broken for anything else */
export function orRefused<T>(read: () => T, isRefusal: (thrown: unknown) => boolean): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (isRefusal(thrown)) return undefined;
    throw unforeseen(thrown);
  }
}

/** As {@link orRefused}. */
export async function orRefusedLater<T>(
  read: () => Promise<T>,
  isRefusal: (thrown: unknown) => boolean,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (thrown) {
    if (isRefusal(thrown)) return undefined;
    throw unforeseen(thrown);
  }
}

function unforeseen(thrown: unknown): Broken {
  if (thrown instanceof Broken) return thrown;
  const what = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return new Broken(`threw what is no refusal: ${what}`);
}

/** @throws Broken unless both are the same JSON */
export function same(what: string, one: unknown, other: unknown): void {
  const said = JSON.stringify(one);
  must(said === JSON.stringify(other), () => `${what}: ${said} and ${JSON.stringify(other)}`);
}
