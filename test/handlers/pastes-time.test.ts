import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sha256Hex } from '../runtimes/pastes/options.ts';
import { DIFFICULTY, work } from '../runtimes/pastes/working.ts';
import {
  type Answer,
  bytes,
  type Created,
  created,
  type Door,
  info,
  post,
  put,
  raw,
  refused,
  remove,
  retryAfter,
  same,
  somebody,
  token,
  words,
} from '../support/door.ts';
import { atDoor } from '../support/handler-door.ts';
import type { TestClock } from '../support/house.ts';
import { rowsOf } from '../support/rows.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MIB = 1024 * 1024;
const PROXIED = { SAFE_TRUSTED_PROXIES: '127.0.0.1/32' };

describe('a paste', () => {
  it('is there until the moment it expires, and from then on gone in every way', async () => {
    await atDoor({}, async (door, { clock }) => {
      const paste = await created(door, words());
      clock.advance(5 * DAY - 1);
      assert.equal((await raw(door, paste.id)).status, 200);
      clock.advance(1);
      refused(await raw(door, paste.id), 404, 'paste_not_found');
      refused(await info(door, paste.id), 404, 'paste_not_found');
      refused(await put(door, paste.id, 'x', token(paste)), 404, 'paste_not_found');
      refused(await remove(door, paste.id, token(paste)), 404, 'paste_not_found');
    });
  });

  it('lives as long as the operator says when nobody asked, and never longer than that allows', async () => {
    const env = { SAFE_PASTE_DEFAULT_EXPIRY: '1h', SAFE_PASTE_MAX_EXPIRY: '2h' };
    await atDoor({ env }, async (door, { clock }) => {
      const short = await created(door, words());
      const long = await created(door, words(), { 'x-expiry': String(30 * DAY) });
      clock.advance(HOUR);
      refused(await raw(door, short.id), 404, 'paste_not_found');
      assert.equal((await raw(door, long.id)).status, 200);
      clock.advance(HOUR);
      refused(await raw(door, long.id), 404, 'paste_not_found');
    });
  });

  it('gets the time that a replacement asks for, counted from then, and keeps its own otherwise', async () => {
    await atDoor({}, async (door, { clock }) => {
      const paste = await created(door, words(), { 'x-expiry': '100' });
      clock.advance(50 * SECOND);
      assert.equal((await put(door, paste.id, 'x', token(paste))).json.expires_at, paste.expires_at);
      await put(door, paste.id, 'y', { ...token(paste), 'x-expiry': '100' });
      clock.advance(100 * SECOND - 1);
      assert.equal((await raw(door, paste.id)).status, 200);
      clock.advance(1);
      refused(await raw(door, paste.id), 404, 'paste_not_found');
    });
  });

  it('that expired while it was replaced stays gone', async () => {
    await atDoor({}, async (door, { clock }) => {
      const paste = await created(door, words(), { 'x-expiry': '10' });
      const pieces = (async function* () {
        yield bytes(10);
        clock.advance(10 * SECOND);
        yield bytes(10);
      })();
      refused(await put(door, paste.id, { pieces }, token(paste)), 404, 'paste_not_found');
    });
  });

  it('that expired is the same 404 as one that burned, was deleted or never was, swept or not', async () => {
    await atDoor({}, async (door, house) => {
      const expired = await created(door, words(), { 'x-expiry': '1', 'x-paste-password': 'kept' });
      const expiredBurn = await created(door, bytes(MIB + 1), { 'x-expiry': '1', 'x-burn-after-read': '1' });
      const burned = await created(door, words(), { 'x-burn-after-read': '1' });
      await raw(door, burned.id);
      const deleted = await created(door, words());
      await remove(door, deleted.id, token(deleted));
      house.clock.advance(SECOND);
      const ids = [expired, expiredBurn, burned, deleted].map(({ id }) => id).concat('0'.repeat(26));
      for (const swept of [false, true]) {
        if (swept) assert.equal((await house.sweep()).pastesRemoved, 2);
        for (const [method, tail] of [
          ['GET', ''],
          ['GET', '/raw'],
          ['HEAD', '/raw'],
          ['PUT', ''],
          ['DELETE', ''],
        ] as const) {
          const seen = new Set<string>();
          for (const id of ids) {
            const headers = { 'x-request-id': 'r', 'x-paste-password': 'kept', 'x-delete-token': 'x' };
            const answer = await door.send({ method, path: `/${id}${tail}`, headers });
            assert.equal(answer.status, 404);
            seen.add(JSON.stringify([[...answer.headers], answer.text]));
          }
          assert.equal(seen.size, 1, `${method} ${tail}`);
        }
      }
    });
  });
});

