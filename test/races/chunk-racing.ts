/**
 * What an upload races against, each as one round on a place of its own. Whatever comes first, the answers fit one
 * order of events, and what is kept afterwards is what that order leaves.
 */
import assert from 'node:assert/strict';
import { answers, ask, post, type Session } from '../support/ask.ts';
import { type ChunkSpec, newIncident, newStream, sealedChunk, sha256Hex } from '../support/evidence.ts';
import type { House } from '../support/house.ts';
import { type Answer, put, putPath, send, upload } from '../support/uploads.ts';

export type Doors = Pick<House, 'main' | 'admin'>;

/** Doors to one database, and somebody whose session counts at all of them. */
export interface Field {
  /** One for each process; rounds deal their requests out over them. */
  readonly doors: readonly Doors[];
  readonly as: Session;
}

const MIB = 1024 * 1024;

const doorOf = ({ doors }: Field, i: number): Doors => doors[i % doors.length] ?? assert.fail('no door');

async function freshPlace(field: Field, round: number): Promise<ChunkSpec> {
  const incidentId = await newIncident(doorOf(field, round), field.as);
  const streamId = await newStream(doorOf(field, round), field.as, incidentId);
  // Every fifth is staged, all others travel inside their commit.
  return { incidentId, streamId, media: new Uint8Array(round % 5 === 4 ? MIB + 3 : 50) };
}

const told = ({ status, code }: { status: number; code: string | undefined }) =>
  code === undefined ? String(status) : `${status} ${code}`;

/** Sends a chunk in one of the two forms. */
const sendOne = (
  field: Field,
  i: number,
  spec: ChunkSpec,
  bytes: Uint8Array,
  key?: string,
): Promise<Answer> => {
  const more = { bytes, filename: '', ...(key !== undefined && { key }) };
  return (i % 2 === 0 ? put : upload)(doorOf(field, i), field.as, spec, more);
};

/** What the list says is there. */
async function listed(field: Field, { incidentId }: ChunkSpec): Promise<readonly Answer['body'][]> {
  return answers(await ask(doorOf(field, 0), `/v1/incidents/${incidentId}/chunks`, { as: field.as }), 200)
    .body as Answer['body'][];
}

/** Every chunk that was acknowledged is there, with its bytes, and nothing else. */
async function holds(
  field: Field,
  spec: ChunkSpec,
  acknowledged: readonly { answer: Answer; bytes: Uint8Array }[],
) {
  const found = await listed(field, spec);
  const ids = found.map(({ id }) => id).sort();
  assert.deepEqual(ids, [...new Set(acknowledged.map(({ answer }) => answer.body.id))].sort());
  for (const { answer, bytes } of acknowledged) {
    const path = putPath({ ...spec, index: answer.body.chunk_index });
    const back = await send(doorOf(field, 1), path, { as: field.as });
    assert.equal(back.status, 200);
    assert.equal(sha256Hex(back.bytes), sha256Hex(bytes));
  }
}

type Told = { readonly status: number; readonly code: string | undefined };

/**
 * Four chunks, the first `ahead` of them kept already, against something that ends the place. The loser of each is
 * told so, and only so.
 */
async function againstAnEnd(
  field: Field,
  round: number,
  spec: ChunkSpec,
  ahead: number,
  end: (doors: Doors) => Promise<Told>,
  allowed: readonly string[],
): Promise<{ readonly ended: string; readonly kept: { answer: Answer; bytes: Uint8Array }[] }> {
  const one = async (index: number) => {
    const bytes = await sealedChunk({ ...spec, index });
    return { bytes, send: () => sendOne(field, round + index, { ...spec, index }, bytes) };
  };
  const all = await Promise.all([1, 2, 3, 4].map(one));
  const kept: { answer: Answer; bytes: Uint8Array }[] = [];
  for (const { bytes, send } of all.slice(0, ahead)) {
    const answer = await send();
    answers(answer, 201);
    kept.push({ answer, bytes });
  }
  const racing = all.slice(ahead).map(async ({ bytes, send }) => ({ bytes, answer: await send() }));
  // At once, or when one or two of those that race are answered: so that either side wins often enough.
  for (let i = 0; i < Math.min(round % 3, racing.length - 1); i += 1) await Promise.race(racing.slice(i));
  const ending = end(doorOf(field, round + 1));
  for (const { answer, bytes } of await Promise.all(racing)) {
    assert.ok(allowed.includes(told(answer)), told(answer));
    if (answer.status === 201) kept.push({ answer, bytes });
  }
  return { ended: told(await ending), kept };
}

const at = (incidentId: string, rest: string) => `/v1/incidents/${incidentId}${rest}`;

