/**
 * Uploads in pieces as one suite for every way to reach the main door: what a runtime could get wrong is PATCH, bodies
 * without a length, headers, and statuses that HTTP does not know; both protocols are tested with the handlers.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Session } from '../support/ask.ts';
import type { BothDoors, BothDoorsTarget } from '../support/both-doors.ts';
import { anotherOwner, firstAdmin } from '../support/evidence.ts';
import { download } from '../support/recordings.ts';
import {
  begin,
  bodyOf,
  expectOutcome,
  type Pending,
  patch,
  pendingChunk,
  TUS,
  tusBegin,
  tusPatch,
} from '../support/uploading.ts';

const MIB = 1024 * 1024;
const SETTINGS = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false', SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false' };

export function uploadSuite(target: BothDoorsTarget): void {
  describe(`uploads in pieces by ${target.name}`, { timeout: 600_000 }, () => {
    let doors: BothDoors;
    let as: Session;
    before(async () => {
      doors = await target.open(SETTINGS);
      as = await anotherOwner(doors, await firstAdmin(doors));
    });
    after(() => doors?.close());

    const isThere = async ({ path, bytes }: Pending) => {
      const chunk = await download(doors, path, as);
      assert.equal(chunk.status, 200);
      assert.ok(Buffer.from(chunk.bytes).equals(bytes));
    };

    it('come by the draft, piece by piece, from where the server says that it stands', async () => {
      const pending = await pendingChunk(doors, as, { size: 3 * MIB });
      const { bytes, send } = pending;
      const location = await begin(pending, {}, bytes.subarray(0, MIB + 7));
      for (const [from, to] of [
        [MIB + 7, 2 * MIB],
        [2 * MIB, bytes.length],
      ] as const) {
        const head = expectOutcome(await send('HEAD', location), '204');
        assert.equal(head.headers.get('upload-offset'), String(from));
        const complete = to === bytes.length ? '?1' : '?0';
        const piece = bytes.subarray(from, to);
        const sent = await patch(pending, location, from, complete, bodyOf([piece]));
        assert.ok(sent.status < 300, sent.text);
      }
      await isThere(pending);
    });

    it('come by tus, and a piece with another checksum than was said is not kept', async () => {
      const pending = await pendingChunk(doors, as, { size: 2 * MIB });
      const { bytes, send } = pending;
      const location = await tusBegin(pending);
      const [one, two] = [bytes.subarray(0, MIB), bytes.subarray(MIB)];
      expectOutcome(await tusPatch(pending, location, 0, one), '204');
      const sum = (of: Uint8Array) => ({
        'upload-checksum': `sha1 ${createHash('sha1').update(of).digest('base64')}`,
      });
      expectOutcome(await tusPatch(pending, location, MIB, two, sum(one)), '460 upload_checksum_mismatch');
      const head = expectOutcome(await send('HEAD', location, { headers: TUS }), '204');
      assert.equal(head.headers.get('upload-offset'), String(MIB));
      expectOutcome(await tusPatch(pending, location, MIB, two, sum(two)), '204');
      await isThere(pending);
    });

    it('are refused where they do not go on', async () => {
      const pending = await pendingChunk(doors, as);
      const location = await begin(pending);
      expectOutcome(
        await patch(pending, location, 1, '?1', pending.bytes.subarray(1)),
        '409 upload_offset_mismatch',
      );
      expectOutcome(await pending.send('DELETE', location), '204');
      expectOutcome(await pending.send('HEAD', location), '404');
    });
  });
}
