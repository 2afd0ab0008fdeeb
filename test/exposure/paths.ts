/** What each door must not have: everything of the other one, and what the contract names for it. */
import type { Route } from '../../src/handlers/kit/route.ts';
import { mounted } from '../../src/handlers/kit/table.ts';

/** Values of parameters by name, for paths that name something which exists. */
export type Samples = Readonly<Record<string, string>>;

/** The concrete path of a route; a parameter without a sample gets its own name as value. */
export function pathOf(route: Route, prefix: string, samples: Samples): string {
  return mounted(route, prefix).replace(/:(\w+)/g, (_, name: string) => samples[name] ?? name);
}

/** The concrete paths of a table. */
export function pathsOf(routes: readonly Route[], prefix: string, samples: Samples): string[] {
  return [...new Set(routes.map((route) => pathOf(route, prefix, samples)))];
}

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const INCIDENT = `/v1/incidents/inc_${ULID}`;

/** Operator's business, which the public door never serves. */
export const NEVER_ON_MAIN: readonly string[] = [
  '/admin',
  '/admin/',
  '/admin/login',
  '/admin/logout',
  '/admin/bootstrap',
  '/admin/second-factor',
  '/admin/second-factor/totp/enroll',
  '/admin/second-factor/totp/confirm',
  '/admin/accounts',
  '/admin/audit',
  '/admin/static/styles.css',
  '/admin/api',
  '/admin/api/',
  '/admin/api/stats',
  '/admin/api/cleanup',
  '/admin/api/pastes',
  `/admin/api/pastes/${'0'.repeat(32)}`,
  '/admin/api/accounts',
  `/admin/api/accounts/acct_${ULID}/role`,
  '/admin/api/incidents/unowned',
  '/admin/api/deletions',
  '/admin/api/audit',
  '/admin/api/log',
  '/metrics',
  '/v1/admin',
  '/v1/admin/accounts',
  '/v1/admin/incidents',
  '/v1/admin/api/stats',
  '/v1/audit',
  '/v1/log',
  '/v1/bootstrap/admin',
  '/v1/health/live',
  '/v1/health/ready',
  '/health',
  '/healthz',
  '/ready',
  '/debug/pprof',
  '/v1/maintenance',
  '/v1/migrations',
  '/v1/backup',
  '/v1/restore',
  '/v1/deletion-worker',
  '/v1/support',
  '/v1/escrow',
  '/v1/break-glass',
  '/v1/backend-decrypt',
  '/v1/browser-decrypt',
  '/v1/raw-key',
];

/** Everything of the product, which the private door never serves. */
export const NEVER_ON_ADMIN: readonly string[] = [
  '/v1',
  '/v1/',
  '/v1/incidents',
  INCIDENT,
  `${INCIDENT}/deletion`,
  `${INCIDENT}/checkins`,
  `${INCIDENT}/chunks`,
  `${INCIDENT}/chunks/reconcile`,
  `${INCIDENT}/streams`,
  `${INCIDENT}/streams/str_${ULID}`,
  `${INCIDENT}/streams/str_${ULID}/chunks/1`,
  `${INCIDENT}/streams/str_${ULID}/download`,
  `${INCIDENT}/download`,
  `${INCIDENT}/tokens`,
  `${INCIDENT}/wrapped-keys`,
  '/v1/incident-tokens/x/revoke',
  '/v1/auth/login',
  '/v1/auth/logout',
  '/v1/auth/register',
  '/v1/auth/web/login',
  '/v1/auth/web/logout',
  '/v1/auth/web/csrf',
  '/v1/auth/email/verify',
  '/v1/account',
  '/v1/account/password',
  '/v1/account/second-factor',
  '/v1/account/recipient-keys',
  '/v1/contact-keys',
  '/v1/bootstrap/admin',
  '/v1/health/live',
  '/v1/health/ready',
  '/i/token',
  '/i/token/data',
  '/i/token/viewer-payload',
  '/i/token/incident/download',
  `/i/token/streams/str_${ULID}/download`,
  '/e/token',
  '/e/token/data',
  '/static/styles.css',
  '/static/viewer.js',
  '/client',
  '/challenge',
  '/',
];

/** Every method that HTTP knows, and one that it does not. */
export const METHODS: readonly string[] = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
  ...['PROPFIND', 'REPORT', 'BREW'],
];
