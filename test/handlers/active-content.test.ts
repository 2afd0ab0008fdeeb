import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { corpus } from '../browser/corpus.ts';
import { type House, inHouse, openHouse } from '../support/house.ts';
import { askHouse } from './situations.ts';

const IMAGES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];
const TEXT = 'text/plain; charset=utf-8';
const BYTES = 'application/octet-stream';

async function store(house: House, body: Uint8Array, headers: Record<string, string>): Promise<string> {
  const { status, text } = await askHouse(house, 'main', '/', {
    method: 'POST',
    body: new Uint8Array(body),
    headers,
  });
  assert.equal(status, 201, text);
  return (JSON.parse(text) as { id: string }).id;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

describe('active content never comes back as what it is', () => {
  let house: House;
  before(async () => {
    house = await openHouse({ env: { SAFE_PASTE_DEDUP_MAX: '0' } });
  });
  after(() => house.close());

  for (const { name, type, bytes, image } of corpus) {
    it(`${name}, sent as ${type}`, async () => {
      // What a client claims changes nothing; a form's envelope is refused before its content is looked at.
      for (const claimed of [type, 'image/png', 'text/plain', '']) {
        const id = await store(house, bytes, claimed === '' ? {} : { 'content-type': claimed });
        for (const method of ['GET', 'HEAD']) {
          const { status, headers, bytes: came } = await askHouse(house, 'main', `/${id}/raw`, { method });
          const served = headers.get('content-type') ?? '';
          assert.equal(status, 200);
          if (image === undefined) assert.ok(served === TEXT || served === BYTES, `${method} ${served}`);
          else assert.equal(served, image);
          if (served === TEXT) assert.ok(isUtf8(bytes), 'text that is no UTF-8');
          const shown = served === TEXT || IMAGES.includes(served);
          assert.equal(headers.get('content-disposition'), shown ? 'inline' : 'attachment');
          assert.equal(headers.get('content-security-policy'), "default-src 'none'; sandbox");
          assert.equal(headers.get('x-content-type-options'), 'nosniff');
          assert.equal(headers.get('x-frame-options'), 'DENY');
          assert.equal(headers.get('cache-control'), 'no-store');
          if (method === 'GET') assert.ok(Buffer.compare(came, bytes) === 0, 'other bytes than were sent');
        }
      }
    });
  }

  it('a paste that is large is looked at as closely as a small one', () =>
    inHouse({}, async (house) => {
      for (const { name, type, bytes, image } of corpus) {
        if (image !== undefined) continue;
        const long = new Uint8Array(1_200_000).fill(0x20);
        long.set(bytes);
        const id = await store(house, long, { 'content-type': type });
        const { headers } = await askHouse(house, 'main', `/${id}/raw`, { method: 'HEAD' });
        assert.ok([TEXT, BYTES].includes(headers.get('content-type') ?? ''), name);
      }
    }));

  it('replaced bytes are looked at anew: a picture that becomes a page is text', () =>
    inHouse({}, async (house) => {
      const picture = corpus.find(({ image }) => image === 'image/png');
      const created = await askHouse(house, 'main', '/', {
        method: 'POST',
        body: new Uint8Array(picture?.bytes ?? []),
      });
      const { id, delete_token: token } = JSON.parse(created.text) as { id: string; delete_token: string };
      const put = { method: 'PUT', body: '<script>1</script>', headers: { 'x-delete-token': token } };
      assert.equal((await askHouse(house, 'main', `/${id}`, put)).status, 200);
      const { headers } = await askHouse(house, 'main', `/${id}/raw`);
      assert.equal(headers.get('content-type'), TEXT);
    }));

  it('no refusal and no metadata is a page, whatever a path or a header says', () =>
    inHouse({}, async (house) => {
      const script = '<script>alert(1)</script>';
      const id = await store(house, new TextEncoder().encode(script), { 'content-type': 'text/html' });
      for (const [path, headers] of [
        [`/${encodeURIComponent(script)}`, {}],
        [`/${id}`, { accept: 'text/html' }],
        [`/${id}/raw/${encodeURIComponent(script)}`, { accept: 'text/html' }],
        [`/${id}`, { 'x-paste-password': script }],
        ['/', { accept: 'text/html' }],
      ] as const) {
        for (const door of ['main', 'admin'] as const) {
          const answer = await askHouse(house, door, path, { headers });
          assert.equal(answer.headers.get('content-type'), 'application/json', path);
          assert.ok(!answer.text.includes('<'), path);
        }
      }
    }));
});
