/**
 * Every kind of answer that the two doors can give, provoked once: what the tests of headers and of logs go
 * through. A test gives the way to ask, and a mark that is put into everything that a caller can choose.
 */
import assert from 'node:assert/strict';
import { Fault } from '../../src/core/faults.ts';
import { DbError } from '../../src/store/db.ts';
import type { Store } from '../../src/store/store.ts';
import { ownerIn } from '../support/evidence.ts';
import type { House, HouseOptions } from '../support/house.ts';
import { newScene, pathsOfLink } from '../support/viewing.ts';
import { solve } from './hash-cash.ts';
import { recording } from './recording.ts';
import { resuming } from './resuming.ts';
import { uploading } from './uploading.ts';

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** The code of a refusal. */
  readonly code: string | undefined;
}

export type DoorName = 'main' | 'admin';
export type Init = RequestInit & { readonly duplex?: 'half' };
export type Ask = (door: DoorName, path: string, init?: Init) => Promise<Asked>;

export interface Situation {
  readonly name: string;
  readonly options: HouseOptions;
  /** `mark`: letters and digits, put wherever a caller can put something. */
  run(ask: Ask, mark: string, house: House): Promise<void>;
}

/** Asks a house. Headers are added to those of the call; the answer is read to its end. */
export async function askHouse(house: House, door: DoorName, path: string, init: Init = {}): Promise<Asked> {
  const response = await house[door](new Request(`http://door.test${path}`, init));
  const bytes = new Uint8Array(await response.arrayBuffer());
  const text = new TextDecoder().decode(bytes);
  let code: string | undefined;
  // The dashboard refuses with a page.
  if (response.status >= 400 && text !== '' && response.headers.get('content-type') === 'application/json')
    code = (JSON.parse(text) as { error: { code: string } }).error.code;
  return { status: response.status, headers: response.headers, bytes, text, code };
}

async function expecting(asked: Promise<Asked>, status: number, code?: string): Promise<Asked> {
  const answer = await asked;
  assert.equal(
    `${answer.status} ${answer.code ?? ''}`.trim(),
    code === undefined ? `${status}` : `${status} ${code}`,
  );
  return answer;
}

interface Made {
  readonly id: string;
  readonly token: { readonly 'x-delete-token': string };
}

async function make(ask: Ask, body: string, headers: Record<string, string> = {}): Promise<Made> {
  const { text } = await expecting(ask('main', '/', { method: 'POST', body, headers }), 201);
  const { id, delete_token: token } = JSON.parse(text) as { id: string; delete_token: string };
  return { id, token: { 'x-delete-token': token } };
}

let sent = 0;
/** A text with the mark in it that was not sent before. */
const fresh = (mark: string) => {
  sent += 1;
  return `a paste with ${mark} in it, number ${sent}`;
};

const plain: Situation = {
  name: 'everything as usual',
  options: {},
  async run(ask, mark) {
    const kept = await make(ask, fresh(mark));
    await expecting(ask('main', '/'), 200);
    await expecting(ask('main', '/', { method: 'HEAD' }), 200);
    await expecting(ask('main', '/challenge'), 200);
    const again = { method: 'POST', body: fresh(mark), headers: { 'idempotency-key': `key-of-16-${mark}` } };
    await expecting(ask('main', '/', again), 201);
    await expecting(ask('main', '/', again), 200);
    await expecting(ask('main', '/', { ...again, body: fresh(mark) }), 409, 'idempotency_conflict');
    const asText = { method: 'POST', body: fresh(mark), headers: { accept: 'text/plain' } };
    await expecting(ask('main', '/', asText), 201);
    for (const method of ['GET', 'HEAD']) {
      await expecting(ask('main', `/${kept.id}`, { method }), 200);
      await expecting(ask('main', `/${kept.id}/raw`, { method }), 200);
    }
    const put = { method: 'PUT', body: fresh(mark), headers: kept.token };
    await expecting(ask('main', `/${kept.id}`, put), 200);
    const wrong = { 'x-delete-token': mark };
    await expecting(ask('main', `/${kept.id}`, { ...put, headers: wrong }), 403, 'not_owner');
    await expecting(ask('main', `/${kept.id}`, { method: 'DELETE', headers: wrong }), 403, 'not_owner');
    await expecting(ask('main', `/${kept.id}`, { method: 'DELETE', headers: kept.token }), 200);
    for (const path of [`/${kept.id}`, `/${kept.id}/raw`])
      await expecting(ask('main', path), 404, 'paste_not_found');
    await expecting(ask('main', `/${kept.id}`, put), 404, 'paste_not_found');
    const large = 'x'.repeat(2 * 1024 * 1024) + mark;
    const staged = await make(ask, large, { 'x-burn-after-read': 'yes' });
    await expecting(ask('main', `/${staged.id}/raw`), 200);
  },
};

