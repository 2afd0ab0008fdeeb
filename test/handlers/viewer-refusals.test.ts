/** Links that show nothing: one answer, whatever is wrong with them. And what else these routes refuse. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Fault } from '../../src/core/faults.ts';
import { BROWSER } from '../../src/handlers/kit/headers.ts';
import type { Peer } from '../../src/handlers/kit/peer.ts';
import { type Db, DbError } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { answers, post } from '../support/ask.ts';
import { newViewerToken, type Owner, ownerIn, setDeletionState } from '../support/evidence.ts';
import { type House, inHouse, openHouse } from '../support/house.ts';
import { BROWSER_ACCEPT, type Looked, look, newScene, pathsOfLink, type Scene } from '../support/viewing.ts';
import { brokenStore } from './situations.ts';

const ONE_ANSWER =
  '{"error":{"code":"incident_token_invalid","message":"incident token is invalid, expired, or revoked"}}';
const STREAM = `str_${'0'.repeat(26)}`;
const freshToken = () => randomBytes(32).toString('base64url');

/** An answer without what is every request's own. */
const whole = ({ status, headers, text }: Looked) => ({
  status,
  headers: Object.fromEntries([...headers].filter(([name]) => name !== 'x-request-id')),
  text,
});

/** Everything that can be wrong with a link, each as its token. */
const WRONG: readonly (readonly [what: string, make: (house: House, owner: Owner) => Promise<string>])[] = [
  ['of no shape of a token', async () => 'x'],
  ['too short by one', async () => freshToken().slice(1)],
  ['too long by one', async () => `${freshToken()}A`],
  ['much too long', async () => 'A'.repeat(5000)],
  ['of other characters', async () => `${freshToken().slice(1)}!`],
  ['of spaces', async () => '%20%20'],
  ['of other writing', async () => encodeURIComponent('снег🙂')],
  ['that tries SQL', async () => "'%20OR%20'1'='1"],
  ['that tries a path', async () => 'a%2Fb'],
  ['that tries to climb', async () => '..%2F..%2Fadmin'],
  ['with a NUL', async () => 'a%00b'],
  ['with a backslash', async () => 'a%5Cb'],
  ['that is no UTF-8', async () => '%ff%fe'],
  ['that is badly encoded', async () => '%zz'],
  ['never issued', async () => freshToken()],
  [
    'that is the hash of one',
    async (house, owner) =>
      createHash('sha256')
        .update((await newScene(house, owner)).token)
        .digest('hex'),
  ],
  ['that is the id of one', async (house, owner) => (await newScene(house, owner)).tokenId],
  ['that is the id of an incident', async (house, owner) => (await newScene(house, owner)).incidentId],
  ['that is a session', async (_house, { as }) => as.token],
  [
    'expired',
    async (house, owner) => {
      const { incidentId } = await newScene(house, owner);
      const expires_at = new Date(house.clock.now() + 1000).toISOString();
      const { token } = await newViewerToken(house, owner.as, incidentId, { expires_at });
      assert.equal((await look(house, `/i/${token}`)).status, 200, 'it worked until then');
      house.clock.advance(1000);
      return token;
    },
  ],
  [
    'expired before it was made',
    async (house, owner) => {
      const { incidentId } = await newScene(house, owner);
      return (await newViewerToken(house, owner.as, incidentId, { expires_at: '2001-01-01T00:00:00Z' }))
        .token;
    },
  ],
  [
    'revoked',
    async (house, owner) => {
      const { token, tokenId } = await newScene(house, owner);
      answers(await post(house, `/v1/incident-tokens/${tokenId}/revoke`, owner.as), 200);
      return token;
    },
  ],
  ...(['deletion_pending', 'deleting', 'deletion_failed', 'deleted'] as const).map(
    (state) =>
      [
        `of an incident that is ${state}`,
        async (house: House, owner: Owner) => {
          const { token, incidentId } = await newScene(house, owner);
          answers(
            await post(house, `/v1/incidents/${incidentId}/deletion`, owner.as, { allow_open: true }),
            202,
          );
          await setDeletionState(house, incidentId, state);
          return token;
        },
      ] as const,
  ),
];

