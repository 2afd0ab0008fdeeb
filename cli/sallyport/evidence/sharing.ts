/** Bringing a stream's key to a server, wrapped for a contact whose key was confirmed on this machine. */

import type { KnownKey } from './contacts-file.ts';
import { type Asking, requireRecord } from './key-records.ts';
import { KEYS_FORMAT, type StreamKey } from './keys-file.ts';
import { membersOf, nonsense, objectIn, refusalIn, textIn } from './service.ts';
import { wrapKeys } from './wrapping.ts';

/** What is shared with somebody, and until when. */
export interface Share {
  readonly incidentId: string;
  /** Undefined: the whole incident. */
  readonly streamId: string | undefined;
  /** RFC 3339; undefined: until it is revoked. */
  readonly expiresAt: string | undefined;
}

/** A contact's key, as far as sharing needs it. */
export type Sharee = Pick<KnownKey, 'kind' | 'name' | 'recipient' | 'fingerprint' | 'ownerId' | 'keyId'>;

const GRANT_ID = /^sgr_[0-9A-Z]{26}$/;
const PAGE = 100;
const MOST_PAGES = 100;

/**
 * Grants a share, or finds the grant that an earlier attempt has made: an active one of the same extent for the same
 * key, neither of them ending. @returns its id
 */
async function grantFor(ask: Asking, share: Share, sharee: Sharee): Promise<string> {
  const path = `v1/incidents/${share.incidentId}/sharing-grants`;
  const found = share.expiresAt === undefined ? await madeBefore(ask, path, share, sharee) : undefined;
  if (found !== undefined) return found;
  const json = {
    recipient_type: 'trusted_contact',
    contact_id: sharee.ownerId,
    contact_public_key_id: sharee.keyId,
    ...(share.streamId !== undefined && { stream_id: share.streamId }),
    ...(share.expiresAt !== undefined && { expires_at: share.expiresAt }),
  };
  const grant = membersOf(objectIn(await ask({ method: 'POST', path, json })).sharing_grant);
  if (!isFor(grant, share, sharee)) throw nonsense();
  return textIn(grant, 'grant_id', GRANT_ID);
}

type Members = Readonly<Record<string, unknown>>;

function isFor(grant: Members, { streamId }: Share, { ownerId, keyId }: Sharee): boolean {
  return (
    grant.contact_id === ownerId && grant.contact_public_key_id === keyId && grant.stream_id === streamId
  );
}

async function madeBefore(
  ask: Asking,
  path: string,
  share: Share,
  sharee: Sharee,
): Promise<string | undefined> {
  let after = '';
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const grants = objectIn(
      await ask({ method: 'GET', path: `${path}?limit=${PAGE}${after}` }),
    ).sharing_grants;
    if (!Array.isArray(grants)) throw nonsense();
    for (const grant of grants.map(membersOf)) {
      const good = grant.grant_state === 'active' && grant.expires_at === undefined;
      if (good && grant.data_class !== 'metadata' && isFor(grant, share, sharee))
        return textIn(grant, 'grant_id', GRANT_ID);
    }
    if (grants.length < PAGE) return undefined;
    after = `&after=${textIn(membersOf(grants.at(-1)), 'grant_id', GRANT_ID)}`;
  }
  return undefined;
}

/** Wraps one stream's key and brings it. @returns whether it was not there already */
async function bringKey(
  ask: Asking,
  grantId: string,
  key: StreamKey,
  { recipient }: Sharee,
): Promise<boolean> {
  const wrapped = await wrapKeys([key], recipient);
  const reply = await ask({
    method: 'POST',
    path: `v1/incidents/${key.incidentId}/wrapped-keys`,
    json: {
      stream_id: key.streamId,
      grant_id: grantId,
      // A stream has one key, so its id names it.
      media_key_id: key.streamId,
      wrapping_algorithm: 'age-v1',
      wrapping_algorithm_version: '1',
      wrapped_key_ciphertext: Buffer.from(wrapped).toString('base64url'),
      public_wrapping_metadata: { format: KEYS_FORMAT },
    },
  });
  if (reply.code === 'wrapped_key_duplicate') return false;
  if (reply.status !== 201) throw refusalIn(reply);
  return true;
}

/**
 * All of it for one contact: the server must still record the confirmed key, then grant, then the keys. Throws
 * `contact_key_changed` and `contact_key_ended` before anything is wrapped.
 * @returns the grant's id
 */
export async function shareWith(
  ask: Asking,
  share: Share,
  keys: readonly StreamKey[],
  sharee: Sharee,
): Promise<string> {
  await requireRecord(ask, sharee);
  const grantId = await grantFor(ask, share, sharee);
  for (const key of keys) await bringKey(ask, grantId, key, sharee);
  return grantId;
}
