/** `fpaste create`: seals what it is given, uploads it once, prints the link. */

import { accessHash, accessProof, deriveSecret, formatLink, newKey } from '../../src/crypto/sealed.ts';
import { readJson } from '../shared/answers.ts';
import { parseSeconds } from '../shared/duration.ts';
import { errorCode, Failure, usage } from '../shared/failure.ts';
import type { Answer } from '../shared/http.ts';
import { qrCode } from '../shared/qr.ts';
import { spokenBytes } from '../shared/text.ts';
import { argon2id } from './argon2.ts';
import type { Parsed } from './args.ts';
import { copyToClipboard } from './clipboard.ts';
import { guessMime } from './mime.ts';
import { passwordFromOptions, passwordHeader } from './password.ts';
import { showProgress } from './progress.ts';
import type { ReplayableBody } from './replay.ts';
import { bodyOf, checkMetadata, type Sealing } from './seal.ts';
import { call, fetchChallenge, fetchInfo, type PasteInfo, pasteInfo, type ServerInfo } from './server.ts';
import type { Session } from './session.ts';
import { openSource, peek, type Source } from './source.ts';
import { solveChallenge } from './work.ts';

export async function create(session: Session): Promise<void> {
  const { world, parsed, out, settings } = session;
  checkOptions(parsed);
  const expiry = expiryOf(parsed);
  const [file] = parsed.positionals;
  const fromStdin = file === undefined || file === '-';
  if (fromStdin && parsed.value('password-file') === '-')
    throw usage('Standard input is the paste; the password must come from elsewhere.');
  const opened = await openSource(world, file, out.say);
  try {
    const password = await passwordFromOptions(world, parsed, true);
    const info = await fetchInfo(session, settings.server);
    const kind = sealingKind(session, info);
    const key = kind === 'sealed' ? newKey(world.random) : undefined;
    const { sealing, source } = await sealingOf(session, kind, key, password, opened);
    const protection = await protectionOf(sealing, password);
    const headers = { accept: 'application/json', ...expiry, ...burnOf(parsed), ...protection };
    const paste = await upload(session, info, source, sealing, headers);
    const link = key === undefined ? paste.url : formatLink(paste.url, key);
    await remember(session, paste, sealing, nameOf(parsed, source));
    await report(session, paste, sealing, link);
  } finally {
    await opened.close();
  }
}

function checkOptions(parsed: Parsed): void {
  if (parsed.has('encrypt') && parsed.has('no-encrypt'))
    throw usage('Use --encrypt or --no-encrypt, not both.');
  if (parsed.has('to') && parsed.has('encrypt')) {
    throw usage('Use --encrypt (a link with the key) or --to (an age file for a recipient), not both.');
  }
}

/** `X-Expiry`, where one was asked for. */
export function expiryOf(parsed: Parsed): Record<string, string> {
  const text = parsed.value('expiry');
  return text === undefined ? {} : { 'x-expiry': String(parseSeconds(text, '--expiry')) };
}

export function burnOf(parsed: Parsed): Record<string, string> {
  return parsed.has('burn') ? { 'x-burn-after-read': 'true' } : {};
}

function sealingKind({ parsed, settings, out }: Session, info: ServerInfo): Sealing['kind'] {
  if (parsed.has('to')) return 'age';
  if (parsed.has('encrypt')) return 'sealed';
  const demanded = info.minEntropy > 0;
  if (parsed.has('no-encrypt')) {
    if (demanded)
      throw new Failure(
        'refused',
        'not_sealed',
        'This server takes only sealed pastes. Leave out --no-encrypt.',
      );
    return 'plain';
  }
  if (settings.encrypt) return 'sealed';
  if (demanded)
    out.warn('This server takes only sealed pastes, so this one is encrypted. The key is in the link.');
  return demanded ? 'sealed' : 'plain';
}

async function sealingOf(
  { parsed }: Session,
  kind: Sealing['kind'],
  key: Uint8Array | undefined,
  password: string | undefined,
  opened: Source,
): Promise<{ readonly sealing: Sealing; readonly source: Source }> {
  if (kind === 'age') return { sealing: { kind, recipients: parsed.values('to') }, source: opened };
  if (kind === 'plain' || key === undefined) return { sealing: { kind: 'plain' }, source: opened };
  const { first, source } = await peek(opened);
  const name = nameOf(parsed, opened);
  const mime = parsed.value('mime') ?? guessMime(name, first);
  checkMetadata(name, mime);
  return {
    sealing: { kind, secret: await deriveSecret({ key, password, argon2: argon2id }), name, mime },
    source,
  };
}

function nameOf(parsed: Parsed, source: Source): string | undefined {
  // An empty name is how to say that there should be none.
  return (parsed.value('name') ?? source.name) || undefined;
}

/** How reads are protected: by a proof that the server cannot make for a sealed paste, else by the password. */
async function protectionOf(sealing: Sealing, password: string | undefined): Promise<Record<string, string>> {
  if (password === undefined) return {};
  if (sealing.kind !== 'sealed') return { 'x-paste-password': passwordHeader(password) };
  return { 'x-paste-access-hash': await accessHash(await accessProof(sealing.secret)) };
}

