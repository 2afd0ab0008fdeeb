/** Limits as peers feel them, each at an address of its own: whoever is refused keeps nobody else out. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { adminRoutes } from '../../src/handlers/admin.ts';
import type { Route } from '../../src/handlers/kit/route.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { startServer, type TestServer } from '../support/server.ts';

const LINUX = process.platform === 'linux' ? false : 'only Linux has all of 127/8';
const GREEDY = '127.0.0.2';
const HONEST = '127.0.0.3';
const ID = '0123456789abcdefghjkmnpqrs';

const MAIN = [
  'AUTH',
  'AUTH_REGISTER',
  'AUTH_EMAIL_VERIFY',
  'ACCOUNT',
  'INCIDENT_READ',
  'INCIDENT_WRITE',
].concat(
  ['UPLOAD', 'RECONCILE', 'STREAM', 'TOKEN', 'DOWNLOAD'],
  ['PASTE_CREATE', 'PASTE_READ', 'PASTE_MANAGE', 'PASTE_CHALLENGE'],
);
/** Every class there is lets one request through. */
const settings = Object.fromEntries([
  ...MAIN.map((name) => [`SAFE_MAIN_API_RATE_LIMIT_${name}`, '1']),
  ...['PAGE', 'DATA', 'DOWNLOAD', 'STATIC'].map((name) => [`SAFE_PUBLIC_VIEWER_RATE_LIMIT_${name}`, '1']),
  ...['DASHBOARD', 'LOGIN', 'JSON'].map((name) => [`SAFE_ADMIN_RATE_LIMIT_${name}`, '1']),
  ...['MAIN_API', 'PUBLIC_VIEWER', 'ADMIN'].map((name) => [`SAFE_${name}_RATE_LIMIT_WINDOW`, '1h']),
]);

/** One request over a connection of its own. @returns its status */
function ask(url: string, { method }: Route, from: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, agent: false, localAddress: from }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    asking.once('error', reject).end();
  });
}

describe('while one peer is refused', { skip: LINUX }, () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ settings });
  });
  after(() => server?.[Symbol.asyncDispose]());

  for (const [door, routes] of [
    ['main', mainRoutes],
    ['admin', adminRoutes],
  ] as const)
    for (const [limit, [route]] of Map.groupBy<string, Route>(routes, (one) => one.limit))
      it(`another one is answered: ${limit}, at the ${door} door`, async () => {
        assert.ok(route);
        const url = server[door] + route.path.replace(/:\w+/g, ID);
        assert.notEqual(await ask(url, route, GREEDY), 429);
        for (let more = 0; more < 3; more += 1) assert.equal(await ask(url, route, GREEDY), 429);
        const answered = await ask(url, route, HONEST);
        assert.ok(answered < 500 && answered !== 429, `${answered}`);
      });
});
