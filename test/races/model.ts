/**
 * What the server must answer, said once more and much shorter: who owns what, who may see it, and in which state it
 * is. A rule takes the world as it stands and gives the status and code of an answer, or undefined where nothing
 * stands in the way. Nothing here asks the server.
 */
import type { MediaType } from '../../src/store/incidents.ts';

/** An account by number, or somebody without a session. The last account is an admin's, and owns nothing. */
export type Who = number | 'nobody';

export interface ModelChunk {
  readonly incident: ModelIncident;
  readonly streamId: string;
  readonly index: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

export interface ModelStream {
  readonly id: string;
  readonly mediaType: MediaType;
  readonly chunks: Map<number, ModelChunk>;
  status: 'open' | 'complete' | 'failed';
}

export interface ModelLink {
  readonly id: string;
  readonly token: string;
  readonly expiresAt: number;
  revoked: boolean;
}

export interface ModelKey {
  readonly id: string;
  readonly owner: Who;
  readonly contactId: string;
  state: 'pending_verification' | 'active' | 'replaced' | 'revoked' | 'lost';
}

export interface ModelGrant {
  readonly id: string;
  readonly owner: Who;
  readonly key: ModelKey;
  readonly streamId: string | undefined;
  readonly dataClass: 'metadata' | 'ciphertext' | 'metadata_ciphertext';
  readonly expiresAt: number;
  revoked: boolean;
}

export interface ModelWrapped {
  readonly id: string;
  readonly owner: Who;
  readonly grant: ModelGrant;
  readonly streamId: string | undefined;
  readonly mediaKeyId: string;
  revoked: boolean;
}

export interface ModelIncident {
  readonly id: string;
  owner: number | undefined;
  status: 'open' | 'closed';
  deletion: 'active' | 'deletion_pending' | 'deleted';
  checkins: number;
  readonly streams: ModelStream[];
  readonly links: ModelLink[];
  readonly grants: ModelGrant[];
  readonly wrapped: ModelWrapped[];
}

export interface World {
  now: number;
  readonly incidents: ModelIncident[];
  readonly keys: ModelKey[];
  /** Every chunk that was ever acknowledged as new. */
  readonly acknowledged: ModelChunk[];
  /** What a retry key of an account stands for: `account key`. */
  readonly retries: Map<string, ModelChunk>;
}

export const newWorld = (now: number): World => ({
  now,
  incidents: [],
  keys: [],
  acknowledged: [],
  retries: new Map(),
});

export const isInUse = ({ state }: ModelKey) => state === 'active' || state === 'pending_verification';

type Refusal = string | undefined;

/** Whether somebody may see that there is such an incident. */
export function seeing(who: Who, { owner, deletion }: ModelIncident): Refusal {
  if (who === 'nobody') return '401 authentication_required';
  return owner === who && deletion !== 'deleted' ? undefined : '404 incident_not_found';
}

/** Whether somebody may change it, or take its bytes. */
export function changing(who: Who, incident: ModelIncident): Refusal {
  const active = incident.deletion === 'active';
  return seeing(who, incident) ?? (active ? undefined : '409 incident_deleting');
}

/** Whether somebody may record into it. */
export function recording(who: Who, incident: ModelIncident): Refusal {
  return changing(who, incident) ?? (incident.status === 'open' ? undefined : '409 incident_closed');
}

const inIt = (incident: ModelIncident, streamId: string) =>
  incident.streams.find(({ id }) => id === streamId);

export interface ModelUpload {
  readonly streamId: string;
  readonly mediaType: MediaType;
  readonly index: number;
  readonly sha256: string;
  /** Whether it was sealed for this very place. */
  readonly sealedHere: boolean;
  readonly key: string | undefined;
}

/** What becomes of an upload. */
export function uploading(world: World, who: Who, incident: ModelIncident, upload: ModelUpload): string {
  const { streamId, index, sha256, key } = upload;
  const refused = recording(who, incident);
  if (refused !== undefined) return refused;
  const stream = inIt(incident, streamId);
  if (stream === undefined) return '404 stream_not_found';
  if (stream.status !== 'open') return '409 stream_not_open';
  if (stream.mediaType !== upload.mediaType) return '400 stream_media_type_mismatch';
  if (!upload.sealedHere) return '400 sealed_context_mismatch';
  const same = (chunk: ModelChunk) =>
    chunk.streamId === streamId && chunk.index === index && chunk.sha256 === sha256;
  const remembered = key === undefined ? undefined : world.retries.get(`${who} ${key}`);
  if (remembered !== undefined) return same(remembered) ? '200' : '409 idempotency_conflict';
  const there = stream.chunks.get(index);
  if (there === undefined) return '201';
  return key !== undefined && same(there) ? '200' : '409 duplicate_chunk';
}

/** What becomes of the word that a stream is complete. */
export function completing(who: Who, incident: ModelIncident, streamId: string, count: number): string {
  const refused = changing(who, incident);
  if (refused !== undefined) return refused;
  const stream = inIt(incident, streamId);
  if (stream === undefined) return '404 stream_not_found';
  if (stream.status === 'complete') return '409 stream_already_complete';
  if (stream.status === 'failed') return '409 stream_failed';
  if (stream.chunks.size !== count) return '409 stream_chunks_incomplete';
  return Math.max(...stream.chunks.keys()) === count ? '200' : '409 stream_chunks_not_contiguous';
}

/** What becomes of the word that a stream has failed. */
export function failing(who: Who, incident: ModelIncident, streamId: string): string {
  const refused = changing(who, incident);
  if (refused !== undefined) return refused;
  const stream = inIt(incident, streamId);
  if (stream === undefined) return '404 stream_not_found';
  return stream.status === 'open' ? '200' : '409 stream_not_open';
}

/** Whether a link shows anything now. */
export const isAlive = (world: World, incident: ModelIncident, { revoked, expiresAt }: ModelLink) =>
  incident.deletion === 'active' && !revoked && expiresAt > world.now;

/** What becomes of the wish to delete. @param who undefined: an admin at the private door */
export function deleting(who: Who | undefined, incident: ModelIncident, allowOpen: boolean): string {
  if (who === 'nobody') return '401 authentication_required';
  if (who !== undefined && who !== incident.owner) return '404 incident_not_found';
  const undecided = incident.deletion === 'active';
  return undecided && incident.status === 'open' && !allowOpen
    ? '409 incident_deletion_invalid_state'
    : '202';
}

/** What is said of a deletion. @param who as for {@link deleting} */
export function readingDeletion(who: Who | undefined, incident: ModelIncident): string {
  if (who === 'nobody') return '401 authentication_required';
  if (who !== undefined && who !== incident.owner) return '404 incident_not_found';
  return incident.deletion === 'active' ? '404 incident_deletion_not_found' : '200';
}

/** Whether something in an incident is still this account's. */
export const isTheirs = (who: Who, incident: ModelIncident, { owner }: { readonly owner: Who }) =>
  owner === who && incident.owner === who && incident.deletion !== 'deleted';

/** What becomes of a grant for a key of a contact. @param key the contact's key in use */
export function granting(
  who: Who,
  incident: ModelIncident,
  key: ModelKey | undefined,
  streamId: string | undefined,
): string {
  const refused = changing(who, incident);
  if (refused !== undefined) return refused;
  const streamThere = streamId === undefined || inIt(incident, streamId) !== undefined;
  return key?.owner === who && key.state === 'active' && streamThere
    ? '201'
    : '404 sharing_grant_dependency_not_found';
}

const isInForce = (world: World, { revoked, expiresAt }: ModelGrant) => !revoked && expiresAt > world.now;

/** What becomes of a wrapped key under a grant. */
export function wrapping(
  world: World,
  who: Who,
  incident: ModelIncident,
  wish: Pick<ModelWrapped, 'grant' | 'streamId' | 'mediaKeyId'>,
): string {
  const refused = changing(who, incident);
  if (refused !== undefined) return refused;
  const { grant, streamId } = wish;
  const there =
    grant.owner === who &&
    incident.grants.includes(grant) &&
    grant.key.state === 'active' &&
    (streamId === undefined || inIt(incident, streamId) !== undefined);
  if (!there) return '404 wrapped_key_dependency_not_found';
  const allowed =
    isInForce(world, grant) &&
    grant.dataClass !== 'metadata' &&
    (grant.streamId === undefined || grant.streamId === streamId);
  if (!allowed) return '409 wrapped_key_grant_not_authorized';
  const first = !incident.wrapped.some(
    (one) => one.grant === grant && one.streamId === streamId && one.mediaKeyId === wish.mediaKeyId,
  );
  return first ? '201' : '409 wrapped_key_duplicate';
}

/** Whether a wrapped key is given out now. */
export const isGivenOut = (world: World, { revoked, grant }: ModelWrapped) =>
  !revoked && isInForce(world, grant) && grant.key.state === 'active';

/** The worker's round: what was decided is done. @returns how many */
export function letGone(world: World): number {
  const pending = world.incidents.filter(({ deletion }) => deletion === 'deletion_pending');
  for (const incident of pending) {
    incident.deletion = 'deleted';
    for (const [key, chunk] of world.retries) if (chunk.incident === incident) world.retries.delete(key);
  }
  return pending.length;
}
