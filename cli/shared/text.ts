/** Text for people: sizes, and words that came from elsewhere made safe to print. */

/** `1.5 MiB`. */
export function spokenBytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/**
 * Text from a server or a paste as one line that cannot move a cursor, change a colour or reverse the reading
 * direction; cut to `limit` characters.
 */
export function printable(text: string, limit = 300): string {
  const safe = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029]/gu, '\uFFFD');
  return safe.length <= limit ? safe : `${safe.slice(0, limit)}…`;
}

/**
 * Watches bytes pass and tells whether they were plain text: UTF-8 without control characters other than tab,
 * line feed, carriage return and form feed. An escape sequence makes it not plain.
 */
export class TextWatch {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #plain = true;

  see(piece: Uint8Array): void {
    if (!this.#plain) return;
    try {
      this.#judge(this.#decoder.decode(piece, { stream: true }));
    } catch {
      this.#plain = false;
    }
  }

  /** Call once, after the last piece. */
  isPlain(): boolean {
    if (!this.#plain) return false;
    try {
      this.#judge(this.#decoder.decode());
    } catch {
      this.#plain = false;
    }
    return this.#plain;
  }

  #judge(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    if (/[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u009f]/.test(text)) this.#plain = false;
  }
}
