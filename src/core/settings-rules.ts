/** Rules between settings: what each value alone cannot show. */

import type { Entry } from './settings-entry.ts';
import type { SettingsProblem } from './settings-layers.ts';
import { addressesClash, addressText, isLoopback } from './settings-net.ts';
import { type SettingName, TABLE, type Values } from './settings-table.ts';

/**
 * A rule names every setting that it looks at, the one to blame first, and answers a clause that follows the name,
 * or nothing. It is left out when one of them was refused already.
 */
interface Rule {
  readonly of: readonly [SettingName, ...SettingName[]];
  readonly check: (values: Values) => string | undefined | false;
}

/** A rule that `name` must be present. */
function required(name: SettingName, when: SettingName, word: string): Rule {
  return {
    of: [name, when],
    check: (values) =>
      String(values[when]) === word && values[name] === undefined && `is required when ${when} is ${word}`,
  };
}

/** A rule that `name` makes no sense without `other`. */
function together(name: SettingName, other: SettingName): Rule {
  return {
    of: [name, other],
    check: (values) => values[name] !== undefined && values[other] === undefined && `needs ${other} as well`,
  };
}

/** A rule that `name` is there for an object store that chunks are only read from. */
function emptied(name: SettingName): Rule {
  return {
    of: [name, 'SAFE_S3_ENDPOINT', 'SAFE_BLOB_BACKEND'],
    check: (values) =>
      values.SAFE_BLOB_BACKEND === 'libsql' &&
      values.SAFE_S3_ENDPOINT !== undefined &&
      values[name] === undefined &&
      'is required when SAFE_S3_ENDPOINT is set',
  };
}

function window(name: SettingName, enabled: SettingName): Rule {
  return {
    of: [name, enabled],
    check: (values) =>
      values[enabled] === true && values[name] === 0 && `must be above 0 while ${enabled} is true`,
  };
}

