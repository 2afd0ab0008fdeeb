/** What uploads in pieces are by either protocol: whose they are, what they may hold, and how they end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DbError } from '../../src/store/db.ts';
import { answers, ask, post, verified } from '../support/ask.ts';
import {
  auditOf,
  keepChunk,
  newStream,
  newViewerToken,
  ownerIn,
  setDeletionState,
} from '../support/evidence.ts';
import { inHouse } from '../support/house.ts';
import {
  begin,
  chunkBytes,
  closeIncident,
  expectOutcome,
  inUpload,
  isKept,
  leftOf,
  outcomeOf,
  type Pending,
  patch,
  pendingChunk,
  putHeaders,
  type Sent,
  TUS,
  tusBegin,
  tusPatch,
  tusPost,
} from '../support/uploading.ts';

const MIB = 1024 * 1024;

/** The two protocols in the same words. */
interface Protocol {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Tries to begin an upload. */
  create(pending: Pending, extra?: Readonly<Record<string, string | undefined>>): Promise<Sent>;
  begin(pending: Pending): Promise<string>;
  /** Adds bytes; all that is left when `last`. */
  add(pending: Pending, location: string, offset: number, body: Uint8Array, last?: boolean): Promise<Sent>;
  /** What a successful last append answers. */
  readonly done: string;
}

const PROTOCOLS: readonly Protocol[] = [
  {
    name: 'the draft',
    headers: {},
    create: (pending, extra = {}) =>
      pending.send('PUT', pending.path, {
        headers: { ...putHeaders(pending), 'upload-complete': '?0', ...extra },
      }),
    begin: (pending) => begin(pending),
    add: (pending, location, offset, body, last = false) =>
      patch(pending, location, offset, last ? '?1' : '?0', body),
    done: '201',
  },
  {
    name: 'tus',
    headers: TUS,
    create: tusPost,
    begin: (pending) => tusBegin(pending),
    add: (pending, location, offset, body) => tusPatch(pending, location, offset, body),
    done: '204',
  },
];

const standing = async ({ send }: Pending, { headers }: Protocol, location: string) => {
  const answer = await send('HEAD', location, { headers });
  return `${answer.status} ${answer.headers.get('upload-offset') ?? ''}`.trim();
};

