/** The rate limits' part of the settings table: one row a class, one switch and one window a group. */
import { set } from './settings-entry.ts';
import { duration, flag, rate } from './settings-kinds.ts';

const MAIN = 'rate_limits.main_api';
const VIEWER = 'rate_limits.public_viewer';
const ADMIN = 'rate_limits.admin';

export const LIMITS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: set(
    `${MAIN}.enabled`,
    flag,
    'true',
    'Limits on the main door, `/i` and `/static` apart.',
  ),
  SAFE_MAIN_API_RATE_LIMIT_WINDOW: set(
    `${MAIN}.window`,
    duration,
    '1m',
    'The window that requests are counted in, a peer and a class.',
    {
      example: '1m',
    },
  ),
  SAFE_MAIN_API_RATE_LIMIT_PASTE_CREATE: set(`${MAIN}.paste_create`, rate, '30', 'Creating pastes.'),
  SAFE_MAIN_API_RATE_LIMIT_PASTE_READ: set(
    `${MAIN}.paste_read`,
    rate,
    '300',
    'Reading pastes and the service description.',
  ),
  SAFE_MAIN_API_RATE_LIMIT_PASTE_MANAGE: set(
    `${MAIN}.paste_manage`,
    rate,
    '60',
    'Replacing and deleting pastes.',
  ),
  SAFE_MAIN_API_RATE_LIMIT_PASTE_CHALLENGE: set(
    `${MAIN}.paste_challenge`,
    rate,
    '60',
    'Proof-of-work challenges.',
  ),
  SAFE_MAIN_API_RATE_LIMIT_AUTH: set(`${MAIN}.auth`, rate, '30', 'Login and logout.'),
  SAFE_MAIN_API_RATE_LIMIT_AUTH_REGISTER: set(`${MAIN}.auth_register`, rate, '10', 'Registration.'),
  SAFE_MAIN_API_RATE_LIMIT_AUTH_EMAIL_VERIFY: set(
    `${MAIN}.auth_email_verify`,
    rate,
    '30',
    'Mail verification and second factors.',
  ),
  SAFE_MAIN_API_RATE_LIMIT_BOOTSTRAP: set(
    `${MAIN}.bootstrap`,
    rate,
    '5',
    'Kept for old configurations; the main door has no bootstrap.',
  ),
  SAFE_MAIN_API_RATE_LIMIT_ACCOUNT: set(
    `${MAIN}.account`,
    rate,
    '120',
    'The account, its password and its keys.',
  ),
  SAFE_MAIN_API_RATE_LIMIT_INCIDENT_READ: set(`${MAIN}.incident_read`, rate, '300', 'Reading incidents.'),
  SAFE_MAIN_API_RATE_LIMIT_INCIDENT_WRITE: set(
    `${MAIN}.incident_write`,
    rate,
    '120',
    'Changing incidents, check-ins included.',
  ),
  SAFE_MAIN_API_RATE_LIMIT_UPLOAD: set(`${MAIN}.upload`, rate, '120', 'Uploading chunks.'),
  SAFE_MAIN_API_RATE_LIMIT_RECONCILE: set(
    `${MAIN}.reconcile`,
    rate,
    '120',
    'Asking which chunks have arrived.',
  ),
  SAFE_MAIN_API_RATE_LIMIT_STREAM: set(`${MAIN}.stream`, rate, '120', 'Streams.'),
  SAFE_MAIN_API_RATE_LIMIT_TOKEN: set(`${MAIN}.token`, rate, '60', 'Viewer links.'),
  SAFE_MAIN_API_RATE_LIMIT_DOWNLOAD: set(`${MAIN}.download`, rate, '30', 'Chunks and bundles of the owner.'),
  SAFE_MAIN_API_RATE_LIMIT_ADMIN: set(
    `${MAIN}.admin`,
    rate,
    '60',
    'Kept for old configurations; the main door has no admin routes.',
  ),
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: set(
    `${VIEWER}.enabled`,
    flag,
    'true',
    'Limits on viewer links and static files.',
  ),
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_WINDOW: set(`${VIEWER}.window`, duration, '1m', 'Their window.', {
    example: '1m',
  }),
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_PAGE: set(`${VIEWER}.page`, rate, '60', 'The page.'),
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_DATA: set(`${VIEWER}.data`, rate, '300', 'What the page asks for.'),
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_DOWNLOAD: set(`${VIEWER}.download`, rate, '12', 'Bundles.'),
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_STATIC: set(`${VIEWER}.static`, rate, '600', 'Static files and `/client`.'),
  SAFE_ADMIN_RATE_LIMIT_ENABLED: set(`${ADMIN}.enabled`, flag, 'true', 'Limits on the admin door.'),
  SAFE_ADMIN_RATE_LIMIT_WINDOW: set(`${ADMIN}.window`, duration, '1m', 'Their window.', { example: '1m' }),
  SAFE_ADMIN_RATE_LIMIT_DASHBOARD: set(`${ADMIN}.dashboard`, rate, '60', 'The dashboard.'),
  SAFE_ADMIN_RATE_LIMIT_LOGIN: set(
    `${ADMIN}.login`,
    rate,
    '10',
    'Login, bootstrap and second factors there.',
  ),
  SAFE_ADMIN_RATE_LIMIT_JSON: set(`${ADMIN}.json`, rate, '60', '`/admin/api`.'),
};
