/**
 * Writes docs/format-vectors.json, the same bytes each time:
 *
 *   node tools/format-vectors.ts
 *
 * Malformed files carry the error that was decided for them by hand. Only where every bit of the length and of
 * the header is flipped, hundreds of files that fail in many ways, is the error asked of our own reader; a reader
 * in another language checks it in the tests.
 */

import { writeFile } from 'node:fs/promises';
import { openChunk, openPaste, SealedError, type SealedErrorCode } from '../src/crypto/sealed.ts';
import { type GoodVector, goodVectors, KEY, type Made } from './format-good.ts';
import { applyEdits, type MalformedVector, malformedVectors } from './format-malformed.ts';

/** Every bit of a stretch of a good file, flipped one at a time: 8 × `length` malformed files. */
export interface FlippedBits {
  readonly id: string;
  readonly kind: 'paste' | 'chunk';
  readonly key: string;
  readonly base: string;
  readonly offset: number;
  readonly length: number;
  /** The error of each bit: 8 × (byte within the stretch) + bit, bit 0 the lowest; `"rest"` is those not listed. */
  readonly errors: Partial<Record<SealedErrorCode, 'rest' | number[]>>;
}

export interface FormatVectors {
  readonly format: string;
  readonly about: string;
  readonly good: GoodVector[];
  readonly malformed: MalformedVector[];
  readonly flipped: FlippedBits[];
  /** Spellings that are not a key. */
  readonly keys: { readonly text: string; readonly error: SealedErrorCode }[];
}

/** The code with which `file` is refused, undefined where it opens. */
export async function refusal(
  file: Uint8Array,
  vector: { readonly kind: 'paste' | 'chunk'; readonly key: string; readonly password?: string },
  argon2?: (password: Uint8Array, salt: Uint8Array) => Promise<Uint8Array>,
): Promise<SealedErrorCode | undefined> {
  const key = Buffer.from(vector.key, 'base64url');
  try {
    const { body } =
      vector.kind === 'paste'
        ? await openPaste(file, { key, password: vector.password, argon2 })
        : await openChunk(file, { key });
    await new Response(body).arrayBuffer();
    return undefined;
  } catch (error) {
    if (error instanceof SealedError) return error.code;
    throw error;
  }
}

async function flipped(base: Made, part: string, offset: number, length: number): Promise<FlippedBits> {
  const { id, kind, key } = base.vector;
  const errors = new Map<SealedErrorCode, number[]>();
  for (let bit = 0; bit < length * 8; bit++) {
    const edit = { op: 'flip', offset: offset + Math.floor(bit / 8), bit: bit % 8 } as const;
    const code = await refusal(applyEdits(base.file, [edit]), base.vector);
    if (code === undefined) throw new Error(`${id} opens with bit ${bit} of its ${part} flipped`);
    errors.set(code, [...(errors.get(code) ?? []), bit]);
  }
  const listed = [...errors].sort(([, a], [, b]) => a.length - b.length);
  const commonest = listed.at(-1)?.[0];
  return {
    id: `${id}-each-bit-of-${part}`,
    kind,
    key,
    base: id,
    offset,
    length,
    errors: Object.fromEntries(listed.map(([code, bits]) => [code, code === commonest ? 'rest' : bits])),
  };
}

async function flippedBits(good: ReadonlyMap<string, Made>): Promise<FlippedBits[]> {
  const families: FlippedBits[] = [];
  for (const id of ['paste-1', 'chunk-1']) {
    const base = good.get(id);
    if (base === undefined) throw new Error(`no good vector ${id}`);
    const { head, file } = base;
    families.push(
      await flipped(base, 'magic', 0, 19),
      await flipped(base, 'length', 19, 4),
      await flipped(base, 'header', 23, head.length - 23),
      await flipped(base, 'commitment', head.length, 32),
      await flipped(base, 'payload', head.length + 32, file.length - head.length - 32),
    );
  }
  return families;
}

function badKeys(): FormatVectors['keys'] {
  const text = KEY.toString('base64url');
  const spellings = [
    '',
    text.slice(1),
    `${text}A`,
    `${text}=`,
    ` ${text}`,
    `${text}\n`,
    // 43 characters are 258 bits for 256: the last character ends in two zero bits.
    `${text.slice(0, -1)}F`,
    `+${text.slice(1)}`,
    `/${text.slice(1)}`,
    `%${text.slice(1)}`,
    KEY.toString('hex'),
  ];
  return spellings.map((spelling) => ({ text: spelling, error: 'bad_key' }));
}

/** The vectors, and the text of the file that holds them: one vector a line. */
export async function buildVectors(): Promise<{ vectors: FormatVectors; text: string }> {
  const made = goodVectors();
  const vectors: FormatVectors = {
    format: 'sallyport-sealed/1',
    about:
      'docs/format.md says how to read this. Where a good vector gives a length and no plaintext, byte i of the plaintext is (31*i + floor(i/253)) mod 251.',
    good: [...made.values()].map(({ vector }) => vector),
    malformed: malformedVectors(made),
    flipped: await flippedBits(made),
    keys: badKeys(),
  };
  const sections = Object.entries(vectors).map(([name, value]) => {
    const lines = Array.isArray(value)
      ? `[\n${value.map((line) => JSON.stringify(line)).join(',\n')}\n]`
      : JSON.stringify(value);
    return `${JSON.stringify(name)}: ${lines}`;
  });
  return { vectors, text: `{\n${sections.join(',\n')}\n}\n` };
}

if (import.meta.main) {
  const { vectors, text } = await buildVectors();
  await writeFile(new URL('../docs/format-vectors.json', import.meta.url), text);
  const bits = vectors.flipped.reduce((sum, family) => sum + family.length * 8, 0);
  console.log(
    `${vectors.good.length} good, ${vectors.malformed.length} malformed, ${bits} flipped bits, ${text.length} bytes`,
  );
}
