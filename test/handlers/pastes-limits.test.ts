import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Fault } from '../../src/core/faults.ts';
import {
  type Answer,
  created,
  type Door,
  from,
  post,
  raw,
  refused,
  retryAfter,
  words,
} from '../support/door.ts';
import { atDoor } from '../support/handler-door.ts';

const PREFIX = 'SAFE_MAIN_API_RATE_LIMIT';
const ON = { [`${PREFIX}_ENABLED`]: 'true', SAFE_PASTE_DEDUP_MAX: '0' };
const PROXIED = { SAFE_TRUSTED_PROXIES: '127.0.0.1/32' };

const limited = (answer: Answer) => retryAfter(refused(answer, 429, 'rate_limited'));
const challenge = (door: Door, address = '192.0.2.1') =>
  door.send({ path: '/challenge', headers: from(address) });

describe('rate limits of pastes', () => {
  for (const [name, limit, send] of [
    ['creates', 30, (door: Door) => post(door, 'x')],
    ['reads', 300, (door: Door) => raw(door, '0'.repeat(26))],
    [
      'replacements and deletions',
      60,
      (door: Door) => door.send({ method: 'DELETE', path: `/${'0'.repeat(26)}` }),
    ],
    ['challenges', 60, (door: Door) => door.send({ path: '/challenge' })],
  ] as const) {
    it(`allow ${limit} ${name} a minute unless the operator says otherwise`, async () => {
      await atDoor({ env: ON }, async (door) => {
        for (let i = 0; i < limit; i += 1) assert.notEqual((await send(door)).status, 429);
        assert.equal(limited(await send(door)), 60);
      });
    });
  }

  it('begin with the first request and end a window later; Retry-After is rounded up', async () => {
    const env = { ...ON, [`${PREFIX}_PASTE_CHALLENGE`]: '2', [`${PREFIX}_WINDOW`]: '10s' };
    await atDoor({ env }, async (door, { clock }) => {
      assert.equal((await challenge(door)).status, 200);
      clock.advance(3_500);
      assert.equal((await challenge(door)).status, 200);
      assert.equal(limited(await challenge(door)), 7);
      clock.advance(6_499);
      assert.equal(limited(await challenge(door)), 1);
      clock.advance(1);
      assert.equal((await challenge(door)).status, 200);
      assert.equal((await challenge(door)).status, 200);
      assert.equal(limited(await challenge(door)), 10);
    });
  });

  it('count each peer for itself, and an IPv6 network of 64 bits as one', async () => {
    const env = { ...ON, ...PROXIED, [`${PREFIX}_PASTE_CHALLENGE`]: '1' };
    await atDoor({ env }, async (door) => {
      for (const address of ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8:0:1::1']) {
        assert.equal((await challenge(door, address)).status, 200, address);
      }
      for (const address of ['192.0.2.1', '2001:db8::2', '::ffff:192.0.2.2', '9.9.9.9, 192.0.2.2']) {
        limited(await challenge(door, address));
      }
    });
  });

  it('are off for a class whose limit is 0', async () => {
    const env = { ...ON, [`${PREFIX}_PASTE_CREATE`]: '0', [`${PREFIX}_PASTE_READ`]: '1' };
    await atDoor({ env }, async (door) => {
      for (let i = 0; i < 40; i += 1) await created(door, 'x');
      assert.equal((await door.send({ path: '/' })).status, 200);
      limited(await door.send({ path: '/' }));
    });
  });

  it('do not burn what they keep somebody from reading', async () => {
    const env = { ...ON, [`${PREFIX}_PASTE_READ`]: '1' };
    await atDoor({ env }, async (door, { clock }) => {
      const text = words();
      const { id } = await created(door, text, { 'x-burn-after-read': '1' });
      assert.equal((await door.send({ path: '/' })).status, 200);
      limited(await raw(door, id));
      clock.advance(60_000);
      assert.equal((await raw(door, id)).text, text);
    });
  });

  it('refuse everybody when requests cannot be counted', async () => {
    const limiter = {
      hit: async () => {
        throw new Fault('rate_limit_unavailable');
      },
    };
    await atDoor({ env: ON, ports: { limiter } }, async (door) => {
      refused(await post(door, words()), 503, 'rate_limit_unavailable');
      refused(await door.send({ path: '/nothing' }), 503, 'rate_limit_unavailable');
    });
  });
});
