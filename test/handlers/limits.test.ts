import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Fault } from '../../src/core/faults.ts';
import { type LimitClass, limitFor } from '../../src/core/settings.ts';
import { adminRoutes } from '../../src/handlers/admin.ts';
import type { Peer } from '../../src/handlers/kit/peer.ts';
import type { Listener, Route } from '../../src/handlers/kit/route.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { DbError } from '../../src/store/db.ts';
import { type House, type HouseOptions, inHouse } from '../support/house.ts';

const ON = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'true',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'true',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'true',
};
const ID = '0123456789abcdefghjkmnpqrs';

const ask = (house: House, door: Listener, method: string, path: string, peer: Peer, headers = {}) =>
  house[door](new Request(`http://door.test${path}`, { method, headers }), peer);

const pathOf = (route: Route) => route.path.replace(/:\w+/g, ID);

/** Asks until it is refused; answers how many requests were let through. */
async function through(
  house: House,
  door: Listener,
  method: string,
  path: string,
  peer: Peer,
): Promise<number> {
  for (let n = 0; n < 2000; n += 1) {
    const response = await ask(house, door, method, path, peer);
    if (response.status === 429) return n;
  }
  throw new Error(`${method} ${path} was never refused`);
}

/** A limiter that lets everything through and keeps what it was asked. */
function recorder() {
  const hits: {
    readonly key: string;
    readonly limit: number;
    readonly windowMs: number;
    readonly site?: number | undefined;
  }[] = [];
  const options: HouseOptions = {
    env: ON,
    ports: {
      limiter: {
        async hit(key, limit, windowMs, _now, site) {
          hits.push({ key, limit, windowMs, site });
          return undefined;
        },
      },
    },
  };
  return { hits, options };
}

describe('each class has its own limit, which is the contract’s', () => {
  const expected: readonly (readonly [Listener, string, string, number])[] = [
    ['main', 'POST', '/', 30],
    ['main', 'GET', '/', 300],
    ['main', 'HEAD', '/', 300],
    ['main', 'GET', `/${ID}`, 300],
    ['main', 'GET', `/${ID}/raw`, 300],
    ['main', 'HEAD', `/${ID}/raw`, 300],
    ['main', 'PUT', `/${ID}`, 60],
    ['main', 'DELETE', `/${ID}`, 60],
    ['main', 'GET', '/challenge', 60],
    ['main', 'POST', '/v1/incidents', 120],
    ['main', 'GET', '/v1/incidents', 300],
    ['main', 'HEAD', `/v1/incidents/${ID}`, 300],
    ['main', 'POST', `/v1/incidents/${ID}/checkins`, 120],
    ['main', 'GET', `/v1/incidents/${ID}/deletion`, 300],
    ['main', 'POST', `/v1/incidents/${ID}/deletion`, 120],
    ['main', 'GET', `/v1/incidents/${ID}/streams`, 120],
    ['main', 'POST', `/v1/incidents/${ID}/streams/${ID}/complete`, 120],
    ['main', 'GET', `/v1/incidents/${ID}/incident-tokens`, 60],
    ['main', 'POST', `/v1/incident-tokens/${ID}/revoke`, 60],
    ['admin', 'GET', '/admin', 60],
  ];
  for (const [door, method, path, limit] of expected) {
    it(`${door} ${method} ${path}: ${limit} a minute`, () =>
      inHouse({ env: ON }, async (house) => {
        assert.equal(await through(house, door, method, path, { address: '192.0.2.1' }), limit);
        const refused = await ask(house, door, method, path, { address: '192.0.2.1' });
        assert.equal(refused.headers.get('retry-after'), '60');
        if (path === '/admin') {
          assert.match(await refused.text(), /^<!doctype html>/, 'a page, for a person');
        } else if (method !== 'HEAD') {
          const { error } = (await refused.json()) as { error: { code: string; message: string } };
          assert.deepEqual([error.code, error.message], ['rate_limited', 'too many requests']);
        }
        const other = await ask(house, door, method, path, { address: '192.0.2.2' });
        assert.notEqual(other.status, 429, 'somebody else');
        house.clock.advance(59_001);
        const late = await ask(house, door, method, path, { address: '192.0.2.1' });
        assert.deepEqual([late.status, late.headers.get('retry-after')], [429, '1'], 'rounded up');
        house.clock.advance(999);
        assert.notEqual((await ask(house, door, method, path, { address: '192.0.2.1' })).status, 429);
      }));
  }

  it('reading, creating, managing and asking for work are counted apart', () =>
    inHouse({ env: ON }, async (house) => {
      const peer = { address: '192.0.2.1' };
      assert.equal(await through(house, 'main', 'POST', '/', peer), 30);
      assert.equal(await through(house, 'main', 'DELETE', `/${ID}`, peer), 60);
      assert.equal(await through(house, 'main', 'GET', '/challenge', peer), 60);
      assert.equal(await through(house, 'main', 'GET', '/', peer), 300);
      assert.equal((await ask(house, 'admin', 'GET', '/admin', peer)).status, 200);
    }));

  it('a setting changes its class and no other, 0 means none, and a window is as long as it is set', () =>
    inHouse(
      {
        env: {
          ...ON,
          SAFE_MAIN_API_RATE_LIMIT_PASTE_CREATE: '2',
          SAFE_MAIN_API_RATE_LIMIT_PASTE_CHALLENGE: '0',
          SAFE_MAIN_API_RATE_LIMIT_WINDOW: '10s',
        },
      },
      async (house) => {
        const peer = { address: '192.0.2.1' };
        assert.equal(await through(house, 'main', 'POST', '/', peer), 2);
        const refused = await ask(house, 'main', 'POST', '/', peer);
        assert.equal(refused.headers.get('retry-after'), '10');
        assert.equal(await through(house, 'main', 'GET', '/', peer), 300);
        for (let n = 0; n < 500; n += 1)
          assert.equal((await ask(house, 'main', 'GET', '/challenge', peer)).status, 200);
      },
    ));
});

