/** Steps of the walk that read: everything of an incident as everybody, held against the model, contents and all. */
import { sha256Hex } from '../support/evidence.ts';
import { download, entriesOf } from '../support/recordings.ts';
import { CONTACT_KEYS, grantsOf, wrappedOf } from '../support/sharing.ts';
import { look } from '../support/viewing.ts';
import {
  changing,
  isAlive,
  isGivenOut,
  isTheirs,
  type ModelIncident,
  type ModelStream,
  readingDeletion,
  seeing,
  type Who,
} from './model.ts';
import {
  agrees,
  anIncident,
  everybody,
  expecting,
  houseOf,
  oneOf,
  type Play,
  sameList,
  sessionOf,
  someOf,
  told,
} from './model-play.ts';
import type { Step } from './model-steps.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are held against the documents before they come here
type Json = any;

const at = ({ id }: ModelIncident, rest = '') => `/v1/incidents/${id}${rest}`;

/** Reads, and holds what came against the model where it came. */
async function reading(
  play: Play,
  who: Who,
  path: string,
  expected: string,
  contents: (body: Json) => readonly string[],
  model: () => readonly string[],
): Promise<void> {
  const { body } = await expecting(play, who, path, expected);
  if (expected === '200') sameList(play, `${who} reads ${path}`, contents(body), model());
}

const chunksOf = ({ streams }: ModelIncident) => streams.flatMap(({ chunks }) => [...chunks.values()]);

