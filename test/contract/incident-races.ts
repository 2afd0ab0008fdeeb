/** Verbs that only one may win, and verbs that may not both be done, asked for at the same time. */
import assert from 'node:assert/strict';
import { accountId, audit, NOW } from './account-room.ts';
import {
  about,
  addChunk,
  begin,
  both,
  checkinOf,
  type IncidentIt,
  incidentId,
  MANY,
  open,
  outcomes,
  owned,
  remove,
  rows,
  streamId,
  streamOf,
  tokenId,
  tokenOf,
} from './incident-room.ts';

const ROUNDS = 8;

/** The rounds of a race, each with an incident, stream and chunk number of its own. */
const rounds = Array.from({ length: ROUNDS }, (_, round) => round + 1);

export function racing(it: IncidentIt): void {
  it('closes once when two close, and both are told so', async (subject) => {
    const [here, there] = both(subject);
    for (const n of rounds) {
      await begin(subject, n);
      const [a, b] = await Promise.all([
        here.incidents.close(owned(n), NOW + 1, about('incident_close', n)),
        there.incidents.close(owned(n), NOW + 2, about('incident_close', n)),
      ]);
      assert.deepEqual(a, b);
      assert.ok(typeof a !== 'string' && a.status === 'closed');
    }
    assert.deepEqual(await outcomes(subject, 'incident_close'), Array(ROUNDS).fill('ok'));
  });

  it('opens a stream before the close or not at all', async (subject) => {
    const [here, there] = both(subject);
    let created = 0;
    for (const n of rounds) {
      await begin(subject, n);
      const create = () => here.streams.create(owned(n), streamOf(n, n), MANY, about('stream_create', n));
      const close = () => there.incidents.close(owned(n), NOW + 1, about('incident_close', n));
      // Who is asked first takes turns.
      const answers = n % 2 === 0 ? [create(), close()] : [close(), create()].toReversed();
      const [stream, incident] = await Promise.all(answers);
      assert.ok(typeof incident === 'object' && incident.status === 'closed');
      assert.ok(stream === 'created' || stream === 'incident_closed', String(stream));
      if (stream === 'created') created += 1;
      const listed = await subject.streams.list(owned(n), undefined, 9);
      assert.equal(listed.length, stream === 'created' ? 1 : 0);
    }
    const written = await outcomes(subject, 'stream_create');
    assert.equal(written.filter((outcome) => outcome === 'ok').length, created);
    assert.equal(written.length, ROUNDS);
  });

  it('completes once when two complete', async (subject) => {
    const [here, there] = both(subject);
    for (const n of rounds) {
      await begin(subject, n);
      await open(subject, n, n);
      await addChunk(subject, n, { incident: n, stream: n, index: 1 });
      const complete = ({ streams }: typeof here, now: number) =>
        streams.complete(owned(n), streamId(n), 1, now, about('stream_complete', n));
      const done = await Promise.all([complete(here, NOW + 1), complete(there, NOW + 2)]);
      const stream = await subject.streams.find(owned(n), streamId(n));
      assert.deepEqual(
        done.filter((answer) => typeof answer !== 'string'),
        [stream],
      );
      assert.ok(done.includes('stream_already_complete'));
    }
    const written = await outcomes(subject, 'stream_complete');
    assert.equal(written.filter((outcome) => outcome === 'ok').length, ROUNDS);
    assert.equal(written.length, 2 * ROUNDS);
  });

  it('ends a stream one way when one completes and another fails it', async (subject) => {
    const [here, there] = both(subject);
    for (const n of rounds) {
      await begin(subject, n);
      await open(subject, n, n);
      await addChunk(subject, n, { incident: n, stream: n, index: 1 });
      const complete = () =>
        here.streams.complete(owned(n), streamId(n), 1, NOW + 1, about('stream_complete', n));
      const fail = () =>
        there.streams.fail(owned(n), streamId(n), undefined, NOW + 2, about('stream_fail', n));
      const [done, failed] = await Promise.all(
        n % 2 === 0 ? [complete(), fail()] : [fail(), complete()].toReversed(),
      );
      const stream = await subject.streams.find(owned(n), streamId(n));
      assert.ok(typeof stream !== 'string');
      const expected = stream.status === 'complete' ? [stream, 'stream_not_open'] : ['stream_failed', stream];
      assert.deepEqual([done, failed], expected);
      assert.equal((await subject.incidents.find(owned(n)))?.updatedAt, stream.updatedAt);
    }
    const written = [
      ...(await outcomes(subject, 'stream_complete')),
      ...(await outcomes(subject, 'stream_fail')),
    ];
    assert.equal(written.filter((outcome) => outcome === 'ok').length, ROUNDS);
  });

  it('revokes a link once when two revoke it', async (subject) => {
    const [here, there] = both(subject);
    for (const n of rounds) {
      await begin(subject, n);
      await subject.viewerTokens.create(owned(n), tokenOf(n, n), about('viewer_token_create', n));
      const revoke = ({ viewerTokens }: typeof here, now: number) =>
        viewerTokens.revoke(tokenId(n), accountId(1), now, audit('viewer_token_revoke'));
      const done = await Promise.all([revoke(here, NOW + 1), revoke(there, NOW + 2)]);
      assert.deepEqual(done.toSorted(), [false, true]);
      const token = await subject.viewerTokens.find(owned(n), tokenId(n));
      assert.ok(typeof token !== 'string');
      assert.equal(token.revokedAt, done[0] ? NOW + 1 : NOW + 2);
    }
    assert.deepEqual((await outcomes(subject, 'viewer_token_revoke')).toSorted(), [
      ...Array(ROUNDS).fill('conflict'),
      ...Array(ROUNDS).fill('ok'),
    ]);
  });

  it('decides a deletion once when two ask for it', async (subject) => {
    const [here, there] = both(subject);
    for (const n of rounds) {
      await begin(subject, n);
      await open(subject, n, n);
      await addChunk(subject, n, { incident: n, stream: n, index: 1 });
      const [a, b] = await Promise.all([
        remove(here, 2 * n, n, { allowOpen: true }),
        remove(there, 2 * n + 1, n, { allowOpen: true }),
      ]);
      assert.ok(typeof a !== 'string');
      assert.deepEqual(a, b);
      assert.deepEqual(await subject.deletion.find(incidentId(n), accountId(1)), a);
    }
    assert.deepEqual(await rows(subject, 'SELECT sum(item_count) FROM deletions'), [[ROUNDS]]);
    assert.deepEqual(await outcomes(subject, 'incident_delete'), Array(ROUNDS).fill('ok'));
  });

  it('adds nothing to an incident after the decision to delete it', async (subject) => {
    const [here, there] = both(subject);
    for (const n of rounds) {
      await begin(subject, n);
      const [checkin, stream, token, decision] = await Promise.all([
        here.checkins.add(owned(n), checkinOf(n, n), 'ses_1', about('checkin_create', n)),
        there.streams.create(owned(n), streamOf(n, n), MANY, about('stream_create', n)),
        here.viewerTokens.create(owned(n), tokenOf(n, n), about('viewer_token_create', n)),
        remove(there, n, n, { allowOpen: true }),
      ]);
      assert.ok(typeof decision !== 'string');
      const count = async (table: string) =>
        (await rows(subject, `SELECT count(*) FROM ${table} WHERE incident_id = '${incidentId(n)}'`))[0]?.[0];
      assert.equal(await count('checkins'), checkin === 'added' ? 1 : 0);
      assert.equal(await count('streams'), stream === 'created' ? 1 : 0);
      assert.equal(await count('viewer_tokens'), token === 'created' ? 1 : 0);
      for (const refusal of [checkin, stream, token]) {
        assert.ok(['added', 'created', 'incident_deleting'].includes(refusal), refusal);
      }
      const late = await here.checkins.add(owned(n), checkinOf(99, n), 'ses_1', about('checkin_create', n));
      assert.equal(late, 'incident_deleting');
    }
  });
}
