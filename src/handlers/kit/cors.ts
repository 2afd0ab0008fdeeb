/**
 * CORS (Fetch Standard §3.2) for the exact origins that the operator has named, on product routes of the main door.
 * Nobody else gets a header that would let a page read an answer.
 */
import type { Settings } from '../../core/settings.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const REQUEST_HEADERS = [
  'accept',
  'authorization',
  'content-type',
  'content-digest',
  'idempotency-key',
  'x-media-type',
  'x-started-at',
  'x-ended-at',
  // The draft "Resumable Uploads for HTTP".
  ...['repr-digest', 'upload-complete', 'upload-draft-interop-version', 'upload-length', 'upload-offset'],
  // tus 1.0, which shares some of them.
  ...['tus-resumable', 'upload-checksum', 'upload-defer-length', 'upload-metadata', 'x-http-method-override'],
];
const EXPOSED = [
  ...['X-Request-ID', 'Retry-After', 'Idempotency-Replayed', 'Location', 'Content-Digest', 'ETag'],
  ...['Upload-Complete', 'Upload-Length', 'Upload-Limit', 'Upload-Offset'],
  ...['Content-Location', 'Tus-Checksum-Algorithm', 'Tus-Extension', 'Tus-Max-Size', 'Tus-Resumable'],
  ...['Tus-Version', 'Upload-Defer-Length', 'Upload-Expires', 'Upload-Metadata'],
];
const MAX_AGE_SECONDS = '600';

/** Whether any origin may read product routes at all. */
export function corsConfigured(settings: Settings): boolean {
  return settings.web.enabled && settings.web.allowedOrigins.length > 0;
}

/** What an answer to this origin carries. `Vary` also where the origin gets nothing, or caches would mix them up. */
export function corsHeaders(settings: Settings, origin: string | null): Readonly<Record<string, string>> {
  if (!corsConfigured(settings)) return {};
  if (origin === null || !settings.web.allowedOrigins.includes(origin)) return { vary: 'Origin' };
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': EXPOSED.join(', '),
  };
}

/** What a preflight gets: the permissions only when origin, method and every header are permitted. */
export function preflightHeaders(settings: Settings, request: Request): Readonly<Record<string, string>> {
  const base = corsHeaders(settings, request.headers.get('origin'));
  const method = request.headers.get('access-control-request-method') ?? '';
  const wanted = (request.headers.get('access-control-request-headers') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  const permitted = [...REQUEST_HEADERS, settings.web.csrfHeader.toLowerCase()];
  const allowed =
    'access-control-allow-origin' in base &&
    METHODS.includes(method) &&
    wanted.every((name) => permitted.includes(name));
  if (!allowed) return { vary: 'Origin' };
  return {
    ...base,
    'access-control-allow-methods': METHODS.join(', '),
    'access-control-allow-headers': permitted.join(', '),
    'access-control-max-age': MAX_AGE_SECONDS,
  };
}
