/** The quota of all pastes together. On a door with room for 4 MiB, where the same bytes may be sent again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  bytes,
  created,
  type Door,
  info,
  post,
  put,
  raw,
  refused,
  remove,
  same,
  token,
} from '../../support/door.ts';

const MIB = 1024 * 1024;

/** What the door under test must be set to. */
export const SMALL_STORE = {
  SAFE_PASTE_STORAGE_QUOTA: String(4 * MIB),
  SAFE_PASTE_DEDUP_MAX: '0',
  SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: String(4 * MIB),
};

export function storing(open: () => Door): void {
  describe('a full store', () => {
    it('refuses what does not fit, large and small, and takes what does', async () => {
      const large = await created(open(), bytes(3 * MIB));
      refused(await post(open(), bytes(MIB + 1)), 507, 'storage_quota_exceeded');
      const rest = await created(open(), bytes(MIB));
      refused(await post(open(), 'x'), 507, 'storage_quota_exceeded');
      await remove(open(), rest.id, token(rest));
      const small = await created(open(), 'x');
      await remove(open(), small.id, token(small));
      await remove(open(), large.id, token(large));
    });

    it('refuses to let a paste grow into what is not there, and keeps the old bytes', async () => {
      const other = await created(open(), bytes(2 * MIB));
      const body = bytes(MIB);
      const paste = await created(open(), body);
      refused(await put(open(), paste.id, bytes(2 * MIB + 1), token(paste)), 507, 'storage_quota_exceeded');
      same((await raw(open(), paste.id)).bytes, body);
      assert.equal((await put(open(), paste.id, bytes(2 * MIB), token(paste))).status, 200);
      assert.equal((await put(open(), paste.id, 'x', token(paste))).status, 200);
      for (const { id, delete_token } of [other, paste]) {
        await remove(open(), id, { 'x-delete-token': delete_token });
      }
    });

    it('has room again when a paste has burned', async () => {
      for (let i = 0; i < 3; i += 1) {
        const body = bytes(3 * MIB);
        const paste = await created(open(), body, { 'x-burn-after-read': '1' });
        same((await raw(open(), paste.id)).bytes, body);
        refused(await info(open(), paste.id), 404, 'paste_not_found');
      }
    });
  });

  it('the same bytes may be stored as often as one likes where that is not counted', async () => {
    const body = bytes(10);
    for (let i = 0; i < 6; i += 1) {
      const paste = await created(open(), body);
      await remove(open(), paste.id, token(paste));
    }
  });
}
