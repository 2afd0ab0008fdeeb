import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { work } from '../runtimes/pastes/working.ts';
import {
  bytes,
  type CallBody,
  type CallHeaders,
  created,
  holder,
  PROXY_SECRET,
  post,
  put,
  raw,
  refused,
  remove,
  same,
  token,
  words,
} from '../support/door.ts';
import { atDoor, requestOf } from '../support/handler-door.ts';
import type { House } from '../support/house.ts';
import { rowsOf } from '../support/rows.ts';

const MIB = 1024 * 1024;
const PIECE = 64 * 1024;

/** A body that counts how much of it was taken. */
function counted(total: number) {
  const source = {
    pulled: 0,
    released: false,
    body: { pieces: [] as Iterable<Uint8Array> },
  };
  source.body.pieces = (function* () {
    try {
      for (let at = 0; at < total; at += PIECE) {
        const piece = bytes(Math.min(PIECE, total - at));
        source.pulled += piece.length;
        yield piece;
      }
    } finally {
      source.released = true;
    }
  })();
  return source;
}

/** A body whose sender goes away after `sent` bytes. */
function brokenAfter(sent: number): CallBody {
  return {
    pieces: (async function* () {
      for (let at = 0; at < sent; at += PIECE) yield bytes(Math.min(PIECE, sent - at));
      throw new DOMException('the client went away', 'AbortError');
    })(),
  };
}

describe('a body over the limit', () => {
  const limits: [string, number, CallHeaders][] = [
    ['3 MiB', 3 * MIB, {}],
    ['50 MiB', 50 * MIB, holder('somebody')],
  ];
  const env = { SAFE_PROXY_SECRET: PROXY_SECRET };

  for (const [name, limit, headers] of limits) {
    it(`of ${name} stops at the limit`, async () => {
      await atDoor({ env }, async (door, house) => {
        const source = counted(200 * MIB);
        refused(await post(door, source.body, headers), 413, 'paste_too_large');
        assert.ok(source.pulled > limit && source.pulled <= limit + PIECE, `${source.pulled}`);
        assert.ok(source.released);
        assert.deepEqual(await rowsOf(house), {});
      });
    });

    it(`of ${name} stops at the limit whatever shorter length it announces`, async () => {
      await atDoor({ env }, async (door, house) => {
        const source = counted(200 * MIB);
        const lying = { ...headers, 'content-length': '10' };
        refused(await post(door, source.body, lying), 413, 'paste_too_large');
        assert.ok(source.pulled <= limit + PIECE);
        assert.deepEqual(await rowsOf(house), {});
      });
    });

    it(`of ${name} is not begun when it announces itself`, async () => {
      await atDoor({ env }, async (door) => {
        const source = counted(200 * MIB);
        const honest = { ...headers, 'content-length': String(200 * MIB) };
        refused(await post(door, source.body, honest), 413, 'paste_too_large');
        assert.equal(source.pulled, 0);
      });
    });
  }

  it('as a JSON document stops at 4 MiB', async () => {
    await atDoor({}, async (door) => {
      const source = counted(200 * MIB);
      const headers = { 'content-type': 'application/json' };
      refused(await post(door, source.body, headers), 413, 'paste_too_large');
      assert.ok(source.pulled <= 4 * MIB + PIECE && source.released);
    });
  });

  it('stops at whatever limit the operator set', async () => {
    const small = { ...env, SAFE_PASTE_MAX_BYTES_ANONYMOUS: '10', SAFE_PASTE_MAX_BYTES_IDENTIFIED: '20' };
    await atDoor({ env: small }, async (door) => {
      await created(door, bytes(10));
      refused(await post(door, bytes(11)), 413, 'paste_too_large');
      const paste = await created(door, bytes(20), holder('somebody'));
      refused(await post(door, { pieces: [bytes(20), bytes(1)] }, holder('x')), 413, 'paste_too_large');
      refused(await put(door, paste.id, bytes(21), holder('somebody')), 413, 'paste_too_large');
      refused(await put(door, paste.id, bytes(11), token(paste)), 413, 'paste_too_large');
    });
  });
});

