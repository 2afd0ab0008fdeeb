/**
 * Reading the settings again while the server runs (SIGHUP, `sallyport reload`): what changes without a restart, and
 * what needs one. All or nothing: where anything is wrong, everything stays as it was.
 */
import { createSecureContext } from 'node:tls';
import type { LogLevel } from '../src/core/deps.ts';
import { formatProblems, type Settings, type SettingsResult } from '../src/core/settings.ts';
import { isRecord } from './control-protocol.ts';
import { type Listener, StartError, type TlsMaterial } from './listener.ts';
import type { ProcessLog } from './log.ts';
import { secureContext } from './tls.ts';
import { tlsMaterial } from './tls-files.ts';

export type Reloaded =
  /** `SAFE_…` names. */
  | { readonly ok: true; readonly applied: readonly string[]; readonly restart: readonly string[] }
  /** `problem` is for the operator and holds no secret. */
  | { readonly ok: false; readonly reason: 'settings' | 'tls'; readonly problem: string };

type Read = (settings: Settings) => unknown;

const emailOf = ({ email }: Settings) => (email.backend === 'smtp' ? email : undefined);
const s3Of = ({ blobs }: Settings) => (blobs.backend === 's3' ? blobs : undefined);

/** What the program reads anew each time that it needs it. A value of undefined says that the thing is off. */
const APPLIED = {
  SAFE_LOG_LEVEL: (settings) => settings.logLevel,
  SAFE_SLOW_REQUEST: (settings) => settings.slowRequestMs,
  SAFE_TRUSTED_PROXIES: (settings) => settings.trustedProxies,
  SAFE_PROXY_SECRET: (settings) => settings.proxySecret,
  SAFE_METRICS_TOKEN: (settings) => settings.metricsToken,
  SAFE_ADMIN_HOSTS: (settings) => settings.adminHosts,
  SAFE_SMTP_PASSWORD: (settings) => emailOf(settings)?.password,
  SAFE_WEBHOOK_SECRET: (settings) => settings.webhook?.secrets,
} as const satisfies Readonly<Record<string, Read>>;

/** What is taken up once, at start. Others than secrets are seen in the rows of the settings in force. */
const SECRETS_AT_START: Readonly<Record<string, Read>> = {
  SAFE_SECRET_KEY: (settings) => settings.secretKey,
  SAFE_DATABASE_AUTH_TOKEN: ({ database }) => database.kind === 'remote' && database.authToken,
  SAFE_DATABASE_ENCRYPTION_KEY: ({ database }) => database.kind === 'file' && database.encryptionKey,
  SAFE_S3_ACCESS_KEY_ID: (settings) => s3Of(settings)?.s3.accessKeyId,
  SAFE_S3_SECRET_ACCESS_KEY: (settings) => s3Of(settings)?.s3.secretAccessKey,
  SAFE_S3_SESSION_TOKEN: (settings) => s3Of(settings)?.s3.sessionToken,
  SAFE_VALKEY_PASSWORD: ({ coordination }) => coordination.backend !== 'none' && coordination.password,
  SAFE_AUTH_BOOTSTRAP_SECRET: ({ auth }) => auth.bootstrap.kind === 'given' && auth.bootstrap.secret,
};

/** Every secret is in one of the two tables; a test sees to it. */
export const KNOWN_SECRETS: readonly string[] = [...Object.keys(APPLIED), ...Object.keys(SECRETS_AT_START)];

/** Whether two values are the same: texts, numbers, bytes, lists of them. */
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

const changed = (table: Readonly<Record<string, Read>>, from: Settings, to: Settings) =>
  Object.entries(table).filter(([, read]) => !same(read(from), read(to)));

/** What can be taken up now, and what cannot. */
export function difference(
  from: Settings,
  to: Settings,
): { readonly applied: readonly string[]; readonly restart: readonly string[] } {
  const live = changed(APPLIED, from, to);
  // What is on or off was decided at start: nothing was made ready for what was off.
  const switched = live.filter(
    ([name, read]) =>
      /^SAFE_(?:METRICS_TOKEN|WEBHOOK_SECRET|SMTP_PASSWORD)$/.test(name) &&
      (read(from) === undefined || read(to) === undefined),
  );
  const before = new Map(from.inForce.map((row) => [row.name, row.value]));
  const rows = to.inForce
    .filter(({ name, value, secret }) => !secret && !(name in APPLIED) && before.get(name) !== value)
    .map(({ name }) => name)
    // Their files are read again anyway, wherever they lie now.
    .filter((name) => !/^SAFE_(?:ADMIN_)?TLS_(?:CERT|KEY)_FILE$/.test(name));
  const doors = (['main', 'admin'] as const).filter(
    (door) => (from[door].tls === undefined) !== (to[door].tls === undefined),
  );
  const restart = [
    ...rows,
    ...doors.map((door) => (door === 'main' ? 'SAFE_TLS_CERT_FILE' : 'SAFE_ADMIN_TLS_CERT_FILE')),
    ...[...switched, ...changed(SECRETS_AT_START, from, to)].map(([name]) => name),
  ];
  return {
    applied: live.map(([name]) => name).filter((name) => !restart.includes(name)),
    restart: [...new Set(restart)].sort(),
  };
}

