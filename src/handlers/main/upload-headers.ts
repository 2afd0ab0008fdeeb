/**
 * The header fields of uploads in pieces: structured ones (RFC 9651) of the draft "Resumable Uploads for HTTP", and
 * plain ones of tus 1.0.
 */
import { type BareItem, parseItem, serializeDictionary } from 'structured-headers';
import type { Settings } from '../../core/settings.ts';
import { UPLOAD_LIFETIME_MS } from '../../core/uploads.ts';

export type Headings = Readonly<Record<string, string>>;

export const COMPLETE: Headings = { 'upload-complete': '?1' };
export const INCOMPLETE: Headings = { 'upload-complete': '?0' };

function itemIn(request: Request, name: string): BareItem | undefined {
  const value = request.headers.get(name);
  if (value === null) return undefined;
  try {
    return parseItem(value)[0];
  } catch {
    return undefined;
  }
}

/** A field that is a non-negative Integer. Any other value is as good as no field, as the draft wants it. */
export function integerIn(request: Request, name: 'upload-offset' | 'upload-length'): number | undefined {
  const value = itemIn(request, name);
  // Parsed, 1.0 would pass for 1: a Decimal is told by its spelling.
  const isInteger = /^ *\d{1,15}(?![\d.])/.test(request.headers.get(name) ?? '');
  return typeof value === 'number' && isInteger ? value : undefined;
}

/** `Upload-Complete`, a Boolean. Any other value is as good as no field. */
export function completeIn(request: Request): boolean | undefined {
  const value = itemIn(request, 'upload-complete');
  return typeof value === 'boolean' ? value : undefined;
}

/** `Upload-Limit`. @param lifetimeMs what is left of it */
export function limitHeader({ uploads }: Settings, lifetimeMs: number = UPLOAD_LIFETIME_MS): Headings {
  const seconds = Math.max(0, Math.floor(lifetimeMs / 1000));
  return { 'upload-limit': serializeDictionary({ 'max-size': uploads.maxBytes, 'max-age': seconds }) };
}

/** A tus header that is a non-negative whole number in decimal digits. */
export function tusNumber(value: string | null): number | undefined {
  return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** The media type without its parameters, in lower case. */
export function typeIn(request: Request): string {
  const [type = ''] = (request.headers.get('content-type') ?? '').split(';');
  return type.trim().toLowerCase();
}

/** `Upload-Expires`: an HTTP date (RFC 9110 §5.6.7). */
export const httpDate = (ms: number): string => new Date(ms).toUTCString();

/** Where an upload is. */
export const uploadPath = (id: string): string => `/v1/uploads/${id}`;
