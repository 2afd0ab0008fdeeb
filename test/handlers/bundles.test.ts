import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, ask, type Session } from '../support/ask.ts';
import {
  inEvidence,
  newIncident,
  newStream,
  ownerIn,
  sealedChunk,
  setDeletionState,
  sha256Hex,
} from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import {
  download,
  entriesOf,
  incidentBundlePath,
  jsonOf,
  type Recording,
  recording,
  startOf,
  streamBundlePath,
} from '../support/recordings.ts';

const ENCRYPTION = { expected: 'client-side', scheme: 'sallyport-sealed-v1', server_decrypts: false };
const MIB = 1024 * 1024;

const get = async (house: House, as: Session, path: string, headers: Record<string, string> = {}) => {
  const answer = await download(house, path, as, headers);
  assert.ok(answer.status === 200 || answer.status === 206, `${answer.status} ${answer.code}`);
  return answer;
};

const nameOf = (mediaType: string, index: number) =>
  `chunks/${mediaType}_${String(index).padStart(6, '0')}.enc`;

/** What a manifest must say of a recording's chunks. */
const chunksOf = ({ sealed, mediaType }: Recording) =>
  sealed.map((bytes, at) => ({
    chunk_index: at + 1,
    media_type: mediaType,
    byte_size: bytes.length,
    sha256_hex: sha256Hex(bytes),
    started_at: startOf(at + 1),
    ended_at: startOf(at + 2),
  }));

const totalOf = (...recordings: Recording[]) =>
  recordings.flatMap(({ sealed }) => sealed).reduce((sum, { length }) => sum + length, 0);

/** Erases a segment of a recording's chunk from the database, or writes something else over it. */
async function harm(house: House, { streamId }: Recording, index: number, idx: number, bytes?: Uint8Array) {
  const which = `blob = (SELECT blob FROM chunks WHERE stream_id = ? AND chunk_index = ?) AND idx = ?`;
  const sql =
    bytes === undefined
      ? `DELETE FROM segments WHERE ${which}`
      : `UPDATE segments SET bytes = ? WHERE ${which}`;
  const args = [...(bytes === undefined ? [] : [new Uint8Array(bytes)]), streamId, index, idx];
  const [result] = await house.db.batch([{ sql, args }], 'write');
  assert.equal(result?.changes, 1);
}

/** Reads a body until it ends, one way or the other. */
async function outcome(house: House, as: Session, path: string, headers: Record<string, string> = {}) {
  const answer = await house.main(
    new Request(`http://door.test${path}`, { headers: { authorization: `Bearer ${as.token}`, ...headers } }),
  );
  let read = 0;
  try {
    for await (const bytes of answer.body ?? []) read += bytes.length;
    return { answer, read, broken: false };
  } catch {
    return { answer, read, broken: true };
  }
}