/** What lies in a bundle besides manifests and proofs, by digest. */
function bytesIn(bundle: Uint8Array): string[] {
  const entries = [...entriesOf(bundle)].filter(([name]) => /(?:^|\/)chunks\//.test(name));
  return entries.map(([, bytes]) => sha256Hex(bytes));
}

const inBundle = (streams: readonly ModelStream[]) =>
  streams
    .filter(({ status }) => status === 'complete')
    .flatMap(({ chunks }) => [...chunks.values()].map(({ sha256 }) => sha256));

async function bundle(
  play: Play,
  who: Who,
  path: string,
  expected: string,
  streams: readonly ModelStream[],
): Promise<void> {
  const { status, code, bytes } = await download(houseOf(play), path, sessionOf(play, who));
  agrees(play, `${who} GET ${path}`, told({ status, code }), expected);
  if (expected === '200') sameList(play, `${who} GET ${path}`, bytesIn(bytes), inBundle(streams));
}

const bundled = (stream: ModelStream) => (stream.status === 'complete' ? '200' : '409 stream_not_complete');

/** Everything below an incident that an account can ask for. */
async function readIncident(play: Play, who: Who, incident: ModelIncident): Promise<void> {
  const seen = seeing(who, incident) ?? '200';
  const taken = changing(who, incident);
  const state = ({ incident: { id, status, deletion_state } }: Json) => [`${id} ${status} ${deletion_state}`];
  const standing = () => [`${incident.id} ${incident.status} ${incident.deletion}`];
  await reading(play, who, at(incident), seen, state, standing);
  await reading(
    ...([play, who, at(incident, '/streams?limit=500'), seen] as const),
    ({ streams }) => streams.map(({ id, status }: Json) => `${id} ${status}`),
    () => incident.streams.map(({ id, status }) => `${id} ${status}`),
  );
  await reading(
    ...([play, who, at(incident, '/chunks'), seen] as const),
    (chunks) => chunks.map((one: Json) => `${one.stream_id} ${one.chunk_index} ${one.sha256_hex}`),
    () => chunksOf(incident).map(({ streamId, index, sha256 }) => `${streamId} ${index} ${sha256}`),
  );
  await reading(
    ...([play, who, at(incident, '/incident-tokens?limit=500'), seen] as const),
    ({ incident_tokens }) =>
      incident_tokens.map(({ token_id, token_state }: Json) => `${token_id} ${token_state}`),
    () =>
      incident.links.map(({ id, revoked, expiresAt }) => {
        const running = expiresAt > play.world.now ? 'active' : 'expired';
        return `${id} ${revoked ? 'revoked' : running}`;
      }),
  );
  await reading(
    ...([play, who, at(incident, '/deletion'), readingDeletion(who, incident)] as const),
    ({ deletion }) => [deletion.state],
    () => [incident.deletion],
  );
  await readShared(play, who, incident, seen);
  await bundle(play, who, at(incident, '/download'), taken ?? '200', incident.streams);
  const stream = someOf(play, incident.streams);
  if (stream === undefined) return;
  const path = at(incident, `/streams/${stream.id}`);
  await expecting(play, who, path, seen);
  await bundle(play, who, `${path}/download`, taken ?? bundled(stream), [stream]);
  const chunk = someOf(play, [...stream.chunks.values()]);
  const index = chunk?.index ?? 1;
  const there = chunk === undefined ? '404 chunk_not_found' : '200';
  const got = await download(houseOf(play), `${path}/chunks/${index}`, sessionOf(play, who));
  agrees(play, `${who} GET ${path}/chunks/${index}`, told(got), taken ?? there);
  if (got.status === 200) sameList(play, 'its bytes', [sha256Hex(got.bytes)], [chunk?.sha256 ?? '']);
}

/** Whom it is shared with. */
async function readShared(play: Play, who: Who, incident: ModelIncident, seen: string): Promise<void> {
  const { grants, wrapped } = incident;
  const own = (one: { readonly owner: Who }) => isTheirs(who, incident, one);
  await reading(
    ...([play, who, `${grantsOf(incident.id)}?limit=500`, seen] as const),
    ({ sharing_grants }) =>
      sharing_grants.map(({ grant_id, grant_state }: Json) => `${grant_id} ${grant_state}`),
    () => grants.filter(own).map(({ id, revoked }) => `${id} ${revoked ? 'revoked' : 'active'}`),
  );
  const given = wrapped.filter((one) => own(one) && isGivenOut(play.world, one));
  await reading(
    ...([play, who, wrappedOf(incident.id), seen] as const),
    ({ wrapped_keys }) => wrapped_keys.map(({ wrapped_key_id }: Json) => wrapped_key_id),
    () => given.slice(0, 100).map(({ id }) => id),
  );
  const missing = (what: string) => (who === 'nobody' ? '401 authentication_required' : `404 ${what}`);
  const grant = someOf(play, grants);
  if (grant !== undefined) {
    const expected = own(grant) ? '200' : missing('sharing_grant_not_found');
    await expecting(play, who, `/v1/sharing-grants/${grant.id}`, expected);
  }
  const key = someOf(play, wrapped);
  if (key !== undefined) {
    const expected = given.includes(key) ? '200' : missing('wrapped_key_not_found');
    await expecting(play, who, `/v1/wrapped-keys/${key.id}`, expected);
  }
}

/** Everything that a link shows. */
async function lookAt(play: Play, incident: ModelIncident): Promise<void> {
  const link = someOf(play, incident.links);
  if (link === undefined) return;
  const alive = isAlive(play.world, incident, link);
  const wrong = '404 incident_token_invalid';
  const opened = async (path: string, expected: string) => {
    const { status, json, bytes } = await look(houseOf(play), `/i/${link.token}${path}`);
    const code = status === 200 ? undefined : json?.error.code;
    agrees(play, `link ${link.id}${path}`, told({ status, code }), alive ? expected : wrong);
    return status === 200 ? { json, bytes } : undefined;
  };
  await opened('', '200');
  await opened('/viewer-payload', '200');
  const data = await opened('/data', '200');
  if (data !== undefined) {
    const { json } = data;
    const shown = json.streams.map((one: Json) => `${one.id} ${one.status} ${one.chunk_count}`);
    const kept = incident.streams.map(({ id, status, chunks }) => `${id} ${status} ${chunks.size}`);
    sameList(play, 'what the link shows', [json.incident.status, ...shown], [incident.status, ...kept]);
    agrees(play, 'a check-in', String('latest_checkin' in json), String(incident.checkins > 0));
  }
  const whole = await opened('/incident/download', '200');
  if (whole !== undefined) sameList(play, 'its bundle', bytesIn(whole.bytes), inBundle(incident.streams));
  const stream = someOf(play, incident.streams);
  if (stream === undefined) return;
  const one = await opened(`/streams/${stream.id}/download`, bundled(stream));
  if (one !== undefined) sameList(play, 'its bundle', bytesIn(one.bytes), inBundle([stream]));
}

/** One incident by everybody, and everybody's own lists. */
export async function survey(play: Play, incident: ModelIncident): Promise<void> {
  for (const who of everybody(play)) await readIncident(play, who, incident);
  await lookAt(play, incident);
}

const surveyOne: Step = async (play) => {
  const incident = anIncident(play);
  if (incident !== undefined) await survey(play, incident);
};

/** What an account has: incidents and keys of contacts, each as it stands. */
const listOwn: Step = async (play) => {
  const who = oneOf(play, everybody(play));
  const expected = who === 'nobody' ? '401 authentication_required' : '200';
  const { incidents, keys } = play.world;
  const lists = [
    [
      '/v1/incidents',
      (body: Json) => body.incidents.map(({ id, status }: Json) => `${id} ${status}`),
      incidents.filter((one) => seeing(who, one) === undefined).map(({ id, status }) => `${id} ${status}`),
    ],
    [
      CONTACT_KEYS,
      (body: Json) =>
        body.contact_public_keys.map(({ public_key_id: id, key_state }: Json) => `${id} ${key_state}`),
      keys.filter(({ owner }) => owner === who).map(({ id, state }) => `${id} ${state}`),
    ],
  ] as const;
  for (const [path, contents, model] of lists)
    await reading(play, who, `${path}?limit=500`, expected, contents, () => model);
};

/** What nobody owns, which is an admin's to see. */
const listUnowned: Step = async (play) => {
  const who = oneOf(play, [play.boss, play.boss, ...everybody(play)]);
  const barred = who === 'nobody' ? '401 authentication_required' : '403 forbidden';
  const expected = who === play.boss ? '200' : barred;
  const path = '/admin/api/incidents/unowned?limit=500';
  const { body } = await expecting(play, who, path, expected, { door: 'admin' });
  if (expected !== '200') return;
  const unowned = play.world.incidents.filter((one) => one.owner === undefined && one.deletion !== 'deleted');
  sameList(
    ...([play, 'what nobody owns', body.incidents.map((one: Json) => one.incident_id)] as const),
    unowned.map(({ id }) => id),
  );
};

/** Steps, and how often each comes. */
export const READING_STEPS: readonly (readonly [weight: number, step: Step])[] = [
  [1, surveyOne],
  [3, listOwn],
  [1, listUnowned],
];
