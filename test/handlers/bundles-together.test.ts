/** Bundles of many small chunks, which are read together: the same bytes, in a bounded number of requests. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { nodeCrc32 } from '../../runtime/digest.ts';
import { tendLog } from '../../src/core/log.ts';
import { parseSignerKey, signerKey } from '../../src/crypto/signed-note.ts';
import type { Db } from '../../src/store/db.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { answers, post, type Session } from '../support/ask.ts';
import { newIncident, newStream, ownerIn } from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import { writeAlike } from '../support/many-chunks.ts';
import { download, entriesOf, streamBundlePath } from '../support/recordings.ts';

const CHUNKS = 1000;
const SIZE = 3000;

describe('a bundle of a thousand small chunks', () => {
  let db: Db;
  let house: House;
  let as: Session;
  let path: string;
  let reads = 0;
  const bytes = new Uint8Array(randomBytes(SIZE));

  before(async () => {
    db = await openEmbedded({ path: ':memory:' });
    const signer = await parseSignerKey(await signerKey('sallyport-test', new Uint8Array(32).fill(5)));
    house = await openHouse({
      ...(signer !== undefined && { ports: { signer } }),
      data: {
        ...db,
        batch(statements, mode) {
          if (mode === 'read') reads += 1;
          return db.batch(statements, mode);
        },
        close: () => db.close(),
      },
    });
    ({ as } = await ownerIn(house));
    const incidentId = await newIncident(house, as);
    const streamId = await newStream(house, as, incidentId);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const content = { size: SIZE, sha256, crc32: nodeCrc32(bytes, 0) };
    const segments = [{ idx: 0, bytes: bytes.slice() }];
    await writeAlike(db, {
      incidentId,
      streamId,
      count: CHUNKS,
      content,
      segments,
      createdAt: house.clock.now(),
    });
    const complete = `/v1/incidents/${incidentId}/streams/${streamId}/complete`;
    answers(await post(house, complete, as, { expected_chunk_count: CHUNKS }), 200);
    await tendLog(house.deps);
    path = streamBundlePath({ incidentId, streamId });
  });
  after(async () => {
    await house?.close();
    await db?.close();
  });

  it('is whole, and takes far fewer requests to the database than it has chunks', async (t) => {
    reads = 0;
    const { status, bytes: archive } = await download(house, path, as);
    assert.equal(status, 200);
    const entries = entriesOf(archive);
    const chunks = [...entries].filter(([name]) => name.endsWith('.enc'));
    assert.equal(chunks.length, CHUNKS);
    for (const [, chunk] of chunks) assert.ok(Buffer.from(chunk).equals(bytes));
    t.diagnostic(`${reads} requests to the database`);
    assert.ok(reads < CHUNKS / 10, `${reads} requests`);
  });

  it('gives any range of it as it does the whole', async () => {
    const { bytes: archive } = await download(house, path, as);
    for (const [start, end] of [
      [0, 1],
      [5000, 5001],
      [5000, 9000],
      [700_000, 1_900_000],
      [archive.length - 9, archive.length],
    ] as const) {
      const part = await download(house, path, as, { range: `bytes=${start}-${end - 1}` });
      assert.equal(part.status, 206);
      assert.ok(Buffer.from(part.bytes).equals(archive.slice(start, end)), `${start} to ${end}`);
    }
  });

  for (const [what, harm] of [
    [
      'another',
      'UPDATE segments SET bytes = zeroblob(3000) WHERE blob = (SELECT blob FROM chunks WHERE chunk_index = 777)',
    ],
    [
      'shorter',
      "UPDATE segments SET bytes = x'00' WHERE blob = (SELECT blob FROM chunks WHERE chunk_index = 777)",
    ],
  ] as const) {
    it(`breaks off where one of them is ${what}`, async () => {
      const harmed = await db.batch(
        [
          {
            sql: 'SELECT blob, bytes FROM segments WHERE blob = (SELECT blob FROM chunks WHERE chunk_index = 777)',
          },
        ],
        'read',
      );
      const [blob = null] = harmed[0]?.rows[0] ?? [];
      await db.batch([{ sql: harm }], 'write');
      try {
        const answer = await house.main(
          new Request(`http://door.test${path}`, { headers: { authorization: `Bearer ${as.token}` } }),
        );
        assert.equal(answer.status, 200);
        await assert.rejects(answer.arrayBuffer());
      } finally {
        await db.batch(
          [
            {
              sql: 'INSERT OR REPLACE INTO segments (blob, idx, bytes) VALUES (?, 0, ?)',
              args: [blob, bytes.slice()],
            },
          ],
          'write',
        );
      }
    });
  }
});