describe('the limit comes before everything else', () => {
  it('before a body is read, a certificate is asked for, or a store is looked at', async () => {
    const untouchable = new Proxy({}, { get: () => assert.fail('the store was asked') });
    await inHouse(
      {
        env: { ...ON, SAFE_MAIN_API_RATE_LIMIT_PASTE_CREATE: '1', SAFE_PASTE_CREATE: 'identified' },
        ports: { store: { pastes: untouchable } as never },
      },
      async (house) => {
        const peer = { address: '192.0.2.1' };
        assert.equal((await ask(house, 'main', 'POST', '/', peer)).status, 401);
        const body = new ReadableStream(
          { pull: () => assert.fail('the body was read') },
          { highWaterMark: 0 },
        );
        const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' };
        const refused = await house.main(new Request('http://door.test/', init), peer);
        assert.equal(refused.status, 429);
      },
    );
  });

  it('before it is told whether a paste is there: scans for ids end', () =>
    inHouse({ env: { ...ON, SAFE_MAIN_API_RATE_LIMIT_PASTE_READ: '20' } }, async (house) => {
      const peer = { address: '192.0.2.1' };
      const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
      for (let n = 0; n < 40; n += 1) {
        const id = `${alphabet[n % 32]}${ID.slice(1)}`;
        const response = await ask(house, 'main', 'GET', n % 2 === 0 ? `/${id}` : `/${id}/raw`, peer);
        assert.equal(response.status, n < 20 ? 404 : 429);
      }
    }));

  it('also where nothing is: scans for paths end, on both doors', () =>
    inHouse(
      {
        env: {
          ...ON,
          ...Object.fromEntries(
            [
              ...['PASTE_READ', 'PASTE_MANAGE', 'PASTE_CREATE', 'PASTE_CHALLENGE', 'AUTH', 'ACCOUNT'],
              ...['INCIDENT_READ', 'INCIDENT_WRITE'],
            ].map((name) => [`SAFE_MAIN_API_RATE_LIMIT_${name}`, '20']),
          ),
          ...Object.fromEntries(
            ['PAGE', 'STATIC'].map((name) => [`SAFE_PUBLIC_VIEWER_RATE_LIMIT_${name}`, '20']),
          ),
          SAFE_ADMIN_RATE_LIMIT_DASHBOARD: '20',
        },
      },
      async (house) => {
        const paths = [
          '/x',
          '/x/y/z',
          '/v1/x',
          '/i/x',
          '/admin/x',
          '/static/x',
          '/challenge/x',
          '/%61',
          '//',
          '/;',
        ];
        for (const door of ['main', 'admin'] as const) {
          const peer = { address: '192.0.2.1' };
          let refused = 0;
          for (let n = 0; n < 400; n += 1) {
            const method = ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'][n % 6] ?? 'GET';
            const response = await ask(house, door, method, `${paths[n % paths.length]}${n}`, peer);
            assert.ok(response.status === 404 || response.status === 429, `${method} ${response.status}`);
            if (response.status === 429) refused += 1;
          }
          // The paths belong to six classes, each of which lets 20 through.
          assert.ok(refused >= 400 - 6 * 20, `${door}: only ${refused} of 400 refused`);
        }
      },
    ));

  it('every route and every miss is counted exactly once', async () => {
    const { hits, options } = recorder();
    await inHouse(options, async (house) => {
      for (const [door, routes] of [
        ['main', mainRoutes],
        ['admin', adminRoutes],
      ] as const) {
        for (const route of routes) {
          hits.length = 0;
          await ask(house, door, route.method, pathOf(route), { address: '192.0.2.1' });
          const limit = limitFor(house.deps.settings, route.limit);
          assert.deepEqual(
            hits.map((hit) => [hit.key.split(':').slice(0, -1).join(':'), hit.limit, hit.windowMs]),
            [[`sallyport:rate:${door}:v1:${route.limit}`, limit?.limit, limit?.windowMs]],
          );
        }
        hits.length = 0;
        await ask(house, door, 'PATCH', '/nowhere/at/all', { address: '192.0.2.1' });
        assert.equal(hits.length, 1);
      }
    });
  });
});

