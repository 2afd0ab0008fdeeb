/** Uploads in pieces as they look on the wire, and what both protocols have in common there. */
import * as v from 'valibot';
import { Fault } from '../../core/faults.ts';
import type { ByteSource } from '../../core/source.ts';
import type { Upload } from '../../store/chunks.ts';
import { errorReply } from '../kit/errors.ts';
import type { Reply } from '../kit/reply.ts';
import type { Call } from '../kit/route.ts';
import type { SignedIn } from '../kit/session.ts';
import { timestamp } from '../kit/time.ts';
import { type Headings, limitHeader } from './upload-headers.ts';

export type UploadCall = Call<SignedIn, { readonly id: string }>;

export const UploadView = v.strictObject({
  upload: v.strictObject({
    id: v.string(),
    offset: v.pipe(v.number(), v.integer(), v.minValue(0)),
    length: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
    expires_at: v.pipe(v.string(), v.isoTimestamp()),
  }),
});

export function uploadView(upload: Upload): v.InferOutput<typeof UploadView> {
  return {
    upload: {
      id: upload.id,
      offset: upload.offset,
      ...(upload.length !== undefined && { length: upload.length }),
      expires_at: timestamp(upload.expiresAt),
    },
  };
}

/** Nothing but headers. */
export const bare = (headers: Headings): Reply => ({ status: 204, headers, body: new Uint8Array(0) });

/** A reply that says more in its headers. */
export const saying = (reply: Reply, headers: Headings): Reply => ({
  ...reply,
  headers: { ...reply.headers, ...headers },
});

/** A refusal that carries headers of a protocol; one for size says which size would do. */
export function refusal(
  call: Pick<UploadCall, 'deps' | 'requestId'>,
  fault: Fault,
  headers: Headings,
): Reply {
  const reply = errorReply(fault, call.requestId);
  return saying(reply, reply.status === 413 ? { ...limitHeader(call.deps.settings), ...headers } : headers);
}

/** Runs what may refuse, and puts headers on the refusal. What is no refusal goes on being thrown. */
export async function refusing(
  call: Pick<UploadCall, 'deps' | 'requestId'>,
  headers: (fault: Fault) => Headings | Promise<Headings>,
  run: () => Promise<Reply>,
): Promise<Reply> {
  try {
    return await run();
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    return refusal(call, fault, await headers(fault));
  }
}

/** Whether a request brings no bytes. */
export async function isEmpty(source: ByteSource): Promise<boolean> {
  if ((source.declaredLength ?? 0) > 0) return false;
  for await (const piece of source.chunks()) if (piece.length > 0) return false;
  return true;
}
