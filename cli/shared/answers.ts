/** Reading the short answers of a server: bounded, and believed no further than they make sense. */

import { Failure } from './failure.ts';
import type { Answer } from './http.ts';
import { printable } from './text.ts';

const LONGEST_ANSWER = 1024 * 1024;

/** The code and message of an error answer, safe to print; undefined where it is none of ours. */
export function errorMember(json: unknown): { readonly code: string; readonly message: string } | undefined {
  const error = (json as { error?: { code?: unknown; message?: unknown } } | undefined | null)?.error;
  if (typeof error?.code !== 'string') return undefined;
  return {
    code: printable(error.code, 60),
    message: typeof error.message === 'string' ? printable(error.message) : '',
  };
}

/** The failure for an answer that no Sallyport gives. */
export function notOurs({ status }: Answer): Failure {
  const redirect = status >= 300 && status < 400;
  const what = redirect
    ? 'The address redirects elsewhere'
    : `The address answered ${status}, and not as Sallyport does`;
  return new Failure('refused', 'not_sallyport', `${what}. Check --server, and its path prefix.`);
}

/** The answer with its body, which must be short, read to the end. Throws network failures, and `refused`. */
export async function inMemory(answer: Answer): Promise<Answer> {
  const bytes = await readShort(answer);
  const body = (async function* () {
    yield bytes;
  })();
  return { ...answer, body };
}

/** The JSON of an answer of bounded length. Throws `refused` for anything else. */
export async function readJson(answer: Answer): Promise<unknown> {
  const bytes = await readShort(answer);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw notOurs(answer);
  }
}

async function readShort(answer: Answer): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of answer.body) {
    length += piece.length;
    if (length > LONGEST_ANSWER) {
      answer.close();
      throw notOurs(answer);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
