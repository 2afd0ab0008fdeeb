/** Chromium visits and embeds every piece of active content that is stored as a paste. None of it may run. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Handler } from '../../src/handlers/kit/serve.ts';
import { noBrowser, openBrowser, openPage, type Watched } from '../support/browser.ts';
import { type House, openHouse } from '../support/house.ts';
import { rounds } from '../support/seed.ts';
import { ASKED, corpus, MARKER, type Piece } from './corpus.ts';

/** Every way in which a page can show another one within itself. */
const FRAMES: readonly ((url: string) => string)[] = [
  (url) => `<iframe src="${url}"></iframe>`,
  (url) => `<iframe src="${url}" sandbox="allow-scripts"></iframe>`,
  (url) => `<object data="${url}"></object>`,
  (url) => `<object data="${url}" type="text/html"></object>`,
  (url) => `<embed src="${url}">`,
  (url) => `<embed src="${url}" type="image/svg+xml">`,
];

/** Two ways for each piece, in turn, since a frame costs the browser most; in a soak all of them for each. */
const framesFor = (nth: number) => (rounds(1) > 1 ? FRAMES : FRAMES.filter((_, at) => at % 3 === nth % 3));

/** A page that uses a URL in every way in which a page can run or render something. */
const harness = (url: string, frames = FRAMES) => `<!doctype html><title>harness</title><body>
<script src="${url}"></script>
<script type="module" src="${url}"></script>
<link rel="stylesheet" href="${url}">
<link rel="manifest" href="${url}">
${frames.map((frame) => frame(url)).join('\n')}
<img src="${url}">
<video src="${url}"></video>
<svg><use href="${url}#s"/><image href="${url}"/></svg>
<script>
const quietly = (what) => Promise.resolve().then(what).catch(() => {});
globalThis.done = Promise.all([
  quietly(() => import('${url}')),
  quietly(() => new Worker('${url}')),
  quietly(() => new Worker('${url}', { type: 'module' })),
  quietly(() => new SharedWorker('${url}')),
  quietly(() => new Worker(URL.createObjectURL(new Blob(['importScripts("http://door.test${url}")'])))),
  quietly(() => navigator.serviceWorker?.register('${url}')),
  quietly(() => CSS.paintWorklet?.addModule('${url}')),
  quietly(() => new AudioWorklet()),
  quietly(() => WebAssembly.instantiateStreaming(fetch('${url}'))),
  quietly(() => document.fonts.add(new FontFace('x', 'url(${url})'))),
  new Promise((resolve) => addEventListener('load', resolve)),
]);
</script>`;

const page = (html: string) =>
  new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } });

/** The door with the harness beside it, so that the embedding page has the paste's own origin: the worst case. */
const withHarness =
  (door: Handler, frames: () => typeof FRAMES = () => FRAMES): Handler =>
  async (request, peer) => {
    const { pathname, search } = new URL(request.url);
    return pathname === '/harness'
      ? page(harness(decodeURIComponent(search.slice(1)), frames()))
      : door(request, peer);
  };

/** Everything by which a piece shows that it has run. */
function traces({ requests, console, dialogs }: Watched): string[] {
  return [
    ...dialogs.map((text) => `dialog: ${text}`),
    // A refusal to run something names its URL, never its text.
    ...console.filter((line) => line.includes(MARKER)),
    ...requests.filter((request) => request.includes(ASKED)),
  ];
}

function forget({ requests, console, dialogs, errors }: Watched): void {
  for (const list of [requests, console, dialogs, errors]) list.length = 0;
}

async function visit({ page: shown }: Watched, path: string): Promise<void> {
  // What is an attachment ends in a download that is refused, not in a page.
  await shown.goto(`http://door.test${path}`, { waitUntil: 'load' }).catch((error: Error) => {
    assert.match(error.message, /ERR_ABORTED|Download is starting/);
  });
  // A round trip to the page: what was to start by itself has started.
  await shown.evaluate('document.readyState');
}

async function embed({ page: shown }: Watched, path: string): Promise<void> {
  await shown.goto(`http://door.test/harness?${encodeURIComponent(path)}`, { waitUntil: 'load' });
  await shown.evaluate('globalThis.done');
  await shown.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
}

describe('active content in Chromium', { skip: noBrowser }, () => {
  let browser: Browser;
  let house: House;
  let watched: Watched & AsyncDisposable;
  let frames = FRAMES;
  before(async () => {
    house = await openHouse({ env: { SAFE_PASTE_DEDUP_MAX: '0' } });
    browser = await openBrowser();
    watched = await openPage(browser, { 'door.test': withHarness(house.main, () => frames) });
  });
  after(async () => {
    await browser.close();
    await house.close();
  });

  const store = async (piece: Piece) => {
    const request = new Request('http://door.test/', {
      method: 'POST',
      body: new Uint8Array(piece.bytes),
      headers: { 'content-type': piece.type },
    });
    const { id } = (await (await house.main(request)).json()) as { id: string };
    return `/${id}/raw`;
  };

  for (const [nth, piece] of corpus.entries()) {
    it(`${piece.name} does not run, visited or embedded`, async () => {
      const path = await store(piece);
      const asked = `GET http://door.test${path}`;
      frames = framesFor(nth);
      for (const use of [visit, embed]) {
        forget(watched);
        await use(watched, path);
        assert.deepEqual(traces(watched), []);
        assert.ok(watched.requests.includes(asked), 'the paste was asked for');
        const others = watched.requests.filter(
          (request) => request !== asked && !request.includes('/harness?'),
        );
        assert.deepEqual(others, [], 'nothing else was asked for');
      }
    });
  }

  it('the same pieces do run where a careless server gives them their own type, so this can be seen', async () => {
    const documents = [
      'HTML',
      'SVG',
      'XHTML',
      'XML with a style sheet of its own',
      'HTML in UTF-16, little end first',
    ];
    const parts = ['JavaScript', 'a module', 'CSS', 'GIF and script', 'PNG and page', 'JPEG and page'];
    for (const [names, use] of [
      [documents, visit],
      [parts, embed],
    ] as const) {
      for (const name of names) {
        const piece = corpus.find((each) => each.name === name) ?? assert.fail(name);
        const careless: Handler = async ({ url }) =>
          url.includes(ASKED)
            ? new Response(null, { status: 204 })
            : new Response(new Uint8Array(piece.bytes), { headers: { 'content-type': piece.type } });
        await using seen = await openPage(browser, { 'door.test': withHarness(careless) });
        await use(seen, '/piece').catch(() => {}); // a page that moves on by itself does not answer
        assert.notDeepEqual(traces(seen), [], `${name}, by ${use.name}`);
      }
    }
  });
});
