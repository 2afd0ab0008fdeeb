/** Streams through the main door: begun, listed, and ended once, either way. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, answers, ask, post, type Session } from '../support/ask.ts';
import {
  auditOf,
  disown,
  inEvidence,
  keepChunk,
  newIncident,
  newStream,
  outcomesOf,
  setDeletionState,
} from '../support/evidence.ts';
import type { House } from '../support/house.ts';

const at = (incident: string) => `/v1/incidents/${incident}/streams`;
const MEDIA = ['audio', 'video', 'location', 'metadata'] as const;

const end = (house: House, as: Session, incident: string, stream: string, how: string, body: object) =>
  post(house, `${at(incident)}/${stream}/${how}`, as, body);
const complete = (house: House, as: Session, incident: string, stream: string, count: unknown) =>
  end(house, as, incident, stream, 'complete', { expected_chunk_count: count });
const fail = (house: House, as: Session, incident: string, stream: string, reason?: unknown) =>
  end(house, as, incident, stream, 'fail', { failure_reason: reason });

/** An open incident with an open stream of these chunks. */
async function recorded(house: House, owner: Parameters<typeof keepChunk>[1], indexes: readonly number[]) {
  const incidentId = await newIncident(house, owner.as);
  const streamId = await newStream(house, owner.as, incidentId);
  for (const index of indexes) await keepChunk(house, owner, { incidentId, streamId, index });
  return { incidentId, streamId };
}

async function loseBytes(house: House): Promise<void> {
  await house.db.batch([{ sql: 'DELETE FROM segments', args: [] }], 'write');
}

describe('beginning a stream', () => {
  for (const media_type of MEDIA) {
    it(`of ${media_type} answers it, open`, () =>
      inEvidence({}, async (house, as) => {
        const incident = await newIncident(house, as);
        const made = answers(await post(house, at(incident), as, { media_type, label: ' A label ' }), 201);
        const { id, ...rest } = made.body.stream;
        assert.match(id, /^str_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
        const now = new Date(house.clock.now()).toISOString();
        assert.deepEqual(rest, {
          incident_id: incident,
          media_type,
          label: 'A label',
          status: 'open',
          created_at: now,
          updated_at: now,
        });
        assert.deepEqual((await ask(house, `${at(incident)}/${id}`, { as })).body, made.body);
        assert.deepEqual(await auditOf(house, 'stream_create'), [
          { outcome: 'ok', incidentId: incident, subjectId: id },
        ]);
      }));
  }

  it('asks for one of four kinds of media', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      for (const media_type of [
        undefined,
        null,
        '',
        'Audio',
        ' audio',
        'image',
        'audio,video',
        1,
        ['audio'],
        {},
      ])
        answers(await post(house, at(incident), as, { media_type }), 400, 'invalid_media_type');
      answers(await ask(house, at(incident), { method: 'POST', as }), 400, 'invalid_json');
      assert.deepEqual((await ask(house, at(incident), { as })).body, { streams: [] });
    }));

  it('takes a label of 200 bytes and not of one more', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const begin = (label: unknown) => post(house, at(incident), as, { media_type: 'audio', label });
      for (const label of ['x'.repeat(200), '\u00e4'.repeat(100), '\u{1f600}'.repeat(50)]) {
        assert.equal(answers(await begin(` ${label} `), 201).body.stream.label, label);
        answers(await begin(`${label}x`), 400, 'invalid_label');
      }
      for (const label of [1, {}, 'a\nb', 'a\0b', '\udc00'])
        answers(await begin(label), 400, 'invalid_label');
      for (const label of [null, '', '  '])
        assert.equal('label' in answers(await begin(label), 201).body.stream, false);
    }));

  it('takes no field of another name, and no identity of its own', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      for (const extra of [{ id: 'str_1' }, { incident_id: incident }, { status: 'complete' }])
        answers(await post(house, at(incident), as, { media_type: 'audio', ...extra }), 400, 'invalid_json');
    }));

  it('is refused where the incident has as many as it may have, until there is another incident', () =>
    inEvidence({ env: { SAFE_INCIDENT_MAX_STREAMS: '2' } }, async (house, as) => {
      const incident = await newIncident(house, as);
      await newStream(house, as, incident);
      const ended = await newStream(house, as, incident);
      answers(await post(house, `${at(incident)}/${ended}/fail`, as), 200);
      answers(await post(house, at(incident), as, { media_type: 'audio' }), 409, 'stream_limit_reached');
      await newStream(house, as, await newIncident(house, as));
      answers(await post(house, `/v1/incidents/${incident}/close`, as), 200);
      answers(await post(house, at(incident), as, { media_type: 'audio' }), 409, 'incident_closed');
    }));

  it('is refused once the incident is closed, or being deleted', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      answers(await post(house, `/v1/incidents/${incident}/close`, as), 200);
      answers(await post(house, at(incident), as, { media_type: 'audio' }), 409, 'incident_closed');
      await setDeletionState(house, incident, 'deletion_pending');
      answers(await post(house, at(incident), as, { media_type: 'audio' }), 409, 'incident_deleting');
      assert.deepEqual(await outcomesOf(house, 'stream_create'), ['conflict', 'conflict']);
    }));
});

