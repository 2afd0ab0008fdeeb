/** Entries of an archive as one text, so that what changes texts changes entries: each after a line with its name. */

/** Between entries: nothing that a writer of archives writes. */
const ENTRY = Buffer.from('\n=== ');

/** What is between two marks is an entry, whatever it is. */
export const writtenEntries = (entries: ReadonlyMap<string, Uint8Array>): Buffer =>
  Buffer.concat([...entries].flatMap(([name, bytes]) => [ENTRY, Buffer.from(`${name}\n`), bytes]));

export function* entriesIn(bytes: Uint8Array): Generator<{ name: string; bytes: Uint8Array }> {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = all.indexOf(ENTRY); at >= 0; ) {
    const next = all.indexOf(ENTRY, at + ENTRY.length);
    const entry = all.subarray(at + ENTRY.length, next < 0 ? all.length : next);
    const line = entry.indexOf(10);
    if (line >= 0) yield { name: entry.toString('latin1', 0, line), bytes: entry.subarray(line + 1) };
    at = next;
  }
}