describe('what a request is counted under', () => {
  type KeyFor = (peer: Peer | undefined, headers?: Record<string, string>) => Promise<string>;
  const countedUnder = async (env: Record<string, string>, use: (keyFor: KeyFor) => Promise<void>) => {
    const { hits, options } = recorder();
    await inHouse({ ...options, env: { ...ON, ...env } }, (house) =>
      use(async (peer, headers = {}) => {
        await house.main(new Request('http://door.test/', { headers }), peer);
        return hits.at(-1)?.key ?? '';
      }),
    );
  };

  it('comes with the /48 of a peer that has one, which may have but some of the places', async () => {
    const { hits, options } = recorder();
    await inHouse(options, async (house) => {
      for (const address of ['2001:db8:1:2::3', '2001:db8:1:ffff::', '2001:db8:2::1', '192.0.2.1'])
        await ask(house, 'main', 'GET', '/', { address });
      const [one, same, other, none] = hits.map(({ site }) => site);
      assert.equal(one, 0x20010db80001);
      assert.equal(same, one);
      assert.equal(other, 0x20010db80002);
      assert.equal(none, undefined);
    });
  });

  it('is its class and an HMAC of its peer, and nothing else of the request', async () => {
    const { hits, options } = recorder();
    await inHouse(options, async (house) => {
      const peer = { address: '192.0.2.77' };
      const mark = 'canary0123456789';
      for (const route of [...mainRoutes]) {
        const headers = { cookie: mark, authorization: mark, 'user-agent': mark, 'x-delete-token': mark };
        await ask(house, 'main', route.method, `${pathOf(route)}?${mark}`, peer, headers);
        await ask(house, 'main', 'GET', `/${mark}/${mark}`, peer, headers);
      }
      const classes = new Set<LimitClass>(mainRoutes.map(({ limit }) => limit));
      for (const { key } of hits) {
        const [, limitClass = '', peerPart = ''] =
          /^sallyport:rate:main:v1:([a-z_]+):([0-9a-f]{64})$/.exec(key) ?? assert.fail(key);
        assert.ok(classes.has(limitClass as LimitClass), key);
        assert.equal(peerPart, hits[0]?.key.slice(-64), 'the same peer, the same key');
      }
    });
  });

  it('differs with the secret key, so that nobody can try all addresses', async () => {
    const { hits, options } = recorder();
    for (const secret of [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]) {
      await inHouse({ ...options, secret }, async (house) => {
        await house.main(new Request('http://door.test/'), { address: '192.0.2.1' });
      });
    }
    assert.notEqual(hits[0]?.key, hits[1]?.key);
  });

  it('is the /64 of an IPv6 address, and IPv4 where it was mapped', () =>
    countedUnder({}, async (keyFor) => {
      const one = await keyFor({ address: '2001:db8:1:2:3:4:5:6' });
      assert.equal(await keyFor({ address: '2001:db8:1:2:ffff::1' }), one);
      assert.equal(await keyFor({ address: '2001:0DB8:0001:0002::' }), one);
      assert.notEqual(await keyFor({ address: '2001:db8:1:3:3:4:5:6' }), one);
      const four = await keyFor({ address: '192.0.2.1' });
      assert.equal(await keyFor({ address: '::ffff:192.0.2.1' }), four);
      assert.equal(await keyFor({ address: '::ffff:c000:201' }), four);
      assert.notEqual(await keyFor({ address: '192.0.2.2' }), four);
    }));

  it('is one place for all whose address nobody knows', () =>
    countedUnder({}, async (keyFor) => {
      const nobody = await keyFor(undefined);
      for (const address of ['', '/run/sallyport.sock', 'localhost', '192.0.2.1:80', 'x'.repeat(5000)])
        assert.equal(await keyFor({ address }), nobody);
      assert.equal(await keyFor({}), nobody);
    }));

  it('is the socket’s address, whatever a header claims', () =>
    countedUnder({ SAFE_TRUSTED_PROXIES: '203.0.113.0/24' }, async (keyFor) => {
      const plain = await keyFor({ address: '192.0.2.1' });
      const names = [
        'x-forwarded-for',
        'forwarded',
        'x-real-ip',
        'cf-connecting-ip',
        'true-client-ip',
        'client-ip',
      ];
      for (const name of names)
        for (const value of ['198.51.100.9', 'for=198.51.100.9', '127.0.0.1', '203.0.113.1'])
          assert.equal(await keyFor({ address: '192.0.2.1' }, { [name]: value }), plain, name);
    }));

  it('is what a trusted proxy adds at the right, and nothing further to the left', () =>
    countedUnder({ SAFE_TRUSTED_PROXIES: '203.0.113.0/24,2001:db8:ffff::/48' }, async (keyFor) => {
      const real = await keyFor({ address: '198.51.100.9' });
      const proxy = { address: '203.0.113.5' };
      for (const forwarded of [
        '198.51.100.9',
        ' 198.51.100.9 ',
        '10.0.0.1, 198.51.100.9',
        '127.0.0.1,1.1.1.1,198.51.100.9',
        '203.0.113.9, 198.51.100.9',
        '1.1.1.1, 198.51.100.9, 203.0.113.6',
        'unknown, 198.51.100.9, 2001:db8:ffff::1',
        '::ffff:198.51.100.9',
      ])
        assert.equal(await keyFor(proxy, { 'x-forwarded-for': forwarded }), real, forwarded);
      const own = await keyFor(proxy);
      const unusable = [
        '',
        'unknown',
        '198.51.100.9:80',
        '198.51.100.9, nonsense',
        '198.51.100.9,',
        'a'.repeat(9000),
      ];
      for (const forwarded of unusable)
        assert.equal(await keyFor(proxy, { 'x-forwarded-for': forwarded }), own, forwarded.slice(0, 40));
      for (const name of ['forwarded', 'x-real-ip', 'cf-connecting-ip'])
        assert.equal(await keyFor(proxy, { [name]: '198.51.100.9' }), own, name);
    }));
});

