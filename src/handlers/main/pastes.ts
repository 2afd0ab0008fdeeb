/** The paste room of the main door. */
import * as v from 'valibot';
import type { Deps } from '../../core/deps.ts';
import { servedType } from '../../core/inspect.ts';
import { workDemanded } from '../../core/paste-work.ts';
import {
  admitCreate,
  admitReplace,
  createPaste,
  deletePaste,
  describePaste,
  readPaste,
  replacePaste,
} from '../../core/pastes.ts';
import { VERSION } from '../../core/version.ts';
import { WORK_ALGORITHM } from '../../crypto/pow.ts';
import { isPasteId } from '../../crypto/tokens.ts';
import { prefers } from '../kit/accept.ts';
import { bodyOf } from '../kit/body.ts';
import { SANDBOX_POLICY } from '../kit/headers.ts';
import { json, text } from '../kit/reply.ts';
import { anyone, type HeaderNote, mainRoute, noParams } from '../kit/route.ts';
import { fingerprintOf, formOf, optionsInHeaders, readDocument, workInHeaders } from './paste-form.ts';
import { CreatedPasteView, createdView, PasteView, pasteView } from './paste-view.ts';

const pasteId = ({ id = '' }: Readonly<Record<string, string>>) => (isPasteId(id) ? { id } : undefined);

const PASSWORD_TO_READ: Readonly<Record<string, HeaderNote>> = {
  'X-Paste-Password': { description: 'Password or proof of a protected paste.' },
};
const DELETE_TOKEN: Readonly<Record<string, HeaderNote>> = {
  'X-Delete-Token': {
    description: 'The token that the create answered; not needed with the creating certificate.',
  },
};
const OPTIONS: Readonly<Record<string, HeaderNote>> = {
  'X-Expiry': { description: 'Seconds to live, a positive whole number; capped at the maximum.' },
  'X-Burn-After-Read': { description: 'true, 1, yes, false, 0 or no.' },
  'X-Paste-Password': {
    description: "A password, visible ASCII and inner spaces, or UTF-8'' and percent-encoding.",
  },
  'X-Paste-Access-Hash': { description: 'Lower-case hex SHA-256 of a proof that the client derived itself.' },
};
const PasteDocument = v.strictObject({
  content: v.optional(v.string()),
  content_b64: v.optional(v.string()),
  expiry: v.optional(v.union([v.number(), v.string()])),
  burn_after_read: v.optional(v.union([v.boolean(), v.string()])),
  password: v.optional(v.string()),
});
const PASTE_BODY = {
  description: 'Raw bytes of any type but multipart/form-data, or a JSON document of at most 4 MiB.',
  types: ['application/octet-stream', 'text/plain', '*/*'],
  json: PasteDocument,
};
const BODY_FAULTS = [
  'unsupported_media_type',
  'invalid_json',
  'invalid_content',
  'invalid_expiry',
  'invalid_burn',
  'invalid_password',
  'invalid_access_hash',
  'empty_paste',
  'paste_too_large',
  'not_sealed',
  'duplicate_content',
  'storage_quota_exceeded',
  'request_timeout',
  'request_aborted',
  'service_busy',
] as const;
const ACCESS_FAULTS = [
  'paste_not_found',
  'password_required',
  'password_invalid',
  'password_locked',
  'service_busy',
] as const;

const Info = v.strictObject({
  name: v.string(),
  version: v.string(),
  limits: v.strictObject({
    max_bytes_anonymous: v.number(),
    max_bytes_identified: v.number(),
    default_expiry_seconds: v.number(),
    max_expiry_seconds: v.number(),
    min_entropy: v.number(),
  }),
  pow: v.strictObject({ required: v.boolean(), difficulty: v.number(), algorithm: v.string() }),
  create: v.picklist(['anyone', 'identified']),
  endpoints: v.array(v.string()),
});