/** The races by name. Each resolves when its round was decided rightly, with a word for how. */
export const RACES: Readonly<Record<string, (field: Field, round: number) => Promise<string>>> = {
  async 'closing the incident'(field, round) {
    const spec = await freshPlace(field, round);
    const close = (doors: Doors) => post(doors, at(spec.incidentId, '/close'), field.as);
    const { ended, kept } = await againstAnEnd(field, round, spec, 0, close, ['201', '409 incident_closed']);
    assert.equal(ended, '200');
    await holds(field, spec, kept);
    return `${kept.length} kept`;
  },

  async 'failing the stream'(field, round) {
    const spec = await freshPlace(field, round);
    const fail = (doors: Doors) =>
      post(doors, at(spec.incidentId, `/streams/${spec.streamId}/fail`), field.as);
    const { ended, kept } = await againstAnEnd(field, round, spec, 0, fail, ['201', '409 stream_not_open']);
    assert.equal(ended, '200');
    await holds(field, spec, kept);
    return `${kept.length} kept`;
  },

  async 'completing the stream'(field, round) {
    const spec = await freshPlace(field, round);
    const count = 1 + (round % 3);
    const complete = (doors: Doors) =>
      post(doors, at(spec.incidentId, `/streams/${spec.streamId}/complete`), field.as, {
        expected_chunk_count: count,
      });
    const { ended, kept } = await againstAnEnd(field, round, spec, count, complete, [
      '201',
      '409 stream_not_open',
    ]);
    await holds(field, spec, kept);
    if (ended === '200') {
      assert.equal(kept.length, count, 'complete with more than was counted');
    } else {
      assert.equal(ended, '409 stream_chunks_incomplete');
      assert.ok(kept.length > count);
    }
    return ended;
  },

  async 'deleting the incident'(field, round) {
    const spec = await freshPlace(field, round);
    const remove = (doors: Doors) =>
      post(doors, at(spec.incidentId, '/deletion'), field.as, { allow_open: true });
    const allowed = ['201', '409 incident_deleting', '404 incident_not_found'];
    const { ended, kept } = await againstAnEnd(field, round, spec, round % 3, remove, allowed);
    assert.equal(ended, '202');
    const { deletion } = (await ask(doorOf(field, 0), at(spec.incidentId, '/deletion'), { as: field.as }))
      .body;
    // The decision knows the bytes of every chunk that was acknowledged: none can outlive it.
    assert.equal(deletion.item_count, kept.length);
    return `${kept.length} kept`;
  },

  async 'the same bytes under one key'(field, round) {
    const spec = await freshPlace(field, round);
    const bytes = await sealedChunk(spec);
    const all = await Promise.all(
      [0, 1, 2, 3].map((i) => sendOne(field, round + i, spec, bytes, `key-${spec.streamId}`)),
    );
    assert.deepEqual(all.map(told).sort(), ['200', '200', '200', '201']);
    assert.equal(new Set(all.map(({ text }) => text)).size, 1, 'one chunk, byte for byte');
    await holds(field, spec, [{ answer: all[0] ?? assert.fail(), bytes }]);
    return 'one';
  },

  async 'the same bytes under other keys'(field, round) {
    const spec = await freshPlace(field, round);
    const bytes = await sealedChunk(spec);
    const keys: (string | undefined)[] = ['a', 'b', 'c', 'd'].map((name) => `${name}-${spec.streamId}`);
    keys[round % 4] = undefined;
    const all = await Promise.all(keys.map((key, i) => sendOne(field, round + i, spec, bytes, key)));
    const bare = told(all[round % 4] ?? assert.fail());
    // Without a key nothing tells a retry from another upload.
    assert.ok(bare === '201' || bare === '409 duplicate_chunk', bare);
    assert.equal(all.filter(({ status }) => status === 201).length, 1);
    const others = all.filter(({ status }) => status < 300);
    assert.equal(new Set(others.map(({ text }) => text)).size, 1);
    assert.equal(others.length, bare === '201' ? 4 : 3);
    await holds(field, spec, [{ answer: others[0] ?? assert.fail(), bytes }]);
    return bare;
  },

  async 'other bytes for the same index'(field, round) {
    const spec = await freshPlace(field, round);
    const bodies = await Promise.all([0, 1, 2, 3].map(() => sealedChunk(spec)));
    const key = round % 2 === 0 ? `key-${spec.streamId}` : undefined;
    const all = await Promise.all(bodies.map((bytes, i) => sendOne(field, round + i, spec, bytes, key)));
    const lost = key === undefined ? '409 duplicate_chunk' : '409 idempotency_conflict';
    assert.deepEqual(all.map(told).sort(), ['201', lost, lost, lost]);
    const won = all.findIndex(({ status }) => status === 201);
    await holds(field, spec, [{ answer: all[won] ?? assert.fail(), bytes: bodies[won] ?? assert.fail() }]);
    return `${won}`;
  },
};

/**
 * The quota: five chunks of one size where three have room. The account holds nothing else.
 * @param quota what `field`'s servers allow an account
 */
export async function raceForQuota(field: Field, round: number, quota: number): Promise<void> {
  const spec = await freshPlace(field, round);
  const indexes = [1, 2, 3, 4, 5];
  const media = new Uint8Array(Math.floor(quota / 3) - 1000);
  const sent = await Promise.all(indexes.map((index) => sealedChunk({ ...spec, index, media })));
  const all = await Promise.all(
    sent.map((bytes, i) => sendOne(field, round + i, { ...spec, index: i + 1 }, bytes)),
  );
  const full = '507 account_storage_quota_exceeded';
  assert.deepEqual(all.map(told).sort(), ['201', '201', '201', full, full]);
  const kept = all.flatMap((answer, i) =>
    answer.status === 201 ? [{ answer, bytes: sent[i] ?? assert.fail() }] : [],
  );
  await holds(field, spec, kept);
}