/** What stays of `from` where only a restart can change it, with everything else from `to`. */
function merged(from: Settings, to: Settings, applied: readonly string[]): Settings {
  const take = (name: keyof typeof APPLIED) => (applied.includes(name) ? to : from);
  const [email, webhook] = [emailOf(to), to.webhook];
  const [mailed, hooked] = [emailOf(from), from.webhook];
  const rows = new Map(to.inForce.map((row) => [row.name, row]));
  return {
    ...from,
    logLevel: take('SAFE_LOG_LEVEL').logLevel,
    slowRequestMs: take('SAFE_SLOW_REQUEST').slowRequestMs,
    trustedProxies: take('SAFE_TRUSTED_PROXIES').trustedProxies,
    proxySecret: take('SAFE_PROXY_SECRET').proxySecret,
    metricsToken: take('SAFE_METRICS_TOKEN').metricsToken,
    adminHosts: take('SAFE_ADMIN_HOSTS').adminHosts,
    ...(applied.includes('SAFE_SMTP_PASSWORD') &&
      email !== undefined &&
      mailed !== undefined && { email: { ...mailed, password: email.password } }),
    ...(applied.includes('SAFE_WEBHOOK_SECRET') &&
      webhook !== undefined &&
      hooked !== undefined && { webhook: { ...hooked, secrets: webhook.secrets } }),
    inForce: from.inForce.map((row) => (applied.includes(row.name) ? (rows.get(row.name) ?? row) : row)),
  };
}

/**
 * Whether a certificate and its key can be used; undefined when they can.
 * @returns a sentence without anything of the files
 */
function tlsProblem(door: 'main' | 'admin', tls: TlsMaterial): string | undefined {
  try {
    createSecureContext(secureContext(tls));
    return undefined;
  } catch {
    return `The certificate and the key of the ${door} door cannot be used: are they PEM files that belong together?`;
  }
}

/** The certificates as they lie there now. @returns why they cannot be taken, in words, or what each door gets */
function certificates(from: Settings, to: Settings): string | { door: 'main' | 'admin'; tls: TlsMaterial }[] {
  const fresh: { door: 'main' | 'admin'; tls: TlsMaterial }[] = [];
  for (const door of ['main', 'admin'] as const) {
    const [before, after] = [from[door].tls, to[door].tls];
    if (before === undefined || after === undefined) continue;
    try {
      // Whether clients are asked for a certificate was decided once for the listener.
      const tls = tlsMaterial({ ...after, clientCaFile: before.clientCaFile });
      const problem = tlsProblem(door, tls);
      if (problem !== undefined) return problem;
      fresh.push({ door, tls });
    } catch (error) {
      if (error instanceof StartError) return error.message;
      throw error;
    }
  }
  return fresh;
}

/** Checks everything, then takes it up: certificates into the listeners, settings into the object that all look at. */
export function takeUp(
  settings: Settings,
  loaded: SettingsResult,
  listeners: Readonly<Record<'main' | 'admin', Listener>>,
): Reloaded {
  if (!loaded.ok) return { ok: false, reason: 'settings', problem: formatProblems(loaded.problems) };
  const fresh = certificates(settings, loaded.settings);
  if (typeof fresh === 'string') return { ok: false, reason: 'tls', problem: fresh };
  const outcome = difference(settings, loaded.settings);
  for (const { door, tls } of fresh) listeners[door].replaceTls(tls);
  Object.assign(settings, merged(settings, loaded.settings, outcome.applied));
  return { ok: true, ...outcome };
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** For a while: until the next reload. @throws Error in words for the operator */
export function setLevel(log: ProcessLog, args: unknown): { readonly level: LogLevel } {
  const level = LEVELS.find((one) => isRecord(args) && one === args.level);
  if (level === undefined) throw new Error(`A level is one of ${LEVELS.join(', ')}.`);
  log.setLevel(level);
  log.write('info', 'log level changed', {});
  return { level };
}
