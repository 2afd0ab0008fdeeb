/** How the bytes of a paste become its content: sealed, as an age file, or as they are. */

import { openPaste, SealedError } from '../../src/crypto/sealed.ts';
import { type AgeOpener, fromStream } from '../shared/age.ts';
import { Failure, usage } from '../shared/failure.ts';
import type { Access } from './access.ts';
import { releasing } from './memory.ts';
import type { PasteInfo } from './server.ts';

export interface Opened {
  readonly name: string | undefined;
  readonly mime: string | undefined;
  /** Ends only when everything was verified. A piece is valid until the next one is asked for. */
  readonly body: AsyncIterable<Uint8Array>;
}

export type Opener = (pieces: AsyncIterable<Uint8Array>) => Promise<Opened>;

/** Chooses how the bytes will be opened, and refuses what cannot work before anything is fetched, and so burned. */
export function openerFor(paste: PasteInfo, access: Access, ages: AgeOpener | undefined): Opener {
  if (ages !== undefined) {
    if (paste.sealed === false)
      throw new Failure('decryption', 'not_sealed', 'This paste is not an age file. It was not fetched.');
    return async (pieces) => ({ name: undefined, mime: undefined, body: await ages(pieces) });
  }
  const { secret } = access;
  if (secret === undefined) {
    if (paste.sealed === true) {
      throw usage(
        'This paste is sealed, and the link has no key: give the whole link, with "#" and what follows, or --identity for an age file. It was not fetched.',
      );
    }
    return async (pieces) => ({ name: undefined, mime: paste.mimeType, body: pieces });
  }
  if (paste.sealed === false) {
    throw new Failure(
      'decryption',
      'not_sealed',
      'The link has a key, but what the server has is not sealed. It was not fetched.',
    );
  }
  if (access.hasPassword && !paste.passwordProtected)
    throw usage('This paste has no password. Leave it out. It was not fetched.');
  return async (pieces) => {
    try {
      const { name, mime, body } = await openPaste(releasing(pieces), secret);
      return { name, mime, body: sealedBody(body) };
    } catch (error) {
      throw decryptionFailure(error);
    }
  };
}

async function* sealedBody(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array> {
  try {
    yield* releasing(fromStream(body));
  } catch (error) {
    throw decryptionFailure(error);
  }
}

export function decryptionFailure(error: unknown): unknown {
  return error instanceof SealedError ? new Failure('decryption', error.code, error.message) : error;
}
