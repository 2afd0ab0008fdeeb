/** Bundles of rows that change while they are read. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chunkPages } from '../../src/core/bundle-entries.ts';
import { bundleName, incidentBundle, streamBundle } from '../../src/core/bundles.ts';
import type { Deps } from '../../src/core/deps.ts';
import { Fault, type FaultKind } from '../../src/core/faults.ts';
import type { ChunkStore } from '../../src/store/chunks.ts';
import { DbError } from '../../src/store/db.ts';
import type { Stream } from '../../src/store/incidents.ts';
import { inEvidence, newIncident, setDeletionState } from '../support/evidence.ts';
import { recording } from '../support/recordings.ts';

const isFault = (kind: FaultKind) => (thrown: unknown) => thrown instanceof Fault && thrown.kind === kind;

/** The same ports, with something done to the chunks' verbs. */
const withChunks = (deps: Deps, change: (chunks: ChunkStore) => Partial<ChunkStore>): Deps => ({
  ...deps,
  store: { ...deps.store, chunks: { ...deps.store.chunks, ...change(deps.store.chunks) } },
});

describe('rows that change while a bundle is made', () => {
  it('an incident that is deleted in that moment is said to be', () =>
    inEvidence({}, async (house, as) => {
      const { incidentId, streamId } = await recording(house, as, await newIncident(house, as));
      const deps = withChunks(house.deps, () => ({
        async bytesPresent() {
          await setDeletionState(house, incidentId, 'deletion_pending');
          return false;
        },
      }));
      await assert.rejects(streamBundle(deps, incidentId, streamId), isFault('incident_deleting'));
      await setDeletionState(house, incidentId, 'active');
      await assert.rejects(incidentBundle(deps, incidentId), isFault('incident_deleting'));
    }));

  it('what failed once is tried again', () =>
    inEvidence({}, async (house, as) => {
      const { incidentId, streamId } = await recording(house, as, await newIncident(house, as));
      let busy = true;
      const deps = withChunks(house.deps, (chunks) => ({
        async page(...args) {
          if (busy) throw new DbError('busy', 'busy for a moment');
          return chunks.page(...args);
        },
      }));
      for (const make of [
        () => streamBundle(deps, incidentId, streamId),
        () => incidentBundle(deps, incidentId),
      ]) {
        busy = true;
        await assert.rejects(make(), DbError);
        busy = false;
        assert.ok((await make()).length > 0);
      }
    }));

  it('rows that are fewer, others or not in order are noticed page by page', () =>
    inEvidence({}, async (house, as) => {
      const { incidentId, streamId } = await recording(house, as, await newIncident(house, as));
      const stream = await house.deps.store.bundles.stream(incidentId, streamId);
      assert.ok(typeof stream !== 'string');
      const rows = await house.deps.store.chunks.page(streamId, 0, 10);
      const read = async (kept: typeof rows, of: Stream = stream) => {
        const deps = withChunks(house.deps, () => ({
          page: async (_id, after, limit) => kept.slice(after, after + Math.min(limit, 2)),
        }));
        let count = 0;
        for await (const page of chunkPages(deps, of)) count += page.length;
        return count;
      };
      const [one, two, three] = rows as [(typeof rows)[0], (typeof rows)[0], (typeof rows)[0]];
      assert.equal(await read(rows), 3);
      const missing = isFault('stream_chunk_file_missing');
      await assert.rejects(read([one, three]), missing);
      await assert.rejects(read([one, two]), missing);
      await assert.rejects(read([two, one, three]), missing);
      await assert.rejects(read([one, two, { ...three, byteSize: three.byteSize - 1 }]), missing);
      await assert.rejects(read(rows, { ...stream, expectedChunkCount: 4 }), missing);
      await assert.rejects(
        read([...rows, { ...three, chunkIndex: 4 }], { ...stream, chunkCount: 4 }),
        missing,
      );
    }));
});

describe('the name of a bundle', () => {
  it('is one that every file system takes', () => {
    for (const [given, safe] of [
      ['incident_inc_01_evidence.zip', 'incident_inc_01_evidence.zip'],
      ['a b/c\\d"e\r\nf.zip', 'a_b_c_d_e__f.zip'],
      ['\u00fc.zip', '_.zip'],
      ['', 'evidence.zip'],
      ['.', 'evidence.zip'],
      ['..', 'evidence.zip'],
    ] as const)
      assert.equal(bundleName(given), safe);
  });
});