describe('a client that goes away', () => {
  for (const sent of [0, 10, MIB, MIB + 1, 3 * MIB - 1]) {
    it(`after ${sent} bytes leaves nothing behind`, async () => {
      await atDoor({}, async (door, house) => {
        const headers = { 'idempotency-key': 'k'.repeat(16) };
        refused(await post(door, brokenAfter(sent), headers), 400, 'request_aborted');
        assert.deepEqual(await rowsOf(house), {});
        assert.equal(house.clock.waiting, 0);
      });
    });

    it(`after ${sent} bytes of a replacement changes nothing`, async () => {
      await atDoor({}, async (door, house) => {
        const body = bytes(100);
        const paste = await created(door, body);
        refused(await put(door, paste.id, brokenAfter(sent), token(paste)), 400, 'request_aborted');
        same((await raw(door, paste.id)).bytes, body);
        assert.equal((await rowsOf(house)).segments, undefined);
      });
    });
  }

  it('in the middle of a JSON document stores nothing', async () => {
    await atDoor({}, async (door, house) => {
      const pieces = (async function* () {
        yield new TextEncoder().encode('{"content":"a"}');
        throw new Error('gone');
      })();
      const headers = { 'content-type': 'application/json' };
      refused(await post(door, { pieces }, headers), 400, 'request_aborted');
      assert.deepEqual(await rowsOf(house), {});
    });
  });

  it('while a large burn paste is sent leaves nothing of it', async () => {
    await atDoor({}, async (door, house) => {
      const { id } = await created(door, bytes(3 * MIB), { 'x-burn-after-read': '1' });
      const response = await house.main(requestOf({ path: `/${id}/raw` }));
      const reader = response.body?.getReader();
      assert.ok(((await reader?.read())?.value?.length ?? 0) > 0);
      await reader?.cancel();
      refused(await raw(door, id), 404, 'paste_not_found');
      const { pastes, segments, loose_blobs: loose } = await rowsOf(house);
      assert.deepEqual([pastes, segments, loose], [undefined, undefined, undefined]);
    });
  });
});

describe('a refused body of several segments leaves nothing behind', () => {
  const env = { SAFE_PROXY_SECRET: PROXY_SECRET, SAFE_PASTE_POW_DIFFICULTY: '8' };
  const refusal = (
    name: string,
    settings: Readonly<Record<string, string>>,
    status: number,
    code: string,
    before: (door: Parameters<typeof post>[0], body: Uint8Array) => Promise<CallHeaders>,
    body: () => Uint8Array = () => bytes(2 * MIB + 1),
  ) =>
    it(name, async () => {
      await atDoor({ env: { ...env, ...settings } }, async (door, house) => {
        const sent = body();
        const headers = await before(door, sent);
        const rows = await rowsOf(house);
        refused(await post(door, sent.slice(), headers), status, code);
        assert.deepEqual(await rowsOf(house), rows);
      });
    });

  const free = async () => holder('free');
  refusal('plain text', { SAFE_PASTE_MIN_ENTROPY: '7.2' }, 422, 'not_sealed', free, () =>
    new Uint8Array(2 * MIB + 1).fill(97),
  );
  refusal(
    'no room in the store',
    { SAFE_PASTE_STORAGE_QUOTA: String(2 * MIB) },
    507,
    'storage_quota_exceeded',
    free,
  );
  refusal(
    'no room on the way',
    { SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: String(2 * MIB) },
    507,
    'storage_quota_exceeded',
    free,
  );
  refusal('bytes that were stored too often', {}, 429, 'duplicate_content', async (door, body) => {
    for (let i = 0; i < 3; i += 1) {
      const paste = await created(door, body.slice(), holder('free'));
      await remove(door, paste.id, token(paste));
    }
    return free();
  });
  refusal('work that was spent', {}, 400, 'pow_invalid', async (door) => {
    const done = await work(door);
    await created(door, bytes(10), done);
    return done;
  });
  refusal('a key of another create', {}, 409, 'idempotency_conflict', async (door) => {
    const headers = { ...holder('free'), 'idempotency-key': 'k'.repeat(20) };
    await created(door, bytes(10), headers);
    return headers;
  });

  it('and a replay leaves only what the first create stored', async () => {
    await atDoor({}, async (door, house) => {
      const body = bytes(2 * MIB + 1);
      const headers = { 'idempotency-key': 'k'.repeat(20) };
      await created(door, body.slice(), headers);
      const rows = await rowsOf(house);
      assert.equal((await post(door, body.slice(), headers)).status, 200);
      assert.deepEqual(await rowsOf(house), rows);
    });
  });
});