describe('the bundle of a stream', () => {
  it('holds its manifest and its sealed chunks in order, byte for byte', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as, { notes: 'not for others', client_label: 'a label' });
      const media = [Buffer.alloc(3 * MIB, 1), Buffer.alloc(10, 2), Buffer.alloc(MIB, 3)];
      const made = await recording(house, as, incidentId, { mediaType: 'video', label: 'front', media });
      const { bytes, headers } = await get(house, as, streamBundlePath(made));
      const entries = entriesOf(bytes);
      assert.deepEqual([...entries.keys()], ['manifest.json', ...[1, 2, 3].map((i) => nameOf('video', i))]);
      for (const [at, sealed] of made.sealed.entries())
        assert.ok(Buffer.from(sealed).equals(entries.get(nameOf('video', at + 1)) ?? Buffer.of()), `${at}`);
      const stream = answers(
        await ask(house, `/v1/incidents/${incidentId}/streams/${made.streamId}`, { as }),
        200,
      ).body.stream;
      assert.deepEqual(Object.entries(jsonOf(entries, 'manifest.json')), [
        ['incident_id', incidentId],
        ['stream_id', made.streamId],
        ['media_type', 'video'],
        ['label', 'front'],
        ['status', 'complete'],
        ['encryption', ENCRYPTION],
        ['created_at', stream.created_at],
        ['completed_at', stream.completed_at],
        ['chunk_count', 3],
        ['total_bytes', totalOf(made)],
        ['chunks', chunksOf(made)],
      ]);
      assert.equal(headers.get('content-type'), 'application/zip');
      const name = `incident_${incidentId}_video_${made.streamId}.zip`;
      assert.equal(headers.get('content-disposition'), `attachment; filename="${name}"`);
      assert.equal(headers.get('cache-control'), 'no-store');
      assert.equal(headers.get('accept-ranges'), 'bytes');
      assert.equal(headers.get('content-length'), String(bytes.length));
      assert.match(headers.get('etag') ?? '', /^"[0-9a-f]{64}"$/);
    }));

  it('names the file that a chunk came from in the manifest, and nowhere else', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as);
      const made = { incidentId, streamId: await newStream(house, as, incidentId) };
      const bytes = await sealedChunk({ ...made, final: true });
      const form = new FormData();
      const fields = {
        stream_id: made.streamId,
        chunk_index: '1',
        media_type: 'audio',
        started_at: startOf(1),
        ended_at: startOf(2),
        sha256_hex: sha256Hex(bytes),
        original_filename: '../../etc/a name "with" \u2028 in it.m4a',
      };
      for (const [name, value] of Object.entries(fields)) form.set(name, value);
      form.set('file', new Blob([bytes]));
      const headers = { authorization: `Bearer ${as.token}` };
      const path = `http://door.test/v1/incidents/${incidentId}`;
      const sent = await house.main(new Request(`${path}/chunks`, { method: 'POST', headers, body: form }));
      assert.equal(sent.status, 201, await sent.text());
      const complete = `/v1/incidents/${incidentId}/streams/${made.streamId}/complete`;
      answers(await ask(house, complete, { as, body: { expected_chunk_count: 1 } }), 200);
      const entries = entriesOf((await get(house, as, streamBundlePath(made))).bytes);
      assert.deepEqual([...entries.keys()], ['manifest.json', nameOf('audio', 1)]);
      assert.equal(
        jsonOf(entries, 'manifest.json').chunks[0].original_filename,
        'a name "with" \u2028 in it.m4a',
      );
    }));

  it('is refused while the stream is open, after it failed, and where there is none', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as);
      for (const end of ['none', 'fail'] as const) {
        const made = await recording(house, as, incidentId, { end });
        const refused = await download(house, streamBundlePath(made), as);
        assert.deepEqual([refused.status, refused.code], [409, 'stream_not_complete']);
      }
      const elsewhere = await recording(house, as, await newIncident(house, as));
      for (const streamId of [elsewhere.streamId, 'str_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'x']) {
        const refused = await download(house, streamBundlePath({ incidentId, streamId }), as);
        assert.deepEqual([refused.status, refused.code], [404, 'stream_not_found']);
      }
    }));

  it('stays the same while its incident goes on', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as);
      const made = await recording(house, as, incidentId);
      const before = await get(house, as, streamBundlePath(made));
      house.clock.advance(60_000);
      answers(await ask(house, `/v1/incidents/${incidentId}/checkins`, { as, body: {} }), 201);
      await recording(house, as, incidentId);
      answers(await ask(house, `/v1/incidents/${incidentId}/close`, { as, method: 'POST' }), 200);
      const after = await get(house, as, streamBundlePath(made));
      assert.deepEqual(after.bytes, before.bytes);
      assert.equal(after.headers.get('etag'), before.headers.get('etag'));
    }));
});

