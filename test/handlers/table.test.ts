import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LimitClass } from '../../src/core/settings.ts';
import { json } from '../../src/handlers/kit/reply.ts';
import {
  adminRoute,
  anyone,
  type Listener,
  type Method,
  mainRoute,
  type Route,
} from '../../src/handlers/kit/route.ts';
import { mounted, routeTable } from '../../src/handlers/kit/table.ts';

type Params = Readonly<Record<string, string>>;

interface Wanted {
  readonly method?: Method;
  readonly prefixed?: boolean;
  readonly limit?: LimitClass;
  readonly id?: string;
  readonly accepts?: (params: Params) => Params | undefined;
}

const spec = (path: string, wanted: Wanted = {}) => {
  const { method = 'GET', prefixed = true, limit = 'paste_read', accepts = (p: Params) => p } = wanted;
  return {
    id: wanted.id ?? `test.${method}.${path}`,
    method,
    path,
    prefixed,
    limit,
    gate: anyone,
    params: accepts,
    summary: '',
    answers: {},
    faults: [],
    reply: async () => json(200, {}),
  };
};
const main = (path: string, wanted?: Wanted) => mainRoute(spec(path, wanted));
const admin = (path: string, wanted?: Wanted) => adminRoute(spec(path, wanted));

const CANARY = 'zzcanaryzz';

/** Routes like those of the main door. */
const routes = [
  main('/'),
  main('/', { method: 'POST', limit: 'paste_create' }),
  main('/:id'),
  main('/:id', { method: 'PUT', limit: 'paste_manage' }),
  main('/:id/raw'),
  main('/challenge', { limit: 'paste_challenge' }),
  main('/v1/incidents/:incident/chunks/:index', { prefixed: false, limit: 'download' }),
  main('/v1/auth/login', { method: 'POST', prefixed: false, limit: 'auth' }),
];

const at = (path: string) => new URL(`http://main.test${path}`);

async function found(path: string, method = 'GET', prefix = '', table = routes) {
  const match = await routeTable('main', table, prefix).match(method, at(path));
  return { id: match.route?.path, ...match };
}

describe('matching a path', () => {
  it('finds the route, its parameters, its pattern and its class', async () => {
    const match = await found('/v1/incidents/inc_1/chunks/7');
    assert.equal(match.id, '/v1/incidents/:incident/chunks/:index');
    assert.deepEqual({ ...(match.params as object) }, { incident: 'inc_1', index: '7' });
    assert.equal(match.pattern, '/v1/incidents/{incident}/chunks/{index}');
    assert.equal(match.limit, 'download');
  });

  it('prefers a static segment to a parameter, whatever the order of the table', async () => {
    for (const table of [routes, [...routes].reverse()]) {
      assert.equal((await found('/challenge', 'GET', '', table)).id, '/challenge');
      assert.equal((await found('/challenges', 'GET', '', table)).id, '/:id');
    }
  });

  it('is one for GET and HEAD, and for no other method', async () => {
    assert.equal((await found('/x/raw', 'HEAD')).id, '/:id/raw');
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'get', 'Get', '']) {
      assert.equal((await found('/x/raw', method)).id, undefined, method);
    }
    assert.equal((await found('/', 'POST')).limit, 'paste_create');
  });

  it('looks at the path alone', async () => {
    assert.equal((await found('/challenge?id=/v1/auth/login#x')).id, '/challenge');
  });

  const strict = [
    '/Challenge',
    '/CHALLENGE',
    '/challenge/',
    '//challenge',
    '/%63hallenge',
    '/challenge%2f',
    '/V1/auth/login',
    '/v1/auth/login/',
    '/v1//auth/login',
    '/v1/auth%2Flogin',
    '/v1/%61uth/login',
    '/v1/auth/login;x=1',
    '/v1%2Fauth/login',
    '/xv1/auth/login',
    '/v1/auth/loginx',
    '/x/raw/',
    '/x/raw;a',
    '/x/RAW',
    '//raw',
    '/v1/incidents//chunks/7',
  ];
  for (const path of strict) {
    it(`takes ${path} for no static path`, async () => {
      const method = path.toLowerCase().includes('auth') ? 'POST' : 'GET';
      const match = await found(path, method);
      assert.ok(match.id === undefined || match.id === '/:id', `${path} is ${match.id}`);
    });
  }

  it('takes a dot in a static path for a dot', async () => {
    const table = [main('/static/styles.css', { prefixed: false }), main('/a+b/(c)', { prefixed: false })];
    assert.equal((await found('/static/styles.css', 'GET', '', table)).id, '/static/styles.css');
    assert.equal((await found('/static/stylesxcss', 'GET', '', table)).id, undefined);
    assert.equal((await found('/a+b/(c)', 'GET', '', table)).id, '/a+b/(c)');
    assert.equal((await found('/aab/c', 'GET', '', table)).id, undefined);
  });
});

