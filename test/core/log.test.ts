/** The log on a real database: what is committed is a leaf, and what is a leaf can be proven. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { auditEntry } from '../../src/core/audit.ts';
import { newId } from '../../src/core/ids.ts';
import { consistencyProof, hashLeaves, inclusionProof, receiptFor, tendLog } from '../../src/core/log.ts';
import { auditLeaf, chunkLeaf } from '../../src/core/log-leaf.ts';
import { utf8 } from '../../src/crypto/hash.ts';
import { isConsistent, isIncluded, leafHash, nodeHash } from '../../src/crypto/merkle.ts';
import { openNote, readCheckpoint, signerOf } from '../../src/crypto/signed-note.ts';
import { DbError } from '../../src/store/db.ts';
import { type House, inHouse } from '../support/house.ts';

const signer = await signerOf('vault.example/log', new Uint8Array(32).fill(3));

/** Writes audit entries, in every shape. */
async function record(house: House, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const entry = auditEntry(
      house.deps,
      at % 2 === 0
        ? { listener: 'local', actorKind: 'operator' }
        : { listener: 'main', actorKind: 'account', actorAccountId: 'acct_A', routeClass: 'auth' },
      'login',
      at % 3 === 0 ? 'ok' : 'denied',
      at % 5 === 0 ? { subjectAccountId: 'acct_B', subjectId: 'ses_C', incidentId: 'inc_D' } : {},
    );
    await house.deps.store.audit.append(entry);
    house.clock.advance(1);
  }
}

const H = 'a1'.repeat(32);

/** A stream with `count` committed chunks. @returns its id */
async function chunksOf(house: House, count: number): Promise<string> {
  const [inc, str] = [newId('inc', house.deps), newId('str', house.deps)];
  const row = (sql: string, ...args: (string | number)[]) => ({ sql, args });
  await house.db.batch(
    [
      row(
        `INSERT INTO incidents (id, status, deletion_state, created_at, updated_at)
          VALUES (?, 'open', 'active', 1, 1)`,
        inc,
      ),
      row(
        `INSERT INTO streams (id, incident_id, media_type, status, created_at, updated_at)
          VALUES (?, ?, 'audio', 'open', 1, 1)`,
        ...[str, inc],
      ),
      ...Array.from({ length: count }, (_, at) =>
        row(
          `INSERT INTO chunks (id, incident_id, stream_id, chunk_index, media_type, started_at, ended_at,
              byte_size, sha256, crc32, fingerprint, blob, created_at)
            VALUES (?, ?, ?, ?, 'audio', '2026-01-01T00:00:00Z', '2026-01-01T00:00:10.5Z', 77, ?, 1, ?, ?, ?)`,
          ...[newId('chk', house.deps), inc, str, at + 1, H, H, `blob_${str}_${at}`, house.clock.now()],
        ),
      ),
    ],
    'write',
  );
  return str;
}

/** The root of the tree over all leaves, folded up pair by pair: another way than the log's own. */
async function recomputed(house: House, size: number): Promise<Uint8Array> {
  const leaves = await house.deps.store.log.leaves(0, size);
  let row: Uint8Array[] = leaves.map(({ text }) => leafHash(utf8(text)));
  while (row.length > 1) {
    const next: Uint8Array[] = [];
    for (let at = 0; at < row.length; at += 2) {
      const [left, right] = [row[at], row[at + 1]];
      if (left !== undefined) next.push(right === undefined ? left : nodeHash(left, right));
    }
    row = next;
  }
  return row[0] ?? new Uint8Array();
}

