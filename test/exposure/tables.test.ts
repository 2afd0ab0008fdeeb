import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { adminRoutes } from '../../src/handlers/admin.ts';
import { anyone, mainRoute, noParams, type Route } from '../../src/handlers/kit/route.ts';
import { serve } from '../../src/handlers/kit/serve.ts';
import { mounted, routeTable } from '../../src/handlers/kit/table.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { inHouse } from '../support/house.ts';

/** What the type checker refuses (one-door-each.ts) and JavaScript would let pass. */
const smuggled = (routes: readonly Route[]) =>
  routes as unknown as readonly Route<'admin'>[] & readonly Route<'main'>[];

const spec = {
  id: 'tables.sample',
  method: 'GET',
  path: '/sample',
  limit: 'paste_read',
  gate: anyone,
  params: noParams,
  summary: 'A route that is never served.',
  answers: {},
  faults: [],
  reply: async () => ({ status: 200, headers: {}, body: new Uint8Array(0) }),
} as const;

describe('the route tables', () => {
  it('a door refuses to be built with any route of the other one', () =>
    inHouse({}, async ({ deps }) => {
      for (const route of mainRoutes) {
        assert.throws(
          () => serve('admin', smuggled([...adminRoutes, route]), deps),
          new TypeError(`route ${route.id} is not of the admin listener`),
        );
      }
      for (const route of adminRoutes) {
        assert.throws(
          () => serve('main', smuggled([...mainRoutes, route]), deps),
          new TypeError(`route ${route.id} is not of the main listener`),
        );
      }
    }));

  it('a door refuses to be built with a route twice, under one name or one path', () => {
    const twin = mainRoute({ ...spec, id: 'tables.twin' });
    const renamed = mainRoute({ ...spec, path: '/other' });
    assert.throws(() => routeTable('main', [mainRoute(spec), twin], ''), /tables\.twin stands twice/);
    assert.throws(() => routeTable('main', [mainRoute(spec), renamed], ''), /tables\.sample stands twice/);
    const one = mainRoute({ ...spec, id: 'tables.one', path: '/:one/x' });
    const other = mainRoute({ ...spec, id: 'tables.other', path: '/:other/x' });
    assert.throws(() => routeTable('main', [one, other], ''), /tables\.other stands twice/);
  });

  it('a door refuses to be built without routes', () => {
    assert.throws(() => routeTable('admin', [], ''), /has no routes/);
  });

  it('the two tables share no route, no name and no path, with and without a prefix', () => {
    for (const prefix of ['', '/paste']) {
      const of = (routes: readonly Route[]) => routes.map((route) => mounted(route, prefix));
      const main = new Set(of(mainRoutes));
      assert.deepEqual(
        of(adminRoutes).filter((path) => main.has(path)),
        [],
      );
    }
    const ids = [...mainRoutes, ...adminRoutes].map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const routes: readonly Route[] = [...mainRoutes, ...adminRoutes];
    assert.equal(new Set(routes).size, routes.length);
  });

  it('every route of the admin door lies below /admin or is /metrics, and moves with no prefix', () => {
    for (const route of adminRoutes) {
      assert.match(route.path, /^\/(?:admin(?:\/|$)|metrics$)/);
      assert.equal(route.prefixed, false);
    }
  });

  it('no prefix can put the pastes on a path of another room', async () => {
    for (const first of ['admin', 'v1', 'i', 'e', 'static', 'metrics']) {
      for (const prefix of [`/${first}`, `/${first}/paste`]) {
        await assert.rejects(
          inHouse({ env: { SAFE_URL_PREFIX: prefix } }, async () => {}),
          /SAFE_URL_PREFIX/,
        );
      }
    }
    for (const prefix of [
      'paste',
      '/Paste',
      '/paste/',
      '/a//b',
      '/a/../b',
      '/a%2fb',
      '/a;b',
      '/:id',
      '/a b',
      '/.',
    ]) {
      await assert.rejects(
        inHouse({ env: { SAFE_URL_PREFIX: prefix } }, async () => {}),
        /SAFE_URL_PREFIX/,
        prefix,
      );
    }
  });

  it('neither handler tree imports the other, nor anything that does', async () => {
    const seen = new Map<string, Set<string>>();
    const reach = async (file: URL, into: Set<string>): Promise<void> => {
      if (into.has(file.href)) return;
      into.add(file.href);
      const text = await readFile(file, 'utf8');
      for (const [, name] of text.matchAll(/\bfrom '(\.[^']+)'/g))
        await reach(new URL(name ?? '', file), into);
    };
    for (const door of ['main', 'admin']) {
      const files = new Set<string>();
      await reach(new URL(`../../src/handlers/${door}.ts`, import.meta.url), files);
      seen.set(door, files);
    }
    const within = (door: string, folder: string) =>
      [...(seen.get(door) ?? [])].filter((file) => file.includes(`/src/handlers/${folder}`));
    assert.ok(within('main', 'main/').length >= 4);
    assert.ok(within('admin', 'admin/').length >= 1);
    assert.deepEqual(within('main', 'admin'), []);
    assert.deepEqual(within('admin', 'main'), []);
  });
});