describe('the sweep', () => {
  it('removes what expired, with its bytes, and nothing else', async () => {
    await atDoor({}, async (door, house) => {
      const kept = [bytes(2 * MIB + 1), bytes(10)];
      const lasting = [await created(door, kept[0] ?? ''), await created(door, kept[1] ?? '')];
      await created(door, bytes(2 * MIB), { 'x-expiry': '60' });
      await created(door, bytes(5), { 'x-expiry': '60' });
      await created(door, bytes(MIB + 1), { 'x-expiry': '60', 'x-burn-after-read': '1' });
      house.clock.advance(MINUTE);
      const swept = await house.sweep();
      assert.equal(swept.pastesRemoved, 3);
      assert.equal(swept.bytesFreed, 3 * MIB + 6);
      const rows = await rowsOf(house);
      assert.deepEqual([rows.pastes, rows.segments, rows.loose_blobs], [2, 3, undefined]);
      for (const [i, { id }] of lasting.entries()) same((await raw(door, id)).bytes, kept[i] ?? '');
      assert.equal((await house.sweep()).pastesRemoved, 0);
    });
  });

  it('goes on until all is done, however much there is', async () => {
    await atDoor({}, async (door, house) => {
      for (let i = 0; i < 1010; i += 1) await created(door, `paste ${i}`, { 'x-expiry': '1' });
      house.clock.advance(SECOND);
      assert.equal((await house.sweep()).pastesRemoved, 1010);
      assert.equal((await rowsOf(house)).pastes, undefined);
    });
  });

  it('gives the quota back', async () => {
    await atDoor({ env: { SAFE_PASTE_STORAGE_QUOTA: '100' } }, async (door, house) => {
      await created(door, bytes(100), { 'x-expiry': '1' });
      refused(await post(door, bytes(1)), 507, 'storage_quota_exceeded');
      house.clock.advance(SECOND);
      await house.sweep();
      await created(door, bytes(100));
    });
  });

  it('forgets keys, work and contents when their time is over', async () => {
    const env = { SAFE_PASTE_POW_DIFFICULTY: String(DIFFICULTY) };
    await atDoor({ env }, async (door, house) => {
      const headers = { ...(await work(door)), 'idempotency-key': 'k'.repeat(16), 'x-expiry': '1' };
      await created(door, words(), headers);
      assert.deepEqual(await rowsOf(house), {
        pastes: 1,
        spent_work: 1,
        paste_replays: 1,
        recent_contents: 1,
      });
      house.clock.advance(DAY);
      await house.sweep();
      assert.deepEqual(await rowsOf(house), {});
    });
  });

  it('erases what the one reader of a large burn paste left for an hour', async () => {
    await atDoor({}, async (door, house) => {
      const { id } = await created(door, bytes(3 * MIB), { 'x-burn-after-read': '1' });
      const response = await house.main(new Request(`http://main.test/${id}/raw`));
      assert.equal(response.status, 200);
      house.clock.advance(HOUR - 1);
      await house.sweep();
      assert.equal((await rowsOf(house)).segments, 3);
      house.clock.advance(1);
      await house.sweep();
      assert.deepEqual(await rowsOf(house), {});
      await assert.rejects(response.arrayBuffer());
    });
  });
});

