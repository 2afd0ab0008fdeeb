/** `fpaste update`: replaces a paste's content; a sealed one is sealed again under the same key and password. */

import { formatLink, openPaste } from '../../src/crypto/sealed.ts';
import { readJson } from '../shared/answers.ts';
import { usage } from '../shared/failure.ts';
import { type Access, describePaste } from './access.ts';
import { burnOf, expiryOf } from './create.ts';
import { guessMime } from './mime.ts';
import { decryptionFailure } from './opening.ts';
import { ownership } from './ownership.ts';
import { passwordFromOptions } from './password.ts';
import { showProgress } from './progress.ts';
import { type Reference, readReference } from './reference.ts';
import { bodyOf, checkMetadata, type Sealing } from './seal.ts';
import { call, type PasteInfo, pasteInfo } from './server.ts';
import type { Session } from './session.ts';
import { openSource, peek, type Source } from './source.ts';

export async function update(session: Session): Promise<void> {
  const { world, parsed, settings, out, state } = session;
  const [which, file] = parsed.positionals;
  const headers = { accept: 'application/json', ...expiryOf(parsed), ...burnOf(parsed) };
  if (which === '-' && file === '-' && world.stdin.isTTY !== true)
    throw usage('Only one thing can be read from standard input.');
  const given = await readReference(world, which, settings.server);
  const { reference, record, tokenHeader } = await ownership(session, given);
  const opened = await openSource(world, file, out.say);
  try {
    const password = await passwordFromOptions(world, parsed, false);
    const { paste, access } = await describePaste(session, reference, password);
    const { sealing, source } = await sealingOf(session, reference, paste, access, opened);
    const bar = showProgress(world, !out.quiet && !out.json, 'Uploading', source.size);
    const body = await bodyOf(world, source, sealing, bar.at);
    try {
      const answer = await call(session, reference.base, {
        method: 'PUT',
        path: reference.id,
        headers: { ...headers, ...tokenHeader },
        body,
      });
      const updated = pasteInfo(await readJson(answer), reference.base);
      const kept = { size: updated.size, expiresAt: updated.expiresAt, burn: updated.burn };
      if (record !== undefined) await state.keep({ ...record, ...kept }).catch(() => undefined);
      await report(session, reference, updated, sealing);
    } finally {
      bar.end();
      await body.close();
    }
  } finally {
    await opened.close();
  }
}

async function sealingOf(
  session: Session,
  reference: Reference,
  paste: PasteInfo,
  access: Access,
  opened: Source,
): Promise<{ readonly sealing: Sealing; readonly source: Source }> {
  const { parsed } = session;
  const recipients = parsed.values('to');
  if (recipients.length > 0) {
    if (access.secret !== undefined)
      throw usage('The link has a key: the paste is sealed with it, not to an age recipient.');
    return { sealing: { kind: 'age', recipients }, source: opened };
  }
  if (access.secret === undefined) {
    if (paste.sealed === true) {
      throw usage(
        'This paste is sealed, and without its key the new content would not be: give the whole link, or --to for an age file.',
      );
    }
    return { sealing: { kind: 'plain' }, source: opened };
  }
  if (access.hasPassword && !paste.passwordProtected)
    throw usage('This paste has no password. Leave it out.');
  const before = paste.burn ? undefined : await sealedMetadata(session, reference, access);
  const { first, source } = await peek(opened);
  const name = parsed.value('name') ?? before?.name ?? opened.name;
  const mime = parsed.value('mime') ?? before?.mime ?? guessMime(name, first);
  checkMetadata(name, mime);
  return { sealing: { kind: 'sealed', secret: access.secret, name: name || undefined, mime }, source };
}

/** The name and type that the present content carries; that they can be read also proves that the key is right. */
async function sealedMetadata(session: Session, reference: Reference, { secret, headers }: Access) {
  if (secret === undefined) return undefined;
  const answer = await call(session, reference.base, { method: 'GET', path: `${reference.id}/raw`, headers });
  try {
    const { name, mime, body } = await openPaste(answer.body, secret);
    await body.cancel();
    return { name, mime };
  } catch (error) {
    throw decryptionFailure(error);
  } finally {
    answer.close();
  }
}

async function report(
  { out }: Session,
  { key }: Reference,
  paste: PasteInfo,
  sealing: Sealing,
): Promise<void> {
  const link = key === undefined ? paste.url : formatLink(paste.url, key);
  if (!out.json) return await out.print(`${link}\n`);
  await out.printJson({
    id: paste.id,
    link,
    url: paste.url,
    size: paste.size,
    expires_at: paste.expiresAt,
    burn_after_read: paste.burn,
    password_protected: paste.passwordProtected,
    sealed: sealing.kind !== 'plain',
    format: sealing.kind,
  });
}
