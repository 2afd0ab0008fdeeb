/** What the rows count by themselves: bytes of an account, chunks of a kind, and where they go with the owner. */
import assert from 'node:assert/strict';
import { accountId, NOW } from './account-room.ts';
import {
  addAccount,
  addChunk,
  begin,
  blobOf,
  type IncidentIt,
  type IncidentsUnderTest,
  incidentId,
  open,
  rows,
} from './incident-room.ts';

/** Bytes by account. */
async function usage(subject: IncidentsUnderTest): Promise<Readonly<Record<number, number>>> {
  const found = await rows(subject, 'SELECT account_id, bytes FROM account_usage');
  return Object.fromEntries(found.map(([id, bytes]) => [Number(String(id).slice(5)), Number(bytes)]));
}

/** Gives incident `n` to another account, or to none. */
const give = ({ db }: IncidentsUnderTest, n: number, to: number | undefined) =>
  db.batch(
    [
      {
        sql: 'UPDATE incidents SET owner_account_id = ? WHERE id = ?',
        args: [to === undefined ? null : accountId(to), incidentId(n)],
      },
    ],
    'write',
  );

/** Two incidents of account 1, of 10 + 20 and of 40 bytes. */
async function record(subject: IncidentsUnderTest): Promise<void> {
  for (const n of [1, 2]) {
    await begin(subject, n);
    await open(subject, n, n);
  }
  await addChunk(subject, 1, { incident: 1, stream: 1, index: 1 }, 10);
  await addChunk(subject, 2, { incident: 1, index: 1 }, 20);
  await addChunk(subject, 3, { incident: 2, stream: 2, index: 1 }, 40);
}

export function counting(it: IncidentIt): void {
  it('counts the bytes of all incidents of an account, and the chunks of each kind', async (subject) => {
    await record(subject);
    assert.deepEqual(await usage(subject), { 1: 70 });
    assert.deepEqual(await rows(subject, 'SELECT * FROM incident_media ORDER BY incident_id'), [
      [incidentId(1), 'audio', 2],
      [incidentId(2), 'audio', 1],
    ]);
  });

  it('takes the bytes of a removed chunk off, and leaves them to be erased', async (subject) => {
    await record(subject);
    await subject.db.batch([{ sql: 'DELETE FROM chunks WHERE id = ?', args: [blobOf(1)] }], 'write');
    assert.deepEqual(await usage(subject), { 1: 60 });
    assert.deepEqual(await rows(subject, 'SELECT chunk_count FROM incident_media ORDER BY incident_id'), [
      [1],
      [1],
    ]);
    assert.deepEqual(await rows(subject, 'SELECT chunk_count, total_bytes FROM streams ORDER BY id'), [
      [0, 0],
      [1, 40],
    ]);
    assert.deepEqual(await rows(subject, 'SELECT blob, state FROM loose_blobs'), [[blobOf(1), 'erasing']]);
  });

  it('moves the bytes of an incident with its owner', async (subject) => {
    await record(subject);
    await give(subject, 1, 2);
    assert.deepEqual(await usage(subject), { 1: 40, 2: 30 });
    await give(subject, 2, 2);
    assert.deepEqual(await usage(subject), { 1: 0, 2: 70 });
    await addChunk(subject, 4, { incident: 1, stream: 1, index: 2 }, 5);
    await give(subject, 1, undefined);
    assert.deepEqual(await usage(subject), { 1: 0, 2: 40 });
    // What nobody owns is counted for nobody until somebody does.
    await addChunk(subject, 5, { incident: 1, stream: 1, index: 3 }, 100);
    await subject.db.batch([{ sql: 'DELETE FROM chunks WHERE id = ?', args: [blobOf(1)] }], 'write');
    assert.deepEqual(await usage(subject), { 1: 0, 2: 40 });
    await give(subject, 1, 1);
    assert.deepEqual(await usage(subject), { 1: 125, 2: 40 });
    await give(subject, 1, 1);
    assert.deepEqual(await usage(subject), { 1: 125, 2: 40 });
  });

  it('counts nothing for an owner of an empty incident', async (subject) => {
    await begin(subject, 1);
    await give(subject, 1, 2);
    assert.deepEqual(await usage(subject), {});
  });

  it('keeps the incidents of an account that is gone, owned by nobody', async (subject) => {
    await addAccount(subject, 3);
    await begin(subject, 1, { ownerAccountId: accountId(3) });
    await addChunk(subject, 1, { incident: 1, index: 1 }, 10);
    assert.deepEqual(await usage(subject), { 3: 10 });
    await subject.db.batch([{ sql: 'DELETE FROM accounts WHERE id = ?', args: [accountId(3)] }], 'write');
    assert.deepEqual(await usage(subject), {});
    assert.deepEqual(await rows(subject, 'SELECT owner_account_id, created_at FROM incidents'), [
      [null, NOW],
    ]);
  });
}
