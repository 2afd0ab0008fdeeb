/**
 * Whole ceremonies between our options, a real browser and our checks. The authenticator is Chromium's virtual one;
 * the pages come from the test, so that nothing leaves the machine.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Browser, CDPSession, Frame, Page } from 'playwright-core';
import {
  type Attachment,
  assertionOptions,
  finishAssertion,
  finishRegistration,
  type KnownPasskey,
  type NewPasskey,
  newPasskeyChallenge,
  type RelyingParty,
  registrationOptions,
} from '../../src/crypto/passkeys.ts';
import { newVisitor, noBrowser, openBrowser } from '../support/browser.ts';

const ORIGIN = 'https://vault.example.test';
const ACCOUNT = 'acct_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const RP: RelyingParty = {
  id: 'example.test',
  name: 'Sallyport',
  origins: [ORIGIN],
  userVerification: 'required',
  timeoutMs: 5 * 60_000,
};

interface Device {
  readonly transport: 'internal' | 'usb';
  readonly verified?: boolean;
}

describe('in a browser', { skip: noBrowser }, () => {
  let browser: Browser;

  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.close());

  /** A page of its own, with one authenticator plugged in. */
  async function withPage<T>(
    use: (page: Page, device: { cdp: CDPSession; id: string }) => Promise<T>,
    { transport, verified = true }: Device = { transport: 'internal' },
  ): Promise<T> {
    const context = await newVisitor(browser);
    try {
      const page = await context.newPage();
      await page.route('**/*', (route) =>
        route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>A page</title>' }),
      );
      await page.goto(`${ORIGIN}/`);
      const cdp = await context.newCDPSession(page);
      await cdp.send('WebAuthn.enable');
      const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
        options: {
          protocol: 'ctap2',
          transport,
          hasResidentKey: true,
          hasUserVerification: true,
          isUserVerified: verified,
          automaticPresenceSimulation: true,
        },
      });
      return await use(page, { cdp, id: authenticatorId });
    } finally {
      await context.close();
    }
  }

  async function create(
    page: Page,
    existing: readonly KnownPasskey[] = [],
    attachment?: Attachment,
  ): Promise<{ challenge: string; posted: unknown }> {
    const challenge = newPasskeyChallenge(randomBytes);
    const ask = { accountId: ACCOUNT, username: 'reader', challenge, existing };
    const options = await registrationOptions(RP, attachment === undefined ? ask : { ...ask, attachment });
    const posted = await createIn(page, options);
    return { challenge, posted };
  }

  async function show(
    page: Page,
    passkeys: readonly KnownPasskey[],
    rp = RP,
  ): Promise<{ challenge: string; posted: unknown }> {
    const challenge = newPasskeyChallenge(randomBytes);
    const options = await assertionOptions(rp, { challenge, passkeys });
    const posted = await getIn(page, options);
    return { challenge, posted };
  }

  async function register(page: Page): Promise<NewPasskey> {
    const { challenge, posted } = await create(page);
    const outcome = await finishRegistration(RP, { challenge }, posted);
    assert(outcome.ok, JSON.stringify(outcome));
    return outcome.passkey;
  }

  for (const [transport, attachment] of [
    ['internal', 'platform'],
    ['usb', 'cross-platform'],
  ] as const) {
    it(`a passkey is made and shown twice: ${attachment}`, async () => {
      await withPage(
        async (page) => {
          const { challenge, posted } = await create(page, [], attachment);
          const made = await finishRegistration(RP, { challenge, attachment }, posted);
          assert(made.ok, JSON.stringify(made));
          assert.equal(made.passkey.attachment, attachment);
          assert.equal(made.passkey.userVerified, true);
          assert(made.passkey.transports.includes(transport));

          let signCount: number = made.passkey.signCount;
          for (let time = 0; time < 2; time += 1) {
            const shown = await show(page, [made.passkey]);
            const kept: KnownPasskey = { ...made.passkey, signCount };
            const started = { challenge: shown.challenge, accountId: ACCOUNT, passkeys: [kept] };
            const used = await finishAssertion(RP, started, shown.posted);
            assert(used.ok, JSON.stringify(used));
            assert.equal(used.cloneSuspected, false);
            assert(used.signCount > signCount);
            signCount = used.signCount;
          }
        },
        { transport },
      );
    });
  }

  it('an authenticator that holds one already makes no second', async () => {
    await withPage(async (page) => {
      const passkey = await register(page);
      await assert.rejects(create(page, [passkey]), /InvalidStateError/);
    });
  });

  it('an authenticator that does not know who is there is not used', async () => {
    await withPage((page) => assert.rejects(create(page), /NotAllowedError/), {
      transport: 'internal',
      verified: false,
    });
  });

  it('a page of another host of our domain can ask for the passkey, and is refused', async () => {
    await withPage(async (page) => {
      const passkey = await register(page);
      await page.goto('https://other.example.test/');
      const { challenge, posted } = await show(page, [passkey]);
      const started = { challenge, accountId: ACCOUNT, passkeys: [passkey] };
      assert.deepEqual(await finishAssertion(RP, started, posted), { ok: false, reason: 'wrong_origin' });
    });
  });

  it('a passkey for another domain of the same page is refused', async () => {
    await withPage(async (page) => {
      const narrow = { ...RP, id: 'vault.example.test' };
      const challenge = newPasskeyChallenge(randomBytes);
      const options = await registrationOptions(narrow, {
        ...{ accountId: ACCOUNT, username: 'reader', challenge, existing: [] },
      });
      const posted = await createIn(page, options);
      assert.deepEqual(await finishRegistration(RP, { challenge }, posted), {
        ok: false,
        reason: 'wrong_rp_id',
      });
      assert((await finishRegistration(narrow, { challenge }, posted)).ok);
    });
  });

  it('a page in a foreign frame is refused', async () => {
    await withPage(async (page) => {
      const passkey = await register(page);
      await page.goto('https://around.example.net/');
      await page.setContent(`<iframe src="${ORIGIN}/" allow="publickey-credentials-get *"></iframe>`);
      const frame = page.frames().find((inner) => inner.url().startsWith(ORIGIN));
      assert(frame !== undefined);
      await frame.waitForLoadState();
      const challenge = newPasskeyChallenge(randomBytes);
      const options = await assertionOptions(RP, { challenge, passkeys: [passkey] });
      const posted = await getIn(frame, options);
      const started = { challenge, accountId: ACCOUNT, passkeys: [passkey] };
      assert.deepEqual(await finishAssertion(RP, started, posted), { ok: false, reason: 'cross_origin' });
    });
  });

  it('an answer to one challenge is no answer to the next, nor is a registration an assertion', async () => {
    await withPage(async (page) => {
      const made = await create(page);
      const passkey = await finishRegistration(RP, made, made.posted);
      assert(passkey.ok);
      const shown = await show(page, [passkey.passkey]);
      const started = { accountId: ACCOUNT, passkeys: [passkey.passkey] };
      const later = { ...started, challenge: newPasskeyChallenge(randomBytes) };
      assert.deepEqual(await finishAssertion(RP, later, shown.posted), {
        ok: false,
        reason: 'wrong_challenge',
      });
      assert.deepEqual(await finishAssertion(RP, { ...started, challenge: made.challenge }, made.posted), {
        ok: false,
        reason: 'malformed',
      });
    });
  });

  it('a copy of the authenticator is suspected when both are used', async () => {
    await withPage(async (page, { cdp, id }) => {
      const passkey = await register(page);
      const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId: id });
      const [copy] = credentials;
      assert(copy !== undefined);
      const first = await show(page, [passkey]);
      const used = await finishAssertion(
        RP,
        { challenge: first.challenge, accountId: ACCOUNT, passkeys: [passkey] },
        first.posted,
      );
      assert(used.ok && !used.cloneSuspected);

      // The copy still counts from where it was taken.
      await cdp.send('WebAuthn.clearCredentials', { authenticatorId: id });
      await cdp.send('WebAuthn.addCredential', { authenticatorId: id, credential: copy });
      const second = await show(page, [passkey]);
      const kept = { ...passkey, signCount: used.signCount };
      const again = await finishAssertion(
        RP,
        { challenge: second.challenge, accountId: ACCOUNT, passkeys: [kept] },
        second.posted,
      );
      assert(again.ok && again.cloneSuspected);
    });
  });
});

/** As it arrives in a browser: JSON. The library's types and the browser's differ in what may be undefined. */
function plain<T>(options: object): T {
  return JSON.parse(JSON.stringify(options));
}

/** In the page. */
async function createIn(page: Page, options: object): Promise<unknown> {
  return page.evaluate(async (json) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(json);
    const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
    return made.toJSON();
  }, plain<PublicKeyCredentialCreationOptionsJSON>(options));
}

async function getIn(frame: Page | Frame, options: object): Promise<unknown> {
  return frame.evaluate(async (json) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(json);
    const shown = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
    return shown.toJSON();
  }, plain<PublicKeyCredentialRequestOptionsJSON>(options));
}