describe('the bundle of an incident', () => {
  it('holds its manifest and every complete stream, and no other', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as, { notes: 'not for others', client_label: 'a label' });
      const place = { latitude: 1.5, longitude: -2.25, accuracy_meters: 10 };
      const checkin = { device_battery_percent: 41, device_network: 'wifi', ...place };
      answers(await ask(house, `/v1/incidents/${incidentId}/checkins`, { as, body: {} }), 201);
      house.clock.advance(1000);
      answers(await ask(house, `/v1/incidents/${incidentId}/checkins`, { as, body: checkin }), 201);
      const first = await recording(house, as, incidentId);
      house.clock.advance(1000);
      for (const end of ['none', 'fail'] as const) await recording(house, as, incidentId, { end });
      const second = await recording(house, as, incidentId, { mediaType: 'location' });
      house.clock.advance(1000);
      const { bytes, headers } = await get(house, as, incidentBundlePath(incidentId));
      const entries = entriesOf(bytes);
      const names = [first, second].flatMap(({ streamId, mediaType, sealed }) => [
        `streams/${streamId}/manifest.json`,
        ...sealed.map((_, at) => `streams/${streamId}/${nameOf(mediaType, at + 1)}`),
      ]);
      assert.deepEqual([...entries.keys()], ['manifest.json', ...names]);
      const alone = await Promise.all(
        [first, second].map(async (made) => entriesOf((await get(house, as, streamBundlePath(made))).bytes)),
      );
      for (const [at, { streamId }] of [first, second].entries()) {
        for (const [name, content] of alone[at] ?? [])
          assert.deepEqual(entries.get(`streams/${streamId}/${name}`), content);
      }
      const { incident } = answers(await ask(house, `/v1/incidents/${incidentId}`, { as }), 200).body;
      const manifest = jsonOf(entries, 'manifest.json');
      assert.deepEqual(Object.entries(manifest), [
        [
          'incident',
          {
            id: incidentId,
            status: 'open',
            client_label: 'a label',
            created_at: incident.created_at,
            updated_at: incident.updated_at,
          },
        ],
        ['latest_checkin', { created_at: manifest.latest_checkin.created_at, ...checkin }],
        ['encryption', ENCRYPTION],
        ['streams', alone.map((files) => jsonOf(files, 'manifest.json'))],
        ['stream_count', 2],
        ['total_bytes', totalOf(first, second)],
        // The newest row is the end of the second stream, and of the incident with it.
        ['generated_at', incident.updated_at],
      ]);
      const name = `incident_${incidentId}_evidence.zip`;
      assert.equal(headers.get('content-disposition'), `attachment; filename="${name}"`);
      assert.ok(!Buffer.from(bytes).includes('not for others'));
      assert.ok(!Buffer.from(bytes).includes('acct_'));
    }));

  it('of an incident without a complete stream is its manifest', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as);
      await recording(house, as, incidentId, { end: 'none' });
      const entries = entriesOf((await get(house, as, incidentBundlePath(incidentId))).bytes);
      assert.deepEqual([...entries.keys()], ['manifest.json']);
      const { streams, stream_count, total_bytes } = jsonOf(entries, 'manifest.json');
      assert.deepEqual([streams, stream_count, total_bytes], [[], 0, 0]);
    }));

  it('changes with what it holds, and with nothing else', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as);
      await recording(house, as, incidentId);
      const path = incidentBundlePath(incidentId);
      const tag = async () => (await get(house, as, path)).headers.get('etag');
      const first = await tag();
      house.clock.advance(5000);
      assert.equal(await tag(), first, 'time alone');
      await recording(house, as, incidentId, { end: 'none' });
      assert.equal(await tag(), first, 'chunks of an open stream');
      answers(await ask(house, `/v1/incidents/${incidentId}/checkins`, { as, body: {} }), 201);
      const second = await tag();
      assert.notEqual(second, first, 'a check-in');
      await recording(house, as, incidentId);
      assert.notEqual(await tag(), second, 'a complete stream');
      assert.equal(new Set([first, second, await tag()]).size, 3);
    }));

  it('is the same bytes from another process on the same rows', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as);
      const made = await recording(house, as, incidentId);
      const other = await openHouse({ data: house.db, clock: house.clock });
      for (const path of [incidentBundlePath(incidentId), streamBundlePath(made)]) {
        const [here, there] = [await get(house, as, path), await get(other, as, path)];
        assert.deepEqual(there.bytes, here.bytes);
        assert.equal(there.headers.get('etag'), here.headers.get('etag'));
      }
    }));
});

