/** One staged chunk and one server: what an attempt to upload it came to. */

import { createHash } from 'node:crypto';
import type { MediaType } from '../../../src/crypto/sealed.ts';
import { Failure } from '../../shared/failure.ts';
import { adviceOn } from './advice.ts';
import type { Login } from './login.ts';
import { receiptIn } from './receipts.ts';
import type { Reply } from './service.ts';
import type { StagedChunk, Staging } from './staging.ts';

/** Where chunks go. */
export interface StreamPlace {
  readonly incidentId: string;
  readonly streamId: string;
  readonly mediaType: MediaType;
}

export type UploadOutcome =
  | {
      readonly kind: 'acknowledged';
      readonly by: 'upload' | 'replay' | 'reconciliation';
      /** Signed by the server, where it came with the answer. */
      readonly receipt?: string | undefined;
    }
  /** It may go better in a while. */
  | {
      readonly kind: 'later';
      readonly reason: string;
      readonly afterMs: number | undefined;
      readonly inDoubt: boolean;
    }
  | { readonly kind: 'login' }
  /** It never will. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

/** Answers of the server that pass by themselves, besides those by status. */
const PASSING = new Set([
  'upload_in_progress',
  'upload_staging_quota_exceeded',
  'upload_coordination_unavailable',
  'request_timeout',
  'request_aborted',
]);
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * The same for every attempt at a chunk, and for no other chunk: it names the stream, the place and the bytes. It
 * guards nothing; within an account it tells a repetition from another upload.
 */
export function idempotencyKey({ streamId }: StreamPlace, { index, sha256 }: StagedChunk): string {
  const hash = createHash('sha256')
    .update(`sallyport-capture/1\n${streamId}\n${index}\n${sha256}`)
    .digest('hex');
  return `capture-${hash.slice(0, 40)}`;
}

/** `PUT …/chunks/{index}`, once. */
export async function uploadChunk(
  login: Login,
  staging: Staging,
  place: StreamPlace,
  chunk: StagedChunk,
): Promise<UploadOutcome> {
  const { incidentId, streamId, mediaType } = place;
  const digest = Buffer.from(chunk.sha256, 'hex').toString('base64');
  const reply = await answered(() =>
    login.once({
      method: 'PUT',
      path: `v1/incidents/${incidentId}/streams/${streamId}/chunks/${chunk.index}`,
      headers: {
        'content-type': 'application/octet-stream',
        'content-digest': `sha-256=:${digest}:`,
        'x-media-type': mediaType,
        'x-started-at': chunk.startedAt,
        'x-ended-at': chunk.endedAt,
        'idempotency-key': idempotencyKey(place, chunk),
      },
      body: { pieces: () => staging.read(chunk), length: chunk.bytes },
    }),
  );
  if ('kind' in reply) return reply;
  if (reply.status === 200 || reply.status === 201)
    return isThis(reply.json, chunk)
      ? {
          kind: 'acknowledged',
          by: reply.status === 201 ? 'upload' : 'replay',
          receipt: receiptIn(reply.json),
        }
      : strange(reply);
  // Something is at this place: what, is the question.
  if (reply.code === 'duplicate_chunk' || reply.code === 'idempotency_conflict') {
    const found = await reconcileChunk(login, place, chunk);
    return found ?? refused('duplicate_chunk_conflict', reply.words);
  }
  if (reply.code === 'hash_mismatch' && !(await staging.isWhole(chunk))) {
    return refused(
      'staged_chunk_damaged',
      `Chunk ${chunk.index} was changed on this disk after it was sealed; the server does not take it.`,
    );
  }
  if (reply.code === 'hash_mismatch') return later('The upload was damaged on its way.', reply);
  return judged(reply);
}

/**
 * Asks whether the server has exactly this chunk. Undefined when it has none there; refused when it has another.
 */
export async function reconcileChunk(
  login: Login,
  { incidentId, streamId, mediaType }: StreamPlace,
  chunk: StagedChunk,
): Promise<UploadOutcome | undefined> {
  const reply = await answered(() =>
    login.once({
      method: 'POST',
      path: `v1/incidents/${incidentId}/chunks/reconcile`,
      json: {
        stream_id: streamId,
        chunk_index: chunk.index,
        media_type: mediaType,
        started_at: chunk.startedAt,
        ended_at: chunk.endedAt,
        byte_size: chunk.bytes,
        sha256_hex: chunk.sha256,
      },
    }),
  );
  if ('kind' in reply) return reply;
  if (reply.status === 200) return { kind: 'acknowledged', by: 'reconciliation' };
  if (reply.code === 'chunk_not_found') return undefined;
  return judged(reply);
}

/** The reply, or what its absence comes to. */
async function answered(ask: () => Promise<Reply>): Promise<Reply | UploadOutcome> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.code === 'login_needed') return { kind: 'login' };
    if (error.kind === 'network' || error.code === 'not_sallyport')
      return { kind: 'later', reason: error.message, afterMs: undefined, inDoubt: true };
    throw error;
  }
}

function judged(reply: Reply): UploadOutcome {
  const passing = passingOutcome(reply);
  if (passing !== undefined) return passing;
  // A network that wants to be logged in to answers in the server's place.
  if (reply.code === undefined) return strange(reply);
  return refused(reply.code, reply.words);
}

/** What an answer comes to that will not stay; undefined for every other. */
export function passingOutcome(reply: Reply): UploadOutcome | undefined {
  if (PASSING_STATUS.has(reply.status) || (reply.code !== undefined && PASSING.has(reply.code)))
    return later('The server is busy.', reply);
  return undefined;
}

function later(reason: string, reply: Reply): UploadOutcome {
  return { kind: 'later', reason, afterMs: reply.retryAfterMs, inDoubt: reply.status >= 500 };
}

function strange(reply: Reply): UploadOutcome {
  return later(`Something that is not the server answered ${reply.status}.`, reply);
}

function refused(code: string, words: string): UploadOutcome {
  return { kind: 'refused', code, message: adviceOn(code) ?? (words || 'The server refused.') };
}

/** An acknowledgement counts when it names what we sent. */
function isThis(json: unknown, chunk: StagedChunk): boolean {
  const answer = json as
    | { chunk_index?: unknown; sha256_hex?: unknown; byte_size?: unknown }
    | null
    | undefined;
  return (
    answer?.chunk_index === chunk.index &&
    answer.sha256_hex === chunk.sha256 &&
    answer.byte_size === chunk.bytes
  );
}
