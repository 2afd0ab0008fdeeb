/** What a reader shows the server, and what it opens a paste with. */

import { accessProof, deriveSecret, type SealedSecret } from '../../src/crypto/sealed.ts';
import { readJson } from '../shared/answers.ts';
import { Failure } from '../shared/failure.ts';
import { canAsk } from '../shared/terminal.ts';
import { argon2id } from './argon2.ts';
import { askPassword, passwordHeader } from './password.ts';
import type { Reference } from './reference.ts';
import { call, type PasteInfo, pasteInfo } from './server.ts';
import type { Session } from './session.ts';

export interface Access {
  /** For every read of the paste. */
  readonly headers: Readonly<Record<string, string>>;
  /** What opens a sealed paste; undefined without a key. */
  readonly secret: SealedSecret | undefined;
  readonly hasPassword: boolean;
}

/**
 * With a key the password stays here: the server is shown a proof that follows from both, before anything was
 * fetched. Without a key the password itself is what the server checks.
 */
export async function accessWith(key: Uint8Array | undefined, password: string | undefined): Promise<Access> {
  if (key === undefined) {
    const headers: Record<string, string> =
      password === undefined ? {} : { 'x-paste-password': passwordHeader(password) };
    return { headers, secret: undefined, hasPassword: password !== undefined };
  }
  const secret = await deriveSecret({ key, password, argon2: argon2id });
  const headers: Record<string, string> =
    password === undefined ? {} : { 'x-paste-password': await accessProof(secret) };
  return { headers, secret, hasPassword: password !== undefined };
}

const MAX_QUESTIONS = 3;

/**
 * A paste's metadata, which never burns it. Asks for the password where one is needed, none was given and there
 * is a terminal; a wrong one may be typed again.
 */
export async function describePaste(
  session: Session,
  reference: Reference,
  password: string | undefined,
): Promise<{ readonly paste: PasteInfo; readonly access: Access }> {
  let access = await accessWith(reference.key, password);
  for (let asked = 0; ; asked += 1) {
    try {
      const answer = await call(session, reference.base, {
        method: 'GET',
        path: reference.id,
        headers: access.headers,
      });
      const paste = pasteInfo(await readJson(answer), reference.base);
      if (paste.id !== reference.id)
        throw new Failure('refused', 'not_sallyport', 'The server answered for another paste.');
      return { paste, access };
    } catch (error) {
      if (!(error instanceof Failure) || asked >= MAX_QUESTIONS) throw error;
      const missing = error.code === 'password_required' && !access.hasPassword;
      const wrong = error.code === 'password_invalid' && asked > 0;
      if ((!missing && !wrong) || !canAsk(session.world)) throw error;
      if (wrong) session.out.warn('The password is wrong. Nothing was burned.');
      access = await accessWith(reference.key, await askPassword(session.world, false, question(reference)));
    }
  }
}

function question({ key }: Reference): string {
  return key === undefined ? 'Password (the link has no key, so the server will see it): ' : 'Password: ';
}
