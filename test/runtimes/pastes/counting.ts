/**
 * Requests are counted before anything else is looked at. On a door with small limits that trusts no proxy and
 * lets only holders of a certificate create. The tests of each class use it up, in their order.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  bytes,
  type Call,
  created,
  type Door,
  from,
  holder,
  info,
  post,
  put,
  refused,
  remove,
  retryAfter,
  token,
} from '../../support/door.ts';

/** What the door under test must be set to. */
export const COUNTED = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'true',
  SAFE_MAIN_API_RATE_LIMIT_PASTE_CREATE: '7',
  SAFE_MAIN_API_RATE_LIMIT_PASTE_READ: '12',
  SAFE_MAIN_API_RATE_LIMIT_PASTE_MANAGE: '3',
  SAFE_MAIN_API_RATE_LIMIT_PASTE_CHALLENGE: '2',
  SAFE_PASTE_CREATE: 'identified',
  SAFE_PASTE_POW_DIFFICULTY: '8',
};

export function counting(open: () => Door): void {
  const limited = (answer: Parameters<typeof refused>[0]) => {
    const seconds = retryAfter(refused(answer, 429, 'rate_limited'));
    assert.ok(seconds <= 60);
  };

  describe('where only holders of a certificate may create', () => {
    // Six creates, of seven.
    it('others are refused before they work or send anything', async () => {
      refused(await post(open(), { announced: 1000 }), 401, 'client_certificate_required');
      refused(await post(open(), ''), 401, 'client_certificate_required');
    });

    it('and before anything else of theirs is looked at', async () => {
      const headers = { 'content-type': 'multipart/form-data', 'idempotency-key': 'short', 'x-expiry': 'x' };
      refused(await post(open(), 'x', headers), 401, 'client_certificate_required');
      const wrong = { 'x-proxy-secret': 'wrong', 'x-ssl-client-sha256': 'a'.repeat(64) };
      refused(await post(open(), 'x', wrong), 401, 'client_certificate_required');
    });

    it('holders need not do the work that others would have to', async () => {
      const paste = await created(open(), bytes(10), holder('counted'));
      assert.equal((await remove(open(), paste.id, holder('counted'))).status, 200);
      const { json } = await open().send({ path: '/' });
      assert.equal(json.create, 'identified');
    });
  });

  describe('requests beyond the limit of their class', () => {
    it('are refused: challenges, whatever a client writes of addresses', async () => {
      for (let i = 0; i < 2; i += 1) {
        assert.equal(
          (await open().send({ path: '/challenge', headers: from(`198.51.100.${i}`) })).status,
          200,
        );
      }
      const spoofs = {
        ...from('203.0.113.200'),
        forwarded: 'for=203.0.113.201',
        'x-real-ip': '203.0.113.202',
      };
      limited(await open().send({ path: '/challenge', headers: spoofs }));
      limited(await open().send({ path: '/challenge', headers: holder('counted') }));
      const head = await open().send({ method: 'HEAD', path: '/challenge' });
      assert.equal(head.status, 429);
      retryAfter(head);
    });

    it('are refused: creates, before the identity and the body', async () => {
      const paste = await created(open(), bytes(10), holder('counted'));
      refused(await post(open(), 'x'), 401, 'client_certificate_required');
      const calls: Pick<Call, 'headers' | 'body'>[] = [
        { body: { announced: 1000 } },
        { body: 'x', headers: holder('counted') },
        { body: 'x', headers: { 'content-type': 'multipart/form-data' } },
        { body: { announced: 100 * 1024 * 1024 } },
      ];
      for (const call of calls) limited(await open().send({ method: 'POST', path: '/', ...call }));
      // Other classes have counts of their own. One managing call was spent above.
      assert.equal((await info(open(), paste.id)).status, 200);
      refused(await put(open(), paste.id, 'x'), 403, 'not_owner');
      refused(await remove(open(), paste.id), 403, 'not_owner');
      limited(await remove(open(), paste.id, token(paste)));
      limited(await put(open(), paste.id, { announced: 1000 }, token(paste)));
      assert.equal((await info(open(), paste.id)).status, 200);
    });

    it('are refused: reads, of what is there and what is not, HEAD as well', async () => {
      // Three were spent above.
      const id = '0'.repeat(26);
      const calls: [Call, number][] = [
        [{ path: '/' }, 200],
        [{ method: 'HEAD', path: '/' }, 200],
        [{ path: `/${id}` }, 404],
        [{ path: `/${id}/raw` }, 404],
        [{ method: 'HEAD', path: `/${id}/raw` }, 404],
        [{ path: '/not-an-id' }, 404],
        [{ path: `/${id}/unknown` }, 404],
        [{ method: 'OPTIONS', path: '/' }, 404],
        [{ path: '/' }, 200],
      ];
      for (const [call, status] of calls) {
        assert.equal((await open().send(call)).status, status, JSON.stringify(call));
      }
      for (const [call] of calls) {
        const answer = await open().send(call);
        if (call.method === 'HEAD') assert.equal(answer.status, 429);
        else limited(answer);
      }
    });
  });
}
