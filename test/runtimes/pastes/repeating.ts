/** Sending the same thing again: retries under a key, and duplicates. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  bytes,
  type CallHeaders,
  created,
  type Door,
  from,
  holder,
  info,
  post,
  postJson,
  put,
  raw,
  refused,
  remove,
  retryAfter,
  same,
  somebody,
  token,
  words,
} from '../../support/door.ts';

const REPLAYED = 'idempotency-replayed';
const newKey = () => words('key').replaceAll(' ', '-');

export function repeating(open: () => Door): void {
  describe('a create under an Idempotency-Key', () => {
    it('answers a retry with the first result, delete token included', async () => {
      const text = words();
      const headers = { 'idempotency-key': newKey(), 'x-expiry': '600', 'x-burn-after-read': 'yes' };
      const first = await post(open(), text, headers);
      const second = await post(open(), text, headers);
      assert.equal(first.status, 201);
      assert.equal(first.headers.get(REPLAYED), null);
      assert.equal(second.status, 200);
      assert.equal(second.headers.get(REPLAYED), 'true');
      assert.equal(second.text, first.text);
      assert.equal(second.headers.get('location'), first.headers.get('location'));
    });

    it('does so for a large body, a password and a text answer', async () => {
      const body = bytes(1024 * 1024 + 10);
      const headers = { 'idempotency-key': newKey(), 'x-paste-password': 'pass', accept: 'text/plain' };
      const first = await post(open(), body, headers);
      const second = await post(open(), body, headers);
      assert.deepEqual([first.status, second.status], [201, 200]);
      assert.equal(second.text, first.text);
      assert.equal(second.headers.get('x-delete-token'), first.headers.get('x-delete-token'));
    });

    it('does so for a JSON document', async () => {
      const document = { content: words(), expiry: 60 };
      const headers = { 'idempotency-key': newKey() };
      const first = await postJson(open(), document, headers);
      const second = await postJson(open(), document, headers);
      assert.deepEqual([first.status, second.status], [201, 200]);
      assert.equal(second.text, first.text);
    });

    it('makes one paste of many retries at once', async () => {
      const text = words();
      const headers = { 'idempotency-key': newKey() };
      const answers = await Promise.all(Array.from({ length: 8 }, () => post(open(), text, headers)));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 200, 200, 200, 200, 201]);
      assert.equal(new Set(answers.map((answer) => answer.text)).size, 1);
    });

    it('still answers when the paste has burned', async () => {
      const text = words();
      const headers = { 'idempotency-key': newKey(), 'x-burn-after-read': '1' };
      const first = await created(open(), text, headers);
      same((await raw(open(), first.id)).bytes, text);
      const again = await post(open(), text, headers);
      assert.equal(again.status, 200);
      assert.equal(again.json.id, first.id);
      refused(await raw(open(), first.id), 404, 'paste_not_found');
    });

    it('still answers when the paste was deleted or replaced', async () => {
      const text = words();
      const headers = { 'idempotency-key': newKey() };
      const first = await created(open(), text, headers);
      await put(open(), first.id, words(), { ...token(first), 'x-expiry': '60' });
      const replaced = await post(open(), text, headers);
      assert.deepEqual({ ...replaced.json }, { ...first });
      await remove(open(), first.id, token(first));
      assert.deepEqual({ ...(await post(open(), text, headers)).json }, { ...first });
    });

    it('refuses another body', async () => {
      const headers = { 'idempotency-key': newKey() };
      const first = await created(open(), words(), headers);
      refused(await post(open(), words(), headers), 409, 'idempotency_conflict');
      assert.equal((await info(open(), first.id)).status, 200);
    });

    const others: [string, CallHeaders, CallHeaders][] = [
      ['expiry', { 'x-expiry': '60' }, { 'x-expiry': '61' }],
      ['expiry that is capped alike', { 'x-expiry': '2592001' }, { 'x-expiry': '2592002' }],
      ['burn', { 'x-burn-after-read': 'yes' }, { 'x-burn-after-read': 'no' }],
      ['password', { 'x-paste-password': 'one' }, { 'x-paste-password': 'two' }],
      ['access hash', { 'x-paste-access-hash': '0'.repeat(64) }, { 'x-paste-access-hash': '1'.repeat(64) }],
    ];
    for (const [name, one, two] of others) {
      it(`refuses another ${name}`, async () => {
        const text = words();
        const key = { 'idempotency-key': newKey() };
        await created(open(), text, { ...key, ...one });
        refused(await post(open(), text, { ...key, ...two }), 409, 'idempotency_conflict');
        refused(await post(open(), text, key), 409, 'idempotency_conflict');
        assert.equal((await post(open(), text, { ...key, ...one })).status, 200);
      });
    }

    for (const [name, member] of [
      ['expiry', { expiry: 61 }],
      ['burn', { burn_after_read: true }],
      ['password', { password: 'two' }],
    ] as const) {
      it(`refuses another ${name} in the document`, async () => {
        const document = { content: words(), expiry: 60 };
        const headers = { 'idempotency-key': newKey() };
        assert.equal((await postJson(open(), document, headers)).status, 201);
        const other = await postJson(open(), { ...document, ...member }, headers);
        refused(other, 409, 'idempotency_conflict');
      });
    }

    it('refuses the same bytes in another form', async () => {
      const text = words();
      const headers = { 'idempotency-key': newKey() };
      await created(open(), text, headers);
      refused(await postJson(open(), { content: text }, headers), 409, 'idempotency_conflict');
    });

    it('is remembered for one peer: another has keys of its own', async () => {
      const text = words();
      const key = { 'idempotency-key': newKey() };
      const one = await created(open(), text, { ...key, ...somebody() });
      const two = await created(open(), text, { ...key, ...somebody() });
      assert.notEqual(one.id, two.id);
    });

    it('is remembered for one owner, wherever it is', async () => {
      const text = words();
      const key = { 'idempotency-key': newKey() };
      const one = await created(open(), text, { ...key, ...holder('mobile'), ...somebody() });
      const again = await post(open(), text, { ...key, ...holder('mobile'), ...somebody() });
      assert.equal(again.status, 200);
      assert.equal(again.json.id, one.id);
      const other = await post(open(), text, { ...key, ...holder('another'), ...somebody() });
      assert.equal(other.status, 201);
    });

    it('keeps nothing of a create that was refused', async () => {
      const headers = { 'idempotency-key': newKey() };
      refused(await post(open(), '', headers), 400, 'empty_paste');
      refused(await post(open(), words(), { ...headers, 'x-expiry': 'x' }), 400, 'invalid_expiry');
      assert.equal((await post(open(), words(), headers)).status, 201);
    });

    for (const key of ['k'.repeat(16), 'k'.repeat(255), '!"#$%&\'()*+,-./:;<=>?@[]^_`{|}~']) {
      it(`may be ${key.slice(0, 20)} (${key.length})`, async () => {
        const headers = { 'idempotency-key': key, ...somebody() };
        assert.equal((await post(open(), words(), headers)).status, 201);
      });
    }

    for (const key of [
      '',
      'k'.repeat(15),
      'k'.repeat(256),
      'k k'.repeat(10),
      'k\u00e9y'.repeat(8),
      `${'k\t'.repeat(10)}k`,
    ]) {
      it(`may not be ${JSON.stringify(key).slice(0, 20)} (${key.length})`, async () => {
        refused(await post(open(), words(), { 'idempotency-key': key }), 400, 'invalid_idempotency_key');
      });
    }
  });

  describe('the same bytes', () => {
    it('are taken three times an hour, from whomever, then 429 with Retry-After', async () => {
      const text = words();
      for (let i = 0; i < 3; i += 1)
        await created(open(), text, { ...somebody(), 'x-expiry': String(60 + i) });
      const answer = refused(await post(open(), text, somebody()), 429, 'duplicate_content');
      assert.ok(retryAfter(answer) > 3500 && retryAfter(answer) <= 3600);
      assert.equal((await post(open(), `${text}.`)).status, 201);
    });

    it('count as the same when they came as JSON', async () => {
      const text = words();
      for (let i = 0; i < 3; i += 1) await created(open(), text);
      refused(await postJson(open(), { content: text }), 429, 'duplicate_content');
    });

    it('are counted when they are large, too', async () => {
      const body = bytes(1024 * 1024 + 1);
      for (let i = 0; i < 3; i += 1) await created(open(), body);
      refused(await post(open(), body), 429, 'duplicate_content');
    });

    it('do not count when they are a replay, which still answers when the count is full', async () => {
      const text = words();
      const headers = { 'idempotency-key': newKey() };
      const first = await created(open(), text, headers);
      for (let i = 0; i < 5; i += 1) assert.equal((await post(open(), text, headers)).status, 200);
      await created(open(), text);
      await created(open(), text);
      refused(await post(open(), text), 429, 'duplicate_content');
      const again = await post(open(), text, headers);
      assert.equal(again.status, 200);
      assert.equal(again.json.id, first.id);
    });

    it('still count when the pastes are gone', async () => {
      const text = words();
      for (let i = 0; i < 3; i += 1) {
        const paste = await created(open(), text);
        await remove(open(), paste.id, token(paste));
      }
      refused(await post(open(), text), 429, 'duplicate_content');
    });

    it('made by many at once are still three', async () => {
      const text = words();
      const answers = await Promise.all(Array.from({ length: 8 }, () => post(open(), text)));
      const statuses = answers.map(({ status }) => status).sort();
      assert.deepEqual(statuses, [201, 201, 201, 429, 429, 429, 429, 429]);
    });
  });

  describe('who a peer is', () => {
    /** Whether two callers are one: the second create under a key is then a replay. */
    const areOne = async (one: CallHeaders, two: CallHeaders) => {
      const text = words();
      const key = { 'idempotency-key': newKey() };
      assert.equal((await post(open(), text, { ...key, ...one })).status, 201);
      const { status } = await post(open(), text, { ...key, ...two });
      return status === 200;
    };

    it('is what the trusted proxy appended, not what a client wrote before it', async () => {
      assert.ok(await areOne(from('1.1.1.1, 203.0.113.5'), from('2.2.2.2, 203.0.113.5')));
      assert.ok(!(await areOne(from('203.0.113.5, 203.0.113.6'), from('203.0.113.5, 203.0.113.7'))));
    });

    it('is read over every proxy that is trusted, and no further', async () => {
      assert.ok(await areOne(from('1.1.1.1, 203.0.113.8, 10.9.8.7'), from('203.0.113.8')));
    });

    it('is one in an IPv6 network of 64 bits', async () => {
      assert.ok(await areOne(from('2001:db8:1:2::1'), from('2001:DB8:1:2:ffff::9')));
      assert.ok(!(await areOne(from('2001:db8:1:2::1'), from('2001:db8:1:3::1'))));
    });

    it('is the same in IPv4 and in IPv4 mapped to IPv6', async () => {
      assert.ok(await areOne(from('203.0.113.9'), from('::ffff:203.0.113.9')));
    });

    for (const junk of ['unknown', 'evil.example', '203.0.113.10:8080', '999.1.1.1', '']) {
      it(`is the proxy itself when that wrote ${JSON.stringify(junk)}`, async () => {
        assert.ok(await areOne(from(junk), {}));
      });
    }
  });
}
