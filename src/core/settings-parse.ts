/**
 * Text to value: the shapes that settings come in. Pure functions that never throw and never repeat their input in
 * a refusal, because the input may be a secret.
 */
import * as v from 'valibot';
import { decodeBase64, decodePaddedBase64 } from '../crypto/base64.ts';

/** A value, or what is wrong with the text in one clause that follows "SAFE_NAME ". */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly wrong: string };

/** A text that could be read. */
export function good<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

/** One that could not. `wrong` follows the name of the setting and never holds its value. */
export function bad(wrong: string): Parsed<never> {
  return { ok: false, wrong };
}

/** What a kind of setting looks like, and the schema that turns text, or a TOML value, into the typed value. */
export interface Kind<T> {
  readonly shape: string;
  readonly example: string;
  readonly schema: v.GenericSchema<unknown, T>;
}

/** The TOML type that a kind takes besides a string. */
type AlsoTakes = 'number' | 'boolean' | 'list' | undefined;

/** Makes a {@link Kind} from a function on trimmed text; a TOML list reaches it joined with commas. */
export function kind<T>(
  shape: string,
  example: string,
  read: (text: string) => Parsed<T>,
  also?: AlsoTakes,
): Kind<T> {
  return {
    shape,
    example,
    schema: schemaOf(
      shape,
      (input) => textOf(input, also),
      (text) => read(text.trim()),
    ),
  };
}

/** As {@link kind}, for secrets: the text reaches `read` untouched, and only a string is taken. */
export function secretKind<T>(shape: string, example: string, read: (text: string) => Parsed<T>): Kind<T> {
  return { shape, example, schema: schemaOf(shape, (input) => textOf(input, undefined), read) };
}

/** A schema whose every issue message is ours: valibot's own would quote what it received. */
function schemaOf<T>(
  shape: string,
  toText: (input: unknown) => string | undefined,
  read: (text: string) => Parsed<T>,
): v.GenericSchema<unknown, T> {
  return v.pipe(
    v.unknown(),
    v.rawTransform(({ dataset, addIssue, NEVER }): T => {
      const text = toText(dataset.value);
      const result = text === undefined ? bad(`has the wrong type: it is ${shape}`) : read(text);
      if (result.ok) return result.value;
      addIssue({ message: result.wrong });
      return NEVER;
    }),
  );
}

function textOf(input: unknown, also: AlsoTakes): string | undefined {
  if (typeof input === 'string') return input;
  if (also === 'number' && typeof input === 'number' && Number.isFinite(input)) return String(input);
  if (also === 'boolean' && typeof input === 'boolean') return String(input);
  if (also === 'list' && Array.isArray(input) && input.every((item) => typeof item === 'string')) {
    // An entry with a comma would become two; no shape of ours has commas, so the entry is refused by its parser.
    return input.length === 0 ? '' : input.map((item) => item.replaceAll(',', '\0')).join(',');
  }
  return undefined;
}

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
};
const DURATION_PART = /(?=\.?\d)(\d{0,15})(?:\.(\d{0,15}))?(ns|us|µs|μs|ms|s|m|h|d)/gy;

/** The longest duration that means anything here: a hundred years, in milliseconds. */
export const LONGEST_MS = 36_525 * 86_400_000;

/**
 * A Go duration string (`time.ParseDuration`) plus `d` for days of 24 hours, without a sign, as milliseconds.
 * What is finer than a millisecond is rounded up, so that a positive duration never becomes 0, which often
 * means "off".
 */
export function parseDuration(text: string): Parsed<number> {
  if (text === '0') return good(0);
  if (text === '' || text.length > 100) return bad('is not a duration');
  if (text.startsWith('-')) return bad('must not be negative');
  let total = 0n;
  DURATION_PART.lastIndex = 0;
  while (DURATION_PART.lastIndex < text.length) {
    const part = DURATION_PART.exec(text);
    if (part === null) {
      return bad(/^\d+$/.test(text) ? 'needs a unit (ms, s, m, h or d)' : 'is not a duration');
    }
    const [, whole = '', fraction = '', unit = ''] = part;
    const size = NANOSECONDS[unit] ?? 0n;
    const scale = 10n ** BigInt(fraction.length);
    total += (BigInt(whole + fraction) * size + scale - 1n) / scale;
  }
  const milliseconds = (total + 999_999n) / 1_000_000n;
  if (milliseconds > BigInt(LONGEST_MS)) return bad('is longer than a hundred years');
  return good(Number(milliseconds));
}

