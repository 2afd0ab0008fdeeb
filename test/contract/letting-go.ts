/** Deletions carried out, verb by verb: who holds one, what goes when, and what is left at the end. */
import assert from 'node:assert/strict';
import type { DoomedChunk, HeldDeletion } from '../../src/store/letting-go.ts';
import { accountId, audit, HOUR, MINUTE, NOW } from './account-room.ts';
import {
  about,
  addChunk,
  begin,
  blobOf,
  both,
  checkinOf,
  deletionId,
  deletionOf,
  type IncidentIt,
  type IncidentStores,
  type IncidentsUnderTest,
  incidentId,
  open,
  outcomes,
  owned,
  remove,
  rows,
  tokenOf,
} from './incident-room.ts';

const leaseOf = (n: number): string => String(n).padStart(32, '0');
const heldBy = (n: number, incident = n, lease = n): HeldDeletion => ({
  id: deletionId(n),
  incidentId: incidentId(incident),
  lease: leaseOf(lease),
});
/** The other worker's idea of the same deletion. */
const stale = (held: HeldDeletion): HeldDeletion => ({ ...held, lease: leaseOf(99) });
const gone = (...chunks: readonly number[]) => ({ gone: chunks.map(blobOf), failed: [], errorCode: 'none' });
const LONG_AGO = NOW - 15 * MINUTE;

/** Incident `n` with two chunks, decided to be deleted; with one of everything else, too. */
export async function doomed(subject: IncidentsUnderTest, n: number): Promise<void> {
  await begin(subject, n, { clientLabel: 'a label', notes: 'a note', incidentMode: 'emergency' });
  await open(subject, n, n);
  await addChunk(subject, 10 * n, { incident: n, stream: n, index: 1 });
  await addChunk(subject, 10 * n + 1, { incident: n, index: 1 });
  await subject.checkins.add(owned(n), checkinOf(n, n), 'ses_1', about('checkin_create', n));
  await subject.viewerTokens.create(owned(n), tokenOf(n, n), about('viewer_token_create', n));
  await subject.db.batch(sharing(n), 'write');
  const done = await remove(subject, n, n, { allowOpen: true, requestedAt: NOW + n });
  assert.ok(typeof done !== 'string');
}

/** A key of a contact, a grant to it and a key wrapped for it, as rows. */
function sharing(n: number) {
  const [account, incident, id] = [accountId(1), incidentId(n), String(n).padStart(26, '0')];
  const key = `'cpk_${id}'`;
  return [
    `INSERT INTO contact_keys (id, owner_account_id, contact_id, wrapping_algorithm, version, public_key,
      fingerprint, state, created_at, updated_at) VALUES (${key}, '${account}', 'ctc_${id}', 'age-v1', 1, 'age1x',
      '${'a'.repeat(64)}', 'active', 1, 1)`,
    `INSERT INTO sharing_grants (id, owner_account_id, incident_id, stream_id, contact_id, contact_key_id,
      contact_key_version, data_class, state, created_at, updated_at)
      SELECT 'sgr_${id}', '${account}', '${incident}', min(id), 'ctc_${id}', ${key}, 1, 'ciphertext', 'active', 1, 1
      FROM streams WHERE incident_id = '${incident}'`,
    `INSERT INTO wrapped_keys (id, owner_account_id, incident_id, stream_id, grant_id, contact_id, contact_key_id,
      contact_key_version, media_key_id, wrapping_algorithm, wrapping_algorithm_version, ciphertext, state,
      created_at, updated_at)
      SELECT 'wkey_${id}', '${account}', '${incident}', min(id), 'sgr_${id}', 'ctc_${id}', ${key}, 1, 'k', 'age-v1',
        '1', 'x', 'active', 1, 1 FROM streams WHERE incident_id = '${incident}'`,
  ].map((sql) => ({ sql }));
}

const OF_INCIDENT = [
  ...['chunks', 'streams', 'checkins', 'viewer_tokens', 'uploads', 'sharing_grants', 'wrapped_keys'],
  'incident_media',
];

