/** By what right a paste is changed or deleted: its token, or the client certificate that created it. */

import { readFile } from 'node:fs/promises';
import { errorCode, usage } from '../shared/failure.ts';
import type { Reference } from './reference.ts';
import { routeTo, type Session } from './session.ts';
import type { PasteRecord } from './state.ts';

export interface Ownership {
  /** Where the paste is managed: for a bare id, the server that this machine created it on. */
  readonly reference: Reference;
  readonly record: PasteRecord | undefined;
  readonly tokenHeader: Readonly<Record<string, string>>;
}

/** A token is sent only to the server that gave it out. Throws a usage failure when there is nothing to show. */
export async function ownership(session: Session, given: Reference): Promise<Ownership> {
  const record = await session.state.find(given.id, given.bare ? undefined : given.url.href);
  const reference = record === undefined ? given : managed(given, record);
  const token = (await tokenFromOptions(session)) ?? record?.deleteToken;
  if (token !== undefined) return { reference, record, tokenHeader: { 'x-delete-token': token } };
  if ((await routeTo(session, reference.base)).client === undefined) {
    throw usage(
      'This machine has no delete token for that paste. Use --token, or the client certificate that created it.',
    );
  }
  return { reference, record, tokenHeader: {} };
}

/** A link may lead through another address than the one that this machine talks to. */
function managed(given: Reference, record: PasteRecord): Reference {
  const base = new URL(record.server);
  return { ...given, base, url: new URL(given.id, base) };
}

async function tokenFromOptions({ parsed }: Session): Promise<string | undefined> {
  const file = parsed.value('token-file');
  if (file !== undefined && parsed.has('token')) throw usage('Use --token or --token-file, not both.');
  const text =
    file === undefined
      ? parsed.value('token')
      : await readFile(file, 'utf8').catch((error: unknown) => {
          throw usage(`The token file cannot be read (${errorCode(error)}).`);
        });
  const token = text?.trim();
  if (token !== undefined && !/^[\x21-\x7e]{1,256}$/.test(token)) throw usage('This is not a delete token.');
  return token;
}
