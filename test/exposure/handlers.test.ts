import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adminRoutes } from '../../src/handlers/admin.ts';
import type { Handler } from '../../src/handlers/kit/serve.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { type House, inHouse } from '../support/house.ts';
import { rounds } from '../support/seed.ts';
import { METHODS, NEVER_ON_ADMIN, NEVER_ON_MAIN, pathOf, pathsOf } from './paths.ts';
import { spellings } from './spellings.ts';

const CONTRACT_404 = '{"error":{"code":"not_found","message":"endpoint was not found","request_id":"here"}}';

/** Stores a paste behind the main door, for paths that name one which exists. */
async function storePaste(house: House, prefix: string) {
  const response = await house.main(
    new Request(`http://door.test${prefix}/`, { method: 'POST', body: 'kept' }),
  );
  assert.equal(response.status, 201);
  const { id, delete_token: token } = (await response.json()) as { id: string; delete_token: string };
  return { id, token };
}

/** Asks for every spelling of a path with every method, and demands the one 404 for each. */
async function refusesAll(
  door: Handler,
  paths: readonly string[],
  token: string,
  methods: readonly string[] = METHODS,
): Promise<number> {
  let asked = 0;
  for (const path of paths) {
    for (const target of spellings(path)) {
      // As it is written, a path is tried with every method there is.
      for (const method of target === path ? METHODS : methods) {
        const response = await door(
          new Request(`http://door.test${target}`, {
            method,
            headers: { 'x-request-id': 'here', 'x-delete-token': token },
            ...(['GET', 'HEAD'].includes(method) ? {} : { body: 'x' }),
          }),
        );
        const body = await response.text();
        const what = `${method} ${JSON.stringify(target)} (a spelling of ${path})`;
        assert.equal(response.status, 404, what);
        assert.equal(body, method === 'HEAD' ? '' : CONTRACT_404, what);
        assert.equal(response.headers.get('location'), null, what);
        assert.equal(response.headers.get('allow'), null, what);
        asked += 1;
      }
    }
  }
  return asked;
}

for (const prefix of ['', '/paste', '/a/b-c']) {
  describe(`two doors, the pastes below ${prefix === '' ? 'the root' : prefix}`, () => {
    const env = prefix === '' ? {} : { SAFE_URL_PREFIX: prefix };
    // A prefix changes paths, not methods: spellings meet two of them at the root, and in a soak every one.
    const methods = prefix !== '' ? ['GET'] : rounds(1) > 1 ? METHODS : ['GET', 'POST'];
    /** Fewer requests for each foreign path would mean that the generator has dried up. */
    const least = 80 * methods.length;

    it('the main door answers 404 to every route of the admin door, however it is spelled', () =>
      inHouse({ env }, async (house) => {
        const { token } = await storePaste(house, prefix);
        const paths = pathsOf(adminRoutes, prefix, {});
        const asked = await refusesAll(house.main, paths, token, methods);
        assert.ok(asked >= paths.length * least, `only ${asked} requests`);
      }));

    it('the admin door answers 404 to every route of the main door, and changes nothing', () =>
      inHouse({ env }, async (house) => {
        const { id, token } = await storePaste(house, prefix);
        const paths = pathsOf(mainRoutes, prefix, { id });
        const asked = await refusesAll(house.admin, paths, token, methods);
        assert.ok(asked >= (paths.length - 1) * least, `only ${asked} requests`);
        const still = await house.main(new Request(`http://door.test${prefix}/${id}/raw`));
        assert.equal(await still.text(), 'kept');
        assert.deepEqual(await house.deps.store.pastes.totals(), { count: 1, bytes: 4, createdEver: 1 });
      }));
  });
}

describe('what the contract names for each door', () => {
  it('the main door has nothing of the operator, built or not', () =>
    inHouse({}, async (house) => {
      await refusesAll(house.main, NEVER_ON_MAIN, 'none', ['GET', 'POST']);
    }));

  it('the admin door has nothing of the product, built or not', () =>
    inHouse({}, async (house) => {
      await refusesAll(house.admin, NEVER_ON_ADMIN, 'none', ['GET', 'POST']);
    }));

  it('a wrong method on a path of its own is the same 404, with no list of the right ones', () =>
    inHouse({}, async (house) => {
      const { id } = await storePaste(house, '');
      const right = new Set(
        mainRoutes.flatMap((route) => {
          const path = pathOf(route, '', { id });
          // Where a protocol of uploads asks for it, and nowhere else.
          return [`${route.method} ${path}`, ...(route.options === undefined ? [] : [`OPTIONS ${path}`])];
        }),
      );
      const announced = [...right].filter((place) => place.startsWith('OPTIONS '));
      assert.equal(announced.length, 3, 'a chunk, where tus creates, and an upload');
      for (const path of pathsOf(mainRoutes, '', { id })) {
        for (const method of METHODS) {
          if (right.has(`${method === 'HEAD' ? 'GET' : method} ${path}`)) continue;
          const response = await house.main(
            new Request(`http://door.test${path}`, { method, headers: { 'x-request-id': 'here' } }),
          );
          assert.equal(response.status, 404, `${method} ${path}`);
          assert.equal(await response.text(), method === 'HEAD' ? '' : CONTRACT_404);
          assert.equal(response.headers.get('allow'), null);
        }
      }
    }));

  it('static segments match as they are written: an encoded letter of a route of its own is a 404 too', () =>
    inHouse({}, async (house) => {
      for (const [door, path] of [
        [house.main, '/%63hallenge'],
        [house.main, '/challeng%65'],
        [house.main, '/Challenge'],
        [house.main, '/challenge/'],
        [house.main, '//challenge'],
        [house.main, '/challenge;a=b'],
        [house.admin, '/%61dmin'],
        [house.admin, '/Admin'],
        [house.admin, '/admin/'],
        [house.admin, '//admin'],
        [house.admin, '/admin;a=b'],
        [house.admin, '/admin/static%2fstyles.css'],
      ] as const) {
        const response = await door(new Request(`http://door.test${path}`));
        assert.equal(response.status, 404, path);
      }
    }));

  it('a parameter that decodes to a path of its own is a 404', () =>
    inHouse({}, async (house) => {
      const { id } = await storePaste(house, '');
      for (const path of [
        `/${id}%2fraw`,
        `/x%2f..%2f${id}`,
        `/%2e%2e%2f${id}`,
        `/${id}%5c..`,
        `/${id}%00`,
        `/${id}%00/raw`,
        `/%2f${id}/raw`,
        `/${id.toUpperCase()}`,
        `/${id}%20`,
        `/%25${id}`,
      ]) {
        const response = await house.main(
          new Request(`http://door.test${path}`, { headers: { 'x-request-id': 'here' } }),
        );
        assert.equal(response.status, 404, path);
        assert.equal(await response.text(), CONTRACT_404, path);
      }
    }));
});