describe('a link that shows nothing', () => {
  /** What was sent to the database since it was last cleared: the texts of the statements of each batch. */
  const asked: string[][] = [];
  let house: House;
  let owner: Owner;
  let db: Db;
  before(async () => {
    db = await openEmbedded({ path: ':memory:' });
    await migrate(db, migrations, 0);
    const watched: Db = {
      ...db,
      batch(statements, mode) {
        asked.push(statements.map(({ sql }) => sql));
        return db.batch(statements, mode);
      },
    };
    house = await openHouse({ data: watched });
    owner = await ownerIn(house);
  });
  after(async () => {
    await house.close();
    await db.close();
  });

  for (const [what, make] of WRONG) {
    it(`one ${what} gets the one answer, on every path, with every method that reads`, async () => {
      const token = await make(house, owner);
      const unknown = freshToken();
      for (const accept of ['application/json', BROWSER_ACCEPT]) {
        for (const [at, path] of pathsOfLink(token, STREAM).entries()) {
          const init = { headers: { accept } };
          const answer = await look(house, path, init);
          const expected = await look(house, pathsOfLink(unknown, STREAM)[at] ?? '', init);
          assert.deepEqual(whole(answer), whole(expected), path);
          assert.equal(answer.status, 404);
          if (accept === BROWSER_ACCEPT && at === 0)
            assert.match(answer.text, /<h2>This link does not work<\/h2>/);
          else assert.equal(answer.text, ONE_ANSWER);
          for (const [name, value] of Object.entries({ ...BROWSER, 'cache-control': 'no-store' }))
            assert.equal(answer.headers.get(name), value, `${path} ${name}`);
          const head = await look(house, path, { ...init, method: 'HEAD' });
          assert.deepEqual(whole(head), { ...whole(expected), text: '' }, path);
        }
      }
    });
  }

  it('is looked for in the same way, whatever is wrong with it', async () => {
    const tokens: string[] = [];
    for (const [what, make] of WRONG) {
      // What cannot be in a path is no question to a database, and tells nothing that its sender did not know.
      if (!/path|climb|NUL|backslash|UTF-8|encoded/.test(what)) tokens.push(await make(house, owner));
    }
    assert.ok(tokens.length > 12);
    for (const [at] of pathsOfLink('', STREAM).entries()) {
      const question = async (token: string) => {
        asked.length = 0;
        await look(house, pathsOfLink(token, STREAM)[at] ?? '');
        return structuredClone(asked);
      };
      const expected = await question(freshToken());
      assert.equal(expected.length, 1, 'one batch');
      for (const token of tokens) assert.deepEqual(await question(token), expected);
    }
  });

  it('is not told about by a stream that is there', async () => {
    const scene = await newScene(house, owner);
    const { status, text } = await look(house, `/i/${freshToken()}/streams/${scene.complete}/download`);
    assert.deepEqual([status, text], [404, ONE_ANSWER]);
  });
});

describe('how the page refuses', () => {
  it('is a page where a page is preferred, else JSON', () =>
    inHouse({}, async (house) => {
      for (const [accept, page] of [
        [BROWSER_ACCEPT, true],
        ['text/html', true],
        ['TEXT/HTML;Q=0.2, */*', true],
        ['text/html, application/json', true],
        ['application/json;q=0.9, text/html', true],
        ['application/json, text/html', false],
        ['text/html;q=0.5, application/json', false],
        ['text/html;q=0', false],
        ['application/json', false],
        ['*/*', false],
        ['text/*', false],
        ['', false],
      ] as const) {
        const { status, headers } = await look(house, '/i/x', { headers: { accept } });
        assert.equal(status, 404);
        const type = page ? 'text/html; charset=utf-8' : 'application/json';
        assert.equal(headers.get('content-type'), type, accept);
      }
      assert.equal((await look(house, '/i/x')).headers.get('content-type'), 'application/json');
    }));

  it('never says on which request, except in the header', () =>
    inHouse({}, async (house) => {
      for (const path of pathsOfLink('x', STREAM)) {
        const { headers, text } = await look(house, path, {
          headers: { 'x-request-id': 'mine', accept: 'text/html' },
        });
        assert.equal(headers.get('x-request-id'), 'mine');
        assert.ok(!text.includes('mine'));
      }
    }));

  for (const [what, options, status, code] of [
    [
      'when nobody can count requests',
      { ports: { limiter: { hit: () => Promise.reject(new Fault('rate_limit_unavailable')) } } },
      503,
      'rate_limit_unavailable',
    ],
    [
      'when the database is away',
      {
        ports: {
          store: {
            viewer: brokenStore(() => new DbError('busy', 'SQLITE_BUSY: secret words')).pastes,
          } as never,
        },
      },
      503,
      'storage_unavailable',
    ],
    [
      'when something is broken',
      { ports: { store: { viewer: brokenStore(() => new RangeError('secret words')).pastes } as never } },
      500,
      'internal_error',
    ],
  ] as const)
    it(`${what}, with a page for people and JSON for others`, () =>
      inHouse({ ...options, env: { SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'true' } }, async (house) => {
        for (const [at, path] of pathsOfLink(freshToken(), STREAM).entries()) {
          const answer = await look(house, path, { headers: { accept: BROWSER_ACCEPT } });
          assert.equal(answer.status, status);
          assert.equal(answer.headers.get('cache-control'), 'no-store');
          assert.ok(!answer.text.includes('secret words'));
          if (at === 0) assert.match(answer.text, /<h2>Not available right now<\/h2>/);
          else
            assert.deepEqual(
              [answer.json.error.code, Object.keys(answer.json.error)],
              [code, ['code', 'message']],
            );
        }
      }));
});

