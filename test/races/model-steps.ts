/** Steps of the walk that record, show and delete: each asks the server and lets the model follow. */
import { letGo } from '../../src/core/letting-go.ts';
import { tendLog } from '../../src/core/log.ts';
import { disown, sealedChunk, sha256Hex } from '../support/evidence.ts';
import { put, upload as uploadForm } from '../support/uploads.ts';
import {
  changing,
  completing,
  deleting,
  failing,
  isAlive,
  letGone,
  type ModelChunk,
  type ModelIncident,
  type ModelLink,
  recording,
  seeing,
  uploading,
} from './model.ts';
import {
  agrees,
  anIncident,
  aStream,
  askerFor,
  everybody,
  expecting,
  houseOf,
  oneOf,
  type Play,
  perhaps,
  posting,
  sessionOf,
  someOf,
  told,
} from './model-play.ts';

export type Step = (play: Play) => Promise<void>;

const at = ({ id }: ModelIncident, rest = '') => `/v1/incidents/${id}${rest}`;

async function begin(play: Play): Promise<void> {
  const who = perhaps(play, 90) ? play.chance.below(play.boss) : 'nobody';
  const expected = who === 'nobody' ? '401 authentication_required' : '201';
  const { body } = await posting(play, who, '/v1/incidents', expected);
  if (who === 'nobody') return;
  play.world.incidents.push({
    ...{ id: body.incident_id, owner: who, status: 'open', deletion: 'active', checkins: 0 },
    ...{ streams: [], links: [], grants: [], wrapped: [] },
  });
}

/** A step that needs an incident; the first one begins it. */
const inside =
  (step: (play: Play, incident: ModelIncident) => Promise<void>): Step =>
  (play) => {
    const incident = anIncident(play);
    return incident === undefined ? begin(play) : step(play, incident);
  };

const close = inside(async (play, incident) => {
  const who = askerFor(play, incident);
  const expected = changing(who, incident) ?? '200';
  await posting(play, who, at(incident, '/close'), expected);
  if (expected === '200') incident.status = 'closed';
});

const checkIn = inside(async (play, incident) => {
  const who = askerFor(play, incident);
  const expected = changing(who, incident) ?? '201';
  await posting(play, who, at(incident, '/checkins'), expected, { device_battery_percent: 50 });
  if (expected === '201') incident.checkins += 1;
});

const openStream = inside(async (play, incident) => {
  const who = askerFor(play, incident);
  const expected = recording(who, incident) ?? '201';
  const mediaType = oneOf(play, ['audio', 'video'] as const);
  const { body } = await posting(play, who, at(incident, '/streams'), expected, { media_type: mediaType });
  if (expected === '201')
    incident.streams.push({ id: body.stream.id, mediaType, chunks: new Map(), status: 'open' });
});

/** Bytes for a place: new ones, or those of a chunk that is there. */
async function bytesFor(
  play: Play,
  place: { readonly incidentId: string; readonly streamId: string; readonly index: number },
  mediaType: 'audio' | 'video',
  there: ModelChunk | undefined,
) {
  if (there !== undefined && perhaps(play, 60)) return { bytes: there.bytes, sealedHere: true };
  const sealedHere = perhaps(play, 95);
  // One of some that are too large for their commit, and are staged before it.
  const media = new Uint8Array(perhaps(play, 1) ? 1024 * 1024 + 1 : 40 + play.chance.below(100));
  const index = sealedHere ? place.index : place.index + 1;
  return { bytes: await sealedChunk({ ...place, index, mediaType, media }), sealedHere };
}

