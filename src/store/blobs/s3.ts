/** Objects in an S3-compatible store, over its HTTP interface. Web platform APIs only. */
import type { Bytes } from '../store.ts';
import { CALLED_OFF, ObjectError, type Objects, type StoredObject } from './objects.ts';
import { refusalOf, type S3Answer, type S3Options, type S3Request, s3Wire } from './s3-wire.ts';

/** Pauses in milliseconds before the second and third attempt. */
const PAUSES = [100, 400];
/** A page of a listing has at most 1000 keys of at most 1024 bytes, each of which may be written as nine. */
const MOST_LISTING_BYTES = 16 * 1024 * 1024;

export interface S3Objects extends Objects {
  /** Whether the store minds `If-None-Match` when it puts; where not, is looked first. */
  conditional: boolean;
  /** The length of an object, or undefined where there is none. */
  size(key: string): Promise<number | undefined>;
  /** One request with nothing in place of a look first, and its answer's headers. */
  putOnce(
    key: string,
    bytes: Bytes,
    sha256: string,
  ): Promise<{ outcome: 'stored' | 'exists'; headers: Headers }>;
}

const isPassing = (thrown: unknown): boolean =>
  thrown instanceof ObjectError && thrown.kind === 'busy' && thrown.code !== CALLED_OFF;

/**
 * Opens the store; nothing is sent yet. Every request that can be repeated without harm is, at most three times and
 * as long as the first one may take: reads, removals, and puts, which find their own object where an answer got lost.
 */
export function s3Objects(options: S3Options): S3Objects {
  const send = s3Wire(options);
  const { timeoutMs, now, prefix } = options;

  async function trying<T>(attempt: () => Promise<T>): Promise<T> {
    const until = now() + timeoutMs;
    for (const pause of PAUSES) {
      try {
        return await attempt();
      } catch (thrown) {
        if (!isPassing(thrown) || now() >= until) throw thrown;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    return await attempt();
  }

  /** Sends, and takes only these statuses for an answer. */
  async function ask(request: S3Request, statuses: readonly number[]): Promise<S3Answer> {
    const answer = await send(request);
    if (statuses.includes(answer.status)) return answer;
    throw await refusalOf(answer);
  }

  async function size(key: string): Promise<number | undefined> {
    return await trying(async () => {
      const answer = await ask({ method: 'HEAD', key }, [200, 404]);
      await answer.drop();
      return answer.status === 404 ? undefined : Number(answer.headers.get('content-length'));
    });
  }

  const putting = (conditional: boolean) =>
    conditional ? { headers: { 'if-none-match': '*' } } : ({} as const);

  const objects: S3Objects = {
    conditional: true,
    size,

    async putOnce(key, bytes, sha256) {
      const body = { size: bytes.length, sha256, bytes };
      const answer = await ask({ method: 'PUT', key, body, ...putting(true) }, [200, 201, 204, 412]);
      await answer.drop();
      return { outcome: answer.status === 412 ? 'exists' : 'stored', headers: answer.headers };
    },

    async put(key, body) {
      return await trying(async () => {
        // Nobody else puts under this name, so that what is seen now still holds when the put arrives.
        if (!objects.conditional && (await size(key)) !== undefined) return 'exists';
        const answer = await ask(
          { method: 'PUT', key, body, ...putting(objects.conditional) },
          [200, 201, 204, 412],
        );
        await answer.drop();
        return answer.status === 412 ? 'exists' : 'stored';
      });
    },

    async *read(key, start, end) {
      let at = start;
      for (let failures = 0; at < end; ) {
        const from = at;
        try {
          for await (const piece of part(key, at, end)) {
            at += piece.length;
            yield piece;
          }
          return;
        } catch (thrown) {
          failures = at > from ? 0 : failures + 1;
          const pause = PAUSES[failures === 0 ? 0 : failures - 1];
          if (!isPassing(thrown) || pause === undefined) throw thrown;
          await new Promise((resolve) => setTimeout(resolve, pause));
        }
      }
    },

    async remove(key) {
      await trying(async () => (await ask({ method: 'DELETE', key }, [200, 204, 404])).drop());
    },

    async list(wanted, after) {
      const whole = (key: string) => (prefix === '' ? key : `${prefix}/${key}`);
      const query = {
        'list-type': '2',
        'encoding-type': 'url',
        prefix: whole(wanted),
        ...(after !== undefined && { 'start-after': whole(after) }),
      };
      const text = await trying(async () =>
        (await ask({ method: 'GET', query }, [200])).text(MOST_LISTING_BYTES),
      );
      return listingOf(text, prefix === '' ? '' : `${prefix}/`);
    },
  };

  /** One range request. A connection that ends early is a failure; an object that does is not. */
  async function* part(key: string, start: number, end: number): AsyncGenerator<Bytes, void, void> {
    const unsigned = { range: `bytes=${start}-${end - 1}`, 'accept-encoding': 'identity' };
    const answer = await ask({ method: 'GET', key, unsigned }, [200, 206, 404, 416]);
    if (answer.status === 404 || answer.status === 416) {
      // An object or a bucket: what is missing says its code.
      const refusal = await refusalOf(answer);
      if (refusal.kind === 'denied') throw refusal;
      return;
    }
    const range = /^bytes (\d+)-/.exec(answer.headers.get('content-range') ?? '')?.[1];
    if (answer.status === 200 ? start > 0 : range !== undefined && Number(range) !== start) {
      await answer.drop();
      throw new ObjectError('internal', 'The object store ignores Range.');
    }
    const announced = Number(answer.headers.get('content-length') ?? Number.NaN);
    let left = Math.min(end - start, Number.isNaN(announced) ? end - start : announced);
    for await (const piece of answer.pieces()) {
      // Some send more than was asked for; it begins where it should.
      const wanted = piece.subarray(0, left);
      left -= wanted.length;
      yield wanted;
      if (left === 0) return;
    }
    if (left > 0) throw new ObjectError('busy', 'The object store ended an answer early.');
  }

  return objects;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

const unescaped = (text: string): string =>
  text.replace(/&(?:(lt|gt|quot|apos|amp)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/g, (_, name, decimal, digits) =>
    name !== undefined
      ? (ENTITIES[name] ?? '')
      : String.fromCodePoint(decimal === undefined ? Number.parseInt(digits, 16) : Number(decimal)),
  );

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text; // a key of somebody else's
  }
}

/**
 * A page of ListObjectsV2.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
function listingOf(text: string, prefix: string): { objects: readonly StoredObject[]; more: boolean } {
  if (!text.includes('<ListBucketResult')) {
    throw new ObjectError('internal', 'The object store answered with something else than a listing.');
  }
  const encoded = /<EncodingType>\s*url\s*<\/EncodingType>/.test(text);
  const objects: StoredObject[] = [];
  for (const [, contents = ''] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
    const raw = unescaped(/<Key>(.*?)<\/Key>/s.exec(contents)?.[1] ?? '');
    const key = encoded ? decoded(raw) : raw;
    const size = Number(/<Size>(\d+)<\/Size>/.exec(contents)?.[1] ?? Number.NaN);
    if (key.startsWith(prefix)) objects.push({ key: key.slice(prefix.length), size });
  }
  return { objects, more: /<IsTruncated>\s*true\s*<\/IsTruncated>/.test(text) };
}