describe('proof of work', () => {
  const env = { SAFE_PASTE_POW_DIFFICULTY: String(DIFFICULTY) };

  it('is good for five minutes', async () => {
    await atDoor({ env }, async (door, { clock }) => {
      const [soon, late] = [await work(door), await work(door)];
      clock.advance(5 * MINUTE - 1);
      await created(door, words(), soon);
      clock.advance(1);
      refused(await post(door, words(), late), 400, 'pow_invalid');
    });
  });

  it('says when it ends', async () => {
    await atDoor({ env }, async (door, { clock }) => {
      const { json } = await door.send({ path: '/challenge' });
      assert.equal(json.expires_at, new Date(clock.now() + 5 * MINUTE).toISOString());
    });
  });

  it('that has expired still gets the first answer of its create again, and nothing new', async () => {
    await atDoor({ env }, async (door, house) => {
      const text = words();
      const done = await work(door);
      const headers = { ...done, 'idempotency-key': 'a key for one create'.replaceAll(' ', '-') };
      const first = await post(door, text, headers);
      house.clock.advance(HOUR);
      await house.sweep();
      const again = await post(door, text, headers);
      assert.deepEqual([first.status, again.status], [201, 200]);
      assert.equal(again.text, first.text);
      refused(await post(door, words(), headers), 409, 'idempotency_conflict');
      refused(await post(door, text, done), 400, 'pow_invalid');
      const fresh = { ...done, 'idempotency-key': 'another-key-of-mine' };
      refused(await post(door, text, fresh), 400, 'pow_invalid');
    });
  });

  it('that was spent stays spent when the sweep has been there', async () => {
    await atDoor({ env }, async (door, house) => {
      const done = await work(door);
      await created(door, words(), done);
      house.clock.advance(5 * MINUTE - 1);
      await house.sweep();
      refused(await post(door, words(), done), 400, 'pow_invalid');
    });
  });
});

describe('an Idempotency-Key', () => {
  const key = { 'idempotency-key': 'remembered-for-a-day' };

  it('is remembered for 24 hours, and is free again after them', async () => {
    await atDoor({}, async (door, { clock }) => {
      const text = words();
      const first = await post(door, text, key);
      clock.advance(DAY - 1);
      const again = await post(door, text, key);
      assert.equal(again.status, 200);
      assert.equal(again.text, first.text);
      refused(await post(door, words(), key), 409, 'idempotency_conflict');
      clock.advance(1);
      const fresh = await post(door, words(), key);
      assert.equal(fresh.status, 201);
      assert.notEqual(fresh.json.id, first.json.id);
    });
  });

  it('knows other bytes also where equal contents are not counted', async () => {
    await atDoor({ env: { SAFE_PASTE_DEDUP_MAX: '0' } }, async (door) => {
      const text = words();
      const first = await post(door, text, key);
      assert.equal((await post(door, text, key)).text, first.text);
      refused(await post(door, words(), key), 409, 'idempotency_conflict');
    });
  });

  it('still answers for a paste that has expired', async () => {
    await atDoor({}, async (door, house) => {
      const headers = { ...key, 'x-expiry': '1' };
      const first = await post(door, 'short', headers);
      house.clock.advance(HOUR);
      await house.sweep();
      const again = await post(door, 'short', headers);
      assert.equal(again.status, 200);
      assert.equal(again.text, first.text);
    });
  });
});

describe('the same bytes', () => {
  it('may come again when the window has passed, as Retry-After says', async () => {
    await atDoor({}, async (door, house) => {
      const text = words();
      for (let i = 0; i < 3; i += 1) {
        await created(door, text);
        house.clock.advance(10 * MINUTE);
      }
      const refusal = refused(await post(door, text), 429, 'duplicate_content');
      assert.equal(retryAfter(refusal), 30 * 60);
      house.clock.advance(30 * MINUTE - 1);
      await house.sweep();
      assert.equal(retryAfter(refused(await post(door, text), 429, 'duplicate_content')), 1);
      house.clock.advance(1);
      await created(door, text);
      assert.equal(retryAfter(refused(await post(door, text), 429, 'duplicate_content')), 10 * 60);
    });
  });

  it('are counted as the operator says', async () => {
    const env = { SAFE_PASTE_DEDUP_MAX: '1', SAFE_PASTE_DEDUP_WINDOW: '10m' };
    await atDoor({ env }, async (door, { clock }) => {
      const text = words();
      await created(door, text);
      assert.equal(retryAfter(refused(await post(door, text), 429, 'duplicate_content')), 600);
      clock.advance(10 * MINUTE);
      await created(door, text);
    });
  });
});