const RULES: readonly Rule[] = [
  {
    of: ['SAFE_ADMIN_BIND_ADDRS', 'SAFE_MAIN_BIND_ADDRS'],
    check: (values) => {
      for (const admin of values.SAFE_ADMIN_BIND_ADDRS) {
        const main = values.SAFE_MAIN_BIND_ADDRS.find((address) => addressesClash(address, admin));
        if (main !== undefined) {
          return `has ${addressText(admin)}, which the main door claims with ${addressText(main)} in SAFE_MAIN_BIND_ADDRS: no address may have both doors`;
        }
      }
      return undefined;
    },
  },
  together('SAFE_TLS_CERT_FILE', 'SAFE_TLS_KEY_FILE'),
  together('SAFE_TLS_KEY_FILE', 'SAFE_TLS_CERT_FILE'),
  together('SAFE_TLS_CLIENT_CA_FILE', 'SAFE_TLS_CERT_FILE'),
  together('SAFE_ADMIN_TLS_CERT_FILE', 'SAFE_ADMIN_TLS_KEY_FILE'),
  together('SAFE_ADMIN_TLS_KEY_FILE', 'SAFE_ADMIN_TLS_CERT_FILE'),
  together('SAFE_ADMIN_TLS_CLIENT_CA_FILE', 'SAFE_ADMIN_TLS_CERT_FILE'),
  {
    of: ['SAFE_SECRET_KEY', 'SAFE_DATABASE_URL'],
    check: (values) =>
      values.SAFE_DATABASE_URL?.kind === 'remote' &&
      values.SAFE_SECRET_KEY === undefined &&
      'is required when SAFE_DATABASE_URL is a server, as all who use it must share the key',
  },
  {
    of: ['SAFE_DATABASE_AUTH_TOKEN', 'SAFE_DATABASE_URL'],
    check: (values) =>
      values.SAFE_DATABASE_AUTH_TOKEN !== undefined &&
      values.SAFE_DATABASE_URL?.kind !== 'remote' &&
      'is for a libSQL server, but SAFE_DATABASE_URL is a file',
  },
  {
    of: ['SAFE_DATABASE_ENCRYPTION_KEY', 'SAFE_DATABASE_URL'],
    check: (values) =>
      values.SAFE_DATABASE_ENCRYPTION_KEY !== undefined &&
      values.SAFE_DATABASE_URL?.kind === 'remote' &&
      'would encrypt nothing: it is for a file, but SAFE_DATABASE_URL is a server',
  },
  required('SAFE_S3_ENDPOINT', 'SAFE_BLOB_BACKEND', 's3'),
  required('SAFE_S3_BUCKET', 'SAFE_BLOB_BACKEND', 's3'),
  required('SAFE_S3_ACCESS_KEY_ID', 'SAFE_BLOB_BACKEND', 's3'),
  required('SAFE_S3_SECRET_ACCESS_KEY', 'SAFE_BLOB_BACKEND', 's3'),
  emptied('SAFE_S3_BUCKET'),
  emptied('SAFE_S3_ACCESS_KEY_ID'),
  emptied('SAFE_S3_SECRET_ACCESS_KEY'),
  required('SAFE_VALKEY_ADDR', 'SAFE_COORDINATION_BACKEND', 'valkey'),
  required('SAFE_VALKEY_ADDR', 'SAFE_COORDINATION_BACKEND', 'redis'),
  {
    of: ['SAFE_PASTE_DEFAULT_EXPIRY', 'SAFE_PASTE_MAX_EXPIRY'],
    check: (values) =>
      values.SAFE_PASTE_DEFAULT_EXPIRY > values.SAFE_PASTE_MAX_EXPIRY &&
      'must not be longer than SAFE_PASTE_MAX_EXPIRY',
  },
  {
    of: ['SAFE_PASTE_DEDUP_WINDOW', 'SAFE_PASTE_DEDUP_MAX'],
    check: (values) =>
      values.SAFE_PASTE_DEDUP_MAX > 0 &&
      values.SAFE_PASTE_DEDUP_WINDOW === 0 &&
      'must be above 0 while SAFE_PASTE_DEDUP_MAX is',
  },
  together('SAFE_WEBHOOK_URL', 'SAFE_WEBHOOK_SECRET'),
  {
    of: ['SAFE_ACCOUNT_REGISTRATION_MODE', 'SAFE_EMAIL_BACKEND'],
    check: (values) =>
      values.SAFE_ACCOUNT_REGISTRATION_MODE === 'open' &&
      values.SAFE_EMAIL_BACKEND !== 'smtp' &&
      'open needs SAFE_EMAIL_BACKEND=smtp, as addresses are verified by mail',
  },
  required('SAFE_PUBLIC_WEB_ORIGIN', 'SAFE_ACCOUNT_REGISTRATION_MODE', 'open'),
  required('SAFE_SMTP_HOST', 'SAFE_EMAIL_BACKEND', 'smtp'),
  required('SAFE_SMTP_FROM', 'SAFE_EMAIL_BACKEND', 'smtp'),
  together('SAFE_SMTP_PASSWORD', 'SAFE_SMTP_USERNAME'),
  required('SAFE_WEBAUTHN_RP_ID', 'SAFE_WEBAUTHN_ENABLED', 'true'),
  required('SAFE_WEBAUTHN_ALLOWED_ORIGINS', 'SAFE_WEBAUTHN_ENABLED', 'true'),
  {
    of: ['SAFE_WEBAUTHN_RP_ID', 'SAFE_WEBAUTHN_ALLOWED_ORIGINS'],
    check: (values) => {
      const id = values.SAFE_WEBAUTHN_RP_ID;
      if (id === undefined) return undefined;
      const stranger = values.SAFE_WEBAUTHN_ALLOWED_ORIGINS?.find(
        (origin) => !belongsTo(new URL(origin).hostname, id),
      );
      return (
        stranger &&
        `must be the host, or a parent domain of the host, of ${stranger} in SAFE_WEBAUTHN_ALLOWED_ORIGINS`
      );
    },
  },
  {
    of: ['SAFE_WEBAUTHN_ALLOWED_ORIGINS'],
    check: (values) => {
      const plain = values.SAFE_WEBAUTHN_ALLOWED_ORIGINS?.find((origin) => !isSecureOrigin(origin));
      return plain && `has ${plain}, where browsers have no passkeys: use https`;
    },
  },
  {
    of: ['SAFE_WEB_SESSION_COOKIE_SECURE', 'SAFE_WEB_ALLOWED_ORIGINS'],
    check: (values) => {
      if (values.SAFE_WEB_SESSION_COOKIE_SECURE) return undefined;
      const origins = values.SAFE_WEB_ALLOWED_ORIGINS ?? [];
      if (origins.length > 0 && origins.every((origin) => isLoopback(hostOf(origin)))) return undefined;
      return 'may be false only when every origin in SAFE_WEB_ALLOWED_ORIGINS, of which there is at least one, is a loopback one';
    },
  },
  {
    of: ['SAFE_WEB_SESSION_COOKIE_NAME', 'SAFE_WEB_SESSION_COOKIE_SECURE'],
    check: (values) =>
      !values.SAFE_WEB_SESSION_COOKIE_SECURE &&
      /^__(host|secure)-/i.test(values.SAFE_WEB_SESSION_COOKIE_NAME) &&
      'must not begin with __Host- or __Secure- while SAFE_WEB_SESSION_COOKIE_SECURE is false: browsers drop such a cookie',
  },
  window('SAFE_MAIN_API_RATE_LIMIT_WINDOW', 'SAFE_MAIN_API_RATE_LIMIT_ENABLED'),
  window('SAFE_PUBLIC_VIEWER_RATE_LIMIT_WINDOW', 'SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED'),
  window('SAFE_ADMIN_RATE_LIMIT_WINDOW', 'SAFE_ADMIN_RATE_LIMIT_ENABLED'),
];

/** Every broken rule between values, of which those in `refused` are not to be believed. */
export function brokenRules(values: Values, refused: ReadonlySet<SettingName>): readonly SettingsProblem[] {
  return RULES.flatMap(({ of, check }) => {
    if (of.some((name) => refused.has(name))) return [];
    const wrong = check(values);
    if (typeof wrong !== 'string') return [];
    const entry: Entry = TABLE[of[0]];
    return [{ name: of[0], wrong, shape: entry.kind.shape, example: entry.example ?? entry.kind.example }];
  });
}

/** The host of an origin, an IPv6 one without brackets. */
function hostOf(origin: string): string {
  return new URL(origin).hostname.replace(/^\[|\]$/g, '');
}

function belongsTo(host: string, id: string): boolean {
  return host === id || host.endsWith(`.${id}`);
}

function isSecureOrigin(origin: string): boolean {
  return origin.startsWith('https:') || isLoopback(hostOf(origin));
}