/** How many rows of each kind belong to an incident; tables without any are left out. */
export async function belongings(subject: IncidentsUnderTest, n: number): Promise<Record<string, unknown>> {
  const left: Record<string, unknown> = {};
  for (const table of OF_INCIDENT) {
    const sql = `SELECT count(*) FROM ${table} WHERE incident_id = '${incidentId(n)}'`;
    const [[count] = []] = await rows(subject, sql);
    if (count !== 0) left[table] = count;
  }
  return left;
}

const entry = (n: number, action: 'incident_deleted' | 'deletion_failed', outcome = 'ok') =>
  audit(action, {
    actorKind: 'worker',
    listener: 'local',
    incidentId: incidentId(n),
    subjectId: deletionId(n),
    outcome,
  });

/** Everything up to the end, as the worker does it. */
async function carryOut(stores: IncidentStores, held: HeldDeletion, n: number): Promise<string> {
  const { deletionWork } = stores;
  let last: DoomedChunk | undefined;
  for (;;) {
    const page = await deletionWork.note(held, last?.id, 1, NOW);
    if (page === 'lost') return page;
    if (page.length === 0) break;
    const blobs = page.map(({ blob }) => blob);
    await deletionWork.settle(held, { gone: blobs, failed: [], errorCode: 'none' }, NOW);
    last = page.at(-1);
  }
  while ((await deletionWork.clear(held, 1, NOW)) === 'more');
  return deletionWork.complete(held, NOW + HOUR, entry(n, 'incident_deleted'));
}