/** What a client should know before it uploads. */
export const info = mainRoute({
  id: 'pastes.info',
  method: 'GET',
  path: '/',
  prefixed: true,
  limit: 'paste_read',
  gate: anyone,
  params: noParams,
  summary: 'Limits and demands of this server, and its paste endpoints.',
  answers: { 200: { description: 'What a client should know before it uploads.', schema: Info } },
  faults: [],
  async reply({ deps, who, endpoints }) {
    const { paste } = deps.settings;
    const difficulty = workDemanded(deps, who);
    return json(200, {
      name: 'sallyport',
      version: VERSION,
      limits: {
        max_bytes_anonymous: paste.maxBytesAnonymous,
        max_bytes_identified: paste.maxBytesIdentified,
        default_expiry_seconds: paste.defaultExpirySeconds,
        max_expiry_seconds: paste.maxExpirySeconds,
        min_entropy: paste.minEntropy,
      },
      pow: { required: difficulty > 0, difficulty, algorithm: WORK_ALGORITHM },
      create: paste.create,
      endpoints: endpoints
        .filter(({ prefixed }) => prefixed)
        .map(({ method, pattern }) => `${method} ${pattern}`),
    });
  },
});

export const create = mainRoute({
  id: 'pastes.create',
  method: 'POST',
  path: '/',
  prefixed: true,
  limit: 'paste_create',
  gate: anyone,
  params: noParams,
  summary: 'Store a paste.',
  headers: {
    ...OPTIONS,
    'X-PoW-Token': { description: 'A token of GET challenge.' },
    'X-PoW-Solution': { description: 'What makes SHA-256(token ":" solution) start with enough zero bits.' },
    'Idempotency-Key': {
      description: '16 to 255 visible ASCII characters; makes a retry answer the first result.',
    },
  },
  body: PASTE_BODY,
  answers: {
    201: {
      description:
        'Stored. With Accept: text/plain the body is the URL, and X-Delete-Token carries the token.',
      schema: CreatedPasteView,
      types: ['text/plain; charset=utf-8'],
      headers: {
        Location: { description: 'The URL of the paste.', required: true },
        'X-Delete-Token': { description: 'With a text/plain body.' },
      },
    },
    200: {
      description: 'The same create was done before; this is its first answer.',
      schema: CreatedPasteView,
      types: ['text/plain; charset=utf-8'],
      headers: {
        'Idempotency-Replayed': { description: 'true', required: true },
        'X-Delete-Token': { description: 'With a text/plain body.' },
      },
    },
  },
  faults: [
    ...BODY_FAULTS,
    'client_certificate_required',
    'pow_required',
    'pow_invalid',
    'invalid_idempotency_key',
    'idempotency_conflict',
  ],
  async reply({ deps, request, who }) {
    const key = request.headers.get('idempotency-key');
    const admission = await admitCreate(deps, who, {
      work: workInHeaders(request),
      ...(key !== null && {
        idempotency: { key, fingerprint: fingerprintOf(request) },
      }),
    });
    const { source, options } = await sentPaste(request, deps);
    const paste = await createPaste(deps, admission, source, options);
    const view = createdView(deps, paste);
    const status = paste.replayed ? 200 : 201;
    const headers = { location: view.url, ...(paste.replayed && { 'idempotency-replayed': 'true' }) };
    if (!prefers(request.headers.get('accept'), 'text/plain')) return json(status, view, headers);
    return text(status, `${view.url}\n`, { ...headers, 'x-delete-token': view.delete_token });
  },
});

/** The body and the options, in whichever of the two forms they were sent. */
async function sentPaste(request: Request, deps: Deps) {
  const form = formOf(request);
  const options = optionsInHeaders(request);
  const source = bodyOf(request, deps);
  return form === 'json' ? readDocument(source, options, deps) : { source, options };
}