const uploadChunk = inside(async (play, incident) => {
  const stream = aStream(play, incident);
  if (stream === undefined) return openStream(play);
  const who = askerFor(play, incident);
  // The next one mostly; sometimes one that is there, and sometimes with a gap before it.
  const next = stream.chunks.size + 1;
  const index = perhaps(play, 75) ? next : 1 + play.chance.below(next + 1);
  const place = { incidentId: incident.id, streamId: stream.id, index };
  const there = stream.chunks.get(index);
  const mediaType = perhaps(play, 97) ? stream.mediaType : stream.mediaType === 'audio' ? 'video' : 'audio';
  const { bytes, sealedHere } = await bytesFor(play, place, mediaType as 'audio' | 'video', there);
  const sha256 = sha256Hex(bytes);
  const used = someOf(
    play,
    [...play.world.retries.keys()].map((name) => name.split(' ')[1] ?? ''),
  );
  const key = perhaps(play, 40)
    ? undefined
    : used !== undefined && perhaps(play, 25)
      ? used
      : `key-${play.chance.below(1_000_000_000)}`;
  const expected = uploading(play.world, who, incident, {
    ...{ streamId: stream.id, mediaType, index, sha256, sealedHere, key },
  });
  const send = perhaps(play, 50) ? put : uploadForm;
  const as = sessionOf(play, who);
  // Without a session nothing of the form is looked at.
  const answer =
    as === undefined
      ? await expecting(play, who, at(incident, '/chunks'), expected, { method: 'POST', body: '' })
      : await send(houseOf(play), as, { ...place, mediaType }, { bytes, filename: '', ...(key && { key }) });
  agrees(
    play,
    `${who} uploads ${index} to ${stream.id} of ${incident.id}, key ${key}`,
    told(answer),
    expected,
  );
  if (expected === '201') {
    const chunk = { incident, streamId: stream.id, index, sha256, bytes: new Uint8Array(bytes) };
    stream.chunks.set(index, chunk);
    play.world.acknowledged.push(chunk);
  }
  const kept = stream.chunks.get(index);
  if (key !== undefined && kept !== undefined && (expected === '201' || expected === '200')) {
    const name = `${who} ${key}`;
    if (!play.world.retries.has(name)) play.world.retries.set(name, kept);
  }
});

const complete = inside(async (play, incident) => {
  const stream = aStream(play, incident);
  if (stream === undefined) return openStream(play);
  const who = askerFor(play, incident);
  const count = perhaps(play, 85) ? Math.max(1, stream.chunks.size) : 1 + play.chance.below(4);
  const expected = completing(who, incident, stream.id, count);
  const path = at(incident, `/streams/${stream.id}/complete`);
  await posting(play, who, path, expected, { expected_chunk_count: count });
  if (expected === '200') stream.status = 'complete';
});

const fail = inside(async (play, incident) => {
  const stream = aStream(play, incident);
  if (stream === undefined) return openStream(play);
  const who = askerFor(play, incident);
  const expected = failing(who, incident, stream.id);
  await posting(play, who, at(incident, `/streams/${stream.id}/fail`), expected);
  if (expected === '200') stream.status = 'failed';
});

const makeLink = inside(async (play, incident) => {
  const who = askerFor(play, incident);
  const expected = changing(who, incident) ?? '201';
  const lasting = oneOf(play, [-1000, 1000, 60_000, 3_600_000, Number.POSITIVE_INFINITY, undefined]);
  const expiresAt = play.world.now + (lasting ?? 24 * 3_600_000);
  const wish =
    lasting === undefined
      ? {}
      : { expires_at: Number.isFinite(lasting) ? new Date(expiresAt).toISOString() : null };
  const { body } = await posting(play, who, at(incident, '/incident-tokens'), expected, wish);
  if (expected === '201')
    incident.links.push({ id: body.token_id, token: body.token, expiresAt, revoked: false });
});

/** A step that needs a link. */
const withLink = (step: (play: Play, incident: ModelIncident, link: ModelLink) => Promise<void>): Step =>
  inside(async (play, incident) => {
    const link = someOf(play, incident.links);
    return link === undefined ? makeLink(play) : step(play, incident, link);
  });

const revokeLink = withLink(async (play, incident, link) => {
  const who = askerFor(play, incident);
  const seen = seeing(who, incident);
  const gone = seen === undefined ? link.revoked : seen.startsWith('404');
  const expected = gone ? '404 incident_token_not_found' : (seen ?? '200');
  await posting(play, who, `/v1/incident-tokens/${link.id}/revoke`, expected);
  if (expected === '200') link.revoked = true;
});