const badInput: Situation = {
  name: 'input that is refused',
  options: {},
  async run(ask, mark) {
    const post = (headers: Record<string, string>, body: BodyInit = fresh(mark)) =>
      ask('main', '/', { method: 'POST', body, headers });
    const asJson = { 'content-type': 'application/json' };
    await expecting(post({ 'x-expiry': mark }), 400, 'invalid_expiry');
    await expecting(post({ 'x-burn-after-read': mark }), 400, 'invalid_burn');
    await expecting(post({ 'x-paste-password': `\u00fc${mark}` }), 400, 'invalid_password');
    await expecting(post({ 'x-paste-access-hash': mark }), 400, 'invalid_access_hash');
    await expecting(post({ 'idempotency-key': mark.slice(0, 15) }), 400, 'invalid_idempotency_key');
    await expecting(post({ 'x-pow-token': mark }), 400, 'pow_invalid');
    await expecting(post({}, ''), 400, 'empty_paste');
    await expecting(post(asJson, `{"content": "${mark}`), 400, 'invalid_json');
    await expecting(post(asJson, JSON.stringify({ content: mark, [mark]: 1 })), 400, 'invalid_json');
    await expecting(
      post(asJson, JSON.stringify({ content: mark, content_b64: mark })),
      400,
      'invalid_content',
    );
    await expecting(
      post({ 'content-type': `multipart/form-data; boundary=${mark}` }),
      415,
      'unsupported_media_type',
    );
    const large = 'x'.repeat(3 * 1024 * 1024) + mark;
    await expecting(post({}, large), 413, 'paste_too_large');
    await expecting(post({ 'content-length': '99999999999' }), 413, 'paste_too_large');
    const same = fresh(mark);
    for (let i = 0; i < 3; i += 1) await expecting(post({}, same), 201);
    await expecting(post({}, same), 429, 'duplicate_content');
  },
};

const guarded: Situation = {
  name: 'protected and burning pastes',
  options: {},
  async run(ask, mark) {
    const secret = { 'x-paste-password': `the password ${mark}` };
    const locked = await make(ask, fresh(mark), secret);
    for (const path of [`/${locked.id}`, `/${locked.id}/raw`]) {
      await expecting(ask('main', path), 401, 'password_required');
      await expecting(ask('main', path, { headers: secret }), 200);
      await expecting(ask('main', path, { headers: { 'x-paste-password': mark } }), 403, 'password_invalid');
    }
    const proof = await make(ask, fresh(mark), { 'x-paste-access-hash': 'a'.repeat(64) });
    const guess = { headers: { 'x-paste-password': `${mark} is not it` } };
    for (let i = 0; i < 10; i += 1)
      await expecting(ask('main', `/${proof.id}`, guess), 403, 'password_invalid');
    await expecting(ask('main', `/${proof.id}/raw`, guess), 429, 'password_locked');
    const burning = await make(ask, fresh(mark), { 'x-burn-after-read': 'true' });
    const raw = (headers: Record<string, string>) => ask('main', `/${burning.id}/raw`, { headers });
    await expecting(raw({ range: `bytes=0-1,${mark}` }), 416, 'range_not_satisfiable');
    await expecting(raw({ 'if-none-match': `"${mark}"` }), 412, 'precondition_failed');
    await expecting(raw({ 'sec-purpose': `prefetch;${mark}` }), 425, 'too_early');
    await expecting(raw({}), 200);
    await expecting(raw({}), 404, 'paste_not_found');
  },
};

/** Where the main door has links: what is asked for there is told what every wrong link is told. */
const LINK = /^\/i\/[^/]+(?:\/data|\/streams\/[^/]+\/download)?$/;
const reads = (method: string) => method === 'GET' || method === 'HEAD';

const elsewhere: Situation = {
  name: 'places where nothing is',
  options: {},
  async run(ask, mark) {
    for (const door of ['main', 'admin'] as const) {
      const own = door === 'main' ? '/challenge' : '/admin';
      for (const path of [
        `/${mark}`,
        `/${mark}/raw`,
        `/${mark}/${mark}/${mark}`,
        `/%63${mark}`,
        `//${mark}`,
        `/i/${mark}`,
        `/%69/${mark}`,
        `/i/${mark}/data`,
        `/i/${mark}/streams/${mark}/download`,
        `/e/${mark}/viewer-payload`,
        `/v1/${mark}/${mark}`,
        `/v1/${mark}?q=${mark}`,
        `/admin/api/${mark}`,
        `/admin/${mark}/${mark}`,
        `/static/${mark}.css`,
        `/admin/static/${mark}.css`,
        `${own}/${mark}`,
        `${own};${mark}=${mark}`,
        `/${mark}%00%2e%2e%2f`,
        `/${mark}%zz`,
      ]) {
        for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', mark.toUpperCase()]) {
          const body = reads(method) ? {} : { body: mark };
          const aLink = door === 'main' && reads(method) && LINK.test(path);
          const code = aLink ? 'incident_token_invalid' : 'not_found';
          await expecting(ask(door, path, { method, ...body }), 404, method === 'HEAD' ? undefined : code);
        }
      }
    }
    await expecting(ask('admin', '/admin'), 200);
    await expecting(ask('admin', '/admin', { method: 'HEAD' }), 200);
    await expecting(ask('admin', '/admin/static/styles.css'), 200);
  },
};