describe('the list of streams', () => {
  it('is in the order of creation, page by page, and of this incident alone', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      await newStream(house, as, await newIncident(house, as));
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1) {
        ids.push(await newStream(house, as, incident));
        house.clock.advance(1);
      }
      for (const limit of [1, 2, 4, 5, 6]) {
        const found: string[] = [];
        let pages = 0;
        for (
          let next: string | undefined = `${at(incident)}?limit=${limit}`;
          next !== undefined;
          pages += 1
        ) {
          const page: Answer = answers(await ask(house, next, { as }), 200);
          found.push(...page.body.streams.map(({ id }: { id: string }) => id));
          next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
        }
        assert.deepEqual(found, ids);
        assert.equal(pages, Math.ceil(5 / limit));
      }
    }));

  it('refuses a length and a cursor that are none', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      answers(await ask(house, `${at(incident)}?limit=0`, { as }), 400, 'invalid_limit');
      answers(await ask(house, `${at(incident)}?after=${incident}`, { as }), 400, 'invalid_cursor');
    }));

  it('and each of them can be read while the incident is deleted', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const stream = await newStream(house, as, incident);
      await setDeletionState(house, incident, 'deleting');
      assert.equal(answers(await ask(house, at(incident), { as }), 200).body.streams.length, 1);
      answers(await ask(house, `${at(incident)}/${stream}`, { as }), 200);
    }));
});

