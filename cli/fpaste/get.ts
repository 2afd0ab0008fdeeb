/** `fpaste get`: fetches a paste, opens it, and releases it as a whole or not at all. */

import { open as openFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ageOpener } from '../shared/age.ts';
import { creating, type Destination, replacing } from '../shared/destination.ts';
import { Failure, usage } from '../shared/failure.ts';
import { safeFileName } from '../shared/names.ts';
import { printable, TextWatch } from '../shared/text.ts';
import { describePaste } from './access.ts';
import { type Fetching, fetched } from './fetching.ts';
import { type Opened, type Opener, openerFor } from './opening.ts';
import { write } from './output.ts';
import { passwordFromOptions } from './password.ts';
import { readReference } from './reference.ts';
import type { PasteInfo } from './server.ts';
import type { Session } from './session.ts';
import { Spool } from './spool.ts';

/** JSON holds content only up to here; beyond, a file must be named. */
const MAX_JSON_CONTENT = 64 * 1024 * 1024;

export async function get(session: Session): Promise<void> {
  const { world, parsed, settings } = session;
  checkOptions(session);
  const reference = await readReference(world, parsed.positionals[0], settings.server);
  const identities = parsed.values('identity');
  const ages = identities.length === 0 ? undefined : await ageOpener(world, identities);
  if (ages !== undefined && reference.key !== undefined)
    throw usage('The link has a key, so --identity is not needed.');
  const password = await passwordFromOptions(world, parsed, false);
  const { paste, access } = await describePaste(session, reference, password);
  const opener = openerFor(paste, access, ages);
  await deliver(session, { reference, paste, access, opener });
}

function checkOptions({ world, parsed }: Session): void {
  if (parsed.has('output') && parsed.has('save')) throw usage('Use --output or --save, not both.');
  const linkFromStdin = (parsed.positionals[0] ?? '-') === '-' && world.stdin.isTTY !== true;
  const readers = [
    linkFromStdin,
    parsed.value('password-file') === '-',
    ...parsed.values('identity').map((file) => file === '-'),
  ];
  if (readers.filter(Boolean).length > 1) throw usage('Only one thing can be read from standard input.');
}

async function deliver(session: Session, fetching: Fetching): Promise<void> {
  const { world, parsed } = session;
  const mode = fetching.paste.sealed === true ? 0o600 : 0o666;
  const output = parsed.value('output');
  if (output !== undefined && output !== '-') {
    const destination = await replacing(world, output, mode);
    if (destination === undefined) return await toDevice(session, fetching, output);
    return await toFile(session, fetching, () => destination);
  }
  if (parsed.has('save')) {
    return await toFile(session, fetching, (name) => creating(world, world.cwd, mode, name));
  }
  await toStdout(session, fetching);
}

/** Straight into a temporary file beside the target, which gets its name when the last byte has verified. */
async function toFile(
  session: Session,
  fetching: Fetching,
  prepare: (name: () => string) => Destination | Promise<Destination>,
): Promise<void> {
  const { out } = session;
  const fallback = fallbackName(fetching.paste);
  let opened: Opened | undefined;
  const destination = await prepare(() => safeFileName(opened?.name, fallback));
  let size = 0;
  try {
    opened = await fetching.opener(fetched(session, fetching));
    for await (const piece of opened.body) {
      size += piece.length;
      await destination.write(piece);
    }
    const path = await destination.commit();
    if (out.json) await out.printJson(resultOf(fetching.paste, opened, { saved_to: path, size }));
    else out.say(`Saved as ${printable(path)}.`);
  } finally {
    await destination.abandon();
  }
}

/**
 * Holds everything back until it has verified: once through the seal without releasing anything, then once more
 * for the reader. What waits on the disk meanwhile is what the server sent, still sealed.
 */
