/** What every answer must be, whatever was asked. */
import { answerOf } from '../../../src/handlers/kit/errors.ts';
import { BROWSER } from '../../../src/handlers/kit/headers.ts';
import { checkAnswer } from '../../../test/support/openapi.ts';
import { Broken, must, saying } from '../target.ts';
import type { DoorName } from './operations.ts';

export interface Sent {
  readonly door: DoorName;
  readonly method: string;
  /** As the server reads it, without a query. */
  readonly path: string;
  /** Whether the documents speak of it: not where it was refused before it was a request. */
  readonly documented: boolean;
}

export interface Seen {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** Words of a defect: what stands in stacks, in messages of the database, in names of files. */
const INSIDE =
  /\n {4}at |node:internal|\/src\/|\.ts:\d|SQLITE_|TypeError|RangeError|ReferenceError|Cannot read|is not a function|\$argon2id\$/i;
/** Refusals with 503 that say how the server is set up, and not that it fails. */
const SET_UP = (
  ['registration_payment_unavailable', 'webauthn_unavailable', 'email_unavailable'] as const
).map((kind) => answerOf(kind).message);
/** Files that everybody gets alike. */
const PUBLIC_FILE = /^\/(static|client|admin\/static)(\/|$)/;

const decoder = new TextDecoder();

function checkHeaders(sent: Sent, { status, headers, body }: Seen): void {
  const where = `${sent.method} ${sent.path} ${status}`;
  must(/^[A-Za-z0-9._-]{1,64}$/.test(headers.get('x-request-id') ?? ''), () => `${where} has no request id`);
  for (const [name, value] of Object.entries(BROWSER)) {
    const given = headers.get(name);
    const own = name === 'content-security-policy' ? given !== null : given === value;
    must(own, () => `${where} has ${name}: ${given}`);
  }
  if (!PUBLIC_FILE.test(sent.path))
    must(headers.get('cache-control') === 'no-store', () => `${where} may be cached`);
  if (sent.method === 'HEAD') must(body.length === 0, () => `${where} has a body`);
  else if (status !== 204 && status !== 304) {
    const said = headers.get('content-length');
    must(
      said === null || said === String(body.length),
      () => `${where} says ${said} and has ${body.length} bytes`,
    );
  }
}

/**
 * The path by which the documents speak of it. Viewer links in their old form, which only some settings answer, are
 * documented as what they stand for; where they are off, nothing is there.
 */
function documentedPath({ door, path }: Sent, status: number, text: string): string {
  const unknown = status === 404 && text.includes('"not_found"');
  return door === 'main' && path.startsWith('/e/') && !unknown ? `/i/${path.slice(3)}` : path;
}

/** @param secrets what only its owner may be told. @throws Broken */
export function judge(sent: Sent, seen: Seen, secrets: readonly string[]): void {
  const where = `${sent.method} ${sent.path} ${seen.status}`;
  checkHeaders(sent, seen);
  const refused = seen.status >= 400;
  const text = refused ? decoder.decode(seen.body) : '';
  must(seen.status !== 500, () => `${where}: an internal error`);
  // A page says it in other words, to people; what failed is in the log, which is looked at too.
  if (
    seen.status === 503 &&
    sent.method !== 'HEAD' &&
    seen.headers.get('content-type') === 'application/json'
  )
    must(
      SET_UP.some((words) => text.includes(words)),
      () => `${where}: ${text.slice(0, 200)}`,
    );
  if (refused) {
    must(!INSIDE.test(text), () => `${where} tells what is inside: ${text.slice(0, 300)}`);
    for (const secret of secrets) must(!text.includes(secret), () => `${where} says a secret in a refusal`);
  }
  for (const [name, value] of seen.headers) {
    if (name === 'set-cookie') continue;
    must(!secrets.some((secret) => value.includes(secret)), () => `${where} says a secret in ${name}`);
  }
  if (!sent.documented) return;
  // A preflight is the browser's business; the documents speak of routes.
  if (sent.method === 'OPTIONS') {
    must([204, 404, 429].includes(seen.status), () => `${where} to OPTIONS`);
    return;
  }
  try {
    checkAnswer(sent.door, { ...sent, path: documentedPath(sent, seen.status, text), ...seen });
  } catch (error) {
    throw new Broken(error instanceof Error ? error.message : saying(error));
  }
}