describe('completing a stream', () => {
  it('answers it with its count and its time, and changes the incident', () =>
    inEvidence({}, async (house, as, owner) => {
      const { incidentId, streamId } = await recorded(house, owner, [1, 2, 3]);
      house.clock.advance(1000);
      const now = new Date(house.clock.now()).toISOString();
      const { stream } = answers(await complete(house, as, incidentId, streamId, 3), 200).body;
      assert.equal(stream.status, 'complete');
      assert.equal(stream.expected_chunk_count, 3);
      assert.deepEqual([stream.completed_at, stream.updated_at], [now, now]);
      assert.ok(!('failed_at' in stream) && !('chunk_count' in stream) && !('total_bytes' in stream));
      assert.equal((await ask(house, `/v1/incidents/${incidentId}`, { as })).body.incident.updated_at, now);
      assert.deepEqual(await auditOf(house, 'stream_complete'), [
        { outcome: 'ok', incidentId, subjectId: streamId },
      ]);
    }));

  it('works after the incident was closed, whatever order the chunks came in', () =>
    inEvidence({}, async (house, as, owner) => {
      const { incidentId, streamId } = await recorded(house, owner, [3, 1, 2]);
      answers(await post(house, `/v1/incidents/${incidentId}/close`, as), 200);
      answers(await complete(house, as, incidentId, streamId, 3), 200);
    }));

  it('wants a positive whole number of chunks', () =>
    inEvidence({}, async (house, as, owner) => {
      const { incidentId, streamId } = await recorded(house, owner, [1]);
      for (const count of [undefined, null, 0, -1, 1.5, '1', true, [1], {}, 2 ** 53])
        answers(await complete(house, as, incidentId, streamId, count), 400, 'invalid_expected_chunk_count');
      const path = `${at(incidentId)}/${streamId}/complete`;
      answers(await ask(house, path, { method: 'POST', as }), 400, 'invalid_json');
      const infinite = await ask(house, path, { as, body: '{"expected_chunk_count":1e999}' });
      answers(infinite, 400, 'invalid_expected_chunk_count');
      answers(await post(house, path, as, { expected_chunk_count: 1, force: true }), 400, 'invalid_json');
      assert.deepEqual(await auditOf(house, 'stream_complete'), []);
      answers(await complete(house, as, incidentId, streamId, 1), 200);
    }));

  it('is refused for a count that is not the number of chunks', () =>
    inEvidence({}, async (house, as, owner) => {
      const { incidentId, streamId } = await recorded(house, owner, [1, 2]);
      for (const count of [1, 3, Number.MAX_SAFE_INTEGER])
        answers(await complete(house, as, incidentId, streamId, count), 409, 'stream_chunks_incomplete');
      const empty = await newStream(house, as, incidentId);
      answers(await complete(house, as, incidentId, empty, 1), 409, 'stream_chunks_incomplete');
      assert.deepEqual(await outcomesOf(house, 'stream_complete'), Array(4).fill('conflict'));
    }));

  it('is refused for chunks that are not numbered from 1 without a gap', () =>
    inEvidence({}, async (house, as, owner) => {
      for (const indexes of [[2], [1, 3], [2, 3], [1, 2, 4], [1, 1_000_000]]) {
        const { incidentId, streamId } = await recorded(house, owner, indexes);
        const refused = await complete(house, as, incidentId, streamId, indexes.length);
        answers(refused, 409, 'stream_chunks_not_contiguous');
      }
    }));

  it('is refused when the bytes of a chunk are gone, and the audit has that', () =>
    inEvidence({}, async (house, as, owner) => {
      const { incidentId, streamId } = await recorded(house, owner, [1, 2]);
      await loseBytes(house);
      answers(await complete(house, as, incidentId, streamId, 2), 409, 'stream_chunk_file_missing');
      assert.deepEqual(await auditOf(house, 'stream_complete'), [
        { outcome: 'conflict', incidentId, subjectId: streamId },
      ]);
      assert.equal((await ask(house, `${at(incidentId)}/${streamId}`, { as })).body.stream.status, 'open');
    }));

  it('names the first of several reasons', () =>
    inEvidence({}, async (house, as, owner) => {
      const { incidentId, streamId } = await recorded(house, owner, [1, 3]);
      await loseBytes(house);
      const refused = async (count: unknown) => (await complete(house, as, incidentId, streamId, count)).code;
      assert.equal(await refused('two'), 'invalid_expected_chunk_count');
      assert.equal(await refused(3), 'stream_chunks_incomplete');
      assert.equal(await refused(2), 'stream_chunks_not_contiguous');
      answers(await fail(house, as, incidentId, streamId), 200);
      for (const count of ['two', 3, 2]) assert.equal(await refused(count), 'stream_failed');

      const done = await recorded(house, owner, [1]);
      answers(await complete(house, as, done.incidentId, done.streamId, 1), 200);
      for (const count of ['one', 0, 1, 2]) {
        const again = await complete(house, as, done.incidentId, done.streamId, count);
        answers(again, 409, 'stream_already_complete');
      }
      const open = await newStream(house, as, done.incidentId);
      await setDeletionState(house, done.incidentId, 'deleting');
      for (const count of ['one', 0, 1])
        answers(await complete(house, as, done.incidentId, open, count), 409, 'incident_deleting');
      for (const streamOrNot of [done.streamId, 'x', 'str_01ARZ3NDEKTSV4RRFFQ69G5FAV'])
        for (const how of ['complete', 'fail']) {
          const refusedNow = await end(house, as, done.incidentId, streamOrNot, how, {});
          answers(refusedNow, 409, 'incident_deleting');
        }
      await disown(house, done.incidentId);
      const foreign = await complete(house, as, done.incidentId, done.streamId, 'one');
      answers(foreign, 404, 'incident_not_found');
    }));

  it('happens once, however many ask at the same time', () =>
    inEvidence({}, async (house, as, owner) => {
      const { incidentId, streamId } = await recorded(house, owner, [1, 2]);
      const all = await Promise.all(
        Array.from({ length: 8 }, () => complete(house, as, incidentId, streamId, 2)),
      );
      const codes = all.map((answer) => answer.code ?? 'done').sort();
      assert.equal(codes.filter((code) => code === 'done').length, 1, codes.join());
      for (const code of codes) {
        assert.ok(['done', 'stream_not_open', 'stream_already_complete'].includes(code), codes.join());
      }
      const outcomes = await outcomesOf(house, 'stream_complete');
      assert.equal(outcomes.filter((outcome) => outcome === 'ok').length, 1);
    }));

  it('and failing it at the same time end it one way', () =>
    inEvidence({}, async (house, as, owner) => {
      for (let round = 0; round < 10; round += 1) {
        const { incidentId, streamId } = await recorded(house, owner, [1]);
        const both = [
          () => complete(house, as, incidentId, streamId, 1),
          () => fail(house, as, incidentId, streamId, 'given up'),
        ];
        const all = await Promise.all((round % 2 === 0 ? both : both.reverse()).map((begin) => begin()));
        assert.equal(all.filter(({ status }) => status === 200).length, 1);
        const refused = all.find(({ status }) => status !== 200);
        assert.equal(refused?.status, 409);
        const { stream } = (await ask(house, `${at(incidentId)}/${streamId}`, { as })).body;
        const won = all.find(({ status }) => status === 200);
        assert.deepEqual(stream, won?.body.stream);
        assert.notEqual('completed_at' in stream, 'failed_at' in stream);
      }
    }));

  it('tells whoever saw it open and came too late that it is not open', () =>
    inEvidence({}, async (house, as, owner) => {
      const { incidentId, streamId } = await recorded(house, owner, [1]);
      const { streams } = house.deps.store;
      const { complete: real } = streams;
      // Somebody else is faster, between the look and the decision.
      Object.assign(streams, {
        async complete(...args: Parameters<typeof real>) {
          Object.assign(streams, { complete: real });
          answers(await fail(house, as, incidentId, streamId), 200);
          return real(...args);
        },
      });
      answers(await complete(house, as, incidentId, streamId, 1), 409, 'stream_not_open');
    }));
});

