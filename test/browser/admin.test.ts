/**
 * The dashboard as a person meets it: a real browser, a real port, no script. Pictures of every page are left in
 * test-artifacts/; with SALLYPORT_DOC_IMAGES=1 those of the documentation are taken anew.
 */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { tendLog } from '../../src/core/log.ts';
import { signerOf } from '../../src/crypto/signed-note.ts';
import { newVisitor, noBrowser, openBrowser } from '../support/browser.ts';
import { BOOTSTRAP_SECRET, type House, openHouse } from '../support/house.ts';
import { button, DESK, judge, openDoor, PHONE, title } from '../support/page-looks.ts';
import { codeOf, sessionFor } from '../support/people.ts';

const DOC_IMAGES =
  process.env.SALLYPORT_DOC_IMAGES === '1'
    ? fileURLToPath(new URL('../../docs/images/', import.meta.url))
    : undefined;

/** The pages whose picture stands in docs/admin.md. */
const DOCUMENTED = ['bootstrap', 'enrol', 'overview', 'account', 'pastes', 'confirm'];

const PASSWORD = 'a phrase of several words';

let house: House;
let door: Awaited<ReturnType<typeof openDoor>>;
let browser: Browser;
let url: string;
/** The seed of ada's app, once it is confirmed. */
let seed = '';

before(async () => {
  if (noBrowser !== false) return;
  const env = {
    SAFE_EMAIL_BACKEND: 'smtp',
    SAFE_SMTP_HOST: 'mail.example.org',
    SAFE_SMTP_FROM: 'sallyport@example.org',
    // Limits that are on, and so high that no test meets them.
    SAFE_ADMIN_RATE_LIMIT_ENABLED: 'true',
    SAFE_ADMIN_RATE_LIMIT_DASHBOARD: '6000',
    SAFE_ADMIN_RATE_LIMIT_LOGIN: '1000',
    SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'true',
    SAFE_PUBLIC_VIEWER_RATE_LIMIT_STATIC: '6000',
    SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'true',
  };
  house = await openHouse({
    env,
    ports: {
      diskFree: async () => 212 * 1024 ** 3,
      startedAt: Date.now() - 5 * 86_400_000,
      signer: await signerOf('sallyport-0123456789abcdef', new Uint8Array(32).fill(3)),
    },
  });
  // Cookies expire by the browser's clock.
  house.clock.advance(Date.now() - house.clock.now());
  door = await openDoor(house, 'admin');
  url = door.url;
  browser = await openBrowser();
  if (DOC_IMAGES !== undefined) await mkdir(DOC_IMAGES, { recursive: true });
});

after(async () => {
  await browser?.close();
  await door?.[Symbol.asyncDispose]();
  await house?.close();
});

/** Judges a page on a phone and a desk, and takes the picture of the documentation where there is one. */
async function look(page: Page, name: string): Promise<void> {
  await judge(page, `admin-${name}`, [DESK, PHONE]);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(DESK);
  if (DOC_IMAGES === undefined || !DOCUMENTED.includes(name)) return;
  await page.screenshot({ path: `${DOC_IMAGES}admin-${name}.png` });
}

