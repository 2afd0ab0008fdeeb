/**
 * A stricter JSON.parse for small, hostile objects. JSON.parse keeps the last of two members of one name and
 * writes off how a number was spelled; two readers that differ there read two different headers out of the same
 * authenticated bytes.
 */

/** What a strict parse found. `kind` names the first rule broken. */
export type StrictJson =
  | {
      readonly kind: 'object';
      readonly value: Readonly<Record<string, unknown>>;
      readonly plainIntegers: boolean;
    }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'duplicate' };

/**
 * Parses bytes as one JSON object (RFC 8259) in UTF-8 without a byte order mark, at any depth without two
 * members of one name (compared after their escapes are decoded).
 *
 * `plainIntegers` is false when any number is written other than as decimal digits (`1.0`, `1e3`, `-1`).
 */
export function parseStrictObject(bytes: Uint8Array): StrictJson {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return { kind: 'malformed' };
  }
  if (!isObject(value)) return { kind: 'malformed' };
  const spelling = inspect(text);
  if (spelling.duplicate) return { kind: 'duplicate' };
  return { kind: 'object', value, plainIntegers: spelling.plainIntegers };
}

/** True for a JSON object, false for null, arrays and scalars. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Walks the tokens of a text that JSON.parse has accepted, so the grammar is known to hold. */
function inspect(text: string): { duplicate: boolean; plainIntegers: boolean } {
  // One set of names for each open object, undefined for each open array.
  const open: (Set<string> | undefined)[] = [];
  let plainIntegers = true;
  let string = '';
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token.startsWith('"')) string = token;
    else if (token === ':') {
      // In accepted JSON a colon follows a name and nothing else.
      const name: string = JSON.parse(string);
      const names = open.at(-1);
      if (names?.has(name)) return { duplicate: true, plainIntegers };
      names?.add(name);
    } else if (/^[-0-9]/.test(token) && !/^[0-9]+$/.test(token)) plainIntegers = false;
  }
  return { duplicate: false, plainIntegers };
}