const BYTES: Readonly<Record<string, bigint>> = { '': 1n, B: 1n, K: 1n << 10n, M: 1n << 20n, G: 1n << 30n };
const SIZE = /^(\d{1,16})(?:\.(\d{1,15}))? ?(?:(B)|([KMG])(?:B|iB)?)?$/i;

/**
 * A byte size: a positive integer, or a number with a binary unit (B, K, KB, KiB, M, MB, MiB, G, GB, GiB, in any
 * case), as bytes. All units are powers of 1024. Fractions round down to whole bytes, of which there must be one.
 */
export function parseBytes(text: string): Parsed<number> {
  const match = SIZE.exec(text);
  if (match === null) return bad(text.startsWith('-') ? 'must be positive' : 'is not a byte size');
  const [, whole = '', fraction = '', bytes = '', letter = ''] = match;
  const unit = (bytes || letter).toUpperCase();
  if (fraction !== '' && unit === '') return bad('is a fraction without a unit');
  const size = BYTES[unit] ?? 1n;
  const total = (BigInt(whole + fraction) * size) / 10n ** BigInt(fraction.length);
  if (total < 1n) return bad('must be at least one byte');
  if (total > BigInt(Number.MAX_SAFE_INTEGER)) return bad('is too large');
  return good(Number(total));
}

/** A whole decimal number from `min` to `max`, both included. */
export function parseInteger(text: string, min: number, max: number): Parsed<number> {
  if (!/^-?\d{1,16}$/.test(text)) return bad('is not a whole number');
  const value = Number(text);
  return value < min || value > max ? bad(`must be from ${min} to ${max}`) : good(value);
}

/** A decimal number, such as `7.2`, from `min` to `max`, both included. */
export function parseDecimal(text: string, min: number, max: number): Parsed<number> {
  if (!/^-?\d{1,9}(\.\d{1,9})?$/.test(text)) return bad('is not a decimal number');
  const value = Number(text);
  return value < min || value > max ? bad(`must be from ${min} to ${max}`) : good(value);
}

/** `true`, `1`, `yes`, `on` and their opposites, in any case. */
export function parseBoolean(text: string): Parsed<boolean> {
  const word = text.toLowerCase();
  if (word === 'true' || word === '1' || word === 'yes' || word === 'on') return good(true);
  if (word === 'false' || word === '0' || word === 'no' || word === 'off') return good(false);
  return bad('is neither true nor false');
}

/** A comma list whose entries are trimmed and each parsed; an empty entry is refused, an empty text is no list. */
export function parseList<T>(text: string, item: (entry: string) => Parsed<T>): Parsed<readonly T[]> {
  const values: T[] = [];
  const entries = text.split(',');
  if (entries.length > 256) return bad('has more than 256 entries');
  for (const [index, entry] of entries.entries()) {
    if (entry.trim() === '')
      return bad(entries.length === 1 ? 'is empty' : `has an empty entry (number ${index + 1})`);
    const parsed = item(entry.trim());
    if (!parsed.ok) return bad(entries.length === 1 ? parsed.wrong : `${parsed.wrong} (entry ${index + 1})`);
    values.push(parsed.value);
  }
  return good(values);
}

/** Standard base64 (RFC 4648 section 4), canonical, its padding optional. */
export function parseBase64(text: string): Parsed<Uint8Array<ArrayBuffer>> {
  const bytes = decodePaddedBase64(text) ?? decodeBase64(text);
  return bytes === undefined || bytes.length === 0 ? bad('is not base64') : good(bytes);
}

/** Text without control characters, at least one character and at most `max`. */
export function parseText(text: string, max: number): Parsed<string> {
  if (text === '') return bad('is empty');
  if (text.length > max) return bad(`is longer than ${max} characters`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text))
    return bad('holds a control character, such as a line break');
  return good(text);
}

/** Visible ASCII without spaces: what a header carries unchanged on every runtime. */
export function parseToken(text: string, max: number): Parsed<string> {
  if (text === '') return bad('is empty');
  if (text.length > max) return bad(`is longer than ${max} characters`);
  return /^[\x21-\x7e]+$/.test(text) ? good(text) : bad('holds something else than visible ASCII characters');
}
