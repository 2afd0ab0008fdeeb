/** Somebody at the private door with a browser's habits: keeps the cookie, posts forms with the page's own token. */
import assert from 'node:assert/strict';
import { BOOTSTRAP_SECRET, type House } from '../support/house.ts';
import { codeOf, newcomer, type Person, sessionFor, settled, verifiedSession } from '../support/people.ts';

export interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly location: string | null;
  /** The text of the first-level heading. */
  readonly title: string;
  /** What stands in alerts. */
  readonly alerts: readonly string[];
  /** What the step before came to. */
  readonly notice: string | undefined;
  readonly csrf: string | undefined;
}

export const ADMIN = { username: 'ada', password: 'a phrase of several words' };

export const DOOR = 'http://admin.test';

/** What a browser sends with a form of our own page. */
export const OWN = { origin: DOOR, 'sec-fetch-site': 'same-origin' };

const plain = (markup: string) =>
  markup
    .replace(/<[^>]*>/g, '')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

async function read(response: Response): Promise<Page> {
  const text = await response.text();
  const notice = /role="status">(.*?)<\/p>/s.exec(text)?.[1];
  return {
    status: response.status,
    headers: response.headers,
    text,
    location: response.headers.get('location'),
    title: plain(/<h1>(.*?)<\/h1>/s.exec(text)?.[1] ?? ''),
    alerts: [...text.matchAll(/role="alert">(.*?)<\/p>/gs)].map(([, inner]) => plain(inner ?? '')),
    notice: notice === undefined ? undefined : plain(notice),
    csrf: /name="csrf_token" value="([0-9a-f]{64})"/.exec(text)?.[1],
  };
}

export class Visitor {
  readonly house: House;
  cookie: string | undefined;
  /** The token of the last page that had one. */
  csrf = '';
  /** Whether the connection is TLS. */
  secure = false;

  constructor(house: House, cookie?: string) {
    this.house = house;
    this.cookie = cookie;
  }

  async send(path: string, init: RequestInit = {}): Promise<Page> {
    const headers = new Headers(init.headers);
    if (this.cookie !== undefined) headers.set('cookie', `sallyport_admin_session=${this.cookie}`);
    const request = new Request(`${DOOR}${path}`, { ...init, headers });
    const page = await read(await this.house.admin(request, { address: '127.0.0.1', secure: this.secure }));
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

  /** Posts, then once more with the yes that was asked for. */
  async confirm(path: string, fields: Record<string, string> = {}): Promise<Page> {
    const question = await this.post(path, fields);
    assert.equal(question.status, 200, `${path} asks first`);
    assert.ok(question.text.includes('name="confirm" value="yes"'), `${path} asks first`);
    return this.post(path, { ...fields, confirm: 'yes' });
  }
}

export const secretIn = (page: Page): string =>
  /id="totp-secret">([A-Z2-7]{32})</.exec(page.text)?.[1] ?? assert.fail('the page shows no secret');

/** Makes the first admin, whose second factor is still to be set up, at the door itself. */
export async function bootstrapped(house: House): Promise<Visitor> {
  const who = new Visitor(house);
  const made = await who.postRaw('/admin/bootstrap', { bootstrap_secret: BOOTSTRAP_SECRET, ...ADMIN });
  assert.equal(made.status, 303);
  await who.get('/admin');
  return who;
}

/** The first admin, inside, and the secret of its app. */
export async function insider(house: House): Promise<{ readonly who: Visitor; readonly secret: string }> {
  const who = await bootstrapped(house);
  const secret = secretIn(await who.post('/admin/second-factor/totp/enroll'));
  const confirmed = await who.post('/admin/second-factor/totp/confirm', { code: codeOf(house, secret) });
  assert.equal(confirmed.location, '/admin?notice=second_factor_setup_complete');
  assert.equal((await who.get('/admin')).status, 200);
  house.clock.advance(30_000);
  return { who, secret };
}

/** A new admin with a session that stands where it is said. */
export async function adminAt(
  house: House,
  username: string,
  stage: 'set up' | 'verify' | 'inside',
): Promise<{ readonly who: Visitor; readonly person: Person }> {
  const person =
    stage === 'set up' ? await newcomer(house, username, 'admin') : await settled(house, username, 'admin');
  const open = stage === 'inside' ? verifiedSession : sessionFor;
  const who = new Visitor(house, await open(house, person, 'admin_web'));
  await who.get('/admin');
  return { who, person };
}