describe('requests of a link are counted', () => {
  const ON = { SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'true' };
  const peer: Peer = { address: '192.0.2.1' };
  for (const [name, at, limit] of [
    ['the page', 0, 60],
    ['data', 1, 300],
    ['the payload', 2, 300],
    ['a recording', 3, 12],
    ['all recordings', 4, 12],
  ] as const) {
    it(`${name}: ${limit} a minute, GET and HEAD alike, before the link is looked up`, async () => {
      const untouchable = new Proxy({}, { get: () => assert.fail('the store was asked') });
      await inHouse({ env: ON }, async (house) => {
        const ask = (method: string, headers = {}) => {
          const url = `http://door.test${pathsOfLink(freshToken(), STREAM)[at]}`;
          return house.main(new Request(url, { method, headers }), peer);
        };
        for (let n = 0; n < limit; n += 1)
          assert.equal((await ask(n % 2 === 0 ? 'GET' : 'HEAD')).status, 404, `request ${n + 1}`);
        Object.assign(house.deps.store, { viewer: untouchable });
        const refused = await ask('GET');
        assert.equal(refused.status, 429);
        assert.equal(refused.headers.get('retry-after'), '60');
        for (const [header, value] of Object.entries({ ...BROWSER, 'cache-control': 'no-store' }))
          assert.equal(refused.headers.get(header), value, header);
        assert.equal(await refused.text(), '{"error":{"code":"rate_limited","message":"too many requests"}}');
        assert.equal((await ask('HEAD')).status, 429);
        const shown = await ask('GET', { accept: BROWSER_ACCEPT });
        assert.equal(shown.status, 429);
        if (at === 0) assert.match(await shown.text(), /<h2>Please wait a moment<\/h2>/);
      });
    });
  }

  it('data and the payload together, recordings together, and each kind apart from the others', () =>
    inHouse({ env: ON }, async (house) => {
      const [page = '', data = '', payload = '', one = '', all = ''] = pathsOfLink('x', STREAM);
      const ask = async (path: string) =>
        (await house.main(new Request(`http://door.test${path}`), peer)).status;
      for (let n = 0; n < 150; n += 1) assert.deepEqual([await ask(data), await ask(payload)], [404, 404]);
      for (let n = 0; n < 6; n += 1) assert.deepEqual([await ask(one), await ask(all)], [404, 404]);
      assert.deepEqual([await ask(data), await ask(payload)], [429, 429]);
      assert.deepEqual([await ask(one), await ask(all)], [429, 429]);
      assert.deepEqual([await ask(page), await ask('/static/styles.css')], [404, 200]);
    }));
});

describe('what is not there', () => {
  it('is a 404 with the same privacy, below links and static files, with every method', () =>
    inHouse({}, async (house) => {
      for (const path of [
        ...pathsOfLink('x', STREAM).map((known) => `POST ${known}`),
        ...['POST /i/x', 'DELETE /i/x', 'OPTIONS /i/x', 'PUT /i/x/data', 'POST /static/styles.css'],
        ...['GET /i', 'GET /i/', 'GET /i/x/', 'GET /i/x/nothing', 'GET /i/x/data/', 'GET /i/x/streams'],
        ...[
          'GET /i/x/incident',
          'GET /%69/x',
          'GET //i/x',
          'GET /I/x',
          'GET /static',
          'GET /static/',
          'GET /e/x',
        ],
        ...['GET /static/other.css', 'GET /static/styles.css/', 'GET /static/%73tyles.css', 'POST /e/x'],
      ]) {
        const [method = '', target = ''] = path.split(' ');
        const response = await house.main(new Request(`http://door.test${target}`, { method }));
        assert.equal(response.status, 404, path);
        for (const [name, value] of Object.entries({ ...BROWSER, 'cache-control': 'no-store' }))
          assert.equal(response.headers.get(name), value, `${path} ${name}`);
        assert.ok(!response.headers.has('access-control-allow-origin'));
      }
    }));
});

describe('links in their old form', () => {
  const at = (scene: Scene) => pathsOfLink(scene.token, scene.complete, '/e');

  it('are not there unless the settings ask for them', () =>
    inHouse({}, async (house) => {
      const scene = await newScene(house, await ownerIn(house));
      for (const path of at(scene)) {
        const { status, json } = await look(house, path);
        assert.deepEqual([status, json.error.code], [404, 'not_found'], path);
      }
    }));

  it('show the same as those of today, but for the payload, and lead back to themselves', () =>
    inHouse({ env: { SAFE_LEGACY_VIEWER_ALIASES: 'true' } }, async (house) => {
      const scene = await newScene(house, await ownerIn(house));
      const today = pathsOfLink(scene.token, scene.complete);
      for (const [n, path] of at(scene).entries()) {
        const old = await look(house, path);
        if (path.endsWith('viewer-payload')) {
          assert.deepEqual([old.status, old.json.error.code], [404, 'not_found']);
          continue;
        }
        assert.deepEqual(whole(old), whole(await look(house, today[n] ?? '')), path);
        assert.equal(old.status, 200);
        const post = await look(house, path, { method: 'POST' });
        assert.equal(post.status, 404);
      }
      assert.deepEqual(whole(await look(house, '/e/x')), whole(await look(house, '/i/x')));
      const routes = new Set(house.log.map(({ route }) => route));
      for (const route of ['/e/{token}', '/e/{token}/data', '/e/{token}/streams/{stream_id}/download'])
        assert.ok(routes.has(route), route);
      assert.ok(!JSON.stringify(house.log).includes(scene.token));
    }));
});
