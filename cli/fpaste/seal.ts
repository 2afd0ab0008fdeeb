/** What is sent for a source: its bytes as they are, sealed, or as an age file. */

import { type SealedSecret, sealedPasteSize, sealPaste } from '../../src/crypto/sealed.ts';
import { ageEncrypt, fromStream } from '../shared/age.ts';
import { Failure } from '../shared/failure.ts';
import type { World } from '../shared/world.ts';
import { releasing } from './memory.ts';
import { ReplayableBody } from './replay.ts';
import type { Source } from './source.ts';

export type Sealing =
  | { readonly kind: 'plain' }
  | {
      readonly kind: 'sealed';
      readonly secret: SealedSecret;
      readonly name: string | undefined;
      readonly mime: string | undefined;
    }
  | { readonly kind: 'age'; readonly recipients: readonly string[] };

/**
 * The body to upload. Its length is exact for regular files.
 * @param seen called with the number of bytes of the source that were read so far
 */
export async function bodyOf(
  world: World,
  source: Source,
  sealing: Sealing,
  seen: (read: number) => void,
): Promise<ReplayableBody> {
  const pieces = counted(source.pieces, seen);
  if (sealing.kind === 'plain') return new ReplayableBody(pieces, source.size);
  if (sealing.kind === 'age') {
    const body = await ageEncrypt(pieces, source.size, sealing.recipients);
    return new ReplayableBody(body.pieces, body.length);
  }
  const { secret, name, mime } = sealing;
  const stream = await sealPaste(releasing(pieces), { ...secret, name, mime, random: world.random });
  const length =
    source.size === undefined
      ? undefined
      : sealedPasteSize(source.size, { name, mime, hasPassword: secret.hasPassword });
  return new ReplayableBody(releasing(fromStream(stream)), length);
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  seen: (read: number) => void,
): AsyncGenerator<Uint8Array> {
  let read = 0;
  for await (const piece of pieces) {
    read += piece.length;
    seen(read);
    yield piece;
  }
}

/** A name and a type short enough to be sealed with the content. */
export function checkMetadata(name: string | undefined, mime: string | undefined): void {
  const wellFormed = (name ?? '').isWellFormed() && (mime ?? '').isWellFormed();
  if (!wellFormed || Buffer.byteLength(JSON.stringify({ name, mime })) > 4096) {
    throw new Failure(
      'usage',
      'usage',
      'The name and the type must be well-formed text, together under 4096 bytes.',
    );
  }
}
