/**
 * What is not there for somebody: one answer, byte for byte, whether it belongs to somebody else, to nobody, was
 * deleted, was never there, or has an id that nothing can have. For every route below an incident, by being there.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import type { Route } from '../../src/handlers/kit/route.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { credentials, type Session } from '../support/ask.ts';
import {
  disown,
  newIncident,
  newStream,
  newViewerToken,
  type Owner,
  ownerIn,
  setDeletionState,
} from '../support/evidence.ts';
import { type House, ORIGIN, openHouse } from '../support/house.ts';

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

/** Segments that are no id with this prefix, though some look like one. */
const malformed = (prefix: string): string[] => [
  'x',
  '0',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  '%20',
  '*',
  "'%20OR%20'1'='1",
  '%F0%9F%98%80',
  `${prefix}`,
  `${prefix}_`,
  `${prefix}_${ULID.toLowerCase()}`,
  `${prefix}_${ULID}0`,
  `${prefix}_${ULID.slice(1)}`,
  `${prefix}_8${ULID.slice(1)}`,
  `${prefix}_${ULID.replace('V', 'U')}`,
  `${prefix.toUpperCase()}_${ULID}`,
  `${prefix}-${ULID}`,
  `acct_${ULID}`,
  `%20${prefix}_${ULID}`,
  `${prefix}_${ULID}%0A`,
  'x'.repeat(5000),
];

/** A file that only somebody else could open. */
async function ageFile(): Promise<string> {
  const file = new Encrypter();
  file.addRecipient(await identityToRecipient(await generateIdentity()));
  return Buffer.from(await file.encrypt('a key')).toString('base64url');
}

/** Bodies that are right, of routes that need one. */
const BODIES: Readonly<Record<string, object>> = {
  'streams.create': { media_type: 'audio' },
  'chunks.reconcile': {
    stream_id: `str_${ULID}`,
    chunk_index: 1,
    media_type: 'audio',
    started_at: '2026-01-02T03:04:05Z',
    ended_at: '2026-01-02T03:04:06Z',
    byte_size: 1,
    sha256_hex: 'a'.repeat(64),
  },
  'sharing-grants.create': { recipient_type: 'trusted_contact', contact_id: `ctc_${ULID}` },
  'wrapped-keys.create': {
    grant_id: `sgr_${ULID}`,
    media_key_id: 'a key',
    wrapping_algorithm: 'age-v1',
    wrapping_algorithm_version: '1',
    wrapped_key_ciphertext: await ageFile(),
  },
};

/** Bodies and queries that are wrong on one route or another, and told as that to the owner alone. */
const WRONG_BODIES = ['', '[', '{}', '{"x":1}', '{"media_type":"x","label":7}', `"${'x'.repeat(70_000)}"`];
const WRONG_QUERIES = ['?limit=0', '?limit=x', '?after=x', '?limit=1&limit=1'];

/** Headers without which a route is not the one that is meant. */
const HEADERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'uploads.create': { 'tus-resumable': '1.0.0' },
};

const isPublic = ({ gate }: Route) => gate !== 'account';

/** A path of the route in this incident; what else it names has the shape of something that exists. */
const within = (route: Route, incident: string) =>
  route.path
    .replace(':id', incident)
    .replace(':media_type', 'audio')
    .replaceAll(/:(\w+)/g, '1');

interface Everything {
  readonly house: House;
  readonly own: Owner;
  readonly other: Owner;
  readonly admin: Owner;
  readonly incident: string;
  readonly otherIncident: string;
  readonly unowned: string;
  readonly deleted: string;
}

async function settle(): Promise<Everything> {
  const house = await openHouse();
  const own = await ownerIn(house);
  const other = await ownerIn(house, 'somebody-else');
  const admin = await ownerIn(house, 'an-admin', 'admin');
  const unowned = await newIncident(house, own.as);
  await disown(house, unowned);
  const deleted = await newIncident(house, own.as);
  await setDeletionState(house, deleted, 'deleted');
  const incident = await newIncident(house, own.as);
  const otherIncident = await newIncident(house, other.as);
  return { house, own, other, admin, incident, otherIncident, unowned, deleted };
}