describe('a bundle in parts', () => {
  it('answers HEAD with the head of GET', () =>
    inEvidence({}, async (house, as) => {
      const made = await recording(house, as, await newIncident(house, as));
      for (const path of [streamBundlePath(made), incidentBundlePath(made.incidentId)]) {
        const whole = await get(house, as, path);
        const head = await download(house, path, as, {}, 'HEAD');
        assert.equal(head.status, 200);
        assert.equal(head.bytes.length, 0);
        const seen = ({ headers }: typeof head) =>
          [...headers].filter(([name]) => name !== 'x-request-id').sort();
        assert.deepEqual(seen(head), seen(whole));
      }
    }));

  it('gives any range of it, and goes on where it broke off', () =>
    inEvidence({}, async (house, as) => {
      const media = [Buffer.alloc(2 * MIB + 5, 1), Buffer.alloc(300, 2)];
      const made = await recording(house, as, await newIncident(house, as), { media });
      for (const path of [streamBundlePath(made), incidentBundlePath(made.incidentId)]) {
        const { bytes, headers } = await get(house, as, path);
        const etag = headers.get('etag') ?? '';
        const total = bytes.length;
        for (const [range, start, end] of [
          ['bytes=0-', 0, total],
          ['bytes=0-0', 0, 1],
          ['bytes=1-40', 1, 41],
          [`bytes=${MIB + 7}-`, MIB + 7, total],
          [`bytes=${MIB}-${MIB + 99}`, MIB, MIB + 100],
          ['bytes=-1', total - 1, total],
          ['bytes=-700', total - 700, total],
          [`bytes=${total - 1}-${total + 5}`, total - 1, total],
          [`bytes=-${total * 2}`, 0, total],
        ] as const) {
          for (const more of [{}, { 'if-range': etag }]) {
            const part = await get(house, as, path, { range, ...more });
            assert.equal(part.status, 206, range);
            assert.equal(part.headers.get('content-range'), `bytes ${start}-${end - 1}/${total}`);
            assert.equal(part.headers.get('content-length'), String(end - start));
            assert.equal(part.headers.get('etag'), etag);
            assert.ok(Buffer.from(part.bytes).equals(bytes.subarray(start, end)), range);
          }
        }
      }
    }));

  it('gives the whole when the bundle is another by now', () =>
    inEvidence({}, async (house, as) => {
      const incidentId = await newIncident(house, as);
      await recording(house, as, incidentId);
      const path = incidentBundlePath(incidentId);
      const before = await get(house, as, path);
      const etag = before.headers.get('etag') ?? '';
      house.clock.advance(1000);
      await recording(house, as, incidentId);
      const after = await get(house, as, path, { range: 'bytes=100-', 'if-range': etag });
      assert.equal(after.status, 200);
      assert.ok(after.bytes.length > before.bytes.length);
      for (const validator of [`W/${after.headers.get('etag')}`, 'Fri, 02 Jan 2026 03:04:05 GMT', '"x"']) {
        const other = await get(house, as, path, { range: 'bytes=100-', 'if-range': validator });
        assert.equal(other.status, 200, validator);
      }
    }));

  it('says that there is no such part', () =>
    inEvidence({}, async (house, as) => {
      const made = await recording(house, as, await newIncident(house, as));
      const path = streamBundlePath(made);
      const total = (await get(house, as, path)).bytes.length;
      for (const range of [`bytes=${total}-`, 'bytes=-0']) {
        const refused = await download(house, path, as, { range });
        assert.deepEqual([refused.status, refused.code], [416, 'range_not_satisfiable']);
        assert.equal(refused.headers.get('content-range'), `bytes */${total}`);
      }
    }));
});

describe('a bundle and who asks for it', () => {
  it('is nobody else\u2019s, and nobody\u2019s while its incident is deleted', () =>
    inEvidence({}, async (house, as) => {
      const made = await recording(house, as, await newIncident(house, as));
      const paths = [streamBundlePath(made), incidentBundlePath(made.incidentId)];
      const other = await ownerIn(house, 'somebody-else', 'admin');
      for (const path of paths) {
        const refused = await download(house, path, other.as);
        assert.deepEqual([refused.status, refused.code], [404, 'incident_not_found']);
        const anonymous = await download(house, path, undefined);
        assert.deepEqual([anonymous.status, anonymous.code], [401, 'authentication_required']);
      }
      for (const state of ['deletion_pending', 'deleting', 'deletion_failed'] as const) {
        await setDeletionState(house, made.incidentId, state);
        for (const path of paths) {
          const refused = await download(house, path, as);
          assert.deepEqual([refused.status, refused.code], [409, 'incident_deleting']);
        }
      }
      await setDeletionState(house, made.incidentId, 'deleted');
      for (const path of paths) {
        const refused = await download(house, path, as);
        assert.deepEqual([refused.status, refused.code], [404, 'incident_not_found']);
      }
    }));

  it('is audited when it is taken, not when its head is looked at or nothing is given', () =>
    inEvidence({}, async (house, as, owner) => {
      const made = await recording(house, as, await newIncident(house, as));
      const { incidentId, streamId } = made;
      const paths = [streamBundlePath(made), incidentBundlePath(incidentId)];
      for (const path of paths) {
        await download(house, path, as, {}, 'HEAD');
        await download(house, path, as, { range: 'bytes=99999999-' });
        await get(house, as, path);
        house.clock.advance(1000);
        await get(house, as, path, { range: 'bytes=10-' });
        house.clock.advance(1000);
      }
      const entries = await house.deps.store.audit.list(undefined, 1000);
      const rows = entries.filter(({ action }) => action === 'bundle_download').reverse();
      assert.deepEqual(
        rows.map((row) => [row.actorKind, row.actorAccountId, row.incidentId, row.subjectId, row.outcome]),
        [streamId, streamId, undefined, undefined].map((subject) => [
          'account',
          owner.person.account.id,
          incidentId,
          subject,
          'ok',
        ]),
      );
    }));
});

