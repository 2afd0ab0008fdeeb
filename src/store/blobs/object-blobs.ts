/**
 * Blobs in two places: what arrives is staged in the database, and chunks lie in an object store. A blob's name says
 * where it lies, so that both can be read at any time, whichever new chunks go to.
 */
import type { Db } from '../db.ts';
import { isObject, OBJECT_PREFIX } from '../libsql/segments.ts';
import type { Blobs, Bytes, ObjectBlobs, PendingBytes, PlaceFor } from '../store.ts';
import {
  AGAIN_MS,
  type Intent,
  incidentPrefix,
  intentsOn,
  LIFETIME_MS,
  objectName,
  SIGN_MS,
  streamPrefix,
} from './intents.ts';
import { CALLED_OFF, type ObjectBody, ObjectError, type Objects, type StoredObject } from './objects.ts';

export interface ObjectBlobsOptions {
  /** Where new chunks go: there, or into the database like everything else. */
  readonly places: boolean;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Unpredictable bytes. */
  random(length: number): Bytes;
  /** A fresh SHA-256. */
  digest(): { update(bytes: Uint8Array): void; finish(): Promise<Bytes> };
}

/** How many names are tried where what is under one of them is somebody else's. */
const NAMES_TRIED = 3;

const keyOf = (blob: string): string => blob.slice(OBJECT_PREFIX.length);
const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Adds an object store to blobs in a database. @see Blobs @see ObjectBlobs */
export function withObjects(
  db: Db,
  inner: Blobs,
  objects: Objects,
  { places, now, random, digest }: ObjectBlobsOptions,
): Blobs {
  const intents = intentsOn(db);
  const randomHex = () => hexOf(random(16));

  /** Removes the bytes of what was condemned. */
  async function erase(blob: string, at: number): Promise<void> {
    await objects.remove(keyOf(blob));
    await intents.removed(blob, at + LIFETIME_MS);
  }

  /** The bytes to put, with a sign of life now and then while they are read. */
  function bodyOf(pending: PendingBytes, { sha256, size }: PlaceFor, intent: Intent): ObjectBody {
    if (pending.kind === 'inline') return { size, sha256, bytes: pending.bytes };
    async function* bytes(): AsyncGenerator<Bytes, void, void> {
      let said = now();
      for (let index = 0, at = 0; at < size; index += 1) {
        const segment = await inner.read((pending as { blob: string }).blob, index);
        if (segment === undefined)
          throw new ObjectError('busy', 'The bytes went away while they were put.', CALLED_OFF);
        at += segment.length;
        if (now() - said >= SIGN_MS) {
          said = now();
          if (!(await intents.touch(intent, said)))
            throw new ObjectError('busy', 'What was being put was called off.', CALLED_OFF);
        }
        yield segment;
      }
    }
    return { size, sha256, bytes };
  }

  /** Whether an object is what it is to be, to the last byte. */
  async function holdsSame(blob: string, { size, sha256 }: PlaceFor): Promise<boolean> {
    const hash = digest();
    let length = 0;
    // One byte more than there should be tells one that is longer.
    for await (const piece of objects.read(keyOf(blob), 0, size + 1)) {
      hash.update(piece);
      length += piece.length;
    }
    return hexOf(await hash.finish()) === sha256 && length === size;
  }

  const room: ObjectBlobs = {
    places,
    holds: isObject,

    async place(pending, where) {
      for (let tried = 0; tried < NAMES_TRIED; tried += 1) {
        const intent = await intents.begin(where, objectName(where, randomHex()), randomHex(), now());
        if (intent === undefined) return undefined;
        const { blob, writer } = intent;
        if (
          (intent.takenOver && (await holdsSame(blob, where))) ||
          (await objects.put(keyOf(blob), bodyOf(pending, where, intent))) === 'stored' ||
          (await holdsSame(blob, where))
        ) {
          const staged = pending.kind === 'staged' ? { staged: pending.blob } : {};
          return { kind: 'placed', blob, size: where.size, writer, ...staged };
        }
        // Not ours to commit. It stays where it is, out of everybody's reach, until the sweep removes it.
        await intents.condemn(blob, { writer });
      }
      throw new ObjectError('internal', 'The object store has other bytes under every new name.');
    },

    async withdraw({ blob, writer }) {
      if (await intents.condemn(blob, { writer })) await erase(blob, now());
    },

    pieces: ({ blob, start, end }) => objects.read(keyOf(blob), start, end),

    async lacks(incidentId, streamId, chunks) {
      const listed = listing(objects, streamPrefix(incidentId, streamId));
      let next = await listed.next();
      for await (const page of chunks) {
        for (const { blob, byteSize } of page) {
          if (!isObject(blob)) continue;
          const key = keyOf(blob);
          while (next.done !== true && next.value.key < key) next = await listed.next();
          if (next.done === true || next.value.key !== key || next.value.size !== byteSize) return true;
        }
      }
      return false;
    },

    async removeAll(incidentId) {
      for await (const { key } of listing(objects, incidentPrefix(incidentId))) await objects.remove(key);
    },
  };

  return {
    ...inner,
    objects: room,

    async remove(name) {
      if (!isObject(name)) return await inner.remove(name);
      await intents.take(name);
      await erase(name, now());
    },

    async sweep(at, max) {
      const swept = await inner.sweep(at, max);
      // Last, so that a store that is away keeps nothing else from being swept.
      const names = await intents.due(at, max - swept);
      const failures: unknown[] = [];
      for (const name of names) {
        try {
          if (await intents.condemn(name, { dueBy: at })) await erase(name, at);
        } catch (thrown) {
          // One that is refused keeps no other from its turn; of a store that is away nobody else is asked for.
          if (!(thrown instanceof ObjectError) || thrown.kind === 'busy') throw thrown;
          failures.push(thrown);
          await intents.putOff(name, at + AGAIN_MS);
        }
      }
      if (failures.length > 0) throw failures[0];
      return swept + names.length;
    },
  };
}

/** All objects under a prefix, in the order of keys. */
async function* listing(objects: Objects, prefix: string): AsyncGenerator<StoredObject, void, void> {
  let after: string | undefined;
  for (let more = true; more; ) {
    const page = await objects.list(prefix, after);
    yield* page.objects;
    const last = page.objects.at(-1)?.key;
    more = page.more && last !== undefined && (after === undefined || last > after);
    after = last;
  }
}
