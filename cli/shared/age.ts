/** Standard age files (https://age-encryption.org/v1), for readers who have age and nothing of ours. */

import { createReadStream } from 'node:fs';
import { errorCode, Failure, usage } from './failure.ts';
import type { World } from './world.ts';

/** Loaded by whoever encrypts or opens: its curves and lattices take longer than all else of most commands. */
const age = () => import('age-encryption');

const MAX_IDENTITY_FILE = 1024 * 1024;
/** No header is longer: room for some 600 recipients of the largest kind. The library itself takes one of any length. */
const MAX_HEADER = 1024 * 1024;

export interface AgeBody {
  readonly pieces: AsyncIterable<Uint8Array>;
  readonly length: number | undefined;
}

/** Encrypts to recipients (`age1…`, `age1pq1…`). Throws a usage failure for one that is none. */
export async function ageEncrypt(
  pieces: AsyncIterable<Uint8Array>,
  size: number | undefined,
  recipients: readonly string[],
): Promise<AgeBody> {
  const { Encrypter } = await age();
  const encrypter = new Encrypter();
  for (const [index, recipient] of recipients.entries()) {
    try {
      encrypter.addRecipient(recipient.trim());
    } catch {
      throw usage(`Recipient ${index + 1} of --to is not an age recipient (age1… or age1pq1…).`);
    }
  }
  const stream = await encrypter.encrypt(toStream(pieces));
  return { pieces: fromStream(stream), length: size === undefined ? undefined : stream.size(size) };
}

/** Opens age files with the identities of some identity files. */
export type AgeOpener = (pieces: AsyncIterable<Uint8Array>) => Promise<AsyncIterable<Uint8Array>>;

/** Reads identity files (`-` is standard input). Throws usage failures that say which line is wrong, not what is in it. */
export async function ageOpener(world: World, files: readonly string[]): Promise<AgeOpener> {
  const { Decrypter } = await age();
  const decrypter = new Decrypter();
  let identities = 0;
  for (const file of files) {
    const text =
      file === '-' ? await identityText(world.stdin, 'Standard input') : await readIdentityFile(file);
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      const identity = line.trim();
      if (identity === '' || identity.startsWith('#')) continue;
      try {
        decrypter.addIdentity(identity);
        identities += 1;
      } catch {
        throw usage(
          `Line ${index + 1} of an identity file is not an age identity (AGE-SECRET-KEY-…). Files with a passphrase and SSH keys are not supported.`,
        );
      }
    }
  }
  if (identities === 0) throw usage('The identity files hold no identity.');
  return async (pieces) => {
    const { bounded, opened } = untilOpened(pieces);
    try {
      const plaintext = await decrypter.decrypt(toStream(bounded));
      opened();
      return agePlaintext(plaintext);
    } catch (error) {
      throw decryptionFailure(error);
    }
  };
}

/** The same pieces, refused where they have gone on for too long before the header was over. */
function untilOpened(pieces: AsyncIterable<Uint8Array>) {
  let left = MAX_HEADER;
  async function* bounded(): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      if (left < 0) throw new RangeError('the header is too long');
      left -= piece.length;
      yield piece;
    }
  }
  const opened = () => {
    left = Number.POSITIVE_INFINITY;
  };
  return { bounded: bounded(), opened };
}

async function* agePlaintext(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* fromStream(stream);
  } catch (error) {
    throw decryptionFailure(error);
  }
}

function decryptionFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const unmatched = error instanceof Error && /no identity matched/i.test(error.message);
  const message = unmatched
    ? 'None of the identities opens this file: it was encrypted to somebody else.'
    : 'This does not open as an age file: it is none, or it was changed or cut.';
  return new Failure('decryption', unmatched ? 'no_identity' : 'age_corrupt', message);
}

async function readIdentityFile(file: string): Promise<string> {
  try {
    return await identityText(createReadStream(file), 'An identity file');
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw usage(`An identity file cannot be read (${errorCode(error)}).`);
  }
}

async function identityText(source: AsyncIterable<Uint8Array>, what: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of source) {
    pieces.push(piece);
    length += piece.length;
    if (length > MAX_IDENTITY_FILE) throw usage(`${what} is too long for age identities.`);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** A web stream that reads `pieces` only when it is read. */
function toStream(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The pieces of a web stream; letting go of them cancels it. */
export async function* fromStream<T extends Uint8Array>(stream: ReadableStream<T>): AsyncGenerator<T> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        ended = true;
        return;
      }
      yield value;
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined);
  }
}
