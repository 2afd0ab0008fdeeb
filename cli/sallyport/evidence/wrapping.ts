/** Copies of a stream's key for other people, as age files beside the staging directory. */

import { basename, dirname } from 'node:path';
import { ageEncrypt } from '../../shared/age.ts';
import { keepBeside } from '../../shared/kept.ts';
import type { World } from '../../shared/world.ts';
import { type StreamKey, writeKeys } from './keys-file.ts';
import { recipientFingerprint } from './recipients.ts';

/** Throws a usage failure for what is no age recipient, before anything has been created. */
export async function checkRecipients(recipients: readonly string[]): Promise<void> {
  if (recipients.length > 0) await gathered(recipients, new Uint8Array(0));
}

/**
 * Writes one binary age file (0600) for each recipient: the keys file of this one stream, so that `age -d` gives
 * what `sallyport open --keys` takes. Answers the paths, flushed to disk.
 */
export async function wrapFor(
  world: World,
  directory: string,
  key: StreamKey,
  recipients: readonly string[],
): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const recipient of recipients) {
    const wrapped = await wrapKeys([key], recipient);
    paths.push(await keepBeside(world, dirname(directory), wrappedName(directory, recipient), wrapped));
  }
  return paths;
}

/** `NAME.for-` and the first 16 hex digits of the recipient's fingerprint, SHA-256 of its text. */
function wrappedName(directory: string, recipient: string): string {
  return `${basename(directory)}.for-${recipientFingerprint(recipient.trim()).slice(0, 16)}.age`;
}

/** A keys file as one binary age file that this recipient alone opens. */
export async function wrapKeys(keys: readonly StreamKey[], recipient: string): Promise<Uint8Array> {
  return await gathered([recipient], new TextEncoder().encode(writeKeys(keys)));
}

async function gathered(recipients: readonly string[], text: Uint8Array): Promise<Uint8Array> {
  const once = (async function* () {
    yield text;
  })();
  const { pieces } = await ageEncrypt(once, text.length, recipients);
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return Buffer.concat(parts);
}