export function lettingGo(it: IncidentIt): void {
  it('lists what can be carried out, oldest first, page by page', async (subject) => {
    const { deletionWork } = subject;
    for (const n of [3, 1, 2]) await doomed(subject, n);
    const listed = await deletionWork.runnable(LONG_AGO, undefined, 2);
    assert.deepEqual(listed, [
      { id: deletionId(1), incidentId: incidentId(1), requestedAt: NOW + 1 },
      { id: deletionId(2), incidentId: incidentId(2), requestedAt: NOW + 2 },
    ]);
    const rest = await deletionWork.runnable(LONG_AGO, listed[1], 2);
    assert.deepEqual(
      rest.map(({ id }) => id),
      [deletionId(3)],
    );
    assert.ok(await deletionWork.claim(heldBy(2), LONG_AGO, NOW));
    const ids = async (silentSince: number) =>
      (await deletionWork.runnable(silentSince, undefined, 9)).map(({ id }) => id);
    assert.deepEqual(await ids(NOW - 1), [deletionId(1), deletionId(3)]);
    assert.deepEqual(await ids(NOW), [1, 2, 3].map(deletionId), 'one that was not touched since');
    await deletionWork.release(heldBy(2));
    assert.deepEqual(await ids(NOW - 1), [1, 2, 3].map(deletionId), 'one that was given back');
    await deletionWork.claim(heldBy(2), LONG_AGO, NOW);
    await deletionWork.fail(heldBy(2), 'blob_delete_failed', NOW, entry(2, 'deletion_failed'));
    assert.deepEqual(await ids(LONG_AGO), [1, 2, 3].map(deletionId), 'one that failed');
  });

  it('gives a deletion to one worker, and to the next once it is silent', async (subject) => {
    const { deletionWork, deletion, incidents } = subject;
    await doomed(subject, 1);
    assert.ok(await deletionWork.claim(heldBy(1), LONG_AGO, NOW + 10));
    const state = async () => {
      const decision = await deletion.find(incidentId(1), accountId(1));
      assert.ok(typeof decision !== 'string');
      return [decision.state, decision.startedAt, decision.updatedAt];
    };
    assert.deepEqual(await state(), ['deleting', NOW + 10, NOW + 10]);
    assert.equal((await incidents.find(owned(1)))?.deletionState, 'deleting');
    assert.equal(await deletionWork.claim(heldBy(1, 1, 2), NOW + 9, NOW + 11), false);
    assert.deepEqual(await deletionWork.note(heldBy(1), undefined, 9, NOW + 20), [
      { id: blobOf(10), blob: blobOf(10), size: 10 },
      { id: blobOf(11), blob: blobOf(11), size: 10 },
    ]);
    assert.equal(
      await deletionWork.claim(heldBy(1, 1, 2), NOW + 19, NOW + 21),
      false,
      'it showed that it lives',
    );
    assert.ok(await deletionWork.claim(heldBy(1, 1, 2), NOW + 20, NOW + 21));
    assert.deepEqual(await state(), ['deleting', NOW + 10, NOW + 21]);
    assert.equal(await deletionWork.claim(heldBy(9), NOW, NOW), false, 'one that is not there');
  });

  it('does nothing at the word of whoever lost it', async (subject) => {
    const { deletionWork, deletion } = subject;
    await doomed(subject, 1);
    const held = heldBy(1);
    assert.ok(await deletionWork.claim(held, LONG_AGO, NOW));
    await deletionWork.note(held, undefined, 9, NOW);
    const before = await rows(subject, 'SELECT * FROM deletion_items ORDER BY id');
    const decision = await deletion.find(incidentId(1), accountId(1));
    const belong = await belongings(subject, 1);
    const other = stale(held);
    const later = NOW + MINUTE;
    assert.equal(await deletionWork.note(other, undefined, 9, later), 'lost');
    const said = { gone: [blobOf(10)], failed: [blobOf(11)], errorCode: 'blob_delete_failed' };
    assert.equal(await deletionWork.settle(other, said, later), 'lost');
    assert.equal(await deletionWork.clear(other, 9, later), 'lost');
    assert.equal(await deletionWork.fail(other, 'x', later, entry(1, 'deletion_failed')), 'lost');
    assert.equal(await deletionWork.complete(other, later, entry(1, 'incident_deleted')), 'lost');
    await deletionWork.release(other);
    assert.deepEqual(await rows(subject, 'SELECT * FROM deletion_items ORDER BY id'), before);
    assert.deepEqual(await deletion.find(incidentId(1), accountId(1)), decision);
    assert.deepEqual(await belongings(subject, 1), belong);
    assert.deepEqual(await outcomes(subject, 'deletion_failed'), []);
    assert.deepEqual(await outcomes(subject, 'incident_deleted'), []);
  });

  it('notes the same items however often it begins anew', async (subject) => {
    const { deletionWork } = subject;
    await doomed(subject, 1);
    await doomed(subject, 2);
    await deletionWork.claim(heldBy(1), LONG_AGO, NOW);
    const items = () =>
      rows(subject, 'SELECT id, deletion_id, blob, state, attempts FROM deletion_items ORDER BY id');
    const item = (n: number) => [`dli_${blobOf(n).slice(4)}`, deletionId(1), blobOf(n), 'pending', 0];
    assert.deepEqual(await deletionWork.note(heldBy(1), undefined, 1, NOW), [
      { id: blobOf(10), blob: blobOf(10), size: 10 },
    ]);
    assert.deepEqual(await items(), [item(10)]);
    for (let again = 0; again < 2; again += 1) {
      await deletionWork.note(heldBy(1), undefined, 9, NOW);
      assert.deepEqual(await items(), [item(10), item(11)]);
    }
    assert.deepEqual(await deletionWork.note(heldBy(1), blobOf(11), 9, NOW), []);
  });

  it('lets a chunk go with the record that its bytes are gone, and keeps one whose bytes are not', async (subject) => {
    const { deletionWork, incidentListing } = subject;
    await doomed(subject, 1);
    await doomed(subject, 2);
    await deletionWork.claim(heldBy(1), LONG_AGO, NOW);
    await deletionWork.note(heldBy(1), undefined, 9, NOW);
    // A blob of another incident is not this deletion's to settle.
    const said = { gone: [blobOf(10), blobOf(20)], failed: [blobOf(11)], errorCode: 'blob_delete_failed' };
    assert.equal(await deletionWork.settle(heldBy(1), said, NOW + 1), 'settled');
    assert.deepEqual(
      await rows(
        subject,
        'SELECT blob, state, attempts, error_code, updated_at FROM deletion_items ORDER BY id',
      ),
      [
        [blobOf(10), 'deleted', 1, null, NOW + 1],
        [blobOf(11), 'failed', 1, 'blob_delete_failed', NOW + 1],
      ],
    );
    assert.deepEqual(await rows(subject, 'SELECT id FROM chunks ORDER BY id'), [
      [blobOf(11)],
      [blobOf(20)],
      [blobOf(21)],
    ]);
    assert.deepEqual(await rows(subject, 'SELECT blob FROM loose_blobs'), [], 'nothing is left to erase');
    const { chunksLeft, itemsFailed } = (await incidentListing.deletion(incidentId(1))) ?? {};
    assert.deepEqual([chunksLeft, itemsFailed], [1, 1]);
    await deletionWork.settle(heldBy(1), gone(11), NOW + 2);
    assert.deepEqual(
      await rows(subject, 'SELECT state, attempts, error_code FROM deletion_items WHERE attempts = 2'),
      [['deleted', 2, null]],
    );
  });

  it('leaves bytes to be erased that it was told are gone and are not', async (subject) => {
    const { deletionWork, db } = subject;
    await doomed(subject, 1);
    const sql = 'INSERT INTO segments (blob, idx, bytes) VALUES (?, 0, ?)';
    await db.batch([{ sql, args: [blobOf(10), new Uint8Array(9)] }], 'write');
    await deletionWork.claim(heldBy(1), LONG_AGO, NOW);
    await deletionWork.note(heldBy(1), undefined, 9, NOW);
    await deletionWork.settle(heldBy(1), gone(10, 11), NOW);
    assert.deepEqual(await rows(subject, 'SELECT blob, state, erase_at FROM loose_blobs'), [
      [blobOf(10), 'erasing', 0],
    ]);
    await db.batch([{ sql: 'DELETE FROM segments' }], 'write');
  });

  it('ends with a tombstone, the decision and its rows in the audit, and touches no other incident', async (subject) => {
    const { deletion, deletionWork, incidents } = subject;
    for (const n of [1, 2]) await doomed(subject, n);
    await deletionWork.claim(heldBy(1), LONG_AGO, NOW + 5);
    assert.equal(await carryOut(subject, heldBy(1), 1), 'deleted');
    assert.deepEqual(await belongings(subject, 1), {});
    assert.deepEqual(await rows(subject, 'SELECT count(*) FROM deletion_items'), [[0]]);
    assert.deepEqual(await rows(subject, `SELECT * FROM incidents WHERE id = '${incidentId(1)}'`), [
      [incidentId(1), accountId(1), 'closed', 'deleted', ...Array(6).fill(null), NOW, NOW + HOUR],
    ]);
    assert.equal(await incidents.find(owned(1)), undefined);
    assert.deepEqual(await deletion.find(incidentId(1), accountId(1)), {
      ...deletionOf(1, 1, { allowOpen: true, requestedAt: NOW + 1 }),
      state: 'deleted',
      itemCount: 2,
      updatedAt: NOW + HOUR,
      startedAt: NOW + 5,
      completedAt: NOW + HOUR,
    });
    const written = (await subject.audited()).filter(({ action }) => action === 'incident_deleted');
    assert.deepEqual(
      written.map(({ actorKind, incidentId: of, subjectId }) => [actorKind, of, subjectId]),
      [['worker', incidentId(1), deletionId(1)]],
    );
    assert.deepEqual(await deletionWork.runnable(NOW + HOUR, undefined, 9), [
      { id: deletionId(2), incidentId: incidentId(2), requestedAt: NOW + 2 },
    ]);
    assert.equal(Object.keys(await belongings(subject, 2)).length, 7);
  });

  it('does not end while anything is left, whatever it is', async (subject) => {
    const { deletionWork, deletion } = subject;
    const complete = () => deletionWork.complete(heldBy(1), NOW, entry(1, 'incident_deleted'));
    await doomed(subject, 1);
    await deletionWork.claim(heldBy(1), LONG_AGO, NOW);
    assert.equal(await complete(), 'unfinished', 'with chunks that nobody has noted');
    await deletionWork.note(heldBy(1), undefined, 9, NOW);
    assert.equal(await complete(), 'unfinished', 'with items that wait');
    const said = { gone: [blobOf(10)], failed: [blobOf(11)], errorCode: 'blob_delete_failed' };
    await deletionWork.settle(heldBy(1), said, NOW);
    for (let n = 0; n < 9; n += 1) await deletionWork.clear(heldBy(1), 9, NOW);
    assert.deepEqual(await rows(subject, 'SELECT state FROM deletion_items ORDER BY id'), [
      ['deleted'],
      ['failed'],
    ]);
    assert.equal(await complete(), 'unfinished', 'with one that failed');
    await deletionWork.settle(heldBy(1), gone(11), NOW);
    while ((await deletionWork.clear(heldBy(1), 9, NOW)) === 'more');
    const late = tokenOf(7, 1);
    const sql = 'INSERT INTO viewer_tokens (id, incident_id, token_hash, created_at) VALUES (?, ?, ?, ?)';
    await subject.db.batch([{ sql, args: [late.id, incidentId(1), late.tokenHash, NOW] }], 'write');
    assert.equal(await complete(), 'unfinished', 'with a row that should not be');
    const decision = await deletion.find(incidentId(1), undefined);
    assert.equal(typeof decision === 'string' ? decision : decision.state, 'deleting');
    assert.deepEqual(await outcomes(subject, 'incident_deleted'), []);
    assert.equal(await deletionWork.clear(heldBy(1), 9, NOW), 'more');
    assert.equal(await complete(), 'deleted');
  });

  it('says how often it failed and why, with one row in the audit for one reason', async (subject) => {
    const { deletionWork, deletion, incidents, incidentListing } = subject;
    await doomed(subject, 1);
    const fail = async (code: string, now: number) => {
      await deletionWork.claim(heldBy(1), LONG_AGO, now);
      return deletionWork.fail(heldBy(1), code, now, entry(1, 'deletion_failed', code));
    };
    for (let n = 1; n <= 3; n += 1) assert.equal(await fail('blob_delete_failed', NOW + n), 'failed');
    const decision = await deletion.find(incidentId(1), accountId(1));
    assert.ok(typeof decision !== 'string');
    assert.deepEqual(
      [decision.state, decision.errorCode, decision.startedAt, decision.updatedAt],
      ['deletion_failed', 'blob_delete_failed', NOW + 1, NOW + 3],
    );
    assert.equal((await incidents.find(owned(1)))?.deletionState, 'deletion_failed');
    assert.equal((await incidentListing.deletion(incidentId(1)))?.failures, 3);
    assert.deepEqual(await outcomes(subject, 'deletion_failed'), ['blob_delete_failed']);
    await fail('another', NOW + 4);
    assert.deepEqual(await outcomes(subject, 'deletion_failed'), ['blob_delete_failed', 'another']);
    await deletionWork.claim(heldBy(1), LONG_AGO, NOW + 5);
    assert.equal(await carryOut(subject, heldBy(1), 1), 'deleted');
    const ended = await deletion.find(incidentId(1), accountId(1));
    assert.ok(typeof ended !== 'string' && ended.errorCode === undefined);
  });

  it('is ended once when two workers carry everything out at once', async (subject) => {
    const numbers = [1, 2, 3, 4, 5, 6];
    for (const n of numbers) await doomed(subject, n);
    const [here, there] = both(subject);
    const work = async (stores: IncidentStores, lease: number, order: readonly number[]) => {
      let ended = 0;
      for (const n of order) {
        const held = heldBy(n, n, lease);
        if (!(await stores.deletionWork.claim(held, LONG_AGO, NOW))) continue;
        if ((await carryOut(stores, held, n)) === 'deleted') ended += 1;
      }
      return ended;
    };
    const ended = await Promise.all([work(here, 1, numbers), work(there, 2, numbers)]);
    assert.equal(ended[0] + ended[1], numbers.length);
    assert.deepEqual((await outcomes(subject, 'incident_deleted')).length, numbers.length);
    assert.deepEqual(await rows(subject, 'SELECT count(*) FROM chunks'), [[0]]);
  });

  it('is ended once when a second worker takes over from one that goes on all the same', async (subject) => {
    await doomed(subject, 1);
    const [here, there] = both(subject);
    await here.deletionWork.claim(heldBy(1, 1, 1), LONG_AGO, NOW);
    await here.deletionWork.note(heldBy(1, 1, 1), undefined, 9, NOW);
    assert.ok(await there.deletionWork.claim(heldBy(1, 1, 2), NOW, NOW + 1));
    const both_ = await Promise.all([
      carryOut(here, heldBy(1, 1, 1), 1),
      carryOut(there, heldBy(1, 1, 2), 1),
    ]);
    assert.deepEqual(both_, ['lost', 'deleted']);
    assert.deepEqual(await outcomes(subject, 'incident_deleted'), ['ok']);
  });
}
