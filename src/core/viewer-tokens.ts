/** Viewer links: made, listed and revoked by the owner. The token itself leaves once and is kept nowhere. */
import { randomToken, tokenHash } from '../crypto/tokens.ts';
import type { LiveSession } from '../store/accounts.ts';
import type { ViewerToken } from '../store/viewing.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId, newId } from './ids.ts';
import { parseInstant } from './instant.ts';
import { orRefused, ownedBy, standing } from './owned.ts';
import { type Page, pageOf, pagingOf, type RawPaging } from './paging.ts';
import { LABEL, textOf } from './text-fields.ts';

/** What is asked for, unchecked. `expiresAt`: undefined is the default lifetime, null never. */
export interface ViewerTokenForm {
  readonly label: unknown;
  readonly expiresAt: unknown;
}

export interface CreatedViewerToken extends ViewerToken {
  /** The only time that anybody sees it. */
  readonly token: string;
}

/** A time that has passed is kept as it is: the link is dead from the start. @throws Fault `invalid_expires_at` */
function expiryOf(deps: Deps, value: unknown): number | undefined {
  if (value === null) return undefined;
  if (value === undefined) {
    const lifetime = deps.settings.auth.incidentTokenTtlMs;
    return lifetime === 0 ? undefined : deps.now() + lifetime;
  }
  const instant = typeof value === 'string' ? parseInstant(value) : undefined;
  if (instant === undefined) throw new Fault('invalid_expires_at');
  return Number(instant.epochNs / 1_000_000n);
}

/**
 * Makes a viewer link. Whoever has the token sees what the viewer shows, without an account.
 * @throws Fault `invalid_label`, `invalid_expires_at`, `incident_not_found`, `incident_deleting`
 */
export async function createViewerToken(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  incidentId: string,
  form: ViewerTokenForm,
): Promise<CreatedViewerToken> {
  const label = textOf(form.label, LABEL);
  const expiresAt = expiryOf(deps, form.expiresAt);
  const owned = ownedBy(live, incidentId);
  const token = randomToken(deps.random);
  const made: ViewerToken = {
    id: newId('itk', deps),
    incidentId,
    createdAt: deps.now(),
    ...(label !== undefined && { label }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
  const audit = auditEntry(deps, origin, 'viewer_token_create', 'ok', { incidentId, subjectId: made.id });
  const created = await deps.store.viewerTokens.create(
    owned,
    { ...made, tokenHash: tokenHash(token) },
    audit,
  );
  if (created !== 'created') throw new Fault(created);
  return { ...made, token };
}

/**
 * The links of an incident in the order of their creation, dead ones too.
 * @throws Fault `incident_not_found`, `invalid_cursor`, `invalid_limit`
 */
export async function listViewerTokens(
  deps: Deps,
  live: LiveSession,
  incidentId: string,
  raw: RawPaging,
): Promise<Page<ViewerToken>> {
  const paging = pagingOf(raw, 'itk');
  const owned = ownedBy(live, incidentId);
  return pageOf(paging, async (after, limit) =>
    orRefused(await deps.store.viewerTokens.list(owned, after, limit)),
  );
}

/** @throws Fault `incident_not_found`, `incident_token_not_found` */
export async function readViewerToken(
  deps: Deps,
  live: LiveSession,
  incidentId: string,
  tokenId: string,
): Promise<ViewerToken> {
  const owned = ownedBy(live, incidentId);
  if (isId('itk', tokenId)) return orRefused(await deps.store.viewerTokens.find(owned, tokenId));
  await standing(deps, owned);
  throw new Fault('incident_token_not_found');
}

/**
 * Ends a link, once and for all.
 * @throws Fault `incident_token_not_found` also for one of somebody else's incident, and for a revoked one
 */
export async function revokeViewerToken(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  tokenId: string,
): Promise<void> {
  if (!isId('itk', tokenId)) throw new Fault('incident_token_not_found');
  const audit = auditEntry(deps, origin, 'viewer_token_revoke', 'ok', { subjectId: tokenId });
  const revoked = await deps.store.viewerTokens.revoke(tokenId, live.account.id, deps.now(), audit);
  if (!revoked) throw new Fault('incident_token_not_found');
}

export type ViewerTokenState = 'active' | 'expired' | 'revoked';

/** What a link is good for at a time, in milliseconds since the epoch. */
export function stateOf({ revokedAt, expiresAt }: ViewerToken, now: number): ViewerTokenState {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && expiresAt <= now ? 'expired' : 'active';
}
