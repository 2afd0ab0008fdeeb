/** What the service says of itself, and of what it does not have. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VERSION } from '../../../src/core/version.ts';
import { created, type Door, holder, info, refused, somebody, words } from '../../support/door.ts';

export function describing(open: () => Door): void {
  describe('the service describes itself', () => {
    it('with every limit that a client should know before it uploads', async () => {
      const door = open();
      const answer = await door.send({ path: `${door.prefix}/` });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('content-type'), 'application/json');
      const { endpoints, ...rest } = answer.json;
      assert.deepEqual(rest, {
        name: 'sallyport',
        version: VERSION,
        limits: {
          max_bytes_anonymous: 3 * 1024 * 1024,
          max_bytes_identified: 50 * 1024 * 1024,
          default_expiry_seconds: 5 * 24 * 3600,
          max_expiry_seconds: 30 * 24 * 3600,
          min_entropy: 0,
        },
        pow: { required: false, difficulty: 0, algorithm: 'sha256-leading-zero-bits' },
        create: 'anyone',
      });
      for (const endpoint of ['GET /', 'POST /', 'GET /challenge', 'GET /{id}', 'GET /{id}/raw']) {
        assert.ok((endpoints as string[]).includes(endpoint), endpoint);
      }
      for (const endpoint of ['PUT /{id}', 'DELETE /{id}']) {
        assert.ok((endpoints as string[]).includes(endpoint), endpoint);
      }
    });

    it('with the same headers and no body to HEAD', async () => {
      const door = open();
      const get = await door.send({ path: '/' });
      const head = await door.send({ method: 'HEAD', path: '/' });
      assert.equal(head.status, 200);
      assert.equal(head.headers.get('content-length'), String(get.bytes.length));
      assert.equal(head.headers.get('content-type'), 'application/json');
    });

    it('and gives a challenge also where no work is asked for', async () => {
      const answer = await open().send({ path: '/challenge' });
      assert.equal(answer.status, 200);
      const { token, expires_at: expiresAt, ...rest } = answer.json;
      assert.deepEqual(rest, { required: false, difficulty: 0, algorithm: 'sha256-leading-zero-bits' });
      assert.match(String(token), /^[A-Za-z0-9_-]{48}$/);
      assert.match(String(expiresAt), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    });
  });

  describe('every answer carries a request id', () => {
    for (const id of ['a', 'Trace-1.2_3', 'x'.repeat(64)]) {
      it(`the caller's own: ${id.slice(0, 12)}`, async () => {
        const answer = await open().send({ path: '/', headers: { 'x-request-id': id } });
        assert.equal(answer.headers.get('x-request-id'), id);
      });
    }

    for (const id of ['x'.repeat(65), 'two words', 'a;b', '<b>', 'a,b', '"', 'caf\u00e9']) {
      it(`a fresh one instead of ${JSON.stringify(id).slice(0, 16)}`, async () => {
        const door = open();
        const first = await door.send({ path: '/', headers: { 'x-request-id': id } });
        const second = await door.send({ path: '/', headers: { 'x-request-id': id } });
        const ids = [first, second].map(({ headers }) => headers.get('x-request-id'));
        assert.match(ids[0] ?? '', /^[0-9a-f]{32}$/);
        assert.notEqual(ids[0], ids[1]);
        assert.ok(!ids.includes(id));
      });
    }

    it('a fresh one when two came', async () => {
      const answer = await open().send({ path: '/', headers: { 'x-request-id': ['one', 'two'] } });
      assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f]{32}$/);
    });

    it('refusals too, in header and body', async () => {
      const answer = await open().send({ path: '/nothing/here', headers: { 'x-request-id': 'mine' } });
      assert.deepEqual(answer.json, {
        error: { code: 'not_found', message: 'endpoint was not found', request_id: 'mine' },
      });
    });
  });

  describe('what does not exist is one 404', () => {
    const id = '0'.repeat(26);
    const calls: [string, string][] = [
      ['GET', '/nothing'],
      ['GET', '/paste'],
      ['GET', `/${id}/`],
      ['GET', `/${id}/raw/`],
      ['GET', `/${id}/RAW`],
      ['GET', `/${id}/raw/more`],
      ['GET', `/${id}/metadata`],
      ['GET', '/Challenge'],
      ['GET', '/challenge/'],
      ['GET', '/%63hallenge'],
      ['GET', `/${id}/r%61w`],
      ['GET', '//'],
      ['GET', `//${id}`],
      ['GET', `/${id};v=1`],
      ['GET', `/${id.slice(1)}`],
      ['GET', `/${id}0`],
      ['GET', `/${id.slice(1)}A`],
      ['GET', `/${id.slice(1)}u`],
      ['GET', `/${id.slice(1)}%00`],
      ['GET', `/${id}%00`],
      ['GET', `/${id}%2Fraw`],
      ['GET', `/${id}%5Craw`],
      ['GET', `/${id}%0d%0aX-Injected:%20yes`],
      ['GET', '/%2e%2e%2fetc%2fpasswd'],
      ['GET', '/%25%30%30'],
      ['GET', '/%zz'],
      ['GET', '/%c3%28'],
      ['GET', `/${'x'.repeat(8000)}`],
      ['GET', '/metrics'],
      ['GET', '/admin'],
      ['GET', '/admin/api/pastes'],
      ['POST', '/admin/api/cleanup'],
      ['POST', '/admin/login'],
      ['POST', '/challenge'],
      ['POST', `/${id}`],
      ['POST', `/${id}/raw`],
      ['PUT', '/'],
      ['PUT', `/${id}/raw`],
      ['PATCH', `/${id}`],
      ['DELETE', '/'],
      ['DELETE', `/${id}/raw`],
      ['OPTIONS', '/'],
      ['OPTIONS', `/${id}`],
      ['OPTIONS', `/${id}/raw`],
      ['PROPFIND', '/'],
    ];
    for (const [method, path] of calls) {
      it(`${method} ${path.length > 60 ? `${path.slice(0, 60)}…` : path}`, async () => {
        const answer = await open().send({ method, path, headers: { 'x-request-id': 'r' } });
        refused(answer, 404, 'not_found');
        assert.equal(
          answer.text,
          '{"error":{"code":"not_found","message":"endpoint was not found","request_id":"r"}}',
        );
        assert.equal(answer.headers.get('x-injected'), null);
        assert.equal(answer.headers.get('allow'), null);
      });
    }

    it('and HEAD of it has the same headers without a body', async () => {
      const answer = await open().send({ method: 'HEAD', path: '/nothing' });
      assert.equal(answer.status, 404);
    });

    it('but a query changes nothing', async () => {
      const door = open();
      const { id } = await created(door, words());
      assert.equal((await info(door, `${id}?id=${'0'.repeat(26)}&X-Paste-Password=1`)).status, 200);
    });

    it('an id with encoded letters is the id, encoded twice it is not', async () => {
      const door = open();
      const { id } = await created(door, words());
      const hex = id.charCodeAt(0).toString(16);
      assert.equal((await info(door, `%${hex}${id.slice(1)}`)).status, 200);
      refused(await info(door, `%25${hex}${id.slice(1)}`), 404, 'not_found');
    });
  });

  it('links never repeat what a request says of hosts', async () => {
    const door = open();
    const headers = {
      ...somebody(),
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example;proto=https',
      'x-original-url': '/evil',
      host: 'evil.example',
    };
    const paste = await created(door, words(), headers);
    assert.equal(paste.url, `${door.origin}${door.prefix}/${paste.id}`);
    assert.equal(paste.raw, `${door.origin}${door.prefix}/${paste.id}/raw`);
    const seen = await info(door, paste.id, { ...headers, ...holder('a reader') });
    assert.ok(!seen.text.includes('evil'));
  });
}