async function toStdout(session: Session, fetching: Fetching): Promise<void> {
  const { world, out } = session;
  const { paste } = fetching;
  const terminal = world.stdout.isTTY === true;
  if (!terminal && !out.json && paste.sealed !== true) {
    for await (const piece of fetched(session, fetching)) await out.print(piece);
    return;
  }
  const spool = new Spool();
  try {
    const watch = new TextWatch();
    const verified = await verify(fetched(session, fetching), fetching.opener, spool, watch);
    const plain = (terminal || out.json) && watch.isPlain();
    if (out.json) return await printContent(session, fetching, verified, spool, plain);
    if (terminal && !plain) return await refuseBinary(session, fetching, spool);
    const { body } = await fetching.opener(spool.read());
    for await (const piece of body) await out.print(piece);
  } finally {
    await spool.close();
  }
}

async function verify(
  pieces: AsyncIterable<Uint8Array>,
  opener: Opener,
  spool: Spool,
  watch: TextWatch,
): Promise<{ readonly opened: Opened; readonly size: number }> {
  const kept = (async function* () {
    for await (const piece of pieces) {
      await spool.append(piece);
      yield piece;
    }
  })();
  const opened = await opener(kept);
  let size = 0;
  for await (const piece of opened.body) {
    size += piece.length;
    watch.see(piece);
  }
  return { opened, size };
}

async function printContent(
  { out }: Session,
  { paste, opener }: Fetching,
  { opened, size }: { readonly opened: Opened; readonly size: number },
  spool: Spool,
  plain: boolean,
): Promise<void> {
  if (size > MAX_JSON_CONTENT)
    throw new Failure('refused', 'too_large_for_json', 'This is too large for JSON. Use --output.');
  const pieces: Uint8Array[] = [];
  for await (const piece of (await opener(spool.read())).body) pieces.push(new Uint8Array(piece));
  const content = Buffer.concat(pieces);
  const member = plain ? { content: content.toString('utf8') } : { content_b64: content.toString('base64') };
  await out.printJson(resultOf(paste, opened, { size, ...member }));
}

/** A terminal could take bytes for orders. What was burned cannot be fetched again, so it is saved. */
async function refuseBinary(session: Session, { paste, opener }: Fetching, spool: Spool): Promise<void> {
  const { world } = session;
  const hint =
    'This is not plain text, and a terminal is no place for it. Use -O to save it, -o FILE, or a pipe.';
  if (!paste.burn) throw new Failure('refused', 'binary_to_terminal', hint);
  const opened = await opener(spool.read());
  const destination = await creating(world, world.cwd, 0o600, () =>
    safeFileName(opened.name, fallbackName(paste)),
  );
  try {
    for await (const piece of opened.body) await destination.write(piece);
    const path = await destination.commit();
    throw new Failure(
      'refused',
      'binary_to_terminal',
      `This is not plain text. It cannot be fetched again, so it was saved as ${printable(path)}.`,
    );
  } finally {
    await destination.abandon();
  }
}

/** A device or a named pipe cannot be renamed over: verified first, then written. */
async function toDevice(session: Session, fetching: Fetching, path: string): Promise<void> {
  const { world, out } = session;
  const file = await openFile(resolve(world.cwd, path), 'w');
  const stream = file.createWriteStream();
  const spool = new Spool();
  try {
    const { opened, size } = await verify(
      fetched(session, fetching),
      fetching.opener,
      spool,
      new TextWatch(),
    );
    const { body } = await fetching.opener(spool.read());
    for await (const piece of body) await write(stream, piece);
    if (out.json) await out.printJson(resultOf(fetching.paste, opened, { saved_to: path, size }));
  } finally {
    await spool.close();
    stream.destroy();
  }
}

function fallbackName({ id, mimeType, sealed }: PasteInfo): string {
  if (sealed === true) return `fpaste-${id}`;
  const extension: Readonly<Record<string, string>> = {
    'image/png': '.png',
    'image/jpeg': '.jpg',
    'image/gif': '.gif',
    'image/webp': '.webp',
  };
  return `fpaste-${id}${extension[mimeType] ?? (mimeType.startsWith('text/plain') ? '.txt' : '.bin')}`;
}

function resultOf(paste: PasteInfo, opened: Opened, more: Record<string, unknown>): Record<string, unknown> {
  return {
    id: paste.id,
    name: opened.name,
    mime: opened.mime,
    created_at: paste.createdAt,
    expires_at: paste.expiresAt,
    burn_after_read: paste.burn,
    password_protected: paste.passwordProtected,
    sealed: paste.sealed,
    ...more,
  };
}
