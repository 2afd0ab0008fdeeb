import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { noBrowser, openBrowser, openPage } from '../support/browser.ts';
import { type House, openHouse } from '../support/house.ts';

const ARTIFACTS = fileURLToPath(new URL('../../test-artifacts/', import.meta.url));

describe('the admin door in Chromium', { skip: noBrowser }, () => {
  let browser: Browser;
  let house: House;
  before(async () => {
    house = await openHouse();
    browser = await openBrowser();
    await mkdir(ARTIFACTS, { recursive: true });
  });
  after(async () => {
    await browser.close();
    await house.close();
  });

  it('shows its page with its style, says nothing on the console, and asks nobody else', async () => {
    await using watched = await openPage(browser, { 'admin.test': house.admin });
    const response = await watched.page.goto('http://admin.test/admin', { waitUntil: 'load' });
    assert.equal(response?.status(), 200);
    await watched.page.screenshot({ path: `${ARTIFACTS}admin-door.png` });
    assert.match(await watched.page.title(), /door|Sallyport/i);
    assert.deepEqual(
      watched.console.filter((line) => /^(?:error|warning)/.test(line)),
      [],
    );
    assert.deepEqual(watched.errors, []);
    assert.deepEqual(watched.dialogs, []);
    assert.ok(watched.requests.every((request) => request.startsWith('GET http://admin.test/admin')));
    const margin = await watched.page.evaluate('getComputedStyle(document.body).maxWidth');
    assert.notEqual(margin, 'none', 'the style sheet was applied');
  });

  it('holds no script, no inline style and nothing from elsewhere', async () => {
    await using watched = await openPage(browser, { 'admin.test': house.admin });
    await watched.page.goto('http://admin.test/admin');
    const found = await watched.page.evaluate(
      `document.querySelectorAll('script,style,[style],iframe,object,embed,base,[onload],[onclick],[onerror]').length`,
    );
    assert.equal(found, 0);
  });

  it('cannot be framed by another page', async () => {
    const frame = '<iframe src="http://admin.test/admin"></iframe>';
    await using watched = await openPage(browser, {
      'admin.test': house.admin,
      'evil.test': async () => new Response(frame, { headers: { 'content-type': 'text/html' } }),
    });
    await watched.page.goto('http://evil.test/', { waitUntil: 'load' });
    const [framed] = watched.page.frames().filter((each) => each !== watched.page.mainFrame());
    const text = await framed?.evaluate('document.body?.innerText ?? ""').catch(() => '');
    assert.ok(!String(text).includes('door'), 'the page was shown in a frame');
    assert.ok(watched.console.some((line) => /frame|X-Frame-Options/i.test(line)));
  });
});
