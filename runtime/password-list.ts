/**
 * The operator's list of passwords that no account gets (`SAFE_PASSWORD_LIST`), in one of two forms. Its first line
 * tells which: SHA-1 hashes in their order are searched in the file; anything else is a list of passwords, one a line,
 * which is read once and kept as 64 bits of a hash each. Nothing of a password leaves this process.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { PASSWORD_LEAST_BYTES, PASSWORD_MOST_BYTES } from '../src/core/identity.ts';
import type { PasswordList } from '../src/core/password-rules.ts';
import { type HashLines, hashIn, hashLines } from './hash-lines.ts';
import { StartError } from './listener.ts';

/** 8 bytes of memory each. */
const MOST_PASSWORDS = 4_000_000;
const READ_BYTES = 256 * 1024;

export interface OpenPasswordList extends PasswordList {
  close(): Promise<void>;
}

/** Capitals and compatibility forms do not make a common password another one. */
const folded = (password: string) => password.normalize('NFKC').toLowerCase();

/** 64 bits of SHA-256: among four million entries one stranger in 10^12 is taken for one of them. */
const keyOf = (password: string) => createHash('sha256').update(password).digest().readBigUInt64BE();

const sha1Of = (password: string) => createHash('sha1').update(password).digest('hex').toUpperCase();

/** A line's bytes without the CR that may stand before its end. */
const withoutReturn = (line: Buffer) => (line.at(-1) === 13 ? line.subarray(0, -1) : line);

/**
 * Reads a file a piece at a time and gives each line to `each`: its bytes without its end, good until the call is
 * over. Lines that are longer than `most` may be left out.
 */
async function eachLine(file: FileHandle, most: number, each: (line: Buffer) => void): Promise<void> {
  let rest = Buffer.alloc(0);
  let skipping = false;
  const chunk = Buffer.alloc(READ_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(chunk, 0, READ_BYTES, at);
    at += bytesRead;
    const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    let from = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
      if (!skipping) each(withoutReturn(bytes.subarray(from, end)));
      skipping = false;
      from = end + 1;
    }
    rest = Buffer.from(bytes.subarray(from));
    if (bytesRead === 0) {
      if (!skipping && rest.length > 0) each(withoutReturn(rest));
      return;
    }
    if (rest.length > most + 1) {
      skipping = true;
      rest = Buffer.alloc(0);
    }
  }
}

/** Where a key is, or would be. */
function contains(keys: BigUint64Array, key: bigint): boolean {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? 0n) < key) low = middle + 1;
    else high = middle;
  }
  return keys[low] === key;
}

async function keysOf(file: FileHandle, path: string): Promise<BigUint64Array> {
  let keys = new BigUint64Array(1024);
  let count = 0;
  await eachLine(file, PASSWORD_MOST_BYTES, (line) => {
    // Others are refused for their length anyway.
    if (line.length < PASSWORD_LEAST_BYTES || line.length > PASSWORD_MOST_BYTES) return;
    if (count === MOST_PASSWORDS) {
      throw new StartError(
        `The list of passwords ${path} has more than ${MOST_PASSWORDS} of ${PASSWORD_LEAST_BYTES} bytes and more. Give a shorter one, or SHA-1 hashes in their order, which take no memory.`,
      );
    }
    if (count === keys.length) {
      const larger = new BigUint64Array(Math.min(MOST_PASSWORDS, 2 * count));
      larger.set(keys);
      keys = larger;
    }
    keys[count] = keyOf(folded(line.toString('utf8')));
    count += 1;
  });
  if (count === 0) {
    throw new StartError(
      `The list of passwords ${path} has none of ${PASSWORD_LEAST_BYTES} bytes and more; shorter ones are not taken anyway. Give a longer list.`,
    );
  }
  return keys.slice(0, count).sort();
}

function inHashes(lines: HashLines): PasswordList {
  return {
    async has(password) {
      const exact = password.normalize('NFC');
      for (const form of new Set([exact, exact.toLowerCase()])) {
        if (await lines.has(sha1Of(form))) return true;
      }
      return false;
    },
  };
}

async function read(file: FileHandle, path: string): Promise<OpenPasswordList> {
  const facts = await file.stat();
  if (!facts.isFile()) throw new StartError(`The list of passwords ${path} is not a file.`);
  const { bytesRead, buffer } = await file.read(Buffer.alloc(64), 0, 64, 0);
  const [first = ''] = buffer.toString('latin1', 0, bytesRead).split('\n');
  if (hashIn(first) === undefined) {
    const keys = await keysOf(file, path);
    await file.close();
    return { has: async (password) => contains(keys, keyOf(folded(password))), close: async () => {} };
  }
  const lines = hashLines(file, facts.size);
  const sorted = await lines.isSorted().catch((error: unknown) => {
    if (error instanceof RangeError) return false;
    throw error;
  });
  if (!sorted) {
    throw new StartError(
      `The list of passwords ${path} begins with a SHA-1 hash, but is not one hash a line in their order. Sort it (LC_ALL=C sort), or download it ordered by hash.`,
    );
  }
  return { ...inHashes(lines), close: () => file.close() };
}

/**
 * Opens a list. One of hashes stays open until it is closed.
 * @throws StartError in words for the operator, when it cannot be read or is of neither form
 */
export async function openPasswordList(path: string): Promise<OpenPasswordList> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    return await read(file, path);
  } catch (error) {
    await file?.close().catch(() => {});
    if (error instanceof StartError) throw error;
    throw new StartError(
      `The list of passwords ${path} cannot be read. Check SAFE_PASSWORD_LIST, and that this user may read the file.`,
    );
  }
}

/** A list that is opened when it is first asked: most commands have nothing to do with passwords. */
export function passwordListWhenAsked(path: string): OpenPasswordList {
  let opened: Promise<OpenPasswordList> | undefined;
  return {
    async has(password) {
      opened ??= openPasswordList(path);
      return (await opened).has(password);
    },
    close: async () => (await opened?.catch(() => undefined))?.close(),
  };
}
