/** Streams: one recording of one kind of media each, open until it is complete or has failed. */
import type { LiveSession } from '../store/accounts.ts';
import type { MediaType, NewStream, Stream } from '../store/incidents.ts';
import type { Owned } from '../store/owned.ts';
import { auditEntry, type Origin } from './audit.ts';
import { bytesPresent } from './bytes-present.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId, newId } from './ids.ts';
import { orRefused, ownedBy, requireActive, standing } from './owned.ts';
import { type Page, pageOf, pagingOf, type RawPaging } from './paging.ts';
import { LABEL, textOf } from './text-fields.ts';

/** In the order in which everything lists them. */
export const MEDIA_TYPES: readonly MediaType[] = ['audio', 'video', 'location', 'metadata'];

/** @throws Fault `invalid_media_type` */
export function mediaTypeOf(value: unknown): MediaType {
  const mediaType = MEDIA_TYPES.find((known) => known === value);
  if (mediaType === undefined) throw new Fault('invalid_media_type');
  return mediaType;
}

/**
 * Begins a stream in an open incident.
 * @throws Fault `invalid_media_type`, `invalid_label`, `incident_not_found`, `incident_deleting`, `incident_closed`,
 *   `stream_limit_reached`
 */
export async function createStream(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  incidentId: string,
  form: { readonly mediaType: unknown; readonly label: unknown },
): Promise<Stream> {
  const mediaType = mediaTypeOf(form.mediaType);
  const label = textOf(form.label, LABEL);
  const owned = ownedBy(live, incidentId);
  const stream: NewStream = {
    id: newId('str', deps),
    incidentId,
    mediaType,
    createdAt: deps.now(),
    ...(label !== undefined && { label }),
  };
  const most = deps.settings.uploads.streamsPerIncident;
  const audit = auditEntry(deps, origin, 'stream_create', 'ok', { incidentId, subjectId: stream.id });
  const created = await deps.store.streams.create(owned, stream, most, audit);
  if (created !== 'created') throw new Fault(created);
  return { ...stream, status: 'open', updatedAt: stream.createdAt, chunkCount: 0, totalBytes: 0 };
}

/**
 * The streams of an incident in the order of their creation.
 * @throws Fault `incident_not_found`, `invalid_cursor`, `invalid_limit`
 */
export async function listStreams(
  deps: Deps,
  live: LiveSession,
  incidentId: string,
  raw: RawPaging,
): Promise<Page<Stream>> {
  const paging = pagingOf(raw, 'str');
  const owned = ownedBy(live, incidentId);
  return pageOf(paging, async (after, limit) =>
    orRefused(await deps.store.streams.list(owned, after, limit)),
  );
}

/** @throws Fault `incident_not_found`, `stream_not_found` */
export async function readStream(
  deps: Deps,
  live: LiveSession,
  incidentId: string,
  streamId: string,
): Promise<Stream> {
  const owned = ownedBy(live, incidentId);
  if (isId('str', streamId)) return orRefused(await deps.store.streams.find(owned, streamId));
  await standing(deps, owned);
  throw new Fault('stream_not_found');
}

/**
 * Refuses an id that was never issued in this shape as every other that is not there.
 * @throws Fault `incident_not_found`, `incident_deleting`, `stream_not_found`
 */
async function requireStreamId(deps: Deps, owned: Owned, streamId: string): Promise<void> {
  if (isId('str', streamId)) return;
  await requireActive(deps, owned);
  throw new Fault('stream_not_found');
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 1;

/** Whether a stream has all its chunks, and the bytes of one of them are gone. */
async function lacksBytes(deps: Deps, stream: Stream, count: number): Promise<boolean> {
  if (stream.chunkCount !== count || (await bytesPresent(deps, stream))) return false;
  // So many different numbers from 1 on are without a gap exactly when none is greater.
  return (await deps.store.chunks.page(stream.id, count, 1)).length === 0;
}

/**
 * Declares a stream complete: exactly the chunks 1 to `expectedChunkCount` are there, and can be read.
 * @throws Fault in this order: `incident_not_found`, `incident_deleting`, `stream_not_found`,
 *   `stream_already_complete`, `stream_failed`, `invalid_expected_chunk_count`, `stream_chunks_incomplete`,
 *   `stream_chunks_not_contiguous`, `stream_chunk_file_missing`, `stream_not_open` when somebody else was faster
 */
export async function completeStream(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  incidentId: string,
  streamId: string,
  expectedChunkCount: unknown,
): Promise<Stream> {
  const owned = ownedBy(live, incidentId);
  await requireStreamId(deps, owned, streamId);
  const { streams, audit } = deps.store;
  const entry = (outcome: string) =>
    auditEntry(deps, origin, 'stream_complete', outcome, { incidentId, subjectId: streamId });
  const { deletionState } = await standing(deps, owned);
  // Of an incident on its way out nothing else is looked at.
  const seen = deletionState === 'active' ? orRefused(await streams.find(owned, streamId)) : undefined;
  const open = seen?.status === 'open' ? seen : undefined;
  if (open && !isCount(expectedChunkCount)) throw new Fault('invalid_expected_chunk_count');
  // What refuses by state is final, and does so before any count is looked at.
  const count = isCount(expectedChunkCount) ? expectedChunkCount : 1;
  if (open && (await lacksBytes(deps, open, count))) {
    await audit.append(entry('conflict'));
    throw new Fault('stream_chunk_file_missing');
  }
  const completed = await streams.complete(owned, streamId, count, deps.now(), entry('ok'));
  const raced = completed === 'stream_already_complete' || completed === 'stream_failed';
  return orRefused(open && raced ? 'stream_not_open' : completed);
}

/**
 * Declares a stream failed; its chunks are kept, and stay readable to the owner.
 * @throws Fault `invalid_failure_reason`, `incident_not_found`, `incident_deleting`, `stream_not_found`,
 *   `stream_not_open`
 */
export async function failStream(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  incidentId: string,
  streamId: string,
  failureReason: unknown,
): Promise<Stream> {
  const reason = textOf(failureReason, { fault: 'invalid_failure_reason', mostBytes: 500, lines: true });
  const owned = ownedBy(live, incidentId);
  await requireStreamId(deps, owned, streamId);
  const audit = auditEntry(deps, origin, 'stream_fail', 'ok', { incidentId, subjectId: streamId });
  return orRefused(await deps.store.streams.fail(owned, streamId, reason, deps.now(), audit));
}
