/**
 * Passkeys between a real browser and the handlers: pages of our own origin, each request answered by the main door
 * without a port, and Chromium's virtual authenticator.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { isLive, type Session, session, WEB } from '../support/ask.ts';
import { noBrowser, openBrowser, openPage } from '../support/browser.ts';
import { type House, openHouse } from '../support/house.ts';
import { newcomer, type Person } from '../support/people.ts';

const ORIGIN = 'https://vault.example.test';
const FACTOR = '/v1/account/second-factor/webauthn';
const INVALID = '400 webauthn_challenge_invalid';
const ENV = {
  ...WEB,
  SAFE_WEBAUTHN_ENABLED: 'true',
  SAFE_WEBAUTHN_RP_ID: 'example.test',
  SAFE_WEBAUTHN_ALLOWED_ORIGINS: ORIGIN,
};

interface Answered {
  /** `200`, or status and code of a refusal. */
  readonly outcome: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
  readonly body: any;
}

describe('passkeys in a browser', { skip: noBrowser }, () => {
  let browser: Browser;
  let house: House;
  let people = 0;

  before(async () => {
    browser = await openBrowser();
    house = await openHouse({ env: ENV });
  });
  after(async () => {
    await house?.close();
    await browser?.close();
  });

  interface Desk {
    readonly page: Page;
    readonly cdp: CDPSession;
    readonly device: string;
    readonly person: Person;
    readonly as: Session;
    /** Asks the main door from the page. */
    call(path: string, as: Session, body?: unknown): Promise<Answered>;
    /** Has the browser make or show a passkey, in answer to what `start` was told. */
    create(started: Answered): Promise<unknown>;
    get(started: Answered): Promise<unknown>;
    register(as: Session): Promise<Answered>;
    show(as: Session): Promise<Answered>;
  }

  /** A page of `origin` with an authenticator, for somebody new. */
  async function atDesk(use: (desk: Desk) => Promise<void>): Promise<void> {
    people += 1;
    const person = await newcomer(house, `person-${people}`);
    const blank = async () =>
      new Response('<!doctype html><title>A page</title>', { headers: { 'content-type': 'text/html' } });
    const vault: typeof house.main = (request, peer) =>
      new URL(request.url).pathname === '/' ? blank() : house.main(request, peer);
    const hosts = { 'vault.example.test': vault, 'other.example.test': vault };
    await using watched = await openPage(browser, hosts);
    const { page } = watched;
    await page.goto(`${ORIGIN}/`);
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    const { authenticatorId: device } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    const call: Desk['call'] = (path, as, body = {}) =>
      page.evaluate(
        async ([url, token, json]) => {
          const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
          const response = await fetch(url, { method: 'POST', headers, body: json });
          const answer = await response.json();
          return { outcome: [response.status, answer.error?.code].filter(Boolean).join(' '), body: answer };
        },
        [path, as.token, JSON.stringify(body)] as const,
      );
    const create: Desk['create'] = ({ body }) =>
      page.evaluate(async (json) => {
        const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(json);
        return ((await navigator.credentials.create({ publicKey })) as PublicKeyCredential).toJSON();
      }, body.credential_creation.publicKey);
    const get: Desk['get'] = ({ body }) =>
      page.evaluate(async (json) => {
        const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(json);
        return ((await navigator.credentials.get({ publicKey })) as PublicKeyCredential).toJSON();
      }, body.credential_assertion.publicKey);
    await use({
      ...{ page, cdp, device, person, call, create, get },
      as: await session(house, person),
      async register(as) {
        const started = await call(`${FACTOR}/register/start`, as);
        return call(`${FACTOR}/register/finish`, as, await create(started));
      },
      async show(as) {
        const started = await call(`${FACTOR}/verify/start`, as);
        return call(`${FACTOR}/verify/finish`, as, await get(started));
      },
    });
  }

  it('one is registered, and the next session is verified with it', async () => {
    await atDesk(async ({ person, as, call, register, show }) => {
      const made = await register(as);
      assert.equal(made.outcome, '200', JSON.stringify(made.body));
      assert.equal(made.body.account.second_factor_setup_state, 'complete');
      assert.equal(made.body.second_factor.user_verified, true);
      const next = await session(house, person);
      const gate = await call('/v1/account/password', next);
      assert.equal(gate.outcome, '403 second_factor_verification_required');
      const shown = await show(next);
      assert.equal(shown.outcome, '200', JSON.stringify(shown.body));
      assert.equal(shown.body.second_factor.clone_warning, false);
      assert.equal((await call('/v1/account/password', next)).outcome, '400 invalid_password');
    });
  });

  it('one that the account has is not made again', async () => {
    await atDesk(async ({ as, call, register, create }) => {
      assert.equal((await register(as)).outcome, '200');
      await assert.rejects(create(await call(`${FACTOR}/register/start`, as)), /InvalidStateError/);
    });
  });

  it('a page of another host of our domain is refused', async () => {
    await atDesk(async ({ page, person, as, call, register, get }) => {
      assert.equal((await register(as)).outcome, '200');
      const next = await session(house, person);
      // What counts is where it was signed, whichever page posts it.
      const started = await call(`${FACTOR}/verify/start`, next);
      await page.goto('https://other.example.test/');
      const posted = await get(started);
      await page.goto(`${ORIGIN}/`);
      assert.equal((await call(`${FACTOR}/verify/finish`, next, posted)).outcome, INVALID);
    });
  });

  it('one for another RP id is refused', async () => {
    await atDesk(async ({ as, call, create }) => {
      const started = await call(`${FACTOR}/register/start`, as);
      started.body.credential_creation.publicKey.rp.id = 'vault.example.test';
      assert.equal((await call(`${FACTOR}/register/finish`, as, await create(started))).outcome, INVALID);
    });
  });

  it('an answer that comes again, late, or in another session is refused', async () => {
    await atDesk(async ({ person, as, call, register, get }) => {
      assert.equal((await register(as)).outcome, '200');
      const [mine, other] = [await session(house, person), await session(house, person)];
      const start = (who: Session) => call(`${FACTOR}/verify/start`, who);
      const finish = async (who: Session, posted: unknown) =>
        (await call(`${FACTOR}/verify/finish`, who, posted)).outcome;
      const posted = await get(await start(mine));
      await start(other);
      assert.equal(await finish(other, posted), INVALID);
      assert.equal(await finish(mine, posted), '200');
      assert.equal(await finish(mine, posted), INVALID);
      const late = await get(await start(other));
      house.clock.advance(5 * 60_000);
      assert.equal(await finish(other, late), INVALID);
      assert.ok(await isLive(house, other));
    });
  });

  it('a copy of the authenticator is warned of when both are used', async () => {
    await atDesk(async ({ cdp, device, person, as, register, show }) => {
      assert.equal((await register(as)).outcome, '200');
      const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId: device });
      const [copy] = credentials;
      assert.ok(copy !== undefined);
      assert.equal((await show(await session(house, person))).body.second_factor.clone_warning, false);
      await cdp.send('WebAuthn.clearCredentials', { authenticatorId: device });
      await cdp.send('WebAuthn.addCredential', { authenticatorId: device, credential: copy });
      const copied = await show(await session(house, person));
      assert.equal(copied.outcome, '200');
      assert.equal(copied.body.second_factor.clone_warning, true);
    });
  });

  it('an authenticator that does not know who is there is not used', async () => {
    await atDesk(async ({ cdp, device, as, register }) => {
      await cdp.send('WebAuthn.setUserVerified', { authenticatorId: device, isUserVerified: false });
      await assert.rejects(register(as), /NotAllowedError/);
    });
  });
});