/** A fresh browser, its console and what it was refused. */
async function visit(options: Parameters<Browser['newContext']>[0] = {}): Promise<{
  readonly context: BrowserContext;
  readonly page: Page;
  readonly said: string[];
}> {
  const context = await newVisitor(browser, { viewport: DESK, ...options });
  const page = await context.newPage();
  const said: string[] = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/admin`)) said.push(`asked ${request.url()}`);
  });
  return { context, page, said };
}

async function signIn(page: Page, username: string, password = PASSWORD): Promise<void> {
  await page.goto(`${url}/admin`);
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password').fill(password);
  await button(page, 'Sign in').click();
}

describe('the dashboard in Chromium', { skip: noBrowser }, () => {
  it('leads from the bootstrap secret to the dashboard, its rooms, and back in again', async () => {
    const { context, page, said } = await visit();

    await page.goto(`${url}/admin`);
    assert.equal(await title(page), 'Create the First Admin');
    await look(page, 'bootstrap');
    await page.getByLabel('Bootstrap secret').fill('a guess');
    await page.getByLabel('Username').fill('ada');
    await page.getByLabel('Password').fill(PASSWORD);
    await button(page, 'Create the admin').click();
    assert.equal(await page.getByRole('alert').textContent(), 'Bootstrap secret is invalid.');
    assert.equal(
      await page.evaluate('document.activeElement.name'),
      'bootstrap_secret',
      'the refused field has the focus',
    );
    assert.equal(await page.getByLabel('Password').inputValue(), '');
    await look(page, 'bootstrap-refused');
    await page.getByLabel('Bootstrap secret').fill(BOOTSTRAP_SECRET);
    await page.getByLabel('Password').fill(PASSWORD);
    await button(page, 'Create the admin').click();

    assert.equal(await title(page), 'Set Up Admin 2FA');
    await look(page, 'set-up');
    await button(page, 'Set up an authenticator app').click();
    assert.ok(await page.getByRole('img', { name: 'QR code of the authenticator secret' }).isVisible());
    const secret = (await page.textContent('#totp-secret')) ?? '';
    assert.match(secret, /^[A-Z2-7]{32}$/);
    await look(page, 'enrol');
    await page.getByLabel('Code', { exact: true }).fill(codeOf(house, secret));
    await button(page, 'Confirm').click();
    seed = secret;
    assert.equal(await title(page), 'Overview');
    assert.equal(await page.getByRole('status').textContent(), 'Your second factor is set up.');
    assert.ok(!(await page.content()).includes(secret), 'the secret was shown once');

    for (let n = 1; n <= 6; n += 1) {
      const headers: HeadersInit = n % 2 === 0 ? { 'x-burn-after-read': 'true' } : {};
      const body = 'x'.repeat(n ** 7);
      await house.main(new Request('http://main.test/', { method: 'POST', body, headers }));
    }
    await tendLog(house.deps);
    for (const [room, name] of [
      ['Overview', 'overview'],
      ['Accounts', 'accounts'],
      ['Pastes', 'pastes'],
      ['Incidents', 'incidents'],
      ['Audit', 'audit'],
      ['Settings', 'settings'],
    ] as const) {
      await page.getByRole('navigation', { name: 'Dashboard' }).getByRole('link', { name: room }).click();
      assert.equal(await title(page), room);
      assert.equal(await page.getAttribute('nav [aria-current=page]', 'href'), new URL(page.url()).pathname);
      await look(page, name);
    }

    await page.goto(`${url}/admin/accounts`);
    await page.getByLabel('Username').fill('grace.hopper@example.org');
    await page.getByLabel('First password').fill('short');
    await page.getByLabel('Role').selectOption('admin');
    await button(page, 'Create the account').click();
    assert.match((await page.getByRole('alert').textContent()) ?? '', /12 to 256 bytes/);
    assert.equal(await page.getByLabel('Role').inputValue(), 'admin', 'nothing else needs doing again');
    await look(page, 'accounts-refused');
    await page.getByLabel('First password').fill(PASSWORD);
    await button(page, 'Create the account').click();
    assert.equal(await title(page), 'grace.hopper@example.org');
    await look(page, 'account');
    await page.getByLabel('Reason').selectOption('lost_totp_device');
    await button(page, 'Reset the second factors…').click();
    assert.equal(await title(page), 'Reset the second factors of grace.hopper@example.org?');
    await look(page, 'confirm');
    await button(page, 'Reset the second factors').click();
    assert.match((await page.getByRole('status').textContent()) ?? '', /second factors were removed/);

    await button(page, 'Sign out').click();
    assert.equal(await title(page), 'Admin Login');
    assert.deepEqual(await context.cookies(), []);
    await look(page, 'login');
    await signIn(page, 'ada', 'a wrong password');
    assert.equal(await page.getByRole('alert').textContent(), 'Username or password is invalid.');
    await signIn(page, 'ada');
    assert.equal(await title(page), 'Verify Admin 2FA');
    await look(page, 'verify');
    house.clock.advance(30_000);
    await page.getByLabel('Code', { exact: true }).fill(codeOf(house, seed));
    await button(page, 'Verify').click();
    assert.equal(await title(page), 'Overview');

    const ada = (await house.deps.store.accounts.byUsername('ada'))?.account ?? assert.fail();
    await sessionFor(house, { account: ada, username: 'ada' }, 'bearer');
    await page.getByRole('link', { name: 'Where you are signed in' }).click();
    assert.equal(await title(page), 'ada');
    await look(page, 'own-account');
    await page.getByRole('button', { name: /^End the session of a device or a program, begun / }).click();
    await page.getByLabel('Your password').fill(PASSWORD);
    await look(page, 'end-session');
    await button(page, 'End the session').click();
    assert.equal(await page.getByRole('status').textContent(), 'The session has ended.');
    assert.equal(await page.getByRole('button', { name: /^End the session/ }).count(), 0);

    const [cookie] = await context.cookies();
    assert.deepEqual(
      [cookie?.name, cookie?.path, cookie?.httpOnly, cookie?.sameSite],
      ['sallyport_admin_session', '/admin', true, 'Strict'],
    );
    const trouble = said.filter((line) => !/status of 40[0-9]/.test(line));
    assert.deepEqual(trouble, [], 'the console is silent, and nobody else was asked');
    await context.close();
  });

  it('is used with the keyboard alone, without any script', async () => {
    const { context, page } = await visit({ javaScriptEnabled: false });
    const { keyboard } = page;
    const focused = () => page.locator(':focus');
    /** Presses Tab until what has the focus is called so. */
    const tabTo = async (name: RegExp) => {
      for (let n = 0; n < 60; n += 1) {
        await keyboard.press('Tab');
        const here = focused();
        if ((await here.count()) === 0) continue;
        const names = await here.evaluate((one) => {
          const { labels, textContent } = one as HTMLInputElement;
          return `${one.getAttribute('aria-label') ?? ''}|${textContent}|${[...(labels ?? [])].map((label) => label.textContent).join()}`;
        });
        const outline = await here.evaluate((one) => getComputedStyle(one).outlineWidth);
        assert.notEqual(outline, '0px', `${names} shows that it has the focus`);
        if (name.test(names)) return;
      }
      assert.fail(`nothing called ${name} can be reached`);
    };

    await page.goto(`${url}/admin`);
    await keyboard.press('Tab');
    assert.equal(await focused().textContent(), 'Skip to the content');
    assert.ok(await focused().isVisible());
    await keyboard.press('Enter');
    await keyboard.press('Tab');
    assert.equal(await focused().getAttribute('name'), 'username', 'the header was skipped');
    await keyboard.type('ada');
    await keyboard.press('Tab');
    await keyboard.type(PASSWORD);
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Verify Admin 2FA' }).waitFor();
    await tabTo(/Code/);
    house.clock.advance(30_000);
    await keyboard.type(codeOf(house, seed));
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();

    await tabTo(/\|Accounts\|/);
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Accounts', level: 1 }).waitFor();
    await tabTo(/Username/);
    await keyboard.type('by.keyboard');
    await tabTo(/First password/);
    await keyboard.type(PASSWORD);
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'by.keyboard' }).waitFor();
    await tabTo(/Disable the account/);
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Disable by.keyboard?' }).waitFor();
    await tabTo(/Cancel/);
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'by.keyboard' }).waitFor();
    const [account] = (await house.deps.store.accounts.list(undefined, 500)).filter(
      ({ username }) => username === 'by.keyboard',
    );
    assert.equal(account?.state, 'active', 'cancelling did nothing');
    await tabTo(/Sign out/);
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Admin Login' }).waitFor();
    await context.close();
  });

  it('does nothing that another site asks for with the admin’s cookie', async () => {
    const { context, page } = await visit();
    await signIn(page, 'ada');
    const before = await house.deps.store.audit.list(undefined, 1);
    // Another port is another origin of the same site, so that the cookie travels with what it sends.
    const evil = '<form method="post" action="URL/admin/logout"><button>go</button></form>'.replace(
      'URL',
      url,
    );
    await context.route('http://127.0.0.1:9/', (route) =>
      route.fulfill({ contentType: 'text/html', body: evil }),
    );
    await page.goto('http://127.0.0.1:9/');
    await page.click('button');
    assert.equal(
      await page.getByRole('alert').textContent(),
      'The form was sent from another site, so nothing was done.',
    );
    assert.deepEqual(await house.deps.store.audit.list(undefined, 1), before);
    await page.goto(`${url}/admin`);
    assert.equal(await title(page), 'Verify Admin 2FA', 'the session goes on');
    await context.close();
  });
});