const viewing: Situation = {
  name: 'links to an incident',
  options: {},
  async run(ask, mark, house) {
    const scene = await newScene(house, await ownerIn(house));
    // What it took to get there is not what is looked at here.
    house.log.length = 0;
    for (const path of pathsOfLink(scene.token, scene.complete))
      for (const method of ['GET', 'HEAD']) await expecting(ask('main', path, { method }), 200);
    const download = `/i/${scene.token}/incident/download`;
    const ranged = (range: string) => ask('main', download, { headers: { range } });
    await expecting(ranged('bytes=0-9'), 206);
    await expecting(ranged('bytes=999999999-'), 416, 'range_not_satisfiable');
    const stream = (id: string) => ask('main', `/i/${scene.token}/streams/${id}/download`);
    await expecting(stream(mark), 404, 'stream_not_found');
    await expecting(stream(scene.open), 409, 'stream_not_complete');
    for (const path of pathsOfLink(mark, mark))
      await expecting(ask('main', path), 404, 'incident_token_invalid');
    await expecting(ask('main', `/i/${mark}`, { headers: { accept: 'text/html' } }), 404);
    for (const path of ['/static/styles.css', '/static/scripts.js']) {
      const { headers } = await expecting(ask('main', path), 200);
      const etag = headers.get('etag') ?? '';
      await expecting(ask('main', path, { headers: { 'if-none-match': etag } }), 304);
    }
  },
};

const working: Situation = {
  name: 'proof of work',
  options: { env: { SAFE_PASTE_POW_DIFFICULTY: '4' } },
  async run(ask, mark) {
    const post = (headers: Record<string, string>) =>
      ask('main', '/', { method: 'POST', body: fresh(mark), headers });
    await expecting(post({}), 428, 'pow_required');
    await expecting(post({ 'x-pow-token': mark, 'x-pow-solution': mark }), 400, 'pow_invalid');
    const { text } = await expecting(ask('main', '/challenge'), 200);
    const { token, difficulty } = JSON.parse(text) as { token: string; difficulty: number };
    const work = { 'x-pow-token': token, 'x-pow-solution': solve(token, difficulty) };
    await expecting(post(work), 201);
    await expecting(post(work), 400, 'pow_invalid');
  },
};

const identified: Situation = {
  name: 'creates by certificate only',
  options: { env: { SAFE_PASTE_CREATE: 'identified', SAFE_PROXY_SECRET: 'a-secret-of-the-proxy' } },
  async run(ask, mark) {
    const post = (headers: Record<string, string>) =>
      ask('main', '/', { method: 'POST', body: fresh(mark), headers });
    const certificate = { 'x-ssl-client-sha256': 'ab'.repeat(32) };
    await expecting(post({ ...certificate, 'x-proxy-secret': mark }), 401, 'client_certificate_required');
    await expecting(post({ ...certificate, 'x-proxy-secret': 'a-secret-of-the-proxy' }), 201);
  },
};

const sealedOnly: Situation = {
  name: 'sealed pastes only',
  options: { env: { SAFE_PASTE_MIN_ENTROPY: '7.2' } },
  async run(ask, mark) {
    await expecting(ask('main', '/', { method: 'POST', body: fresh(mark) }), 422, 'not_sealed');
  },
};

const fullHouse: Situation = {
  name: 'no room left',
  options: { env: { SAFE_PASTE_STORAGE_QUOTA: '10' } },
  async run(ask, mark) {
    await expecting(ask('main', '/', { method: 'POST', body: fresh(mark) }), 507, 'storage_quota_exceeded');
  },
};

const measured: Situation = {
  name: 'metrics behind their token',
  options: { env: { SAFE_METRICS_TOKEN: 'the-metrics-token-of-a-test' } },
  async run(ask, mark) {
    const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
    await expecting(ask('admin', '/metrics', as('the-metrics-token-of-a-test')), 200);
    await expecting(ask('admin', '/metrics', as(mark)), 401, 'authentication_required');
    await expecting(ask('admin', `/metrics/${mark}`, as('the-metrics-token-of-a-test')), 404, 'not_found');
    await expecting(ask('main', '/metrics', as('the-metrics-token-of-a-test')), 404, 'not_found');
  },
};