describe('wrong passwords', () => {
  const proof = 'the proof of a test';
  const show = (secret: string) => ({ 'x-paste-password': secret });
  const protectedPaste = (door: Door) =>
    created(door, words(), { 'x-paste-access-hash': sha256Hex(proof), 'x-expiry': '2592000' });
  const guess = async (door: Door, paste: Created, times: number, who: Record<string, string>) => {
    for (let i = 0; i < times; i += 1) {
      refused(await raw(door, paste.id, { ...who, ...show(`wrong ${i}`) }), 403, 'password_invalid');
    }
  };
  const locked = (answer: Answer) => retryAfter(refused(answer, 429, 'password_locked'));

  it('lock a peer out for 15 minutes, over and over', async () => {
    await atDoor({ env: PROXIED }, async (door, { clock }) => {
      const paste = await protectedPaste(door);
      const me = somebody();
      for (let round = 0; round < 3; round += 1) {
        await guess(door, paste, 10, me);
        assert.equal(locked(await raw(door, paste.id, { ...me, ...show(proof) })), 900);
        clock.advance(15 * MINUTE - 1);
        assert.equal(locked(await raw(door, paste.id, { ...me, ...show(proof) })), 1);
        clock.advance(1);
      }
      assert.equal((await raw(door, paste.id, { ...me, ...show(proof) })).status, 200);
    });
  });

  it('lock everybody out for 15 minutes when a hundred came in a day', async () => {
    await atDoor({ env: PROXIED }, async (door, { clock }) => {
      const paste = await protectedPaste(door);
      for (let i = 0; i < 20; i += 1) {
        await guess(door, paste, 5, somebody());
        if (i < 19) clock.advance(HOUR);
      }
      assert.equal(locked(await raw(door, paste.id, { ...somebody(), ...show(proof) })), 900);
      clock.advance(15 * MINUTE);
      assert.equal((await raw(door, paste.id, { ...somebody(), ...show(proof) })).status, 200);
      await guess(door, paste, 1, somebody());
    });
  });

  it('are forgotten after a day', async () => {
    await atDoor({ env: PROXIED }, async (door, { clock }) => {
      const paste = await protectedPaste(door);
      for (let i = 0; i < 11; i += 1) await guess(door, paste, 9, somebody());
      const me = somebody();
      clock.advance(DAY);
      await guess(door, paste, 2, me);
      assert.equal((await raw(door, paste.id, { ...me, ...show(proof) })).status, 200);
    });
  });
});

describe('a body that stalls', () => {
  const some = () => [bytes(MIB), bytes(MIB), bytes(MIB / 2)];

  /** Sends the pieces and then nothing; `reached` resolves when the service waits for more. */
  function stalling() {
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    const body = (async function* () {
      yield* some();
      resolve();
      await new Promise(() => {});
    })();
    return { body: { pieces: body }, reached };
  }

  const stall = async (clock: TestClock, reached: Promise<void>) => {
    await reached;
    clock.advance(30 * SECOND - 1);
    assert.equal(clock.waiting, 1);
    clock.advance(1);
  };

  it('is given up after 30 seconds, and nothing of it stays', async () => {
    await atDoor({}, async (door, house) => {
      const { body, reached } = stalling();
      const answer = post(door, body, { 'idempotency-key': 'k'.repeat(16) });
      await stall(house.clock, reached);
      refused(await answer, 408, 'request_timeout');
      assert.deepEqual(await rowsOf(house), {});
      assert.equal(house.clock.waiting, 0);
    });
  });

  it('replaces nothing', async () => {
    await atDoor({}, async (door, house) => {
      const text = words();
      const paste = await created(door, text);
      const { body, reached } = stalling();
      const answer = put(door, paste.id, body, token(paste));
      await stall(house.clock, reached);
      refused(await answer, 408, 'request_timeout');
      same((await raw(door, paste.id)).bytes, text);
      assert.equal((await rowsOf(house)).segments, undefined);
    });
  });

  it('as a JSON document is given up, too', async () => {
    await atDoor({}, async (door, house) => {
      const { body, reached } = stalling();
      const answer = post(door, body, { 'content-type': 'application/json' });
      await stall(house.clock, reached);
      refused(await answer, 408, 'request_timeout');
    });
  });

  it('is not one that is merely slow', async () => {
    await atDoor({}, async (door, { clock }) => {
      const pieces = some();
      const slow = (async function* () {
        for (const piece of pieces) {
          clock.advance(30 * SECOND - 1);
          // A copy: who receives a body may take over its memory.
          yield piece.slice();
        }
      })();
      const paste = await created(door, { pieces: slow });
      same((await raw(door, paste.id)).bytes, Buffer.concat(pieces));
      assert.equal(clock.waiting, 0);
    });
  });
});
