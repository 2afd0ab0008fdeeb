/** Settings that runs take turns with: each makes other refusals and other branches within reach. */
import { APP, WEB } from '../../../test/support/ask.ts';
import { METRICS_TOKEN } from './values.ts';

export interface Profile {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** There is no admin until somebody asks for it with the bootstrap secret, who then has to set up a factor. */
  readonly withoutAdmin?: boolean;
  /** How many requests a ground lives; 20,000 unless given. */
  readonly requests?: number;
}

/** Sessions outlive every leap of the clock. */
const SESSIONS = { ...WEB, SAFE_SESSION_TTL: '3650d', SAFE_ADMIN_SESSION_IDLE: '0' };

const MAIL = {
  SAFE_EMAIL_BACKEND: 'smtp',
  SAFE_SMTP_HOST: 'mail.example',
  SAFE_SMTP_FROM: 'vault@example.org',
  SAFE_PUBLIC_WEB_ORIGIN: APP,
};
/** Where passkeys are used. */
export const RP_ID = new URL(APP).hostname;
const PASSKEYS = {
  SAFE_WEBAUTHN_ENABLED: 'true',
  SAFE_WEBAUTHN_RP_ID: RP_ID,
  SAFE_WEBAUTHN_ALLOWED_ORIGINS: APP,
};

export const PROFILES: readonly [Profile, ...Profile[]] = [
  {
    name: 'everything on',
    env: {
      ...SESSIONS,
      ...MAIL,
      ...PASSKEYS,
      SAFE_ACCOUNT_REGISTRATION_MODE: 'open',
      SAFE_METRICS_TOKEN: METRICS_TOKEN,
      SAFE_PASTE_DEDUP_MAX: '0',
      SAFE_TRUSTED_PROXIES: '127.0.0.0/8',
    },
  },
  {
    name: 'little room',
    env: {
      ...SESSIONS,
      SAFE_PASTE_STORAGE_QUOTA: '100KB',
      SAFE_PASTE_MAX_BYTES_ANONYMOUS: '4KB',
      SAFE_PASTE_POW_DIFFICULTY: '1',
      SAFE_MAX_UPLOAD_BYTES: '1KB',
      SAFE_ACCOUNT_DEFAULT_BLOB_QUOTA_BYTES: '20KB',
      SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: '8KB',
    },
  },
  {
    name: 'limits on, random pastes only',
    env: {
      ...SESSIONS,
      SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'true',
      SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'true',
      SAFE_ADMIN_RATE_LIMIT_ENABLED: 'true',
      SAFE_PASTE_MIN_ENTROPY: '7.2',
      SAFE_LEGACY_VIEWER_ALIASES: 'true',
    },
  },
  {
    name: 'no admin yet',
    withoutAdmin: true,
    requests: 6000,
    env: { ...SESSIONS, ...MAIL, ...PASSKEYS, SAFE_WEBAUTHN_USER_VERIFICATION: 'required' },
  },
];