async function upload(
  session: Session,
  info: ServerInfo,
  source: Source,
  sealing: Sealing,
  headers: Record<string, string>,
): Promise<PasteInfo> {
  const { world, settings, out } = session;
  const bar = showProgress(world, !out.quiet && !out.json, 'Uploading', source.size);
  const body = await bodyOf(world, source, sealing, bar.at);
  try {
    checkSize(session, info, body.length);
    const answer = await postOnce(session, info, body, headers);
    return pasteInfo(await readJson(answer), settings.server);
  } finally {
    bar.end();
    await body.close();
  }
}

/** Refuses what the server will refuse, before it is uploaded. */
function checkSize({ route }: Session, info: ServerInfo, length: number | undefined): void {
  const limit =
    route.client === undefined
      ? info.maxBytesAnonymous
      : Math.max(info.maxBytesAnonymous, info.maxBytesIdentified);
  if (length === undefined || length <= limit) return;
  const more =
    limit < info.maxBytesIdentified
      ? ` With a client certificate it takes ${spokenBytes(info.maxBytesIdentified)}.`
      : '';
  throw new Failure(
    'refused',
    'paste_too_large',
    `This would be ${spokenBytes(length)}; the server takes ${spokenBytes(limit)}.${more}`,
  );
}

/**
 * Creates one paste, however often it has to ask: every attempt carries the same Idempotency-Key and the same
 * bytes. Work that the server does not accept is done again once.
 */
async function postOnce(
  session: Session,
  info: ServerInfo,
  body: ReplayableBody,
  headers: Record<string, string>,
): Promise<Answer> {
  const { world, settings } = session;
  const idempotency = { 'idempotency-key': Buffer.from(world.random(24)).toString('base64url') };
  const post = (work: Record<string, string>): Promise<Answer> =>
    call(session, settings.server, {
      method: 'POST',
      path: '',
      headers: { ...headers, ...idempotency, ...work },
      body,
    });
  const work = info.powRequired ? await doWork(session) : {};
  try {
    return await post(work);
  } catch (error) {
    if (!(error instanceof Failure) || (error.code !== 'pow_required' && error.code !== 'pow_invalid'))
      throw error;
    return await post(await doWork(session));
  }
}

async function doWork(session: Session): Promise<Record<string, string>> {
  const { world, settings, out } = session;
  const challenge = await fetchChallenge(session, settings.server);
  if (challenge === undefined) return {};
  const bar = showProgress(
    world,
    !out.quiet && !out.json,
    'Proof of work',
    2 ** challenge.difficulty,
    'tries',
  );
  try {
    const solution = await solveChallenge(challenge, bar.at);
    return { 'x-pow-token': challenge.token, 'x-pow-solution': solution };
  } finally {
    bar.end();
  }
}

async function remember(
  session: Session,
  paste: PasteInfo,
  sealing: Sealing,
  name: string | undefined,
): Promise<void> {
  const { state, settings, out } = session;
  if (paste.deleteToken === undefined) return;
  try {
    await state.keep({
      id: paste.id,
      server: settings.server.href,
      url: paste.url,
      deleteToken: paste.deleteToken,
      createdAt: paste.createdAt,
      expiresAt: paste.expiresAt,
      size: paste.size,
      burn: paste.burn,
      sealed: sealing.kind !== 'plain',
      name,
    });
  } catch (error) {
    out.warn(
      `The delete token could not be kept in ${state.folder} (${errorCode(error)}); --json prints it.`,
    );
  }
}

async function report(session: Session, paste: PasteInfo, sealing: Sealing, link: string): Promise<void> {
  const { world, parsed, out, settings } = session;
  if (out.json) {
    await out.printJson({
      id: paste.id,
      link,
      url: paste.url,
      raw: paste.raw,
      size: paste.size,
      created_at: paste.createdAt,
      expires_at: paste.expiresAt,
      burn_after_read: paste.burn,
      password_protected: paste.passwordProtected,
      sealed: sealing.kind !== 'plain',
      format: sealing.kind,
      ...(paste.deleteToken === undefined ? {} : { delete_token: paste.deleteToken }),
    });
  } else {
    await out.print(`${link}\n`);
  }
  if (new URL(paste.url).origin !== settings.server.origin) {
    out.say(`The server gives out links to ${new URL(paste.url).origin}.`);
  }
  const burn = paste.burn ? ', deleted when it is first read' : '';
  out.say(`Kept until ${paste.expiresAt}${burn}. To delete it: fpaste delete ${paste.id}`);
  if (parsed.has('qr')) world.stderr.write(qrCode(link, world.stderr.isTTY === true));
  if (parsed.has('clipboard')) {
    const problem = await copyToClipboard(world, link);
    if (problem === undefined) out.say('The link is in the clipboard.');
    else out.warn(problem);
  }
}
