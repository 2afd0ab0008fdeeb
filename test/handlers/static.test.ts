/** The viewer's two static files: the same for everybody, kept for a while, asked for again by their tag. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BROWSER } from '../../src/handlers/kit/headers.ts';
import { inHouse } from '../support/house.ts';
import { look } from '../support/viewing.ts';

const FILES = [
  ['/static/styles.css', 'text/css; charset=utf-8'],
  ['/static/scripts.js', 'text/javascript; charset=utf-8'],
] as const;

describe('the static files', () => {
  for (const [path, type] of FILES) {
    it(`${path} can be kept, and is not sent again to whoever has it`, () =>
      inHouse({}, async (house) => {
        const first = await look(house, path);
        assert.equal(first.status, 200);
        assert.equal(first.headers.get('content-type'), type);
        const etag = first.headers.get('etag') ?? '';
        assert.match(etag, /^"[0-9a-f]{32}"$/, 'a strong tag');
        for (const [given, status] of [
          [etag, 304],
          [`W/${etag}`, 304],
          [`"other", ${etag}`, 304],
          ['*', 304],
          ['"other"', 200],
          [etag.slice(1, -1), 200],
        ] as const) {
          const again = await look(house, path, { headers: { 'if-none-match': given } });
          assert.equal(again.status, status, given);
          const expected = { ...BROWSER, etag, 'cache-control': 'public, max-age=300' };
          for (const [name, value] of Object.entries(expected))
            assert.equal(again.headers.get(name), value, `${given} ${name}`);
          assert.equal(again.bytes.length, status === 304 ? 0 : first.bytes.length);
        }
        const head = await look(house, path, { method: 'HEAD' });
        assert.deepEqual([head.status, head.bytes.length], [200, 0]);
        assert.equal(head.headers.get('content-length'), String(first.bytes.length));
      }));

    it(`${path} is the same for everybody, and names nothing of a deployment`, async () => {
      const texts = new Set<string>();
      for (const env of [{}, { SAFE_PUBLIC_ORIGIN: 'https://secret.example', SAFE_URL_PREFIX: '/secret' }])
        await inHouse({ env }, async (house) => {
          const { text } = await look(house, path, {
            headers: { cookie: 'a=secret', authorization: 'Bearer s' },
          });
          texts.add(text);
        });
      assert.equal(texts.size, 1);
      assert.doesNotMatch([...texts].join(), /secret|https?:|localhost|127\.0\.0\.1|@import|url\(/);
    });
  }

  it('the script parses, asks its own address alone, keeps nothing, makes no markup and opens nothing', () =>
    inHouse({}, async (house) => {
      const { text } = await look(house, '/static/scripts.js');
      assert.doesNotThrow(() => new Function(text));
      assert.doesNotMatch(
        text,
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|Function\(/,
      );
      assert.doesNotMatch(
        text,
        /localStorage|sessionStorage|indexedDB|caches|cookie|serviceWorker|postMessage/,
      );
      assert.doesNotMatch(text, /crypto|decrypt|location\.hash|import\(|XMLHttpRequest|WebSocket|sendBeacon/);
      assert.equal(text.match(/fetch\(/g)?.length, 1);
    }));

  it('are limited to 600 a minute, together', () =>
    inHouse({ env: { SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'true' } }, async (house) => {
      for (let n = 0; n < 300; n += 1)
        for (const [path] of FILES) assert.equal((await look(house, path)).status, 200);
      const refused = await look(house, FILES[0][0]);
      assert.deepEqual([refused.status, refused.headers.get('cache-control')], [429, 'no-store']);
      assert.equal(refused.json.error.code, 'rate_limited');
    }));
});