describe('the log', () => {
  it('has a leaf for every audit entry, in the order in which they were committed', () =>
    inHouse({}, async (house) => {
      await record(house, 23);
      const { log, audit } = house.deps.store;
      const entries = (await audit.list(undefined, 100)).toReversed();
      const leaves = await log.leaves(0, 100);
      assert.deepEqual(
        leaves.map(({ text }) => text),
        entries.map(auditLeaf),
      );
      assert.deepEqual(
        leaves.map(({ index }) => index),
        entries.map((_, at) => at),
      );
    }));

  it('has a leaf for every committed chunk, which its receipt repeats', () =>
    inHouse({}, async (house) => {
      const str = await chunksOf(house, 1);
      const [chunk] = await house.deps.store.chunks.page(str, 0, 10);
      assert.ok(chunk);
      const [leaf] = await house.deps.store.log.leavesOfStream(str, -1, 10);
      assert.equal(leaf?.text, chunkLeaf(chunk));
      const receipt = await receiptFor({ signer }, chunk);
      const said = await openNote(receipt ?? '', signer);
      assert.equal(said?.replace('sallyport-receipt/1', 'sallyport-leaf/1'), leaf?.text);
      assert.equal(await receiptFor({}, chunk), undefined);
      await assert.rejects(
        house.db.batch([{ sql: `UPDATE chunks SET sha256 = '${'b2'.repeat(32)}'` }], 'write'),
        DbError,
      );
    }));

  it('proves each leaf and each earlier state under signed checkpoints', () =>
    inHouse({ ports: { signer } }, async (house) => {
      const { log } = house.deps.store;
      const checkpoints = [];
      for (const count of [1, 2, 5, 30, 1100]) {
        await record(house, count);
        const checkpoint = await tendLog(house.deps);
        assert.ok(checkpoint);
        const text = readCheckpoint((await openNote(checkpoint.note, signer)) ?? '');
        assert.equal(text?.size, checkpoint.size);
        assert.deepEqual(checkpoint.rootHash, await recomputed(house, checkpoint.size));
        checkpoints.push(checkpoint);
      }
      const [newest] = checkpoints.toReversed();
      assert.ok(newest);
      assert.equal(newest.size, 1138);
      for (const index of [0, 1, 7, 8, 37, 511, 512, 1023, 1024, 1137]) {
        const [leaf] = await log.leaves(index, 1);
        const proof = await inclusionProof(log, index, newest.size);
        assert.ok(isIncluded(leafHash(utf8(leaf?.text ?? '')), index, newest.size, proof, newest.rootHash));
      }
      for (const older of checkpoints) {
        const proof = await consistencyProof(log, older.size, newest.size);
        assert.ok(isConsistent(older.size, newest.size, proof, older.rootHash, newest.rootHash));
      }
      assert.deepEqual(await log.ofSize(3), checkpoints[1]);
      const sizes = (await log.list(undefined, 3)).map(({ size }) => size);
      assert.deepEqual(sizes, [1138, 38, 8]);
    }));

  it('covers streams with the earliest checkpoint that has all their chunks, and names those of each', () =>
    inHouse({ ports: { signer } }, async (house) => {
      const { log } = house.deps.store;
      const first = await chunksOf(house, 2);
      const early = await tendLog(house.deps);
      const second = await chunksOf(house, 3);
      await tendLog(house.deps);
      await record(house, 1);
      await tendLog(house.deps);
      const third = await chunksOf(house, 3);
      const uncovered = await log.covering([first, third]);
      assert.equal(uncovered, undefined);
      const late = await tendLog(house.deps);
      await record(house, 1);
      await tendLog(house.deps);

      assert.ok(early && late);
      assert.deepEqual(await log.covering([first]), { checkpoint: early, smaller: [] });
      assert.deepEqual(await log.covering([third, first, first]), { checkpoint: late, smaller: [2] });
      assert.deepEqual(await log.covering([second, third, first]), { checkpoint: late, smaller: [2, 5] });
      assert.equal(await log.covering([first, 'str_without_chunks']), undefined);
      assert.equal(await log.covering([]), undefined);
    }));

  it('makes no checkpoint where nothing is new, and none without a key', () =>
    inHouse({ ports: { signer } }, async (house) => {
      assert.equal(await tendLog(house.deps), undefined);
      await record(house, 4);
      const first = await tendLog(house.deps);
      house.clock.advance(1000);
      assert.deepEqual(await tendLog(house.deps), first);
      await record(house, 1);
      const { signer: _, ...keyless } = house.deps;
      assert.equal(await tendLog(keyless), undefined);
      assert.equal((await house.deps.store.log.list(undefined, 10)).length, 1);
      assert.deepEqual(await house.deps.store.log.size(), { leaves: 5, hashed: 5 });
    }));

  it('comes out the same when two tend it at once while others write', () =>
    inHouse({ data: 'file', ports: { signer } }, async (house) => {
      const work = [record(house, 150), record(house, 150)];
      const tending = Array.from({ length: 6 }, async () => {
        for (let round = 0; round < 8; round += 1) await tendLog(house.deps);
      });
      await Promise.all([...work, ...tending]);
      const last = await tendLog(house.deps);
      assert.equal(last?.size, 300);
      assert.deepEqual(last?.rootHash, await recomputed(house, 300));
      for (const { size, rootHash } of await house.deps.store.log.list(undefined, 100)) {
        assert.deepEqual(rootHash, await recomputed(house, size));
      }
    }));

  it('stops early when it is told to, and goes on from there', () =>
    inHouse({}, async (house) => {
      await record(house, 1100);
      let steps = 0;
      const { log } = house.deps.store;
      assert.equal(
        await hashLeaves(log, () => {
          steps += 1;
          return steps > 1;
        }),
        512,
      );
      assert.equal(await hashLeaves(log), 1100);
    }));

  it('lets nobody change or remove a leaf through the database', () =>
    inHouse({}, async (house) => {
      await record(house, 2);
      for (const sql of [`UPDATE log_leaves SET text = 'sallyport-leaf/1'`, 'DELETE FROM log_leaves']) {
        await assert.rejects(house.db.batch([{ sql }], 'write'), /append-only/);
      }
    }));
});
