/** How a paste arrives: raw bytes with headers, or a JSON document. */
import type { Deps } from '../../core/deps.ts';
import { Fault } from '../../core/faults.ts';
import type { RawPasteOptions } from '../../core/paste-options.ts';
import { passwordInHeader } from '../../core/paste-options.ts';
import type { OfferedWork } from '../../core/paste-work.ts';
import { type ByteSource, sourceOf } from '../../core/source.ts';
import { utf8 } from '../../crypto/hash.ts';
import type { Bytes } from '../../store/store.ts';
import { collect, parseJsonObject } from '../kit/body.ts';

/** The largest JSON document that a paste comes in, in bytes. */
export const PASTE_JSON_LIMIT = 4 * 1024 * 1024;

/** Every header that makes one create differ from another. */
const HEADERS = [
  'x-expiry',
  'x-burn-after-read',
  'x-paste-password',
  'x-paste-access-hash',
  'x-pow-token',
  'x-pow-solution',
] as const;

export type PasteForm = 'raw' | 'json';

/** The media type that was named, without parameters. */
function typeOf(request: Request): string {
  const [type = ''] = (request.headers.get('content-type') ?? '').split(';');
  return type.trim().toLowerCase();
}

/** @throws Fault `unsupported_media_type` for a form's envelope, which is never what somebody wants to store. */
export function formOf(request: Request): PasteForm {
  const name = typeOf(request);
  if (name === 'multipart/form-data') {
    throw new Fault('unsupported_media_type', {
      message: 'send the bytes themselves, not a form: with curl, --data-binary @FILE instead of -F',
    });
  }
  return name === 'application/json' ? 'json' : 'raw';
}

/** The options in headers, unchecked but for the spelling of the password. */
export function optionsInHeaders(request: Request): RawPasteOptions {
  const { headers } = request;
  const password = headers.get('x-paste-password');
  const plain = password === null ? undefined : passwordInHeader(password);
  if (password !== null && plain === undefined) throw new Fault('invalid_password');
  return {
    expiry: headers.get('x-expiry') ?? undefined,
    burn: headers.get('x-burn-after-read') ?? undefined,
    password: plain,
    accessHash: headers.get('x-paste-access-hash') ?? undefined,
  };
}

export function workInHeaders(request: Request): OfferedWork {
  const token = request.headers.get('x-pow-token');
  const solution = request.headers.get('x-pow-solution');
  return { ...(token !== null && { token }), ...(solution !== null && { solution }) };
}

/** A text in which no two different creates look alike: each value with its length before it. */
export function fingerprintOf(request: Request): string {
  const form: PasteForm = typeOf(request) === 'application/json' ? 'json' : 'raw';
  const lines = HEADERS.map((name) => {
    const value = request.headers.get(name);
    return value === null ? `${name}\n` : `${name}=${value.length}:${value}\n`;
  });
  return `form=${form}\n${lines.join('')}`;
}

function decodeBase64(text: string): Bytes | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return undefined;
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function contentOf({ content, content_b64: encoded }: Readonly<Record<string, unknown>>): Bytes {
  if ((content === undefined) === (encoded === undefined)) throw new Fault('invalid_content');
  if (content !== undefined) {
    if (typeof content !== 'string' || !content.isWellFormed()) throw new Fault('invalid_content');
    return utf8(content);
  }
  const bytes = typeof encoded === 'string' ? decodeBase64(encoded) : undefined;
  if (bytes === undefined) throw new Fault('invalid_content');
  return bytes;
}

const MEMBERS = new Set(['content', 'content_b64', 'expiry', 'burn_after_read', 'password']);

/** An option may stand in the document or in a header, not in both. */
function either<T>(member: T | undefined, header: T | undefined, fault: Fault): T | undefined {
  if (member !== undefined && header !== undefined) throw fault;
  return member ?? header;
}

/** Reads a JSON document: what is to be stored, and the options that stand in it. */
export async function readDocument(
  source: ByteSource,
  headers: RawPasteOptions,
  deps: Pick<Deps, 'digest'>,
): Promise<{ source: ByteSource; options: RawPasteOptions }> {
  const bytes = await collect(source, PASTE_JSON_LIMIT, 'paste_too_large');
  if (bytes.length === 0) throw new Fault('empty_paste');
  const document = parseJsonObject(bytes);
  if (Object.keys(document).some((name) => !MEMBERS.has(name))) throw new Fault('invalid_json');
  const sha256 = deps.digest();
  sha256.update(bytes);
  const { expiry, burn_after_read: burn, password } = document;
  if (expiry !== undefined && typeof expiry !== 'number' && typeof expiry !== 'string')
    throw new Fault('invalid_expiry');
  if (burn !== undefined && typeof burn !== 'boolean' && typeof burn !== 'string')
    throw new Fault('invalid_burn');
  if (password !== undefined && typeof password !== 'string') throw new Fault('invalid_password');
  return {
    source: sourceOf(contentOf(document), await sha256.finish()),
    options: {
      expiry: either<string | number>(expiry, headers.expiry, new Fault('invalid_expiry')),
      burn: either<string | boolean>(burn, headers.burn, new Fault('invalid_burn')),
      password: either(password, headers.password, new Fault('invalid_password')),
      accessHash: headers.accessHash,
    },
  };
}
