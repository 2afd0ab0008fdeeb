/** How the viewer's page keeps up to date by itself: with a clock that the test moves, and answers that it holds back. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import type { Handler } from '../../src/handlers/kit/serve.ts';
import { answers, post } from '../support/ask.ts';
import { noBrowser, openBrowser, openPage, type Watched } from '../support/browser.ts';
import {
  keepChunk,
  newIncident,
  newStream,
  newViewerToken,
  type Owner,
  ownerIn,
} from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import { checkIn, newScene, type Scene } from '../support/viewing.ts';

/**
 * What a page says, element by element, apart from what a page that refreshes says of itself. Blanks are not shown,
 * so they do not count.
 */
const SAID = `[...document.querySelectorAll('main *')]
  .filter((one) => !one.matches('[data-part="news"], [data-part="as-of"], template'))
  .map((one) => [
    one.tagName,
    [...one.attributes].map(({ name, value }) => name + '=' + value).sort().join(' '),
    [...one.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data.trim()).join(' ').trim(),
  ].join(' | '))`;

describe('the viewer’s page keeps up to date', { skip: noBrowser }, () => {
  let house: House;
  let owner: Owner;
  let scene: Scene;
  let browser: Browser;
  let url: string;
  /** What stands between the page and the server, for tests that put something there. */
  let between: (request: Request) => Promise<Response>;
  before(async () => {
    house = await openHouse({ env: { SAFE_SESSION_TTL: '30d' } });
    owner = await ownerIn(house);
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await house?.close();
  });
  beforeEach(async () => {
    between = (request) => house.main(request);
    scene = await newScene(house, owner);
    // What is newest is not left to chance.
    house.clock.advance(1000);
    url = `http://door.test/i/${scene.token}`;
  });

  const door: Handler = (request) => between(request);

  interface Opened extends Watched {
    /** How many of its requests are still without their whole answer. */
    waiting(): number;
  }

  /** Opens the page with a clock of the test's own. */
  async function open(): Promise<Opened & AsyncDisposable> {
    const seen = await openPage(browser, { 'door.test': door });
    const { page } = seen;
    let waiting = 0;
    page.on('request', () => {
      waiting += 1;
    });
    for (const ended of ['requestfinished', 'requestfailed'] as const)
      page.on(ended as 'requestfinished', () => {
        waiting -= 1;
      });
    // It stands still before the page is there, however long that takes.
    await page.clock.install({ time: house.clock.now() });
    await page.clock.pauseAt(house.clock.now() + 1000);
    await page.goto(url);
    return { ...seen, waiting: () => waiting };
  }

  /** Lets time go by on both sides. */
  async function pass(page: Page, ms: number): Promise<void> {
    house.clock.advance(ms);
    await page.clock.runFor(ms);
  }

  const asks = ({ requests }: Watched) => requests.filter((one) => one === `GET ${url}/data`).length;
  const news = (page: Page) => page.getByRole('status').textContent();

  /** Lets ten seconds go by, and waits until what they brought is shown. */
  async function refresh(seen: Opened): Promise<void> {
    const before = asks(seen);
    await pass(seen.page, 10_000);
    await settled(seen, before + 1);
  }

  /** Waits until the page has asked so often and has dealt with every answer. */
  async function settled(seen: Opened, times: number): Promise<void> {
    for (let n = 0; n < 1000; n += 1) {
      await quiet(seen.page);
      if (asks(seen) < times || seen.waiting() > 0) continue;
      await quiet(seen.page);
      // An answer may lead to one more question.
      if (seen.waiting() === 0) return;
    }
    assert.fail(`asked ${asks(seen)} times of ${times}, ${seen.waiting()} answers to come`);
  }

  /** Some turns of the page's event loop, in which it does what it has to do. */
  async function quiet(page: Page): Promise<void> {
    await page.evaluate(`(async () => {
      for (let n = 0; n < 100; n += 1)
        await new Promise((done) => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = done;
          port2.postMessage(0);
        });
    })()`);
  }

  let plain: Watched | undefined;

  /** The text of the page as the server would send it now. */
  async function sentNow(): Promise<string[]> {
    if (plain === undefined) {
      plain = await openPage(browser, { 'door.test': (request) => house.main(request) });
      await plain.page.route('**/scripts.js', (route) => route.abort());
    }
    await plain.page.goto(url);
    return (await plain.page.evaluate(SAID)) as string[];
  }

  it('asks every ten seconds, and touches nothing where nothing is new', async () => {
    await using seen = await open();
    const { page } = seen;
    await page.evaluate(`(() => {
      globalThis.touched = [];
      new MutationObserver((records) => {
        for (const { target } of records) touched.push((target.parentElement ?? target).outerHTML.slice(0, 100));
      }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
    })()`);
    for (let n = 1; n <= 4; n += 1) {
      await refresh(seen);
      assert.equal(asks(seen), n);
    }
    assert.deepEqual(await page.evaluate('touched'), []);
    assert.equal(await news(page), '');
    assert.match(
      (await page.locator('[data-part="as-of"]').textContent()) ?? '',
      /This page updates by itself\.$/,
    );
  });

  it('writes what the server would have written, at every step of an incident', async () => {
    const incidentId = await newIncident(house, owner.as, { client_label: 'a label & more' });
    const { token } = await newViewerToken(house, owner.as, incidentId, { expires_at: null });
    url = `http://door.test/i/${token}`;
    const { as } = owner;
    let streamId = '';
    let second = '';
    const streams = `/v1/incidents/${incidentId}/streams`;
    const keep = (id: string, index: number, mediaType: 'video' | 'audio', size: number) =>
      keepChunk(house, owner, { incidentId, streamId: id, index, mediaType, media: new Uint8Array(size) });
    const steps: readonly (readonly [what: string, act: () => Promise<unknown>])[] = [
      [
        'a check-in with a place',
        () =>
          checkIn(house, as, incidentId, {
            latitude: -0.00000049,
            longitude: 179.99999951,
            accuracy_meters: 0.2,
            device_battery_percent: 0,
          }),
      ],
      [
        'a check-in without one',
        () => checkIn(house, as, incidentId, { device_network: 'a <b>network</b>' }),
      ],
      [
        'a recording is started',
        async () => {
          streamId = await newStream(house, as, incidentId, { media_type: 'video', label: '<i>label</i>' });
        },
      ],
      ['its first piece', () => keep(streamId, 1, 'video', 100)],
      ['its second piece', () => keep(streamId, 2, 'video', 1_000_000)],
      [
        'another recording',
        async () => {
          second = await newStream(house, as, incidentId, { media_type: 'audio' });
        },
      ],
      ['a piece of that', () => keep(second, 1, 'audio', 200)],
      [
        'a place far off',
        () =>
          checkIn(house, as, incidentId, {
            latitude: 89.123456789,
            longitude: -120,
            accuracy_meters: 1234.5,
          }),
      ],
      [
        'the first is complete',
        () => post(house, `${streams}/${streamId}/complete`, as, { expected_chunk_count: 2 }),
      ],
      [
        'the second has failed',
        () => post(house, `${streams}/${second}/fail`, as, { failure_reason: 'no <more> room' }),
      ],
      ['a quarter of an hour', async () => house.clock.advance(16 * 60_000)],
      ['hours', async () => house.clock.advance(3 * 60 * 60_000)],
      ['the incident is closed', () => post(house, `/v1/incidents/${incidentId}/close`, as)],
      ['days', async () => house.clock.advance(50 * 60 * 60_000)],
    ];
    await using seen = await open();
    for (const [what, act] of steps) {
      const before = house.clock.now();
      await act();
      // Time that went by at the server goes by at the page too, but without a question for each ten seconds.
      await seen.page.clock.fastForward(house.clock.now() - before);
      await refresh(seen);
      const sent = await sentNow();
      let said = await seen.page.evaluate(SAID);
      // The answer is there, but the page may still be writing it.
      for (let n = 0; n < 1000 && !isDeepStrictEqual(said, sent); n += 1) {
        await quiet(seen.page);
        said = await seen.page.evaluate(SAID);
      }
      assert.deepEqual(said, sent, what);
    }
    assert.deepEqual([seen.errors, seen.dialogs], [[], []]);
  });

  it('keeps the node of what stays, so that neither a selection nor the focus is lost', async () => {
    await using seen = await open();
    const { page } = seen;
    const link = page.locator('[data-stream-download]');
    await link.focus();
    await page.evaluate(`globalThis.before = document.querySelector('[data-stream-download]')`);
    answers(
      await post(house, `/v1/incidents/${scene.incidentId}/streams/${scene.open}/complete`, owner.as, {
        expected_chunk_count: 1,
      }),
      200,
    );
    await refresh(seen);
    assert.equal(await link.count(), 2);
    assert.ok(await page.evaluate(`document.activeElement === before && before.isConnected`));
    const href = `${scene.token}/streams/${scene.open}/download`;
    assert.equal(
      await page.getByRole('link', { name: 'Download encrypted bundle (Microphone)' }).getAttribute('href'),
      href,
    );
  });

  it('says aloud what changes how things stand, and nothing else', async () => {
    await using seen = await open();
    const { page } = seen;
    const said: (string | null)[] = [];
    const step = async (act: () => Promise<unknown>) => {
      await act();
      await refresh(seen);
      said.push(await news(page));
    };
    const stream = `/v1/incidents/${scene.incidentId}/streams/${scene.open}`;
    await step(() => checkIn(house, owner.as, scene.incidentId, { latitude: 1, longitude: 1 }));
    await step(() =>
      keepChunk(house, owner, { incidentId: scene.incidentId, streamId: scene.open, index: 2 }),
    );
    await step(() => post(house, `${stream}/complete`, owner.as, { expected_chunk_count: 2 }));
    await step(() => newStream(house, owner.as, scene.incidentId, { media_type: 'video' }));
    house.clock.advance(16 * 60_000);
    await page.clock.fastForward(16 * 60_000);
    await step(() => checkIn(house, owner.as, scene.incidentId, {}));
    await step(() => post(house, `/v1/incidents/${scene.incidentId}/close`, owner.as));
    assert.deepEqual(said, [
      '',
      '',
      'A recording is complete: Microphone.',
      'A new recording was started: Camera.',
      'The device was heard from again.',
      'The incident is now closed.',
    ]);
    assert.equal(await page.locator('[aria-live], [role=status], [role=alert]').count(), 1);
  });

  it('drops an answer that comes after a newer one', async () => {
    const held: (() => void)[] = [];
    await using seen = await open();
    const { page } = seen;
    between = async (request) => {
      const response = await house.main(request);
      await new Promise<void>((resolve) => held.push(resolve));
      return response;
    };
    const said = page.locator('[data-part="battery"]');
    const reach = async (count: number) => {
      while (held.length < count) await page.evaluate('0');
    };
    await checkIn(house, owner.as, scene.incidentId, {
      latitude: 1,
      longitude: 1,
      device_battery_percent: 31,
    });
    await pass(page, 10_000);
    await reach(1);
    await checkIn(house, owner.as, scene.incidentId, {
      latitude: 1,
      longitude: 1,
      device_battery_percent: 30,
    });
    await pass(page, 10_000);
    await reach(2);
    assert.equal(await said.textContent(), '40 %');
    held[1]?.();
    await page.getByText('30 %').waitFor();
    held[0]?.();
    await settled(seen, 2);
    assert.equal(await said.textContent(), '30 %');
  });

  it('shows a slow answer all the same, when no newer one has come', async () => {
    const held: (() => void)[] = [];
    await using seen = await open();
    between = async (request) => {
      const response = await house.main(request);
      await new Promise<void>((resolve) => held.push(resolve));
      return response;
    };
    await checkIn(house, owner.as, scene.incidentId, {
      latitude: 1,
      longitude: 1,
      device_battery_percent: 31,
    });
    await pass(seen.page, 10_000);
    while (held.length < 1) await seen.page.evaluate('0');
    await pass(seen.page, 10_000);
    while (held.length < 2) await seen.page.evaluate('0');
    held[0]?.();
    await seen.page.getByText('31 %').waitFor();
    held[1]?.();
  });

  it('asks nothing while nobody looks, and at once when somebody looks again', async () => {
    await using seen = await open();
    const { page } = seen;
    const look = (hidden: boolean) =>
      page.evaluate(`(() => {
        Object.defineProperty(document, 'hidden', { configurable: true, value: ${hidden} });
        document.dispatchEvent(new Event('visibilitychange'));
      })()`);
    await look(true);
    await pass(page, 600_000);
    assert.equal(asks(seen), 0);
    await look(false);
    await pass(page, 1);
    await settled(seen, 1);
    assert.match((await page.locator('[data-part="heard"]').textContent()) ?? '', /^10 minutes ago/);
  });

  it('asks more and more seldom while the server cannot be reached, says so, and says when it is over', async () => {
    await using seen = await open();
    const { page } = seen;
    between = () => Promise.reject(new Error('away'));
    // By the page's own clock, which stands still between two steps.
    await page.evaluate(`(() => {
      const { fetch } = globalThis;
      const start = Date.now();
      globalThis.times = [];
      globalThis.fetch = (...what) => {
        times.push((Date.now() - start) / 1000);
        return fetch(...what);
      };
    })()`);
    let times: number[] = [];
    for (let second = 10; second <= 420; second += 10) {
      await pass(page, 10_000);
      const now = (await page.evaluate('times')) as number[];
      if (now.length === times.length) continue;
      times = now;
      await settled(seen, times.length);
      assert.match((await news(page)) ?? '', /^The server cannot be reached right now\./);
    }
    assert.deepEqual(times, [10, 30, 70, 150, 310]);
    between = (request) => house.main(request);
    await pass(page, 60_000);
    await page.getByText('Connected again.').waitFor();
    const before = asks(seen);
    await refresh(seen);
    assert.equal(asks(seen), before + 1, 'every ten seconds again');
  });

  it('waits as long as it is told to when it has asked too often', async () => {
    await using seen = await open();
    const { page } = seen;
    between = async () =>
      Response.json(
        { error: { code: 'rate_limited', message: 'too many requests' } },
        { status: 429, headers: { 'retry-after': '60' } },
      );
    await refresh(seen);
    assert.match((await news(page)) ?? '', /^Updates are paused for a moment/);
    between = (request) => house.main(request);
    await pass(page, 58_000);
    assert.equal(asks(seen), 1);
    // Looking away and back does not get around it.
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    await pass(page, 1000);
    assert.equal(asks(seen), 1);
    await pass(page, 2000);
    await settled(seen, 2);
    assert.equal(await news(page), 'Connected again.');
  });

  it('stops for good when the link is revoked: it says so, and offers no downloads any more', async () => {
    await using seen = await open();
    const { page } = seen;
    answers(await post(house, `/v1/incident-tokens/${scene.tokenId}/revoke`, owner.as), 200);
    await refresh(seen);
    assert.match(
      (await news(page)) ?? '',
      /^This link does not work any more: it has expired or was revoked\./,
    );
    assert.equal(await page.getByRole('link', { name: 'Download encrypted bundle' }).count(), 0);
    assert.equal(await page.getByText('52.520008, -13.4').count(), 1, 'what was seen stays');
    await pass(page, 600_000);
    assert.equal(asks(seen), 1);
    assert.match((await page.locator('[data-part="heard"]').textContent()) ?? '', /^10 minutes ago/);
  });

  it('goes on when something in between answers 404 in its own words', async () => {
    await using seen = await open();
    between = async () => new Response('<h1>nginx</h1>', { status: 404 });
    await refresh(seen);
    assert.match((await news(seen.page)) ?? '', /^The server cannot be reached right now\./);
    between = (request) => house.main(request);
    await pass(seen.page, 20_000);
    await seen.page.getByText('Connected again.').waitFor();
  });

  it('tells ages by the server’s clock, whatever the device’s own says', async () => {
    await using seen = await openPage(browser, { 'door.test': door });
    const { page } = seen;
    await page.clock.install({ time: '2031-07-01T00:00:00Z' });
    await page.clock.pauseAt('2031-07-01T00:00:01Z');
    await page.goto(url);
    const heard = page.locator('[data-part="heard"] [data-age]');
    assert.equal(await heard.textContent(), 'less than a minute ago');
    // Nothing more is heard, or the age would begin anew.
    between = () => new Promise(() => {});
    await page.clock.runFor(70_000);
    assert.equal(await heard.textContent(), '1 minute ago');
  });
});
