/** What a server's error answer means to the person at the terminal. */

import { spokenSeconds } from './duration.ts';
import { Failure } from './failure.ts';
import type { Answer } from './http.ts';
import { retryAfterMs } from './retry.ts';
import { printable } from './text.ts';

const LONGEST_ANSWER = 1024 * 1024;

/** What to do, by the server's code; where there is none, its own message is shown. */
const ADVICE: Readonly<Record<string, string>> = {
  paste_not_found:
    'There is no such paste: it has expired, was deleted, was read once already, or never was.',
  password_required: 'This paste has a password. Use --password or --password-file.',
  password_invalid: 'The password is wrong. The paste is untouched; try again.',
  password_locked: 'There were too many wrong passwords for this paste.',
  not_sealed: 'This server takes only sealed pastes. Use --encrypt.',
  paste_too_large: 'This is more than the server takes. fpaste info shows its limits.',
  empty_paste: 'There is nothing to upload: the input is empty.',
  duplicate_content: 'The same bytes were uploaded several times already.',
  storage_quota_exceeded: "The server's storage is full. Try again when pastes have expired.",
  client_certificate_required:
    'This server takes uploads only with a client certificate. Set client_certificate and client_key.',
  not_owner: 'The delete token does not fit this paste. It is kept on the machine that created the paste.',
  pow_required: 'The server asks for a proof of work and did not accept ours.',
  pow_invalid: 'The server did not accept our proof of work.',
  idempotency_conflict:
    'An earlier attempt of this upload is still under way or was another one. See fpaste list, then run the command again.',
};

/** Reads an error answer to its end and turns it into a failure. */
export async function refusalOf(answer: Answer, now: number): Promise<Failure> {
  const error = errorMember(await readJson(answer).catch(() => undefined));
  if (error === undefined) return notOurs(answer);
  const advice = ADVICE[error.code] ?? (error.message || 'The server refused.');
  const wait = retryAfterMs(answer.header('retry-after'), now);
  const later = wait === undefined ? '' : ` Try again in ${spokenSeconds(Math.max(1, wait / 1000))}.`;
  return new Failure('refused', error.code, `${advice}${later}`);
}

function errorMember(json: unknown): { readonly code: string; readonly message: string } | undefined {
  const error = (json as { error?: { code?: unknown; message?: unknown } } | undefined | null)?.error;
  if (typeof error?.code !== 'string') return undefined;
  return {
    code: printable(error.code, 60),
    message: typeof error.message === 'string' ? printable(error.message) : '',
  };
}

function notOurs({ status }: Answer): Failure {
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