describe('a limiter that fails', () => {
  for (const [what, error] of [
    ['says so', new Fault('rate_limit_unavailable')],
    ['breaks in a way that nobody foresaw', new Error('ECONNREFUSED 10.0.0.7:6379')],
    ['is a database that is away', new DbError('busy', 'ECONNREFUSED 10.0.0.7:6379')],
  ] as const) {
    it(`and ${what} lets nobody in`, () =>
      inHouse({ env: ON, ports: { limiter: { hit: () => Promise.reject(error) } } }, async (house) => {
        for (const [door, path] of [
          ['main', '/'],
          ['main', `/${ID}/raw`],
          ['main', '/nowhere'],
          ['admin', '/admin'],
        ] as const) {
          const response = await ask(house, door, 'GET', path, { address: '192.0.2.1' });
          const body = await response.text();
          assert.equal(response.status, 503, path);
          if (path !== '/admin') assert.ok(body.includes('"code":"rate_limit_unavailable"'));
          assert.ok(!body.includes('ECONNREFUSED') && !JSON.stringify(house.log).includes('ECONNREFUSED'));
        }
      }));
  }

  it('is not asked where limits are off', () =>
    inHouse({ ports: { limiter: { hit: () => assert.fail('asked') } } }, async (house) => {
      assert.equal((await ask(house, 'main', 'GET', '/', {})).status, 200);
    }));
});
