/** Somebody at the private door with a browser's habits: keeps the cookie, posts forms with the page's own token. */
import assert from 'node:assert/strict';
import { Secret, TOTP } from 'otpauth';
import { BOOTSTRAP_SECRET, type House } from '../support/house.ts';

export interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly location: string | null;
  /** The text of the first-level heading. */
  readonly title: string;
  /** What stands in alerts. */
  readonly alerts: readonly string[];
  readonly csrf: string | undefined;
}

export const ADMIN = { username: 'ada', password: 'a phrase of several words' };

const ORIGIN = 'http://admin.test';

/** What a browser sends with a form of our own page. */
export const OWN = { origin: ORIGIN, 'sec-fetch-site': 'same-origin' };

const plain = (markup: string) =>
  markup
    .replace(/<[^>]*>/g, '')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

async function read(response: Response): Promise<Page> {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    location: response.headers.get('location'),
    title: plain(/<h1>(.*?)<\/h1>/s.exec(text)?.[1] ?? ''),
    alerts: [...text.matchAll(/role="alert">(.*?)<\/p>/gs)].map(([, inner]) => plain(inner ?? '')),
    csrf: /name="csrf_token" value="([0-9a-f]{64})"/.exec(text)?.[1],
  };
}

export class Visitor {
  readonly house: House;
  cookie: string | undefined;
  /** The token of the last page that had one. */
  csrf = '';

  constructor(house: House) {
    this.house = house;
  }

  async send(path: string, init: RequestInit = {}): Promise<Page> {
    const headers = new Headers(init.headers);
    if (this.cookie !== undefined) headers.set('cookie', `sallyport_admin_session=${this.cookie}`);
    const request = new Request(`${ORIGIN}${path}`, { ...init, headers });
    const page = await read(await this.house.admin(request, { address: '127.0.0.1' }));
    const set = page.headers.get('set-cookie');
    const value = set === null ? null : /^sallyport_admin_session=([^;]*)/.exec(set);
    if (value !== null) this.cookie = value[1] === '' ? undefined : value[1];
    if (page.csrf !== undefined) this.csrf = page.csrf;
    return page;
  }

  get(path: string): Promise<Page> {
    return this.send(path);
  }

  /** Posts fields as they are. */
  postRaw(path: string, fields: Record<string, string>, headers: HeadersInit = OWN): Promise<Page> {
    return this.send(path, { method: 'POST', body: new URLSearchParams(fields), headers });
  }

  /** Posts fields with the CSRF token of the last page. */
  post(path: string, fields: Record<string, string> = {}, headers: HeadersInit = OWN): Promise<Page> {
    return this.postRaw(path, { csrf_token: this.csrf, ...fields }, headers);
  }
}

export const visitor = (house: House): Visitor => new Visitor(house);

/** The code that an authenticator app shows now, by the house's clock. */
export function codeOf(house: House, secret: string): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: house.clock.now() });
}

export const secretIn = (page: Page): string =>
  /id="totp-secret">([A-Z2-7]{32})</.exec(page.text)?.[1] ?? assert.fail('the page shows no secret');

/** The first admin, whose second factor is still to be set up. */
export async function bootstrapped(house: House): Promise<Visitor> {
  const who = visitor(house);
  const made = await who.postRaw('/admin/bootstrap', { bootstrap_secret: BOOTSTRAP_SECRET, ...ADMIN });
  assert.equal(made.status, 303);
  await who.get('/admin');
  return who;
}

/** The first admin, inside, and the secret of its app. */
export async function insider(house: House): Promise<{ who: Visitor; secret: string }> {
  const who = await bootstrapped(house);
  const secret = secretIn(await who.post('/admin/second-factor/totp/enroll'));
  const confirmed = await who.post('/admin/second-factor/totp/confirm', { code: codeOf(house, secret) });
  assert.equal(confirmed.location, '/admin?notice=second_factor_setup_complete');
  assert.equal((await who.get('/admin')).status, 200);
  return { who, secret };
}

/** Another session of an account, that has shown its password alone. */
export async function signedIn(house: House, account = ADMIN): Promise<Visitor> {
  const who = visitor(house);
  const { username, password } = account;
  assert.equal((await who.postRaw('/admin/login', { username, password })).location, '/admin');
  await who.get('/admin');
  return who;
}
