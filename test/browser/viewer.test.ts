/**
 * The viewer's page as a person meets it: in a real browser, on a phone and a desk, by day and by night, with a
 * keyboard, and with JavaScript off. Pictures are left in test-artifacts/.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { unzipSync } from 'fflate';
import type { Browser } from 'playwright-core';
import { WARNING } from '../../src/core/viewer.ts';
import { newVisitor, noBrowser, openBrowser, openPage } from '../support/browser.ts';
import { newIncident, newViewerToken, type Owner, ownerIn } from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import { DESK, judge, openDoor, PHONE } from '../support/page-looks.ts';
import { newScene, SCENE_LABEL, type Scene } from '../support/viewing.ts';

const SIZES = [{ width: 320, height: 640 }, PHONE, DESK];

describe('the viewer’s page in Chromium', { skip: noBrowser }, () => {
  let house: House;
  let owner: Owner;
  let scene: Scene;
  let browser: Browser;
  let url: string;
  before(async () => {
    house = await openHouse();
    owner = await ownerIn(house);
    scene = await newScene(house, owner);
    url = `http://door.test/i/${scene.token}`;
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await house?.close();
  });

  it('says everything with JavaScript off, the emergency notice first', async () => {
    await using seen = await openPage(browser, { 'door.test': house.main }, { javaScriptEnabled: false });
    const { page } = seen;
    await page.goto(url);
    assert.equal(await page.title(), 'Incident Viewer');
    const text = await page.locator('body').innerText();
    assert.ok(text.replace('Skip to what is known', '').trim().startsWith(WARNING));
    for (const words of [
      ...[SCENE_LABEL, 'Open', 'less than a minute ago', '2 January 2026, 03:', '40 %', '<wifi>'],
      ...['52.520008, -13.4', 'Accurate to about 12 metres.', '1 of 3 recordings are complete.'],
      ...['front <camera>', 'Complete', 'Stopped early', 'Not complete yet', 'Reload this page'],
      ...['Reason given: the <camera> was taken away', 'sallyport open BUNDLE --keys FILE'],
    ])
      assert.ok(text.includes(words), words);
    assert.equal(await page.getByRole('link', { name: 'Download encrypted bundle' }).count(), 2);
    assert.deepEqual([seen.errors, seen.dialogs], [[], []]);
  });

  it('downloads each bundle with JavaScript off, and stays where it is', async () => {
    // Over a socket: what a browser saves does not go by way of the tests.
    await using door = await openDoor(house, 'main');
    const context = await newVisitor(browser, { javaScriptEnabled: false, acceptDownloads: true });
    const page = await context.newPage();
    await page.goto(`${door.url}/i/${scene.token}`);
    const names: string[] = [];
    for (const link of await page.getByRole('link', { name: 'Download encrypted bundle' }).all()) {
      const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
      names.push(download.suggestedFilename());
      const files = unzipSync(await readFile(await download.path()));
      assert.ok(files['manifest.json'] !== undefined);
    }
    assert.deepEqual(names, [
      `incident_${scene.incidentId}_video_${scene.complete}.zip`,
      `incident_${scene.incidentId}_evidence.zip`,
    ]);
    assert.equal(page.url(), `${door.url}/i/${scene.token}`);
    await context.close();
  });

  it('has nothing serious by axe-core, fits every width, and has room for fingers', async () => {
    await using seen = await openPage(browser, { 'door.test': house.main });
    await seen.page.goto(url);
    await judge(seen.page, 'viewer-page', SIZES);
    assert.deepEqual([seen.errors, seen.console], [[], []]);
  });

  it('so has the page of an incident in which nothing has happened, and one with very long words', async () => {
    await using seen = await openPage(browser, { 'door.test': house.main });
    const incidents = {
      empty: await newIncident(house, owner.as),
      long: await newIncident(house, owner.as, { client_label: 'W'.repeat(200) }),
    };
    for (const [name, incidentId] of Object.entries(incidents)) {
      const { token } = await newViewerToken(house, owner.as, incidentId);
      await seen.page.goto(`http://door.test/i/${token}`);
      await judge(seen.page, `viewer-${name}`, SIZES);
    }
  });

  it('so has the page of a link that shows nothing', async () => {
    await using seen = await openPage(browser, { 'door.test': house.main });
    await seen.page.goto('http://door.test/i/nothing');
    assert.equal(await seen.page.title(), 'Incident Viewer');
    assert.equal(await seen.page.getByRole('heading', { level: 2 }).textContent(), 'This link does not work');
    await judge(seen.page, 'viewer-nothing', SIZES);
  });

  it('can be zoomed to double the size of text on a phone', async () => {
    await using seen = await openPage(browser, { 'door.test': house.main });
    const { page } = seen;
    await page.setViewportSize({ width: 360, height: 780 });
    await page.goto(url);
    // As the browser's own setting of the size of text does it.
    await page.evaluate('document.documentElement.style.setProperty("font-size", "200%")');
    const beyond = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    assert.equal(await page.evaluate(beyond), 0);
  });

  it('is used with the keyboard alone: every download is reached, and shows that it is', async () => {
    await using seen = await openPage(browser, { 'door.test': house.main });
    const { page } = seen;
    await page.goto(url);
    await page.keyboard.press('Tab');
    const focused = page.locator(':focus');
    assert.equal(await focused.textContent(), 'Skip to what is known');
    assert.ok(await focused.isVisible());
    await page.keyboard.press('Enter');
    const reached: string[] = [];
    for (let n = 0; n < 2; n += 1) {
      await page.keyboard.press('Tab');
      reached.push((await focused.getAttribute('href')) ?? '');
      assert.notEqual(await focused.evaluate((one) => getComputedStyle(one).outlineStyle), 'none');
      assert.notEqual(await focused.evaluate((one) => getComputedStyle(one).outlineWidth), '0px');
    }
    assert.deepEqual(reached, [
      `${scene.token}/streams/${scene.complete}/download`,
      `${scene.token}/incident/download`,
    ]);
  });

  it('is clear to somebody who hears it', async () => {
    await using seen = await openPage(browser, { 'door.test': house.main });
    const { page } = seen;
    await page.goto(url);
    const names = ['Last heard from', 'Last location', 'Recordings', 'Keep a copy', 'What has arrived'];
    for (const name of names) assert.equal(await page.getByRole('region', { name }).count(), 1, name);
    const links = page.getByRole('region', { name: 'Recordings' }).getByRole('link');
    assert.equal(await links.count(), 1);
    assert.equal(await links.textContent(), 'Download encrypted bundle (Camera, front <camera>)');
    for (const viewport of SIZES) {
      await page.setViewportSize(viewport);
      assert.equal(await page.getByRole('row').count(), 5);
      assert.equal(await page.getByRole('rowheader', { name: 'Camera' }).count(), 1);
    }
    assert.equal(await page.getByRole('status').count(), 1);
  });

  it('shows labels and reasons as text, whatever is written in them', async () => {
    const evil = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
    const incidentId = await newIncident(house, owner.as, { client_label: evil });
    const { token } = await newViewerToken(house, owner.as, incidentId);
    await using seen = await openPage(browser, { 'door.test': house.main });
    const { page } = seen;
    await page.goto(`http://door.test/i/${token}`);
    assert.equal(await page.locator('[data-incident-client-label]').textContent(), evil);
    assert.deepEqual([await page.locator('img').count(), await page.locator('main script').count()], [0, 0]);
    assert.deepEqual([seen.dialogs, seen.console, seen.errors], [[], [], []]);
  });

  it('asks for nothing but itself and its two files, keeps nothing, and names its address to nobody', async () => {
    const referrers: (string | null)[] = [];
    await using seen = await openPage(browser, {
      'door.test': (request) => {
        referrers.push(request.headers.get('referer'), request.headers.get('cookie'));
        return house.main(request);
      },
    });
    const { page } = seen;
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(1000);
    await page.goto(url);
    for (let n = 0; n < 3; n += 1) {
      const answered = page.waitForResponse(`${url}/data`);
      await page.clock.runFor(10_000);
      await answered;
    }
    assert.deepEqual(
      [...new Set(seen.requests)].sort(),
      [url, `${url}/data`, 'http://door.test/static/scripts.js', 'http://door.test/static/styles.css']
        .map((target) => `GET ${target}`)
        .sort(),
    );
    assert.deepEqual(new Set(referrers), new Set([null]));
    assert.deepEqual(await page.context().cookies(), []);
    const kept =
      'Promise.all([localStorage.length, sessionStorage.length, indexedDB.databases().then((all) => all.length), history.state])';
    assert.deepEqual(await page.evaluate(kept), [0, 0, 0, null]);
    const holders = await page.evaluate(
      `[...document.querySelectorAll('*')].flatMap((one) => [...one.attributes].filter(({ value }) => value.includes('${scene.token}')).map(({ name, value }) => name + ' ' + value))`,
    );
    assert.deepEqual(holders, [
      `href ${scene.token}/streams/${scene.complete}/download`,
      `href ${scene.token}/incident/download`,
    ]);
  });
});