const openLink = withLink(async (play, incident, link) => {
  const expected = isAlive(play.world, incident, link) ? '200' : '404 incident_token_invalid';
  const path = oneOf(play, ['/data', '/viewer-payload', '/incident/download']);
  const response = await houseOf(play).main(new Request(`http://any.test/i/${link.token}${path}`));
  const text = await response.text();
  const code = response.status === 200 ? undefined : JSON.parse(text).error.code;
  agrees(play, `link ${link.id}${path}`, told({ status: response.status, code }), expected);
});

const requestDeletion = inside(async (play, incident) => {
  const byAdmin = perhaps(play, 25);
  const allowOpen = perhaps(play, 40);
  const who = byAdmin && perhaps(play, 70) ? play.boss : askerFor(play, incident);
  const body = { allow_open: allowOpen };
  let expected: string;
  if (byAdmin) {
    const barred = who === 'nobody' ? '401 authentication_required' : '403 forbidden';
    expected = who === play.boss ? deleting(undefined, incident, allowOpen) : barred;
    const path = `/admin/api/incidents/${incident.id}/deletion`;
    await expecting(play, who, path, expected, { method: 'POST', body, door: 'admin' });
  } else {
    expected = deleting(who, incident, allowOpen);
    await posting(play, who, at(incident, '/deletion'), expected, body);
  }
  if (expected === '202' && incident.deletion === 'active') incident.deletion = 'deletion_pending';
});

async function work(play: Play): Promise<void> {
  const { deps } = houseOf(play);
  const { deleted, failed } = await letGo(deps, { leaseMs: 0 });
  agrees(
    play,
    'the worker',
    `${deleted} deleted, ${failed} failed`,
    `${letGone(play.world)} deleted, 0 failed`,
  );
}

const loseOwner = inside(async (play, incident) => {
  if (incident.deletion !== 'active') return;
  await disown(houseOf(play), incident.id);
  incident.owner = undefined;
  play.trail.push(`${incident.id} lost its owner`);
});

const reassign: Step = async (play) => {
  const unowned = play.world.incidents.filter(({ owner }) => owner === undefined);
  const incident = someOf(play, unowned) ?? anIncident(play);
  if (incident === undefined) return begin(play);
  const who = perhaps(play, 80) ? play.boss : oneOf(play, everybody(play));
  const keep = perhaps(play, 20);
  const owner = play.chance.below(play.boss);
  const eligible = incident.owner === undefined && incident.deletion === 'active';
  const allowed = eligible ? '200' : '409 incident_not_eligible';
  const barred = who === 'nobody' ? '401 authentication_required' : '403 forbidden';
  const expected = who === play.boss ? allowed : barred;
  const body = keep
    ? { action: 'keep_unowned', reason_code: 'unknown_owner' }
    : { action: 'assign_owner', reason_code: 'owner_verified', new_owner_account_id: play.accountIds[owner] };
  const path = `/admin/api/incidents/${incident.id}/reassignment`;
  await expecting(play, who, path, expected, { method: 'POST', body, door: 'admin' });
  if (expected === '200' && !keep) incident.owner = owner;
};

async function wait(play: Play): Promise<void> {
  const ms = oneOf(play, [1, 1000, 30_000, 600_000, 3_600_000]);
  // One clock for all houses.
  play.houses[0]?.clock.advance(ms);
  play.world.now += ms;
}

async function upkeep(play: Play): Promise<void> {
  const { deps, sweep } = houseOf(play);
  await (perhaps(play, 50) ? tendLog(deps) : sweep());
}

/** Steps, and how often each comes. */
export const STEPS: readonly (readonly [weight: number, step: Step])[] = [
  [4, begin],
  [2, close],
  [4, checkIn],
  [7, openStream],
  [42, uploadChunk],
  [6, complete],
  [2, fail],
  [6, makeLink],
  [3, revokeLink],
  [10, openLink],
  [3, requestDeletion],
  [2, work],
  [1, loseOwner],
  [2, reassign],
  [6, wait],
  [2, upkeep],
];