const limited: Situation = {
  name: 'too many requests',
  options: {
    env: {
      SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'true',
      SAFE_ADMIN_RATE_LIMIT_ENABLED: 'true',
      SAFE_MAIN_API_RATE_LIMIT_PASTE_READ: '1',
      SAFE_ADMIN_RATE_LIMIT_DASHBOARD: '1',
    },
  },
  async run(ask, mark) {
    await expecting(ask('main', `/${mark}`), 404, 'not_found');
    await expecting(ask('main', `/${mark}`), 429, 'rate_limited');
    await expecting(ask('admin', `/admin/${mark}`), 404, 'not_found');
    await expecting(ask('admin', '/admin'), 429);
  },
};

const uncounted: Situation = {
  name: 'a limiter that fails',
  options: {
    env: { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'true', SAFE_ADMIN_RATE_LIMIT_ENABLED: 'true' },
    ports: { limiter: { hit: () => Promise.reject(new Fault('rate_limit_unavailable')) } },
  },
  async run(ask, mark) {
    await expecting(ask('main', '/'), 503, 'rate_limit_unavailable');
    await expecting(ask('main', '/', { method: 'POST', body: mark }), 503, 'rate_limit_unavailable');
    await expecting(ask('admin', '/admin'), 503);
  },
};

/** A store whose every verb fails like this. It stands for a database that is away, or for a defect of ours. */
export function brokenStore(error: () => Error): Store {
  const fail = () => Promise.reject(error());
  return { pastes: new Proxy({}, { get: () => fail }) } as unknown as Store;
}

/** Everything that reaches the store. */
async function tryAll(ask: Ask, mark: string, status: number, code: string): Promise<void> {
  const id = '0123456789abcdefghjkmnpqrs';
  await expecting(ask('main', '/', { method: 'POST', body: fresh(mark) }), status, code);
  await expecting(ask('main', `/${id}`), status, code);
  await expecting(ask('main', `/${id}/raw?${mark}`), status, code);
  await expecting(ask('main', `/${id}`, { method: 'PUT', body: mark }), status, code);
  const headers = { 'x-delete-token': mark };
  await expecting(ask('main', `/${id}`, { method: 'DELETE', headers }), status, code);
  await expecting(ask('main', `/${id}`, { method: 'HEAD' }), status);
}

const away: Situation = {
  name: 'a database that is away',
  options: { ports: { store: brokenStore(() => new DbError('busy', 'SQLITE_BUSY: secret words')) } },
  run: (ask, mark) => tryAll(ask, mark, 503, 'storage_unavailable'),
};

/** What a defect may carry: everything that a driver puts into its message. */
export const DEFECT = 'INSERT INTO pastes VALUES (0xcafe) at /srv/data/sallyport.db';

const defect: Situation = {
  name: 'a defect',
  options: {
    ports: {
      store: brokenStore(() => Object.assign(new RangeError(DEFECT), { stack: DEFECT, cause: DEFECT })),
    },
  },
  run: (ask, mark) => tryAll(ask, mark, 500, 'internal_error'),
};

const notAnError: Situation = {
  name: 'a defect that throws no error',
  options: { ports: { store: brokenStore(() => DEFECT as unknown as Error) } },
  run: (ask, mark) => tryAll(ask, mark, 500, 'internal_error'),
};

const busy: Situation = {
  name: 'too many passwords to hash',
  options: {
    ports: {
      hasher: { argon2id: () => Promise.reject(new Fault('service_busy', { retryAfterSeconds: 1 })) },
    },
  },
  async run(ask, mark) {
    const headers = { 'x-paste-password': mark };
    await expecting(ask('main', '/', { method: 'POST', body: fresh(mark), headers }), 503, 'service_busy');
  },
};

const broken: Situation = {
  name: 'bodies that stall and break',
  options: {},
  async run(ask, mark, house) {
    const piece = new TextEncoder().encode(mark);
    const breaking = new ReadableStream({
      start(controller) {
        controller.enqueue(piece);
      },
      pull: (controller) => controller.error(new Error(mark)),
    });
    const post = (body: ReadableStream) => ask('main', '/', { method: 'POST', body, duplex: 'half' });
    await expecting(post(breaking), 400, 'request_aborted');
    const stalling = new ReadableStream({
      start(controller) {
        controller.enqueue(piece);
      },
    });
    const stalled = expecting(post(stalling), 408, 'request_timeout');
    let over = false;
    const ended = stalled.finally(() => {
      over = true;
    });
    while (!over) {
      house.clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await ended;
  },
};

export const situations: readonly Situation[] = [
  ...[
    plain,
    badInput,
    guarded,
    elsewhere,
    viewing,
    recording,
    uploading,
    resuming,
    working,
    identified,
    sealedOnly,
    fullHouse,
    measured,
    limited,
    uncounted,
  ],
  ...[away, defect, notAnError, busy, broken],
];
