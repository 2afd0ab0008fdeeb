/** What a create or a replacement asks for, from the text in which it was sent. */

import { Fault } from './faults.ts';
import type { Settings } from './settings.ts';

/** Options as they came, from headers or from a JSON document. Absent means: not given. */
export interface RawPasteOptions {
  readonly expiry?: string | number | undefined;
  readonly burn?: string | boolean | undefined;
  readonly password?: string | undefined;
  readonly accessHash?: string | undefined;
}

export type WantedAccess =
  | { readonly kind: 'password'; readonly password: string }
  | { readonly kind: 'proof'; readonly sha256: string };

export interface PasteOptions {
  /** Seconds to live, capped. */
  readonly expirySeconds?: number;
  readonly burn?: boolean;
  readonly access?: WantedAccess;
}

const PASSWORD_MAX_BYTES = 1024;

function expiryOf(raw: string | number, settings: Settings): number {
  const isWhole = typeof raw === 'number' ? Number.isInteger(raw) : /^[0-9]+$/.test(raw);
  if (!isWhole || Number(raw) < 1) throw new Fault('invalid_expiry');
  // Hundreds of digits come to Infinity, which is capped like any other wish for too much.
  return Math.min(Number(raw), settings.paste.maxExpirySeconds);
}

const BURN: Readonly<Record<string, boolean>> = {
  true: true,
  1: true,
  yes: true,
  false: false,
  0: false,
  no: false,
};

function burnOf(raw: string | boolean): boolean {
  if (typeof raw === 'boolean') return raw;
  const burn = Object.hasOwn(BURN, raw.toLowerCase()) ? BURN[raw.toLowerCase()] : undefined;
  if (burn === undefined) throw new Fault('invalid_burn');
  return burn;
}

/**
 * The password in a header: visible ASCII and inner spaces as it is, anything else as `UTF-8''` and
 * percent-encoding (RFC 8187 §3.2.1), since runtimes disagree on bytes above ASCII in headers.
 * Undefined when it is neither.
 */
export function passwordInHeader(header: string): string | undefined {
  let password = header;
  if (/^utf-8''/i.test(header)) {
    const encoded = header.slice("UTF-8''".length);
    if (!/^(?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-Fa-f]{2})*$/.test(encoded)) return undefined;
    try {
      password = decodeURIComponent(encoded);
    } catch {
      return undefined;
    }
  } else if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(header)) {
    return undefined;
  }
  return isPassword(password) ? password : undefined;
}

function isPassword(text: string): boolean {
  return text !== '' && text.isWellFormed() && new TextEncoder().encode(text).length <= PASSWORD_MAX_BYTES;
}

/** Checks what was asked for. @throws Fault of the option that is wrong. */
export function pasteOptions(raw: RawPasteOptions, settings: Settings): PasteOptions {
  const options: { -readonly [K in keyof PasteOptions]: PasteOptions[K] } = {};
  if (raw.expiry !== undefined) options.expirySeconds = expiryOf(raw.expiry, settings);
  if (raw.burn !== undefined) options.burn = burnOf(raw.burn);
  if (raw.accessHash !== undefined) {
    if (!/^[0-9a-f]{64}$/.test(raw.accessHash) || raw.password !== undefined)
      throw new Fault('invalid_access_hash');
    options.access = { kind: 'proof', sha256: raw.accessHash };
  } else if (raw.password !== undefined) {
    if (!isPassword(raw.password)) throw new Fault('invalid_password');
    options.access = { kind: 'password', password: raw.password };
  }
  return options;
}

/** An `Idempotency-Key`. @throws Fault `invalid_idempotency_key` */
export function idempotencyKey(header: string): string {
  if (!/^[\x21-\x7e]{16,255}$/.test(header)) throw new Fault('invalid_idempotency_key');
  return header;
}