describe('parameters', () => {
  const idOf = async (path: string) => {
    const { params } = await found(path);
    return params === undefined ? undefined : (params as Record<string, string>).id;
  };

  it('are decoded once', async () => {
    assert.equal(await idOf('/a%62c'), 'abc');
    assert.equal(await idOf('/a%2562c'), 'a%62c');
    assert.equal(await idOf('/a+b'), 'a+b');
    assert.equal(await idOf('/%E2%82%AC'), '€');
  });

  for (const [name, raw] of [
    ['a slash', '%2F'],
    ['a slash inside', 'a%2fb'],
    ['a backslash', 'a%5Cb'],
    ['NUL', '%00'],
    ['NUL at the end', 'abc%00'],
    ['half an escape', 'a%4'],
    ['no escape', '%zz'],
    ['broken UTF-8', '%c3%28'],
  ] as const) {
    it(`that decode to ${name} are no parameters`, async () => {
      assert.equal((await found(`/${raw}`)).id, undefined);
    });
  }

  it('that are a dot or two are no parameters, however they are written', async () => {
    for (const dots of ['.', '..', '%2e', '%2e%2e', '.%2E']) {
      // What a URL parser leaves of them; and what reaches a table that was given a path unparsed.
      const match = await found(`/${dots}/raw`);
      assert.deepEqual([match.id, { ...(match.params as object) }], ['/:id', { id: 'raw' }], dots);
      const url = { pathname: `/${dots}`, href: `http://main.test/${dots}` } as URL;
      const unparsed = await routeTable('main', [main('/:id')], '').match('GET', url);
      assert.equal(unparsed.route, undefined, dots);
    }
  });

  it('that a route does not accept are its 404, under its own pattern and class', async () => {
    const table = [main('/:id', { accepts: () => undefined, limit: 'paste_manage' })];
    const match = await found(`/${CANARY}`, 'GET', '', table);
    assert.deepEqual([match.route, match.pattern, match.limit], [undefined, '/{id}', 'paste_manage']);
  });
});

describe('a prefix', () => {
  it('moves the routes that say so, and no other', async () => {
    assert.equal((await found('/paste/challenge', 'GET', '/paste')).id, '/challenge');
    assert.equal((await found('/paste/', 'GET', '/paste')).id, '/');
    assert.equal((await found('/v1/auth/login', 'POST', '/paste')).id, '/v1/auth/login');
    for (const path of ['/challenge', '/', '/paste', '/paste/v1/auth/login', '/PASTE/challenge']) {
      assert.equal((await found(path, 'GET', '/paste')).id, undefined, path);
    }
  });

  it('stands in patterns and in the list of endpoints', async () => {
    const { endpoints } = routeTable('main', routes, '/a/b');
    assert.deepEqual(endpoints[4], { method: 'GET', pattern: '/a/b/{id}/raw', prefixed: true });
    assert.deepEqual(endpoints[7], { method: 'POST', pattern: '/v1/auth/login', prefixed: false });
    assert.equal((await found('/a/b/x/raw', 'GET', '/a/b')).pattern, '/a/b/{id}/raw');
    assert.equal(mounted(main('/:id'), '/a'), '/a/:id');
    assert.equal(mounted(main('/:id', { prefixed: false }), '/a'), '/:id');
  });
});

describe('what matches nothing', () => {
  it('is counted in the class of the nearest route', async () => {
    const nearest: [string, string, LimitClass][] = [
      ['GET', '/v1/auth/anything', 'auth'],
      ['GET', '/v1/auth/login', 'auth'],
      ['DELETE', '/challenge', 'paste_challenge'],
      ['GET', '/v1/incidents/x/chunks', 'download'],
    ];
    for (const [method, path, limit] of nearest) {
      const match = await found(path, method);
      assert.deepEqual([match.route, match.limit], [undefined, limit], path);
    }
  });

  it('is logged by a pattern in which nothing of the request stands', async () => {
    const segment = fc.oneof(
      fc.constantFrom('v1', 'auth', 'login', 'incidents', 'chunks', 'raw', 'challenge', '', '%2e'),
      fc.string({ unit: fc.constantFrom(...'abc%/;.-_~0A'), maxLength: 6 }).map((s) => CANARY + s),
    );
    const table = routeTable('main', routes, '');
    await fc.assert(
      fc.asyncProperty(
        fc.array(segment, { maxLength: 7 }),
        fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', CANARY),
        async (segments, method) => {
          const { pattern, limit } = await table.match(method, at(`/${segments.join('/')}`));
          assert.ok(!pattern.includes(CANARY), pattern);
          assert.match(pattern, /^(?:\/[a-z0-9]*|\/\{[a-z]+\})+$/);
          assert.equal(typeof limit, 'string');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('has the pattern of what it shares with its nearest route', async () => {
    assert.equal((await found('/v1/auth/x')).pattern, '/v1/auth/{route}');
    assert.equal((await found('/v1/auth/login', 'GET')).pattern, '/v1/auth/login');
    assert.equal((await found('/')).pattern, '/');
    assert.equal((await found('/a/b/c/d')).pattern, '/{id}/{route}');
  });
});

describe('a table is refused at start', () => {
  const build = (table: readonly Route[], listener: Listener = 'main') =>
    routeTable(listener, table as readonly Route<Listener>[], '');

  it('when it is empty', () => {
    assert.throws(() => build([]), /no routes/);
  });

  it('when a route is of the other listener', () => {
    assert.throws(() => build([main('/'), admin('/admin')]), /not of the main listener/);
    assert.throws(() => build([admin('/admin'), main('/')], 'admin'), /not of the admin listener/);
  });

  it('when two routes are one, also under other parameter names', () => {
    assert.throws(() => build([main('/a', { id: 'x.one' }), main('/a', { id: 'x.two' })]), /twice/);
    assert.throws(() => build([main('/:a/b'), main('/:c/b')]), /twice/);
    assert.throws(
      () =>
        routeTable(
          'main',
          [main('/p/a', { prefixed: false, id: 'x.one' }), main('/a', { id: 'x.two' })],
          '/p',
        ),
      /twice/,
    );
  });

  it('when two routes have one id', () => {
    assert.throws(() => build([main('/a', { id: 'same.id' }), main('/b', { id: 'same.id' })]), /twice/);
  });

  it('but not when only the method differs', () => {
    build([main('/a'), main('/a', { method: 'PUT' })]);
  });
});