describe('a bundle of which something is missing', () => {
  const large = [Buffer.alloc(100, 1), Buffer.alloc(3 * MIB, 2), Buffer.alloc(100, 3)];

  for (const [what, idx] of [
    ['first', 0],
    ['last', 3],
  ] as const) {
    it(`is not begun without the ${what} bytes of a chunk`, () =>
      inEvidence({}, async (house, as) => {
        const made = await recording(house, as, await newIncident(house, as), { media: large });
        await harm(house, made, 2, idx);
        const stream = await download(house, streamBundlePath(made), as);
        assert.deepEqual([stream.status, stream.code], [500, 'internal_error']);
        const incident = await download(house, incidentBundlePath(made.incidentId), as);
        assert.deepEqual([incident.status, incident.code], [409, 'incident_bundle_inconsistent']);
        const told = house.log.filter(({ msg }) => msg === 'bundle broken');
        assert.deepEqual(
          told.map(({ level, operation, error_category }) => [level, operation, error_category]),
          [
            ['error', 'stream_bundle', 'not_found'],
            ['error', 'incident_bundle', 'not_found'],
          ],
        );
      }));
  }

  it('is not begun without the row of a chunk', () =>
    inEvidence({}, async (house, as) => {
      const made = await recording(house, as, await newIncident(house, as));
      const sql = 'DELETE FROM chunks WHERE stream_id = ? AND chunk_index = 2';
      await house.db.batch([{ sql, args: [made.streamId] }], 'write');
      assert.equal((await download(house, streamBundlePath(made), as)).status, 500);
      assert.equal((await download(house, incidentBundlePath(made.incidentId), as)).status, 409);
    }));

  it('breaks off in the middle, and says so in the log', () =>
    inEvidence({}, async (house, as) => {
      const made = await recording(house, as, await newIncident(house, as), { media: large });
      await harm(house, made, 2, 1);
      for (const path of [streamBundlePath(made), incidentBundlePath(made.incidentId)]) {
        const seen = await outcome(house, as, path);
        assert.equal(seen.answer.status, 200);
        assert.ok(seen.broken);
        assert.ok(seen.read < Number(seen.answer.headers.get('content-length')));
      }
      const told = house.log.filter(({ msg }) => msg === 'bundle broken');
      assert.deepEqual(
        told.map(({ error_category }) => error_category),
        ['not_found', 'not_found'],
      );
    }));

  it('breaks off where a chunk is not what was uploaded', () =>
    inEvidence({}, async (house, as) => {
      const made = await recording(house, as, await newIncident(house, as), { media: large });
      await harm(house, made, 2, 1, Buffer.alloc(MIB, 7));
      const path = streamBundlePath(made);
      const whole = await outcome(house, as, path);
      assert.ok(whole.broken);
      const total = Number(whole.answer.headers.get('content-length'));
      assert.ok(whole.read < total);
      // What lies behind it is still right, and can be had.
      const rest = await outcome(house, as, path, { range: `bytes=${total - 700}-` });
      assert.deepEqual([rest.broken, rest.read], [false, 700]);
    }));

  it('breaks off when the incident is deleted under it', () =>
    inEvidence({}, async (house, as) => {
      const made = await recording(house, as, await newIncident(house, as), { media: large });
      const answer = await house.main(
        new Request(`http://door.test${streamBundlePath(made)}`, {
          headers: { authorization: `Bearer ${as.token}` },
        }),
      );
      const reader = answer.body?.getReader();
      assert.equal((await reader?.read())?.done, false);
      await house.db.batch(
        [{ sql: 'DELETE FROM chunks WHERE stream_id = ?', args: [made.streamId] }],
        'write',
      );
      await house.db.batch([{ sql: 'DELETE FROM segments', args: [] }], 'write');
      await assert.rejects(async () => {
        while ((await reader?.read())?.done === false);
      });
    }));
});
