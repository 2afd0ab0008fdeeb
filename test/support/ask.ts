/** Asking a house's doors, with every answer held against the documents. */
import assert from 'node:assert/strict';
import type { Handler } from '../../src/handlers/kit/serve.ts';
import { type House, ORIGIN } from './house.ts';
import { checkAnswer } from './openapi.ts';
import { PASSWORD, type Person, sessionFor, verifiedSession } from './people.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON body; an empty object where there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
  readonly body: any;
  readonly text: string;
  /** `error.code`, or undefined. */
  readonly code: string | undefined;
}

/** The two ways to be somebody. */
export const WAYS = ['bearer', 'cookie'] as const;
export type Way = (typeof WAYS)[number];

/** A session's raw token, and how it travels. */
export interface Session {
  readonly way: Way;
  readonly token: string;
}

export interface Ask {
  readonly method?: string;
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whose session it is; a cookie brings its CSRF token along. */
  readonly as?: Session;
  readonly door?: 'main' | 'admin';
  /** Where it comes from; unknown where nothing is said. */
  readonly address?: string;
}

/** What a house must be told for browser sessions. */
export const APP = 'https://app.example';
export const WEB = { SAFE_WEB_AUTH_ENABLED: 'true', SAFE_WEB_ALLOWED_ORIGINS: APP };
export const COOKIE = '__Host-sallyport_session';

type Doors = Pick<House, 'main' | 'admin'>;

/** Headers of a session, as a browser or another client sends them. */
export async function credentials(doors: Doors, { way, token }: Session): Promise<Record<string, string>> {
  if (way === 'bearer') return { authorization: `Bearer ${token}` };
  const cookie = `${COOKIE}=${token}`;
  const asked = await ask(doors, '/v1/auth/web/csrf', { headers: { cookie } });
  // A session that has ended has no token; what it is told then is what a test looks at.
  return asked.status === 200 ? { cookie, [asked.body.header_name]: asked.body.csrf_token } : { cookie };
}

/** One request. POST when there is a body, or when somebody asks for it. */
export async function ask(doors: Doors, path: string, options: Ask = {}): Promise<Answer> {
  const { door = 'main', as, body, address } = options;
  const method = options.method ?? (body === undefined ? 'GET' : 'POST');
  const headers = { ...(as !== undefined && (await credentials(doors, as))), ...options.headers };
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  const init = { method, headers, ...(body !== undefined && { body: sent }) };
  const response = await doors[door](
    new Request(`${ORIGIN}${path}`, init),
    address === undefined ? undefined : { address },
  );
  const bytes = new Uint8Array(await response.arrayBuffer());
  // A preflight is the browser's business; the documents speak of routes.
  if (method !== 'OPTIONS' || response.status !== 204) {
    const [bare = ''] = path.split('?');
    checkAnswer(door, {
      method,
      path: bare,
      status: response.status,
      headers: response.headers,
      body: bytes,
    });
  }
  const text = new TextDecoder().decode(bytes);
  const parsed = text === '' ? {} : JSON.parse(text);
  return { status: response.status, headers: response.headers, body: parsed, text, code: parsed.error?.code };
}

/** POST, with `{}` where nothing is given. */
export function post(doors: Doors, path: string, as?: Session, body: unknown = {}): Promise<Answer> {
  return ask(doors, path, { method: 'POST', body, ...(as !== undefined && { as }) });
}

/** Holds an answer against what was expected of it. */
export function answers(answer: Answer, status: number, code?: string): Answer {
  assert.equal(`${answer.status} ${answer.code ?? ''}`.trim(), `${status} ${code ?? ''}`.trim(), answer.text);
  return answer;
}

/** The session cookie's value in an answer. */
export function cookieIn(answer: Answer, name = COOKIE): string {
  const [pair = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
  assert.ok(pair.startsWith(`${name}=`), `no cookie ${name} in "${pair}"`);
  return pair.slice(name.length + 1);
}

/** Logs in over the wire. */
export async function logIn(doors: Doors, username: string, way: Way, password = PASSWORD): Promise<Session> {
  const path = way === 'bearer' ? '/v1/auth/login' : '/v1/auth/web/login';
  const answer = answers(await ask(doors, path, { body: { username, password } }), 201);
  return { way, token: way === 'bearer' ? answer.body.token : cookieIn(answer) };
}

const kindOf = (way: Way) => (way === 'bearer' ? 'bearer' : 'web');

/** A fresh session, which has shown no factor; without the cost of a password. */
export async function session(house: House, person: Person, way: Way = 'bearer'): Promise<Session> {
  return { way, token: await sessionFor(house, person, kindOf(way)) };
}

/** A session of somebody settled that has shown its factor. */
export async function verified(house: House, person: Person, way: Way = 'bearer'): Promise<Session> {
  return { way, token: await verifiedSession(house, person, kindOf(way)) };
}

/** Whether a session still opens anything. */
export async function isLive(doors: Doors, as: Session): Promise<boolean> {
  return (await ask(doors, '/v1/account', { as })).status === 200;
}

/** A running server's doors: what a handler would be given is sent to its sockets. */
export function throughSockets(origins: { readonly main: string; readonly admin: string }): Doors {
  const door =
    (origin: string): Handler =>
    async (request) => {
      const { pathname, search } = new URL(request.url);
      const bytes = await request.arrayBuffer();
      return fetch(`${origin}${pathname}${search}`, {
        method: request.method,
        headers: request.headers,
        redirect: 'manual',
        ...(bytes.byteLength > 0 && { body: bytes }),
      });
    };
  return { main: door(origins.main), admin: door(origins.admin) };
}