export const describe = mainRoute({
  id: 'pastes.describe',
  method: 'GET',
  path: '/:id',
  prefixed: true,
  limit: 'paste_read',
  gate: anyone,
  params: pasteId,
  summary: 'Metadata of a paste. Never burns.',
  headers: PASSWORD_TO_READ,
  answers: { 200: { description: 'The metadata.', schema: PasteView } },
  faults: [...ACCESS_FAULTS],
  async reply({ deps, request, who, params: { id } }) {
    const paste = await describePaste(deps, who, id, request.headers.get('x-paste-password'));
    return json(200, pasteView(deps, who, id, paste));
  },
});

export const read = mainRoute({
  id: 'pastes.read',
  method: 'GET',
  path: '/:id/raw',
  prefixed: true,
  limit: 'paste_read',
  gate: anyone,
  params: pasteId,
  summary: 'The bytes of a paste. GET takes a burn paste away; HEAD never does.',
  headers: PASSWORD_TO_READ,
  answers: {
    200: {
      description: 'The bytes.',
      types: [
        'text/plain; charset=utf-8',
        'image/png',
        'image/jpeg',
        'image/gif',
        'image/webp',
        'application/octet-stream',
      ],
      headers: {
        'Content-Length': { description: 'Exact.', required: true },
        'Content-Disposition': {
          description: 'inline for plain text and the four image types, else attachment.',
          required: true,
        },
      },
    },
  },
  faults: [...ACCESS_FAULTS, 'range_not_satisfiable', 'precondition_failed', 'too_early'],
  async reply({ deps, request, who, params: { id }, head }) {
    const secret = request.headers.get('x-paste-password');
    const headers = (mimeType: string) => {
      const { contentType, inline } = servedType(mimeType);
      return {
        'content-type': contentType,
        'content-disposition': inline ? 'inline' : 'attachment',
        'content-security-policy': SANDBOX_POLICY,
      };
    };
    if (head) {
      const paste = await describePaste(deps, who, id, secret);
      return { status: 200, headers: headers(paste.mimeType), body: { length: paste.size } };
    }
    const { paste, body } = await readPaste(deps, who, id, secret, {
      range: request.headers.has('range'),
      ifNoneMatch: request.headers.has('if-none-match'),
      prefetch: (request.headers.get('sec-purpose') ?? '').toLowerCase().includes('prefetch'),
    });
    return {
      status: 200,
      headers: headers(paste.mimeType),
      body: body instanceof Uint8Array ? body : { length: paste.size, open: body },
      own: true,
    };
  },
});

export const replace = mainRoute({
  id: 'pastes.replace',
  method: 'PUT',
  path: '/:id',
  prefixed: true,
  limit: 'paste_manage',
  gate: anyone,
  params: pasteId,
  summary: 'Replace the bytes of a paste; options that are absent keep what is stored.',
  headers: { ...DELETE_TOKEN, ...OPTIONS },
  body: PASTE_BODY,
  answers: { 200: { description: 'The new metadata.', schema: PasteView } },
  faults: [...BODY_FAULTS, 'client_certificate_required', 'paste_not_found', 'not_owner'],
  async reply({ deps, request, who, params: { id } }) {
    const token = request.headers.get('x-delete-token');
    await admitReplace(deps, who, id, token);
    const { source, options } = await sentPaste(request, deps);
    const paste = await replacePaste(deps, who, id, token, source, options);
    return json(200, pasteView(deps, who, id, paste));
  },
});

export const remove = mainRoute({
  id: 'pastes.remove',
  method: 'DELETE',
  path: '/:id',
  prefixed: true,
  limit: 'paste_manage',
  gate: anyone,
  params: pasteId,
  summary: 'Delete a paste.',
  headers: DELETE_TOKEN,
  answers: {
    200: { description: 'Gone.', schema: v.strictObject({ id: v.string(), deleted: v.literal(true) }) },
  },
  faults: ['paste_not_found', 'not_owner'],
  async reply({ deps, request, who, params: { id } }) {
    await deletePaste(deps, who, id, request.headers.get('x-delete-token'));
    return json(200, { id, deleted: true });
  },
});

export const pasteRoutes = [info, create, describe, read, replace, remove];
