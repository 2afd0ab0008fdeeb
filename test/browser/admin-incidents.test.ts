/**
 * Incidents on the dashboard in a real browser without a script: found, given away, deleted, followed. Pictures are
 * left in test-artifacts/.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { carryOutDeletions } from '../../src/core/deletion-worker.ts';
import { answers, post } from '../support/ask.ts';
import { newVisitor, noBrowser, openBrowser } from '../support/browser.ts';
import { keepChunk, newIncident, newStream, newViewerToken, ownerIn } from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import { button, DESK, judge, openDoor, PHONE, title } from '../support/page-looks.ts';
import { settled, verifiedSession } from '../support/people.ts';
import { addUnowned, UNOWNED } from '../support/unowned.ts';

let house: House;
let browser: Browser;
let door: Awaited<ReturnType<typeof openDoor>>;
let url: string;
let cookie: string;
/** An incident with an owner. */
let owned: string;

before(async () => {
  if (noBrowser !== false) return;
  house = await openHouse();
  // Cookies expire by the browser's clock.
  house.clock.advance(Date.now() - house.clock.now());
  await addUnowned(house.db);
  const owner = await ownerIn(house, 'a-recorder');
  owned = await newIncident(house, owner.as);
  const streamId = await newStream(house, owner.as, owned);
  for (const index of [1, 2, 3]) await keepChunk(house, owner, { incidentId: owned, streamId, index });
  await newViewerToken(house, owner.as, owned);
  for (let n = 0; n < 3; n += 1) {
    const old = await newIncident(house, owner.as);
    const wish = { allow_open: true, reason_code: 'cleaning-up' };
    answers(await post(house, `/v1/incidents/${old}/deletion`, owner.as, wish), 202);
    if (n === 0) await carryOutDeletions(house.deps, { leaseMs: 0 });
  }
  cookie = await verifiedSession(house, await settled(house, 'ada', 'admin'), 'admin_web');
  door = await openDoor(house, 'admin');
  url = door.url;
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await door?.[Symbol.asyncDispose]();
  await house?.close();
});

async function look(page: Page, name: string): Promise<void> {
  await judge(page, `admin-${name}`, [PHONE, DESK]);
}

describe('incidents on the dashboard, in a browser', { skip: noBrowser }, () => {
  it('are found, given away, deleted and followed, each decision asked twice', async () => {
    const context = await newVisitor(browser, { viewport: DESK });
    await context.addCookies([
      { name: 'sallyport_admin_session', value: cookie, url: `${url}/admin`, sameSite: 'Strict' },
    ]);
    const page = await context.newPage();
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(error.message));
    await page.goto(`${url}/admin/incidents`);
    assert.equal(await title(page), 'Incidents');
    await look(page, 'incidents-full');

    await page.getByLabel('Id', { exact: true }).fill('inc_nowhere');
    await button(page, 'Show the incident').click();
    assert.equal(await page.getByRole('alert').textContent(), 'There is no incident with this id.');
    await page.getByLabel('Id', { exact: true }).fill(owned);
    await button(page, 'Show the incident').click();
    assert.equal(await title(page), 'Incident');
    assert.equal(page.url(), `${url}/admin/incidents/${owned}`);
    await look(page, 'incident');
    await page.getByLabel('Reason').fill('as-agreed');
    await button(page, 'Delete the incident…').click();
    assert.equal(await title(page), 'Delete this incident?');
    await look(page, 'incident-delete');
    await page.getByRole('link', { name: 'Cancel' }).click();
    assert.equal(await title(page), 'Incident');
    await page.getByLabel('Reason').fill('as-agreed');
    await button(page, 'Delete the incident…').click();
    await button(page, 'Delete the incident').click();
    assert.equal(await page.getByRole('status').textContent(), 'The incident is being deleted.');
    const broken = { ...house.deps.blobs, remove: () => Promise.reject(new RangeError('stuck')) };
    await carryOutDeletions({ ...house.deps, blobs: broken }, { leaseMs: 0 });
    await page.reload();
    assert.match((await page.textContent('main')) ?? '', /blob_delete_failed; tried in vain: 1/);
    await look(page, 'incident-failed');
    await carryOutDeletions(house.deps, { leaseMs: 0 });
    await page.reload();
    assert.match((await page.textContent('main')) ?? '', /3 of 3/);

    await page.goto(`${url}/admin/incidents`);
    await page.getByRole('link', { name: UNOWNED }).click();
    await page.getByLabel('Decision').selectOption('assign_owner');
    await page.getByLabel('Why').selectOption('owner_verified');
    await button(page, 'Decide…').click();
    assert.equal(await page.getByRole('alert').textContent(), 'Say which account.');
    assert.equal(
      await page.getByLabel('Why').inputValue(),
      'owner_verified',
      'nothing else needs doing again',
    );
    assert.equal(await page.getByLabel('Reason').inputValue(), '', 'another form has words of its own');
    await look(page, 'incident-unowned');
    await page.getByLabel('New owner').fill('a-recorder');
    await button(page, 'Decide…').click();
    assert.equal(await title(page), 'Give this incident to an account?');
    await button(page, 'Give it to the account').click();
    assert.equal(await page.getByRole('status').textContent(), 'The incident has an owner.');
    await look(page, 'incident-given');
    assert.ok(!(await page.content()).includes('legacy label'));
    const trouble = said.filter((line) => !/status of 40[0-9]/.test(line));
    assert.deepEqual(trouble, [], 'the console is silent');
    await context.close();
  });
});