describe('failing a stream', () => {
  it('answers it with its reason and its time; its chunks are kept', () =>
    inEvidence({}, async (house, as, owner) => {
      const { incidentId, streamId } = await recorded(house, owner, [1]);
      house.clock.advance(1000);
      const now = new Date(house.clock.now()).toISOString();
      const reason = 'the phone fell\ninto the water';
      const { stream } = answers(await fail(house, as, incidentId, streamId, `  ${reason} `), 200).body;
      assert.deepEqual([stream.status, stream.failed_at, stream.updated_at], ['failed', now, now]);
      assert.equal(stream.failure_reason, reason);
      assert.ok(!('completed_at' in stream) && !('expected_chunk_count' in stream));
      assert.equal((await ask(house, `/v1/incidents/${incidentId}`, { as })).body.incident.updated_at, now);
      const kept = await house.deps.store.streams.find(
        { incidentId, accountId: owner.person.account.id },
        streamId,
      );
      assert.equal(typeof kept === 'object' && kept.chunkCount, 1);
      assert.deepEqual(await auditOf(house, 'stream_fail'), [
        { outcome: 'ok', incidentId, subjectId: streamId },
      ]);
    }));

  it('needs no reason, and takes one of 500 bytes and not of one more', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const stream = () => newStream(house, as, incident);
      for (const reason of [undefined, null, '', ' \n']) {
        const ended = answers(await fail(house, as, incident, await stream(), reason), 200);
        assert.equal('failure_reason' in ended.body.stream, false);
      }
      const path = `${at(incident)}/${await stream()}/fail`;
      answers(await ask(house, path, { method: 'POST', as }), 200);
      for (const reason of ['x'.repeat(500), '\u00e4'.repeat(250)]) {
        const id = await stream();
        answers(await fail(house, as, incident, id, `${reason}x`), 400, 'invalid_failure_reason');
        const ended = answers(await fail(house, as, incident, id, reason), 200);
        assert.equal(ended.body.stream.failure_reason, reason);
      }
      for (const reason of [1, {}, [], 'a\0b', '\ud800'])
        answers(await fail(house, as, incident, await stream(), reason), 400, 'invalid_failure_reason');
    }));

  it('is refused for a stream that has ended, either way', () =>
    inEvidence({}, async (house, as, owner) => {
      const { incidentId, streamId } = await recorded(house, owner, [1]);
      answers(await complete(house, as, incidentId, streamId, 1), 200);
      answers(await fail(house, as, incidentId, streamId), 409, 'stream_not_open');
      const failed = await newStream(house, as, incidentId);
      answers(await fail(house, as, incidentId, failed, 'first'), 200);
      answers(await fail(house, as, incidentId, failed, 'second'), 409, 'stream_not_open');
      const { stream } = (await ask(house, `${at(incidentId)}/${failed}`, { as })).body;
      assert.equal(stream.failure_reason, 'first');
    }));

  it('works after the incident was closed, and not while it is deleted', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const [one, other] = [await newStream(house, as, incident), await newStream(house, as, incident)];
      answers(await post(house, `/v1/incidents/${incident}/close`, as), 200);
      answers(await fail(house, as, incident, one), 200);
      await setDeletionState(house, incident, 'deletion_pending');
      answers(await fail(house, as, incident, other), 409, 'incident_deleting');
    }));
});