for (const protocol of PROTOCOLS) {
  const { create, add, done } = protocol;
  describe(`an upload by ${protocol.name}`, () => {
    it('is its account’s alone: for anybody else it is not there, and stays as it is', () =>
      inUpload({}, async (pending, house) => {
        const location = await protocol.begin(pending);
        expectOutcome(await add(pending, location, 0, pending.bytes.subarray(0, 10)), '204');
        const { as } = await ownerIn(house, 'somebody-else');
        const theirs: Pending = {
          ...pending,
          as,
          send: (method, path, sending) => pending.send(method, path, { ...sending, as }),
        };
        const { headers } = protocol;
        assert.equal((await theirs.send('HEAD', location, { headers })).status, 404);
        expectOutcome(
          await add(theirs, location, 10, pending.bytes.subarray(10), true),
          '404 upload_not_found',
        );
        expectOutcome(await theirs.send('DELETE', location, { headers }), '404 upload_not_found');
        expectOutcome(await create(theirs), '404 incident_not_found');
        assert.equal(await standing(pending, protocol, location), '204 10');
      }));

    it('is asked for under any id that is none with the same answer', () =>
      inUpload({}, async (pending) => {
        const { headers } = protocol;
        for (const id of [
          'x',
          'uop_',
          'chk_01ARZ3NDEKTSV4RRFFQ69G5FAV',
          'uop_01ARZ3NDEKTSV4RRFFQ69G5FAV',
          "uop_'--",
        ])
          for (const method of ['GET', 'DELETE']) {
            const answer = await pending.send(method, `/v1/uploads/${encodeURIComponent(id)}`, { headers });
            expectOutcome(answer, '404 upload_not_found');
          }
      }));

    it('begins only where a chunk could be committed', () =>
      inUpload({}, async (pending, house) => {
        const { as, incidentId } = pending;
        const failed = await newStream(house, as, incidentId);
        answers(await post(house, `/v1/incidents/${incidentId}/streams/${failed}/fail`, as), 200);
        const video = await newStream(house, as, incidentId, { media_type: 'video' });
        const to = (streamId: string): Pending => ({
          ...pending,
          streamId,
          path: `/v1/incidents/${incidentId}/streams/${streamId}/chunks/1`,
        });
        expectOutcome(await create(to('str_01ARZ3NDEKTSV4RRFFQ69G5FAV')), '404 stream_not_found');
        expectOutcome(await create(to('x')), '404 stream_not_found');
        expectOutcome(await create(to(failed)), '409 stream_not_open');
        expectOutcome(await create(to(video)), '400 stream_media_type_mismatch');
        expectOutcome(await create(pending, { 'idempotency-key': 'a b' }), '400 invalid_idempotency_key');
        await closeIncident(pending);
        expectOutcome(await create(pending), '409 incident_closed');
        await setDeletionState(house, incidentId, 'deletion_pending');
        expectOutcome(await create(pending), '409 incident_deleting');
        assert.deepEqual(await leftOf(house), [0, 0, 0]);
        const refusals = (await auditOf(house, 'chunk_commit')).map(({ outcome }) => outcome);
        assert.deepEqual(refusals, ['conflict', 'conflict', 'conflict'], 'not open, closed, deleting');
      }));

    it('does not begin for a chunk that is there, unless a key says that it may be a repetition', () =>
      inHouse({}, async (house) => {
        const owner = await ownerIn(house);
        const pending = await pendingChunk(house, owner.as);
        await keepChunk(house, owner, { ...pending });
        expectOutcome(await create(pending), '409 duplicate_chunk');
        expectOutcome(await create(pending, { 'idempotency-key': 'key-1' }), '201');
      }));

    it('repeated under one key ends in the chunk that there is', () =>
      inUpload({}, async (pending, house) => {
        for (const last of [done, done === '204' ? '204' : '200']) {
          const made = expectOutcome(await create(pending, { 'idempotency-key': 'key-1' }), '201');
          const location = made.headers.get('location') ?? '';
          expectOutcome(await add(pending, location, 0, pending.bytes, true), last);
        }
        await isKept(pending);
        assert.deepEqual(await leftOf(house), [2, 0, 1]);
      }));

    for (const [what, end, code] of [
      ['was closed', (pending: Pending) => closeIncident(pending), '409 incident_closed'],
      [
        'lost its stream to a failure',
        async ({ doors, as, incidentId, streamId }: Pending) => {
          answers(await post(doors, `/v1/incidents/${incidentId}/streams/${streamId}/fail`, as), 200);
        },
        '409 stream_not_open',
      ],
    ] as const)
      it(`of an incident that ${what} meanwhile is refused at its end, and keeps no bytes`, () =>
        inUpload({}, async (pending, house) => {
          const location = await protocol.begin(pending);
          expectOutcome(await add(pending, location, 0, pending.bytes.subarray(0, 50)), '204');
          await end(pending);
          expectOutcome(await add(pending, location, 50, pending.bytes.subarray(50), true), code);
          assert.deepEqual(await leftOf(house), [1, 0, 0]);
        }));

    it('goes with the decision to delete its incident, and so do its bytes', () =>
      inUpload({}, async (pending, house) => {
        const location = await protocol.begin(pending);
        expectOutcome(await add(pending, location, 0, pending.bytes.subarray(0, 50)), '204');
        const path = `/v1/incidents/${pending.incidentId}/deletion`;
        answers(await post(house, path, pending.as, { allow_open: true }), 202);
        expectOutcome(
          await add(pending, location, 50, pending.bytes.subarray(50), true),
          '404 upload_not_found',
        );
        await house.sweep();
        assert.deepEqual(await leftOf(house), [0, 0, 0]);
      }));

    it('shows nothing of itself to anybody before it is whole', () =>
      inUpload({}, async (pending, house) => {
        const { as, incidentId, streamId } = pending;
        const { token } = await newViewerToken(house, as, incidentId);
        const location = await protocol.begin(pending);
        expectOutcome(await add(pending, location, 0, pending.bytes.subarray(0, -1)), '204');
        assert.equal(await chunkBytes(pending), undefined);
        const list = await ask(house, `/v1/incidents/${incidentId}/chunks`, { as });
        assert.deepEqual(answers(list, 200).body, []);
        const data = answers(await ask(house, `/i/${token}/data`), 200);
        assert.ok(!/"chunk_count":[1-9]/.test(data.text), data.text);
        const path = `/v1/incidents/${incidentId}/streams/${streamId}/complete`;
        answers(await post(house, path, as, { expected_chunk_count: 1 }), 409, 'stream_chunks_incomplete');
      }));

    it('ends a day after it began, whatever was done meanwhile, and a sweep erases its bytes', () =>
      inUpload({ house: { env: { SAFE_SESSION_TTL: '72h' } } }, async (pending, house) => {
        const location = await protocol.begin(pending);
        house.clock.advance(24 * 3600_000 - 1000);
        expectOutcome(await add(pending, location, 0, pending.bytes.subarray(0, 50)), '204');
        await house.sweep();
        assert.equal(await standing(pending, protocol, location), '204 50');
        house.clock.advance(1000);
        assert.equal(await standing(pending, protocol, location), '404');
        expectOutcome(
          await add(pending, location, 50, pending.bytes.subarray(50), true),
          '404 upload_not_found',
        );
        await house.sweep();
        assert.deepEqual(await leftOf(house), [0, 0, 0]);
      }));

    it('counts against the staging quota, and stays where it was when there is no room', () =>
      inUpload(
        {
          size: 2 * MIB,
          house: { env: { SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: '1MB', SAFE_MAX_UPLOAD_BYTES: '4MB' } },
        },
        async (pending) => {
          const location = await protocol.begin(pending);
          const answer = await add(pending, location, 0, pending.bytes, true);
          expectOutcome(answer, '507 upload_staging_quota_exceeded');
          assert.equal(await standing(pending, protocol, location), `204 ${MIB}`);
          const put = { ...putHeaders(pending), 'content-digest': putHeaders(pending)['repr-digest'] };
          const other = await pending.send('PUT', pending.path, { headers: put, body: pending.bytes });
          expectOutcome(other, '507 upload_staging_quota_exceeded');
          expectOutcome(await pending.send('DELETE', location, { headers: protocol.headers }), '204');
          const again = await protocol.begin(pending);
          expectOutcome(await add(pending, again, 0, pending.bytes.subarray(0, MIB)), '204');
        },
      ));

    it('of one account leaves most of the staging quota to others', () =>
      inUpload(
        {
          size: 2 * MIB,
          house: { env: { SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: '12MB', SAFE_MAX_UPLOAD_BYTES: '2200KB' } },
        },
        async (pending, house) => {
          const outcomes: string[] = [];
          for (let index = 1; index <= 3; index += 1) {
            const next = await pendingChunk(house, pending.as, { ...pending, index, size: 2 * MIB });
            const location = await protocol.begin(next);
            outcomes.push(outcomeOf(await add(next, location, 0, next.bytes.subarray(0, MIB))));
            outcomes.push(outcomeOf(await add(next, location, MIB, next.bytes.subarray(MIB, MIB + 1000))));
          }
          const full = '507 upload_staging_quota_exceeded';
          assert.deepEqual(outcomes, ['204', '204', '204', '204', full, '409 upload_offset_mismatch']);
          const { as } = await ownerIn(house, 'somebody-else');
          const theirs = await pendingChunk(house, as, { size: 2 * MIB });
          const location = await protocol.begin(theirs);
          expectOutcome(await add(theirs, location, 0, theirs.bytes, true), done);
        },
      ));

    it('is one of at most 64 unfinished ones of its account; finishing or deleting one makes room', () =>
      inUpload({}, async (pending) => {
        const locations: string[] = [];
        for (let n = 0; n < 64; n += 1) locations.push(await protocol.begin(pending));
        expectOutcome(await create(pending), '507 upload_staging_quota_exceeded');
        const { headers } = protocol;
        expectOutcome(await pending.send('DELETE', locations[0] ?? '', { headers }), '204');
        expectOutcome(await create(pending), '201');
        expectOutcome(await create(pending), '507 upload_staging_quota_exceeded');
        expectOutcome(await add(pending, locations[1] ?? '', 0, pending.bytes, true), done);
        // Under a key, since the chunk is there by now.
        expectOutcome(await create(pending, { 'idempotency-key': 'key-1' }), '201');
      }));

    it('that could not be committed because storage was away can be, once it is back', () =>
      inUpload({}, async (pending, house) => {
        const location = await protocol.begin(pending);
        const { chunks } = house.deps.store;
        const { commit } = chunks;
        Object.assign(chunks, { commit: () => Promise.reject(new DbError('busy', 'SQLITE_BUSY')) });
        expectOutcome(await add(pending, location, 0, pending.bytes, true), '503 storage_unavailable');
        assert.equal(await chunkBytes(pending), undefined);
        Object.assign(chunks, { commit });
        const { length } = pending.bytes;
        // Whoever speaks tus takes an offset that is the length for the end: asking commits.
        if (done === '204') assert.equal(await standing(pending, protocol, location), `204 ${length}`);
        else expectOutcome(await patch(pending, location, length, '?1'), '201');
        await isKept(pending);
      }));

    it('that was committed by a process that did not live to say so is complete', () =>
      inUpload({}, async (pending, house) => {
        const location = await protocol.begin(pending);
        const { uploads } = house.deps.store;
        const { conclude } = uploads;
        Object.assign(uploads, { conclude: () => Promise.reject(new DbError('unknown', 'gone')) });
        expectOutcome(await add(pending, location, 0, pending.bytes, true), '503 storage_unavailable');
        Object.assign(uploads, { conclude });
        assert.equal(await standing(pending, protocol, location), `204 ${pending.bytes.length}`);
        const last = await add(pending, location, pending.bytes.length, new Uint8Array(0), true);
        expectOutcome(last, done === '204' ? '204' : '200');
        await isKept(pending);
      }));
  });
}

it('a chunk that came in pieces leaves the row in the audit that any other does, and one alone', () =>
  inUpload({}, async (pending, house) => {
    const location = await tusBegin(pending);
    expectOutcome(await tusPatch(pending, location, 0, pending.bytes), '204');
    const rows = (await auditOf(house, 'chunk_commit')).map(({ outcome, incidentId }) => [
      outcome,
      incidentId,
    ]);
    assert.deepEqual(rows, [['ok', pending.incidentId]]);
  }));

it('a session that ends in the middle is told so, and the next one goes on', () =>
  inUpload({}, async (pending, house, { person }) => {
    const location = await begin(pending);
    house.clock.advance(house.deps.settings.auth.sessionTtlMs);
    expectOutcome(await patch(pending, location, 0, '?1', pending.bytes), '401 authentication_required');
    const as = await verified(house, person);
    const later: Pick<Pending, 'send'> = {
      send: (method, path, sending) => pending.send(method, path, { ...sending, as }),
    };
    expectOutcome(await patch(later, location, 0, '?1', pending.bytes), '201');
  }));
