/**
 * What a viewer link shows: that there is something, how far it has come, and when it was last heard of. Everything
 * here reads; a link changes nothing, opens nothing, and gives no key.
 *
 * Whatever is wrong with a link, finding out takes the same steps: one hash and one look at the store.
 */
import { tokenHash } from '../crypto/tokens.ts';
import type { Checkin } from '../store/incidents.ts';
import type { Seen, SeenData, SeenPayload } from '../store/viewing.ts';
import { type Bundle, incidentBundle, streamBundle } from './bundles.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId } from './ids.ts';

/** The sentence that every viewer answer carries. */
export const WARNING = 'If you are concerned about immediate safety, call emergency services now.';

/** How old a location may be, in milliseconds, to count as recent. */
export const LOCATION_FRESH_MS = 15 * 60 * 1000;

/** A place, and whether it still says much. */
export interface SharedLocation {
  readonly checkin: Checkin;
  readonly freshness: 'recent' | 'stale';
}

/** Whether something of then, in milliseconds since the epoch, counts as recent now. */
export function freshness(then: number, now: number): SharedLocation['freshness'] {
  return now - then <= LOCATION_FRESH_MS ? 'recent' : 'stale';
}

function shown<T extends Seen>(seen: T | undefined): T {
  if (seen === undefined) throw new Fault('incident_token_invalid');
  return seen;
}

const hasPlace = (checkin: Checkin | undefined) => checkin?.latitude !== undefined;

function located(checkin: Checkin | undefined, now: number): SharedLocation | undefined {
  return checkin === undefined ? undefined : { checkin, freshness: freshness(checkin.createdAt, now) };
}

/**
 * What the page polls for.
 * @param token as it stands in the link, of any shape
 * @throws Fault `incident_token_invalid` for every link that shows nothing
 */
export async function viewerData(deps: Deps, token: string, now: number): Promise<SeenData> {
  return shown(await deps.store.viewer.data(tokenHash(token), now));
}

/** The incident without its recordings: its newest check-in, and its newest place. */
export async function viewerPayload(
  deps: Deps,
  token: string,
  now: number,
): Promise<{ readonly seen: SeenPayload; readonly location: SharedLocation | undefined }> {
  const seen = shown(await deps.store.viewer.payload(tokenHash(token), now));
  return { seen, location: located(seen.latestLocation, now) };
}

/** Everything that the page shows. The newest place is looked for only where the newest check-in has none. */
export async function viewerPage(
  deps: Deps,
  token: string,
  now: number,
): Promise<{ readonly seen: SeenData; readonly location: SharedLocation | undefined }> {
  const seen = await viewerData(deps, token, now);
  const { latestCheckin } = seen;
  if (latestCheckin === undefined || hasPlace(latestCheckin))
    return { seen, location: located(latestCheckin, now) };
  return { seen, location: (await viewerPayload(deps, token, now)).location };
}

/** A bundle, and the link by which it was asked for. */
export interface SeenBundle {
  readonly seen: Seen;
  readonly bundle: Bundle;
}

async function bundleOf(
  deps: Deps,
  token: string,
  now: number,
  make: (incidentId: string) => Promise<Bundle>,
): Promise<SeenBundle> {
  const seen = shown(await deps.store.viewer.seen(tokenHash(token), now));
  try {
    return { seen, bundle: await make(seen.incident.id) };
  } catch (thrown) {
    // Deleted between the two looks: nobody but the owner is told of that.
    const gone = thrown instanceof Fault && thrown.kind === 'incident_deleting';
    throw gone ? new Fault('incident_token_invalid') : thrown;
  }
}

/**
 * A complete stream of the incident that the link shows.
 * @throws Fault `incident_token_invalid`, and what {@link streamBundle} throws
 */
export function viewerStreamBundle(
  deps: Deps,
  token: string,
  streamId: string,
  now: number,
): Promise<SeenBundle> {
  return bundleOf(deps, token, now, async (incidentId) => {
    if (!isId('str', streamId)) throw new Fault('stream_not_found');
    return streamBundle(deps, incidentId, streamId);
  });
}

/**
 * Everything that is complete of the incident that the link shows.
 * @throws Fault `incident_token_invalid`, and what {@link incidentBundle} throws
 */
export function viewerIncidentBundle(deps: Deps, token: string, now: number): Promise<SeenBundle> {
  return bundleOf(deps, token, now, (incidentId) => incidentBundle(deps, incidentId));
}
