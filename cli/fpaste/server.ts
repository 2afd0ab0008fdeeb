/** The paste routes of a server, typed. What it answers is checked, not believed. */

import { inMemory, readJson } from '../shared/answers.ts';
import { Failure } from '../shared/failure.ts';
import { type Answer, type Sending, send } from '../shared/http.ts';
import { retrying } from '../shared/retry.ts';
import { PASTE_ID } from './reference.ts';
import { refusalOf } from './refusal.ts';
import type { ReplayableBody } from './replay.ts';
import { routeTo, type Session } from './session.ts';

export interface ServerInfo {
  readonly version: string;
  readonly maxBytesAnonymous: number;
  readonly maxBytesIdentified: number;
  readonly defaultExpirySeconds: number;
  readonly maxExpirySeconds: number;
  /** Bits per byte; above 0, only sealed pastes are taken. */
  readonly minEntropy: number;
  readonly powRequired: boolean;
  readonly powDifficulty: number;
  readonly create: 'anyone' | 'identified';
  /** The answer as it was. */
  readonly json: unknown;
}

export interface PasteInfo {
  readonly id: string;
  /** Absolute, without a fragment. */
  readonly url: string;
  readonly raw: string;
  readonly size: number;
  readonly mimeType: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly burn: boolean;
  readonly passwordProtected: boolean;
  /** Undefined in answers to create, which do not say. */
  readonly sealed: boolean | undefined;
  readonly deleteToken: string | undefined;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Relative to the base: `''`, `challenge`, an id, `ID/raw`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ReplayableBody;
  /** False where a second attempt would find something else than the first. */
  readonly repeatable?: boolean;
  /** The answer may be long, and is read by the caller. Any other is read here, so that one that breaks counts as none. */
  readonly streamed?: boolean;
}

/** Sends with retries. Resolves with a 2xx answer; throws `refused` for any other, and network failures. */
export async function call(session: Session, base: URL, what: Call): Promise<Answer> {
  const { policy, world } = session;
  const route = await routeTo(session, base);
  const attempt = async (): Promise<Answer> => {
    const answer = await send(sendingOf(base, what), route);
    return what.streamed === true ? answer : await inMemory(answer);
  };
  const enabled = policy.enabled && what.repeatable !== false;
  const answer = await retrying({ ...policy, enabled }, attempt);
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw await refusalOf(answer, world.now());
}

function sendingOf(base: URL, { method, path, headers = {}, body }: Call): Sending {
  const url = new URL(path, base);
  if (body === undefined) return { method, url, headers };
  return { method, url, headers, body: { pieces: body.pieces(), length: body.length } };
}

export async function fetchInfo(session: Session, base: URL): Promise<ServerInfo> {
  const json = await readJson(
    await call(session, base, { method: 'GET', path: '', headers: { accept: 'application/json' } }),
  );
  const root = members(json);
  const limits = members(root.limits);
  const pow = members(root.pow);
  return {
    version: text(root.version),
    maxBytesAnonymous: count(limits.max_bytes_anonymous),
    maxBytesIdentified: count(limits.max_bytes_identified),
    defaultExpirySeconds: count(limits.default_expiry_seconds),
    maxExpirySeconds: count(limits.max_expiry_seconds),
    minEntropy: count(limits.min_entropy),
    powRequired: pow.required === true,
    powDifficulty: count(pow.difficulty),
    create: root.create === 'identified' ? 'identified' : 'anyone',
    json,
  };
}

/** A challenge, or undefined when the server wants none from us. */
export async function fetchChallenge(session: Session, base: URL) {
  const json = members(await readJson(await call(session, base, { method: 'GET', path: 'challenge' })));
  if (json.required !== true) return undefined;
  const token = text(json.token);
  if (json.algorithm !== 'sha256-leading-zero-bits' || !/^[\x21-\x7e]{1,512}$/.test(token)) {
    throw new Failure(
      'refused',
      'work_unknown',
      'The server asks for a proof of work that this version does not know. Download fpaste from it again.',
    );
  }
  return { token, difficulty: count(json.difficulty) };
}

/** What a create, an update or a metadata answer says about a paste. `base` completes a relative URL. */
export function pasteInfo(json: unknown, base: URL): PasteInfo {
  const paste = members(json);
  const id = text(paste.id);
  if (!PASTE_ID.test(id)) throw nonsense();
  return {
    id,
    url: addressOf(paste.url, base, id),
    raw: addressOf(paste.raw, base, id),
    size: count(paste.size),
    mimeType: text(paste.mime_type),
    createdAt: time(paste.created_at),
    expiresAt: time(paste.expires_at),
    burn: paste.burn_after_read === true,
    passwordProtected: paste.password_protected === true,
    sealed: typeof paste.sealed === 'boolean' ? paste.sealed : undefined,
    deleteToken: typeof paste.delete_token === 'string' ? paste.delete_token : undefined,
  };
}

/** The link will carry the key, so its address must be one that a fragment can follow. */
function addressOf(value: unknown, base: URL, id: string): string {
  const url = URL.canParse(text(value), base.href) ? new URL(text(value), base) : undefined;
  const plain = url !== undefined && !url.hash && !url.search && !url.username && !url.password;
  if (!plain || !/^https?:$/.test(url.protocol) || !url.pathname.replace(/\/raw$/, '').endsWith(`/${id}`))
    throw nonsense();
  return url.href;
}

function members(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw nonsense();
  return json as Record<string, unknown>;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw nonsense();
  return value;
}

function count(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw nonsense();
  return value;
}

function time(value: unknown): string {
  const written = text(value);
  if (!/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(written)) throw nonsense();
  return written;
}

function nonsense(): Failure {
  return new Failure(
    'refused',
    'not_sallyport',
    'The server answered something that is not in the contract. Check --server, and its path prefix.',
  );
}
