import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Limiter } from '../../src/core/deps.ts';
import { limiterKey, limiterSite, memoryLimiter, peerNetwork } from '../../src/core/limiter.ts';
import { openKeyring } from '../../src/crypto/keyring.ts';
import { limiterContract } from '../contract/limiter.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 10, 1, 12, 0, 17);
const keys = openKeyring(new Uint8Array(32).fill(7));

limiterContract('memory', async () => {
  let now = START;
  return {
    limiter: memoryLimiter({ maxEntries: 1000 }),
    now: () => now,
    pass: async (ms) => {
      now += ms;
    },
    close: async () => undefined,
  };
});

describe('the memory limiter under many peers', () => {
  it('stays within its bound under hundreds of thousands of peers', async () => {
    const limiter = memoryLimiter({ maxEntries: 10_000 });
    const before = heapUsed();
    for (let i = 0; i < 300_000; i += 1) await limiter.hit(`rate:main:v1:auth:${i}`, 5, MINUTE, START);
    // That many counts of their own would take over 50 MB.
    assert.ok(heapUsed() - before < 10e6);
    assert.equal(typeof (await limiter.hit('rate:main:v1:auth:x', 5, MINUTE, START)), 'number');
  });

  it('makes newcomers share one count per class when it is full, and leaves the others alone', async () => {
    const limiter = memoryLimiter({ maxEntries: 2 });
    const hit = (key: string) => limiter.hit(key, 2, MINUTE, START);
    assert.equal(await hit('r:auth:1'), undefined);
    assert.equal(await hit('r:auth:2'), undefined);
    assert.equal(await hit('r:auth:3'), undefined);
    assert.equal(await hit('r:auth:4'), undefined);
    assert.equal(await hit('r:auth:5'), START + MINUTE);
    assert.equal(await hit('r:auth:1'), undefined, 'was counted before');
    assert.equal(await hit('r:read:5'), undefined, 'another class');
  });

  it('has room again when windows have ended, of whatever length', async () => {
    const limiter = memoryLimiter({ maxEntries: 2 });
    await limiter.hit('r:auth:1', 1, MINUTE, START);
    await limiter.hit('r:auth:2', 1, 5 * MINUTE, START);
    const later = START + 11 * MINUTE;
    assert.equal(await limiter.hit('r:auth:3', 1, MINUTE, later), undefined);
    assert.equal(await limiter.hit('r:auth:4', 1, MINUTE, later), undefined);
    assert.equal(await limiter.hit('r:auth:5', 1, MINUTE, later), undefined, 'shares a fresh count');
    assert.equal(await limiter.hit('r:auth:6', 1, MINUTE, later), later + MINUTE);
  });

  it('gives a peer that comes again its own count, although it is full of peers that have gone', async () => {
    const limiter = memoryLimiter({ maxEntries: 2 });
    await limiter.hit('r:auth:1', 1, MINUTE, START);
    await limiter.hit('r:auth:2', 1, MINUTE, START);
    const later = START + MINUTE;
    assert.equal(await limiter.hit('r:auth:3', 1, MINUTE, later), undefined, 'takes the shared count');
    assert.equal(await limiter.hit('r:auth:4', 1, MINUTE, later), later + MINUTE);
    assert.equal(await limiter.hit('r:auth:1', 1, MINUTE, later), undefined);
    assert.equal(await limiter.hit('r:auth:2', 1, MINUTE, later), undefined);
  });

  it('keeps a count whose window crosses the boundary at which old ones are forgotten', async () => {
    const limiter = memoryLimiter({ maxEntries: 10 });
    const start = Math.ceil(START / MINUTE) * MINUTE - 1;
    await limiter.hit('r:auth:1', 1, MINUTE, start);
    assert.equal(await limiter.hit('r:auth:1', 1, MINUTE, start + MINUTE - 1), start + MINUTE);
    assert.equal(await limiter.hit('r:auth:1', 1, MINUTE, start + MINUTE), undefined);
  });

  it('neither forgets nor locks anybody out when the clock is set back', async () => {
    const limiter = memoryLimiter({ maxEntries: 10 });
    const boundary = Math.ceil(START / MINUTE) * MINUTE;
    await limiter.hit('r:auth:1', 1, MINUTE, boundary);
    assert.equal(await limiter.hit('r:auth:1', 1, MINUTE, boundary - 5), boundary + MINUTE);
    assert.equal(await limiter.hit('r:auth:1', 1, MINUTE, boundary - 60 * MINUTE), undefined);
  });
});