describe('bytes on their way', () => {
  /** An upload that has brought `sent` bytes and goes on when it is told to. */
  async function underway(house: House, sent: number, rest: Uint8Array) {
    const arrived = Promise.withResolvers<void>();
    const more = Promise.withResolvers<void>();
    const pieces = (async function* () {
      yield bytes(sent);
      arrived.resolve();
      await more.promise;
      yield rest;
    })();
    const response = house.main(requestOf({ method: 'POST', path: '/', body: { pieces } }));
    await arrived.promise;
    return { response, proceed: () => more.resolve(), leave: () => more.reject(new Error('gone')) };
  }

  it('are no paste, and count against the staging quota until they are or go', async () => {
    const env = { SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: String(3 * MIB) };
    await atDoor({ env }, async (door, house) => {
      const upload = await underway(house, 2 * MIB + 1, bytes(10));
      const rows = await rowsOf(house);
      assert.deepEqual(rows, { segments: 2, loose_blobs: 1 });
      refused(await post(door, bytes(2 * MIB)), 507, 'storage_quota_exceeded');
      assert.deepEqual(await rowsOf(house), rows);
      // What fits into one segment is never staged.
      await created(door, bytes(MIB));
      upload.proceed();
      assert.equal((await upload.response).status, 201);
      await created(door, bytes(3 * MIB));
      assert.equal((await rowsOf(house)).loose_blobs, undefined);
    });
  });

  it('make room again when their sender leaves', async () => {
    const env = { SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: String(3 * MIB) };
    await atDoor({ env }, async (door, house) => {
      const upload = await underway(house, 3 * MIB - 1, bytes(1));
      upload.leave();
      assert.equal((await upload.response).status, 400);
      await created(door, bytes(3 * MIB));
    });
  });

  it('that took longer than staged bytes are kept are given up, not half stored', async () => {
    // Nothing rings: as if the sender had always sent just enough.
    const ports = { after: () => () => {} };
    await atDoor({ ports }, async (_door, house) => {
      const upload = await underway(house, 2 * MIB, bytes(10));
      house.clock.advance(61 * 60_000);
      assert.equal((await house.sweep()).blobsErased, 1);
      upload.proceed();
      const response = await upload.response;
      assert.equal(response.status, 408);
      assert.deepEqual(await rowsOf(house), {});
    });
  });

  it('of a replacement and of what it replaces do not both stay', async () => {
    await atDoor({}, async (door, house) => {
      const paste = await created(door, bytes(3 * MIB));
      await put(door, paste.id, bytes(2 * MIB), token(paste));
      await house.sweep();
      assert.equal((await rowsOf(house)).segments, 2);
      await put(door, paste.id, bytes(10), token(paste));
      await house.sweep();
      assert.equal((await rowsOf(house)).segments, undefined);
      await put(door, paste.id, bytes(2 * MIB), token(paste));
      await remove(door, paste.id, token(paste));
      const { pastes, segments, loose_blobs: loose } = await rowsOf(house);
      assert.deepEqual([pastes, segments, loose], [undefined, undefined, undefined]);
    });
  });

  it('of a paste that is replaced while it is read do not become another paste', async () => {
    await atDoor({}, async (door, house) => {
      const paste = await created(door, bytes(3 * MIB));
      const response = await house.main(requestOf({ path: `/${paste.id}/raw` }));
      const reader = response.body?.getReader();
      await reader?.read();
      await put(door, paste.id, bytes(3 * MIB), token(paste));
      await house.sweep();
      // Cut off with an error, never a mixture and never a silent end.
      await assert.rejects(async () => {
        for (;;) if ((await reader?.read())?.done !== false) return;
      });
    });
  });
});

it('links are paths where nobody said what this server is called', async () => {
  await atDoor({ ports: { origin: undefined } }, async (door) => {
    const answer = await post(door, words(), { host: 'evil.example' });
    assert.equal(answer.json.url, `/${String(answer.json.id)}`);
    assert.equal(answer.headers.get('location'), answer.json.url);
  });
});
