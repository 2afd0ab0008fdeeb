/** What a server's error answer means to the person at the terminal. */

import { errorMember, notOurs, readJson } from '../shared/answers.ts';
import { spokenSeconds } from '../shared/duration.ts';
import { Failure } from '../shared/failure.ts';
import type { Answer } from '../shared/http.ts';
import { retryAfterMs } from '../shared/retry.ts';

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