describe('what is not there', () => {
  let all: Everything;
  before(async () => {
    all = await settle();
  });
  after(() => all.house.close());

  /** The whole answer as one text. Every header counts: a cache or a script could tell answers apart by one. */
  async function answer(route: Route, path: string, as: Session, given?: string): Promise<string> {
    const own = { ...(await credentials(all.house, as)), 'x-request-id': 'here' };
    const headers = { ...own, ...HEADERS[route.id] };
    const right = JSON.stringify(BODIES[route.id] ?? {});
    const body = route.method === 'GET' ? undefined : (given ?? right);
    const request = new Request(`${ORIGIN}${path}`, { method: route.method, headers, body: body ?? null });
    const response = await all.house.main(request);
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`);
    return [response.status, ...lines, await response.text()].join('\n');
  }

  function saysNothing(text: string, code: string, path: string): void {
    assert.match(text, /^404\n/, path);
    assert.match(text, new RegExp(`"code":"${code}"`), path);
  }

  const below = mainRoutes.filter(
    (route) => /^\/v1\/incidents\/:id(\/|$)/.test(route.path) && !isPublic(route),
  );

  for (const route of below) {
    it(`${route.method} ${route.path}: an incident`, async () => {
      const { own, other, admin, incident, otherIncident, unowned, deleted } = all;
      const at = (id: string) => within(route, id);
      const expected = await answer(route, at(`inc_${ULID}`), own.as);
      saysNothing(expected, 'incident_not_found', at(`inc_${ULID}`));
      const asked: [string, string, Session][] = [
        ["somebody else's", otherIncident, own.as],
        ["one's own, asked for by somebody else", incident, other.as],
        ["one's own, asked for by an admin", incident, admin.as],
        ["nobody's", unowned, own.as],
        ["nobody's, asked for by an admin", unowned, admin.as],
        ...malformed('inc').map((id): [string, string, Session] => [id, id, own.as]),
      ];
      // The decision to delete outlives what it was about.
      if (!route.path.endsWith('/deletion')) asked.push(['a deleted one', deleted, own.as]);
      for (const [what, id, as] of asked) assert.equal(await answer(route, at(id), as), expected, what);
    });

    it(`${route.method} ${route.path}: an incident, and what is asked is wrong besides`, async () => {
      const { own, other, otherIncident, incident } = all;
      const expected = await answer(route, within(route, `inc_${ULID}`), own.as);
      for (const [id, as] of [
        [`inc_${ULID}`, own.as],
        ['x', own.as],
        [otherIncident, own.as],
        [incident, other.as],
      ] as const) {
        const path = within(route, id);
        if (route.method === 'GET')
          for (const query of WRONG_QUERIES)
            assert.equal(await answer(route, path + query, as), expected, query);
        else
          for (const body of WRONG_BODIES)
            assert.equal(await answer(route, path, as, body), expected, body.slice(0, 40));
      }
    });
  }

  it('is told from what is being deleted, whatever else is wrong', async () => {
    const { house, own } = all;
    const going = await newIncident(house, own.as);
    await setDeletionState(house, going, 'deletion_pending');
    for (const route of below.filter((one) => one.method !== 'GET' && !one.path.endsWith('/deletion'))) {
      // Where a path names a stream or a link too, that one is not there.
      const names = route.path.split(':').length - 1;
      const expected =
        names > 1 ? /^(409\n[\s\S]*"incident_deleting"|404\n)/ : /^409\n[\s\S]*"incident_deleting"/;
      for (const body of WRONG_BODIES)
        assert.match(await answer(route, within(route, going), own.as, body), expected, route.id);
    }
  });

  it('was asked of every room', () => {
    const rooms = new Set(below.map(({ id }) => id.split('.')[0]));
    for (const room of ['incidents', 'checkins', 'streams', 'deletion', 'viewer-tokens'])
      assert.ok(rooms.has(room), room);
  });

  for (const [room, name, prefix, code] of [
    ['streams', 'stream_id', 'str', 'stream_not_found'],
    ['viewer-tokens', 'token_id', 'itk', 'incident_token_not_found'],
  ] as const) {
    const routes = below.filter(({ id, path }) => id.startsWith(`${room}.`) && path.includes(`:${name}`));
    assert.ok(routes.length > 0);
    for (const route of routes) {
      it(`${route.method} ${route.path}: what is in an incident`, async () => {
        const { house, own, other, incident, otherIncident } = all;
        const make = async (as: Session, incidentId: string) =>
          room === 'streams'
            ? await newStream(house, as, incidentId)
            : (await newViewerToken(house, as, incidentId)).tokenId;
        const second = await newIncident(house, own.as);
        const at = (id: string) => route.path.replace(':id', incident).replace(`:${name}`, id);
        const expected = await answer(route, at(`${prefix}_${ULID}`), own.as);
        saysNothing(expected, code, at(`${prefix}_${ULID}`));
        const ids = [
          await make(other.as, otherIncident),
          await make(own.as, second),
          ...malformed(prefix),
          `inc_${ULID}`,
        ];
        for (const id of ids) assert.equal(await answer(route, at(id), own.as), expected, id);
        // Whose the incident is comes first.
        const mine = await make(own.as, incident);
        saysNothing(await answer(route, at(mine), other.as), 'incident_not_found', at(mine));
      });
    }
  }

  it('POST /v1/incident-tokens/:token_id/revoke: a link', async () => {
    const { house, own, other, admin, incident, otherIncident } = all;
    const route = mainRoutes.find(({ id }) => id === 'viewer-tokens.revoke');
    assert.ok(route !== undefined);
    const at = (id: string) => route.path.replace(':token_id', id);
    const expected = await answer(route, at(`itk_${ULID}`), own.as);
    saysNothing(expected, 'incident_token_not_found', 'unknown');
    const made = (as: Session, id: string) => newViewerToken(house, as, id);
    const gone = await newIncident(house, own.as);
    const ofGone = await made(own.as, gone);
    await setDeletionState(house, gone, 'deleted');
    const lost = await newIncident(house, own.as);
    const ofLost = await made(own.as, lost);
    await disown(house, lost);
    const mine = await made(own.as, incident);
    const revoked = await made(own.as, incident);
    assert.match(await answer(route, at(revoked.tokenId), own.as), /^200\n/);
    const asked: [string, string, Session][] = [
      ["somebody else's", (await made(other.as, otherIncident)).tokenId, own.as],
      ["one's own, by somebody else", mine.tokenId, other.as],
      ["one's own, by an admin", mine.tokenId, admin.as],
      ['one of a deleted incident', ofGone.tokenId, own.as],
      ["one of nobody's incident", ofLost.tokenId, own.as],
      ['a revoked one', revoked.tokenId, own.as],
      ['a token in place of its id', mine.token, own.as],
      ...malformed('itk').map((id): [string, string, Session] => [id, id, own.as]),
    ];
    for (const [what, id, as] of asked) assert.equal(await answer(route, at(id), as), expected, what);
    assert.match(await answer(route, at(mine.tokenId), own.as), /^200\n/, 'nobody had revoked it');
  });

  it('leaves no row of who looked for it in the audit', async () => {
    const { house, own, other, incident, otherIncident } = all;
    const rows = async () => (await house.deps.store.audit.list(undefined, 10_000)).length;
    const before = await rows();
    for (const route of below) {
      const at = (id: string) => within(route, id);
      await answer(route, at(otherIncident), own.as);
      await answer(route, at(incident), other.as);
    }
    assert.equal(await rows(), before);
  });
});
