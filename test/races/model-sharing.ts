/** Steps of the walk that share: keys of contacts, grants, and wrapped keys. */
import { CONTACT_KEYS, contactKeyForm, grantsOf, wrappedOf } from '../support/sharing.ts';
import { granting, isInUse, isTheirs, type ModelIncident, type ModelKey, wrapping } from './model.ts';
import {
  anIncident,
  aStream,
  askerFor,
  everybody,
  expecting,
  oneOf,
  type Play,
  perhaps,
  posting,
  someOf,
} from './model-play.ts';
import type { Step } from './model-steps.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** A key's body, in one of the two states that a new key can have. */
function keyForm(play: Play) {
  const state = perhaps(play, 80) ? ('active' as const) : ('pending_verification' as const);
  const { recipient } = oneOf(play, play.recipients);
  return { state, form: contactKeyForm(recipient, { key_state: state }) };
}

async function meet(play: Play): Promise<void> {
  const who = play.chance.below(play.boss);
  const { state, form } = keyForm(play);
  const { body } = await posting(play, who, CONTACT_KEYS, '201', form);
  const { public_key_id: id, contact_id: contactId } = body.contact_public_key;
  play.world.keys.push({ id, owner: who, contactId, state });
}

/** A step that needs a key of a contact, and somebody who asks for it: mostly whose it is. */
const withKey =
  (step: (play: Play, key: ModelKey, who: ReturnType<typeof askerFor>) => Promise<void>): Step =>
  (play) => {
    const key = someOf(play, play.world.keys.slice(-12));
    if (key === undefined) return meet(play);
    return step(play, key, perhaps(play, 75) ? key.owner : oneOf(play, everybody(play)));
  };

const isBarred = (who: ReturnType<typeof askerFor>, { owner }: ModelKey): string | undefined => {
  if (who === 'nobody') return '401 authentication_required';
  return who === owner ? undefined : '404 contact_public_key_not_found';
};
const ENDED = '409 invalid_contact_key_state';

const changeKey = withKey(async (play, key, who) => {
  const state = oneOf(play, ['active', 'pending_verification'] as const);
  const expected = isBarred(who, key) ?? (isInUse(key) ? '200' : ENDED);
  const body = { key_state: state };
  await expecting(play, who, `${CONTACT_KEYS}/${key.id}`, expected, { method: 'PATCH', body });
  if (expected === '200') key.state = state;
});

const endKey = withKey(async (play, key, who) => {
  const [verb, state] = oneOf(play, [['revoke', 'revoked'] as const, ['lost', 'lost'] as const]);
  const expected = isBarred(who, key) ?? (isInUse(key) || key.state === state ? '200' : ENDED);
  await posting(play, who, `${CONTACT_KEYS}/${key.id}/${verb}`, expected);
  if (expected === '200') key.state = state;
});

const replaceKey = withKey(async (play, key, who) => {
  const { state, form } = keyForm(play);
  const expected = isBarred(who, key) ?? (isInUse(key) ? '201' : ENDED);
  const { body } = await posting(play, who, `${CONTACT_KEYS}/${key.id}/replace`, expected, form);
  if (expected !== '201') return;
  key.state = 'replaced';
  const { public_key_id: id, contact_id: contactId } = body.contact_public_key;
  play.world.keys.push({ id, owner: key.owner, contactId, state });
});

const readKey = withKey(async (play, key, who) => {
  await expecting(play, who, `${CONTACT_KEYS}/${key.id}`, isBarred(who, key) ?? '200');
});

/** A step that needs an incident. */
const inside =
  (step: (play: Play, incident: ModelIncident) => Promise<void>): Step =>
  async (play) => {
    const incident = anIncident(play);
    if (incident !== undefined) await step(play, incident);
  };

const grant = inside(async (play, incident) => {
  const who = askerFor(play, incident);
  // Mostly one of the owner's contacts, who has a key in use, or had one.
  const own = play.world.keys.filter(({ owner }) => owner === incident.owner);
  const named = someOf(play, perhaps(play, 85) ? own.slice(-8) : play.world.keys);
  if (named === undefined) return meet(play);
  const key = play.world.keys.find((one) => one.contactId === named.contactId && one.state === 'active');
  const streamId = perhaps(play, 50) ? aStream(play, incident)?.id : undefined;
  const dataClass = oneOf(play, ['metadata', 'ciphertext', 'metadata_ciphertext', 'ciphertext'] as const);
  const lasting = oneOf(play, [1000, 3_600_000, NEVER, NEVER]);
  const expiresAt = play.world.now + lasting;
  const expected = granting(who, incident, key, streamId);
  const { body } = await posting(play, who, grantsOf(incident.id), expected, {
    recipient_type: 'trusted_contact',
    contact_id: named.contactId,
    data_class: dataClass,
    ...(streamId !== undefined && { stream_id: streamId }),
    expires_at: lasting === NEVER ? null : new Date(expiresAt).toISOString(),
  });
  if (expected !== '201' || key === undefined) return;
  const id = body.sharing_grant.grant_id;
  incident.grants.push({ id, owner: who, key, streamId, dataClass, expiresAt, revoked: false });
});

const revokeGrant = inside(async (play, incident) => {
  const one = someOf(play, incident.grants);
  if (one === undefined) return grant(play);
  const who = askerFor(play, incident);
  const theirs = isTheirs(who, incident, one) ? '200' : '404 sharing_grant_not_found';
  const expected = who === 'nobody' ? '401 authentication_required' : theirs;
  await posting(play, who, `/v1/sharing-grants/${one.id}/revoke`, expected);
  if (expected === '200') one.revoked = true;
});

const wrap = inside(async (play, incident) => {
  const elsewhere = anIncident(play) ?? incident;
  const under = someOf(play, perhaps(play, 90) ? incident.grants : elsewhere.grants);
  if (under === undefined) return grant(play);
  const who = askerFor(play, incident);
  const streamId = perhaps(play, 60) ? (under.streamId ?? aStream(play, incident)?.id) : undefined;
  const wish = { grant: under, streamId, mediaKeyId: `media-${play.chance.below(3)}` };
  const expected = wrapping(play.world, who, incident, wish);
  const { body } = await posting(play, who, wrappedOf(incident.id), expected, {
    grant_id: under.id,
    media_key_id: wish.mediaKeyId,
    wrapping_algorithm: 'age-v1',
    wrapping_algorithm_version: '1',
    wrapped_key_ciphertext: oneOf(play, play.recipients).wrapped,
    ...(streamId !== undefined && { stream_id: streamId }),
  });
  if (expected === '201')
    incident.wrapped.push({ ...wish, id: body.wrapped_key.wrapped_key_id, owner: who, revoked: false });
});

const unwrap = inside(async (play, incident) => {
  const one = someOf(play, incident.wrapped);
  if (one === undefined) return wrap(play);
  const who = askerFor(play, incident);
  const theirs = isTheirs(who, incident, one) ? '200' : '404 wrapped_key_not_found';
  const expected = who === 'nobody' ? '401 authentication_required' : theirs;
  await posting(play, who, `/v1/wrapped-keys/${one.id}/revoke`, expected);
  if (expected === '200') one.revoked = true;
});

/** Steps, and how often each comes. */
export const SHARING_STEPS: readonly (readonly [weight: number, step: Step])[] = [
  [2, meet],
  [2, changeKey],
  [1, endKey],
  [1, replaceKey],
  [2, readKey],
  [7, grant],
  [1, revokeGrant],
  [9, wrap],
  [1, unwrap],
];