describe('the memory limiter under one network', () => {
  const full = 640;
  const peers = (prefix: string) => (at: number) => `${prefix}:${at.toString(16)}::1`;
  /** Each once, with a limit of one. @returns how many were let through */
  const come = async (limiter: Limiter, many: number, peer: (at: number) => string, now = START) => {
    let passed = 0;
    for (let at = 0; at < many; at += 1) {
      const until = await limiter.hit(
        `r:auth:${peer(at).replaceAll(':', '-')}`,
        1,
        MINUTE,
        now,
        limiterSite(keys, peer(at)),
      );
      if (until === undefined) passed += 1;
    }
    return passed;
  };
  const anybody = (at: number) => `10.0.${at >> 8}.${at & 255}`;

  it('leaves half of its places to everybody else, whatever a /48 does', async () => {
    const limiter = memoryLimiter({ maxEntries: full });
    assert.equal(
      await come(limiter, 2 * full, peers('2001:db8:1')),
      full / 2 + 1,
      'and one count for all others',
    );
    assert.equal(await come(limiter, full / 2 - 1, anybody), full / 2 - 1);
    assert.equal(await come(limiter, 100, (at) => anybody(full + at)), 1, 'now it is full');
  });

  it('leaves a quarter of them and more, whatever a /32 does with all its /48', async () => {
    const limiter = memoryLimiter({ maxEntries: full });
    const passed = await come(limiter, 2 * full, (at) => `2001:db8:${at.toString(16)}::1`);
    assert.equal(passed, full / 2 + 1);
    // Another provider's customers come to a table that is half full: of them a sixteenth has places.
    const others = (at: number) => `2001:db9:${at.toString(16)}::1`;
    assert.equal(await come(limiter, full, others), full / 16 + 1);
    assert.equal(await come(limiter, full / 4, anybody), full / 4);
  });

  it('counts newcomers of a crowded network apart from those of others, even when it is full', async () => {
    const limiter = memoryLimiter({ maxEntries: full });
    await come(limiter, 2 * full, peers('2001:db8:1'));
    await come(limiter, full, anybody);
    const newcomer = (key: string, peer: string) =>
      limiter.hit(`r:read:${key}`, 2, MINUTE, START, limiterSite(keys, peer));
    for (let at = 0; at < 5; at += 1) await newcomer(`crowd ${at}`, `2001:db8:1:f${at}::1`);
    assert.equal(await newcomer('somebody', '192.0.2.7'), undefined);
    assert.equal(await newcomer('somebody in another', '2001:db9:1::1'), undefined);
  });

  it('lets a network have any number while half of the places are free', async () => {
    const limiter = memoryLimiter({ maxEntries: full });
    assert.equal(await come(limiter, full / 2, peers('2001:db8:1')), full / 2);
  });

  it('has room for that network again when its windows have ended, however often its peers came', async () => {
    const limiter = memoryLimiter({ maxEntries: full });
    for (let window = 0; window < 4; window += 1) {
      const now = START + window * MINUTE;
      assert.equal(await come(limiter, full / 2, peers('2001:db8:1'), now), full / 2, `window ${window}`);
    }
    const others = peers('2001:db9:1');
    const later = START + 3 * MINUTE;
    assert.equal(
      await come(limiter, full / 2, others, later),
      full / 64 + 1,
      'another, while it is half full',
    );
  });

  it('has no share for an address of IPv4, however it is written', async () => {
    const limiter = memoryLimiter({ maxEntries: full });
    assert.equal(await come(limiter, full, (at) => `::ffff:${anybody(at)}`), full);
  });
});

