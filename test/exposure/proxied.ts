/** An nginx in front of a server, and what reaches the server through it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Route } from '../../src/handlers/kit/route.ts';
import { type Nginx, startNginx } from '../support/nginx.ts';
import { freePorts } from '../support/ports.ts';
import { sallyport } from '../support/sallyport.ts';
import type { TestServer } from '../support/server.ts';
import { pathOf } from './paths.ts';
import { type RawAnswer, RawClient } from './raw-socket.ts';

export const NAME = 'vault.example';
export const SECRET = 'not-a-real-proxy-secret';
export const SETTINGS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_TRUSTED_PROXIES: '127.0.0.1',
  SAFE_PROXY_SECRET: SECRET,
};
export const REFUSED = '{"error":{"code":"not_found","message":"endpoint was not found"}}';
export const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
/** Parameters of the right shape, of nothing that exists. */
export const SAMPLES = {
  token: 'A'.repeat(43),
  id: `inc_${ULID}`,
  stream_id: `str_${ULID}`,
  token_id: `itk_${ULID}`,
  index: '1',
  chunk_index: '1',
  media_type: 'audio',
};
export const PASTE = { id: '0'.repeat(26) };
export const samplePath = (route: Route) => pathOf(route, '', route.prefixed ? PASTE : SAMPLES);

export interface Front {
  readonly nginx: Nginx;
  readonly port: number;
  readonly plainPort: number;
}

/** An nginx with the file that the command writes for these groups. */
export async function front(
  folder: string,
  server: string,
  groups: string,
  options: string[],
  settings: Record<string, string> = {},
): Promise<Front> {
  const [port = 0, plainPort = 0] = await freePorts(2);
  const site = join(folder, 'site.conf');
  const line = [
    ...['proxy-config', 'nginx', '--expose', groups, '--server-name', NAME],
    ...['--upstream', server, '--listen', `127.0.0.1:${port}`, '--listen-plain', `127.0.0.1:${plainPort}`],
    ...['--log', join(folder, 'access.log'), '--out', site, ...options],
  ];
  const ran = await sallyport(folder, line, { ...SETTINGS, ...settings });
  assert.equal(ran.code, 0, ran.said);
  return { nginx: await startNginx(folder, site, port), port, plainPort };
}

let marks = 0;

/** What reached the server since it was asked last: method and pattern of each. Lines come in order. */
export async function reached(server: TestServer): Promise<string[]> {
  const last = `mark-${marks}`;
  marks += 1;
  const next = `mark-${marks}`;
  await fetch(`${server.main}/nowhere/at/all`, { headers: { 'x-request-id': next } });
  for (;;) {
    const lines = server.lines().filter(({ msg }) => msg === 'request');
    const end = lines.findIndex((line) => line.request_id === next);
    if (end < 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    const from = lines.findIndex((line) => line.request_id === last) + 1;
    return lines.slice(from, end).map((line) => `${line.method} ${line.route}`);
  }
}

export const rawClient = ({ port }: Front, host = NAME, tls: object = {}) =>
  new RawClient(`https://127.0.0.1:${port}`, {
    host,
    tls: { servername: NAME, rejectUnauthorized: false, ...tls },
  });

export const onTheWire = (target: string) => Buffer.from(target, 'utf8').toString('latin1');

/** Refused by nginx: its own words, or a connection that it ends. */
export function demandRefusal(answer: RawAnswer | undefined, method: string, what: string): void {
  if (answer === undefined) return;
  assert.ok([400, 404, 405, 421].includes(answer.status), `${what}: ${answer.status} ${answer.body}`);
  assert.equal(answer.headers['x-request-id'], undefined, what);
  if (answer.status === 404) {
    if (method !== 'HEAD') assert.equal(answer.body, REFUSED, what);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff', what);
    assert.equal(answer.headers['cache-control'], 'no-store', what);
  }
}
