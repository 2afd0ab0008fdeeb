/** What somebody kept from before, read from the files that `verify` is given. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseVerifierKey, type Verifier, verifierKey } from '../../../src/crypto/signed-note.ts';
import { errorCode, Failure, usage } from '../../shared/failure.ts';
import type { ArchiveEntry } from './archive.ts';
import { readBundle } from './bundle-reader.ts';
import { type ConsistencyProof, consistencyProofOf, openCheckpoint, readCustody } from './custody.ts';
import type { Knowledge } from './custody-check.ts';
import type { Given } from './options.ts';

/** Keys, notes and certificates are small; receipts are some hundred bytes a chunk. */
const LONGEST_FILE = 256 * 1024 * 1024;

async function text(path: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    // What is no file, such as a pipe, tells no size.
    for await (const piece of createReadStream(path)) {
      pieces.push(piece);
      length += piece.length;
      if (length > LONGEST_FILE) throw usage(`${path} is larger than anything of this kind.`);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw usage(`${path} cannot be read (${errorCode(error)}).`);
  }
  return Buffer.concat(pieces).toString('utf8');
}

async function trustedKey(given: string | undefined): Promise<Verifier | undefined> {
  if (given === undefined) return undefined;
  const key = parseVerifierKey(given) ?? parseVerifierKey((await text(resolve(given))).trim());
  if (key === undefined) throw usage('--key is a verifier key (name+hash+base64), or a file with one.');
  return key;
}

type Earlier = Knowledge['earlier'][number];

/** A bundle from before: its checkpoint and its leaves. */
async function earlierBundle(name: string, path: string): Promise<Earlier> {
  const handle = await open(path, 'r');
  try {
    const file = { handle, size: (await handle.stat()).size };
    const entries: ArchiveEntry[] = [];
    for await (const part of readBundle(file)) if (part.part === 'custody') entries.push(part.entry);
    const custody = await readCustody(file, entries);
    if (custody === undefined) throw usage(`${name} carries no proofs of custody.`);
    const leaves = new Map<number, string>();
    for await (const { index, text: leaf } of custody.leaves()) leaves.set(index, leaf);
    return { name, checkpoint: custody.checkpoint, leaves, consistency: custody.consistency };
  } finally {
    await handle.close();
  }
}

async function earlierOf(name: string, trusted: Verifier | undefined): Promise<Earlier> {
  const path = resolve(name);
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw usage(`${name} cannot be read (${errorCode(error)}).`);
  });
  const start = Buffer.alloc(2);
  await handle.read(start, 0, 2, 0);
  await handle.close();
  if (start.toString('latin1') === 'PK') return earlierBundle(name, path);
  if (trusted === undefined)
    throw usage(
      `${name} is no bundle. For a checkpoint, give the key that it must be signed with: --key KEY`,
    );
  const checkpoint = await openCheckpoint(await text(path), verifierKey(trusted));
  if (checkpoint === undefined) throw usage(`${name} is no checkpoint that the key of --key has signed.`);
  return { name, checkpoint, leaves: new Map(), consistency: new Map() };
}

/** One JSON string a line. */
async function receiptsIn(path: string): Promise<string[]> {
  const lines = (await text(resolve(path))).split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === 'string') return value;
    } catch {
      // Told below.
    }
    throw usage(`${path} does not hold receipts as capture keeps them.`);
  });
}

/** One proof a line, as `sallyport log consistency` prints it. */
async function consistencyIn(path: string): Promise<ConsistencyProof[]> {
  const lines = (await text(resolve(path))).split('\n').filter((line) => line !== '');
  try {
    return lines.map((line) => consistencyProofOf(line, path));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw usage(`${path} does not hold proofs as sallyport log consistency prints them.`);
  }
}

/** Reads what the options name. Throws a usage failure that says which file is not what it should be. */
export async function knowledgeOf(given: Given): Promise<Knowledge> {
  const trusted = await trustedKey(given.value('key'));
  const earlier: Earlier[] = [];
  for (const name of given.values('earlier')) earlier.push(await earlierOf(name, trusted));
  const receipts: string[] = [];
  for (const path of given.values('receipts')) receipts.push(...(await receiptsIn(path)));
  const consistency: ConsistencyProof[] = [];
  for (const path of given.values('consistency')) consistency.push(...(await consistencyIn(path)));
  const authorities = given.value('timestamp-ca');
  return {
    trusted,
    earlier,
    receipts,
    consistency,
    timestampAuthorities: authorities === undefined ? undefined : await text(resolve(authorities)),
  };
}