describe('the network that counts as one peer', () => {
  const cases: readonly (readonly [string | undefined, string])[] = [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:0207', '192.0.2.7'],
    ['64:ff9b::192.0.2.7', '192.0.2.7'],
    ['64:ff9b::c000:207', '192.0.2.7'],
    ['64:ff9b:1::c000:207', '64:ff9b:1:0::/64'],
    ['64:ff9b::1:0:c000:207', '64:ff9b:0:0::/64'],
    ['2002:c000:207::1', '192.0.2.7'],
    ['2002:c000:207:ffff:1:2:3:4', '192.0.2.7'],
    ['::ffff:0:192.0.2.7', '0:0:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8:1::9', '2001:db8:1:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['fe80::2%br-lan.100', 'fe80:0:0:0::/64'],
    [undefined, 'unknown'],
    ['', 'unknown'],
    ['unknown', 'unknown'],
    ['localhost', 'unknown'],
    ['010.0.0.1', 'unknown'],
    ['0x7f.0.0.1', 'unknown'],
    ['127.1', 'unknown'],
    ['2130706433', 'unknown'],
    ['256.0.0.1', 'unknown'],
    ['192.0.2.7:443', 'unknown'],
    ['[::1]', 'unknown'],
    ['1:2:3:4:5:6:7', 'unknown'],
    ['1::2::3', 'unknown'],
    ['%', 'unknown'],
    ['192.0.2.7 ', 'unknown'],
    [`::${'0'.repeat(1000)}1`, 'unknown'],
  ];
  for (const [address, network] of cases) {
    it(`of ${JSON.stringify(address)?.slice(0, 40)} is ${network}`, () =>
      assert.equal(peerNetwork(address), network));
  }
});

describe('limiter keys', () => {
  it('carry listener, class and a hashed peer, and nothing that names the peer', () => {
    const key = limiterKey(keys, 'main', 'paste_read', '192.0.2.7');
    assert.equal(key, `sallyport:rate:main:v1:paste_read:${keys.macHex('limiter', '192.0.2.7')}`);
    assert.doesNotMatch(key, /192/);
  });

  it('are the same for every address of one IPv6 network, and for both spellings of an IPv4 address', () => {
    const key = (peer: string | undefined) => limiterKey(keys, 'main', 'paste_read', peer);
    assert.equal(key('2001:db8::1'), key('2001:db8::ffff:1'));
    assert.notEqual(key('2001:db8::1'), key('2001:db8:0:1::1'));
    assert.equal(key('192.0.2.7'), key('::ffff:192.0.2.7'));
    assert.equal(key(undefined), key('not an address'));
  });

  it('differ by listener, class and secret', () => {
    const other = openKeyring(new Uint8Array(32).fill(8));
    const all = [
      limiterKey(keys, 'main', 'paste_read', '192.0.2.7'),
      limiterKey(keys, 'admin', 'paste_read', '192.0.2.7'),
      limiterKey(keys, 'main', 'paste_create', '192.0.2.7'),
      limiterKey(other, 'main', 'paste_read', '192.0.2.7'),
    ];
    assert.equal(new Set(all).size, 4);
  });

  it('do not change, and take little memory, however many peers come by', () => {
    const first = limiterKey(keys, 'main', 'paste_read', '192.0.2.7');
    const before = heapUsed();
    for (let i = 0; i < 50_000; i += 1) {
      limiterKey(keys, 'main', 'paste_read', `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    }
    assert.ok(heapUsed() - before < 4e6);
    assert.equal(limiterKey(keys, 'main', 'paste_read', '192.0.2.7'), first);
  });
});

/** Bytes of heap that are still referred to. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
