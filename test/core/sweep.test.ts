/** What time ends among uploads: the memory of them and their bytes, in one sweep. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sweep } from '../../src/core/sweep.ts';
import { accountId } from '../contract/account-room.ts';
import { recording, uploadId, uploadOf } from '../contract/chunk-room.ts';
import { bytesOf, HOUR } from '../contract/room.ts';
import { type House, inHouse } from '../support/house.ts';

/** Begins upload `n` with ten bytes, to live for `lifetime` milliseconds. */
async function begin({ deps }: House, n: number, lifetime: number): Promise<void> {
  const upload = uploadOf(n, { createdAt: deps.now(), expiresAt: deps.now() + lifetime });
  assert.ok(await deps.store.uploads.create(upload, null, 64));
  assert.equal(await deps.blobs.extend(upload.blob, 0, bytesOf(10), deps.now() + 99 * HOUR), 'extended');
}

/** How many uploads, staged names and segments there are. */
async function left({ db }: House): Promise<readonly unknown[]> {
  const sql = `SELECT (SELECT count(*) FROM uploads), (SELECT count(*) FROM loose_blobs),
    (SELECT count(*) FROM segments)`;
  return (await db.batch([{ sql }], 'read'))[0]?.rows[0] ?? [];
}

it('one sweep forgets expired uploads and erases their bytes, and leaves the others alone', () =>
  inHouse({}, async (house) => {
    await recording(house.deps);
    for (const n of [1, 2, 3]) await begin(house, n, n === 3 ? 2 * HOUR : HOUR);
    await house.sweep();
    assert.deepEqual(await left(house), [3, 3, 3]);
    house.clock.advance(HOUR);
    assert.equal((await house.sweep()).blobsErased, 2);
    assert.deepEqual(await left(house), [1, 1, 1]);
    const kept = await house.deps.store.uploads.find(uploadId(3), accountId(1), house.clock.now());
    assert.equal(kept?.offset, 10);
  }));

it('a sweep goes on until every expired upload is gone', () =>
  inHouse({}, async (house) => {
    await recording(house.deps);
    const sql = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
      INSERT INTO uploads (id, account_id, incident_id, stream_id, chunk_index, media_type, started_at, ended_at,
        sha256, protocol, blob, created_at, expires_at)
      SELECT 'uop_' || i, ?, ?, ?, i, 'video', '', '', ?, 'tus', 'uop_blob_' || i, 0, 1 FROM n`;
    const { accountId: account, incidentId, streamId, sha256 } = uploadOf(1);
    await house.db.batch([{ sql, args: [account, incidentId, streamId, sha256] }], 'write');
    await house.sweep();
    assert.deepEqual(await left(house), [0, 0, 0]);
  }));

it('a sweep of very many pastes pauses between its commits, and ends early where it is told to meanwhile', () =>
  inHouse({}, async (house) => {
    const expired = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1600)
      INSERT INTO pastes (ref, size, mime_type, sealed, burn, delete_token_hash, created_at, expires_at, revision, body)
      SELECT printf('%032d', i), 1, 'text/plain', 0, 0, printf('%064d', i), 0, 1, 1, x'00' FROM n`;
    const lie = () => house.db.batch([{ sql: expired }], 'write');
    await lie();
    let pauses = 0;
    const pause = async () => {
      pauses += 1;
    };
    assert.equal((await sweep(house.deps, undefined, pause)).pastesRemoved, 1600);
    const between = pauses;
    assert.ok(between > 1);

    await lie();
    pauses = 0;
    const { pastesRemoved } = await sweep(house.deps, () => pauses === 1, pause);
    assert.ok(pastesRemoved > 0 && pastesRemoved < 1600);
    assert.equal((await sweep(house.deps)).pastesRemoved, 1600 - pastesRemoved);
  }));
