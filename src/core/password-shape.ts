/**
 * Passwords that are guessed first, whatever list they stand in: one sign over and over, a row of the alphabet, or
 * little besides words that anybody would try here. Pure, and asked only where the operator wants it: which passwords
 * are taken is otherwise a promise to clients.
 */

/** Words of fewer letters are in too many good passwords. */
export const WORD_LEAST = 3;
/** So many letters and digits must be left of a password without the words of its surroundings. */
const LEFT_LEAST = 8;
/** So many different signs it must have. */
const DIFFERENT_LEAST = 5;
/** What everybody knows of every server. */
const OURS = ['sallyport'];

/** The letters and digits of a text, in lower case and in compatibility form (Unicode NFKC). */
export function lettersOf(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

/** What a password may have been made of. */
export interface Surroundings {
  readonly username: string;
  readonly email?: string | undefined;
  /** Of the operator. */
  readonly words: readonly string[];
}

/** A name or an address, and its parts. */
const partsOf = (text: string): readonly string[] => [text, ...text.split(/[._@-]+/)];

/** Every step from one sign to the next is the same: none, one up, or one down; after 9 comes 0. */
function isRow(letters: string): boolean {
  const codes = [...letters].map((letter) => letter.codePointAt(0) ?? 0);
  const steps = new Set(
    codes.slice(1).map((code, at) => {
      const before = codes[at] ?? 0;
      if (before === 0x39 && code === 0x30) return 1;
      if (before === 0x30 && code === 0x39) return -1;
      return code - before;
    }),
  );
  const [step = 0] = steps;
  return steps.size <= 1 && Math.abs(step) <= 1;
}

/**
 * Whether a password is easy to guess from what is known of its account and its server. Where words are looked for,
 * signs and spaces count for nothing, so that `s-a-l-l-y-p-o-r-t 2026` is what it looks like.
 */
export function isObvious(password: string, { username, email, words }: Surroundings): boolean {
  if (new Set(password.toLowerCase()).size < DIFFERENT_LEAST) return true;
  const letters = lettersOf(password);
  // A row with something between its letters is one still; a few letters among many signs are none.
  if (2 * letters.length >= password.length && isRow(letters)) return true;
  const known = [...OURS, ...partsOf(username), ...partsOf(email ?? ''), ...words]
    .map(lettersOf)
    .filter((word) => word.length >= WORD_LEAST)
    // The longest first, lest a part of a word leave the rest of it.
    .sort((a, b) => b.length - a.length);
  const rest = known.reduce((left, word) => left.replaceAll(word, ' '), letters).replaceAll(' ', '');
  return rest.length < LEFT_LEAST && rest.length < letters.length;
}
