/** Which tus is spoken here, by which method a request is meant, and how its refusals look. */
import { Fault } from '../../core/faults.ts';
import type { Settings } from '../../core/settings.ts';
import { errorReply } from '../kit/errors.ts';
import type { Refuse } from '../kit/route.ts';
import { type Headings, limitHeader } from './upload-headers.ts';
import { saying } from './upload-view.ts';

const VERSION = '1.0.0';
const EXTENSIONS = [
  ...['creation', 'creation-with-upload', 'creation-defer-length', 'expiration', 'checksum', 'termination'],
];

/** In every answer but those to requests of the other protocol. */
export const TUS: Headings = { 'tus-resumable': VERSION };

/** Whether a request speaks tus, in any version. */
export const isTus = (request: Request): boolean => request.headers.has('tus-resumable');

/** What OPTIONS says, of both protocols. */
export const tusOptions = (settings: Settings): Headings => ({
  ...TUS,
  'tus-version': VERSION,
  'tus-extension': EXTENSIONS.join(','),
  'tus-max-size': String(settings.uploads.maxBytes),
  'tus-checksum-algorithm': 'sha1,sha256',
  ...limitHeader(settings),
});

/** @throws Fault `precondition_failed` for another version, or none */
export function requireTus(request: Request): void {
  if (request.headers.get('tus-resumable') !== VERSION)
    throw new Fault('precondition_failed', { message: `send Tus-Resumable: ${VERSION}` });
}

/** Refusals as tus wants them, to those who speak it. */
export const refuseTus: Refuse = (fault, requestId, request) => {
  const reply = errorReply(fault, requestId);
  if (!isTus(request) && fault.kind !== 'precondition_failed') return reply;
  return saying(reply, fault.kind === 'precondition_failed' ? { ...TUS, 'tus-version': VERSION } : TUS);
};

export type TusMethod = 'HEAD' | 'PATCH' | 'DELETE';

/**
 * The method that a request is meant to have: `X-HTTP-Method-Override` where it is sent.
 *
 * Only what came as a method that changes things may be turned into one. Cookies are taken for a GET without proof
 * that a page of ours sent it, and caches and proxies may answer, repeat or prefetch it; none of that may delete.
 * @throws Fault `not_found` for a method that an upload does not have; `upload_malformed`
 */
export function tusMethod(request: Request): TusMethod {
  const own = request.method === 'GET' ? 'HEAD' : request.method;
  const wanted = request.headers.get('x-http-method-override') ?? own;
  if (wanted !== 'HEAD' && wanted !== 'PATCH' && wanted !== 'DELETE') throw new Fault('not_found');
  if (own === 'HEAD' && wanted !== 'HEAD') {
    throw new Fault('upload_malformed', { message: 'X-HTTP-Method-Override is taken from POST' });
  }
  return wanted;
}
