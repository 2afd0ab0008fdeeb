/** Sizes, over which nothing is taken. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytes, type Door, holder, post, refused } from '../../support/door.ts';
import { inPieces } from './creating.ts';

const MIB = 1024 * 1024;

/** `total` bytes in pieces of `piece`, each the reader's own, and how many of them were asked for. */
function counting(total: number, piece = 64 * 1024) {
  const block = bytes(piece);
  const source = {
    pulled: 0,
    *pieces() {
      for (let at = 0; at < total; at += piece) {
        source.pulled += Math.min(piece, total - at);
        yield block.slice(0, Math.min(piece, total - at));
      }
    },
  };
  return source;
}

export function limits(open: () => Door): void {
  describe('a create over the limit', () => {
    it('of 3 MiB is refused by its Content-Length, before the body comes', async () => {
      const answer = await post(open(), { announced: 3 * MIB + 1 });
      refused(answer, 413, 'paste_too_large');
      assert.match(answer.text, /3145728/);
    });

    it('of 50 MiB is refused by its Content-Length, before the body comes', async () => {
      refused(await post(open(), { announced: 50 * MIB + 1 }, holder('much')), 413, 'paste_too_large');
      refused(
        await post(open(), { announced: Number.MAX_SAFE_INTEGER }, holder('much')),
        413,
        'paste_too_large',
      );
    });

    it('by one byte is refused with Content-Length, the whole body sent', async () => {
      refused(await post(open(), bytes(3 * MIB + 1)), 413, 'paste_too_large');
    });

    it('by one byte is refused without Content-Length', async () => {
      refused(await post(open(), { pieces: inPieces(bytes(3 * MIB + 1)) }), 413, 'paste_too_large');
    });

    it('without Content-Length stops soon after the limit', async () => {
      const source = counting(1024 * MIB);
      refused(await post(open(), { pieces: source.pieces() }), 413, 'paste_too_large');
      // What the system's socket buffers took besides is not ours to count.
      assert.ok(source.pulled < 80 * MIB, `${source.pulled} bytes were taken`);
    });

    it('of 50 MiB is refused without Content-Length', async () => {
      const source = counting(50 * MIB + 1);
      refused(await post(open(), { pieces: source.pieces() }, holder('much')), 413, 'paste_too_large');
    });
  });
}
