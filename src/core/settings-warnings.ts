/** What is allowed but worth saying at start. */
import { mayConnect } from './public-address.ts';
import { addressText, isLoopback } from './settings-net.ts';
import type { Settings } from './settings-types.ts';

/** Shorter secrets than this can be guessed by somebody with patience. */
const SHORT = 16;

/** Sentences for the operator, none of which holds a secret; `origin` is what `publicOrigin()` answered. */
export function settingsWarnings(settings: Settings, origin: string | undefined): readonly string[] {
  const said: string[] = [];
  if (origin === undefined) {
    said.push(
      'SAFE_PUBLIC_ORIGIN is not set and the main door is not on loopback: answers hold paths instead of links.',
    );
  }
  for (const address of settings.admin.addresses) {
    if (!isLoopback(address.host)) {
      said.push(
        `The admin door listens on ${addressText(address)}: make sure that no public network reaches it.`,
      );
    }
  }
  if (settings.trustedProxies.some(({ prefix }) => prefix === 0)) {
    said.push('SAFE_TRUSTED_PROXIES trusts every address: anyone can then claim any peer address.');
  }
  if (!settings.web.cookie.secure) {
    said.push(
      'SAFE_WEB_SESSION_COOKIE_SECURE is false: session cookies travel without TLS. For development only.',
    );
  }
  const { bootstrap } = settings.auth;
  const secrets = {
    SAFE_PROXY_SECRET: settings.proxySecret,
    SAFE_METRICS_TOKEN: settings.metricsToken,
    SAFE_AUTH_BOOTSTRAP_SECRET: bootstrap.kind === 'given' ? bootstrap.secret : undefined,
  };
  for (const [name, secret] of Object.entries(secrets)) {
    if (secret !== undefined && secret.length < SHORT)
      said.push(`${name} is shorter than ${SHORT} characters and can be guessed.`);
  }
  return [...said, ...plainTransport(settings), ...webhookWarnings(settings)];
}

/** Credentials that would cross a network in the clear. */
function plainTransport({ database, email, coordination, blobs }: Settings): readonly string[] {
  const said: string[] = [];
  if (database.kind === 'remote' && isPlain(database.url)) {
    said.push('SAFE_DATABASE_URL has no TLS: what is stored, and the token, cross the network in the clear.');
  }
  if (blobs.s3 !== undefined && isPlain(blobs.s3.endpoint)) {
    said.push(
      'SAFE_S3_ENDPOINT has no TLS: sealed chunks, and who asks for which, cross the network in the clear.',
    );
  }
  if (email.backend === 'smtp' && email.starttls !== 'required' && !isLoopback(email.host)) {
    said.push(
      `SAFE_SMTP_STARTTLS is ${email.starttls}: mail, and the password, may cross the network in the clear.`,
    );
  }
  if (coordination.backend !== 'none' && !coordination.tls && !isLoopback(coordination.address.host)) {
    said.push('SAFE_VALKEY_TLS is false: the password crosses the network in the clear.');
  }
  return said;
}

/** What will keep webhooks from being sent, or shows them to others. */
function webhookWarnings({ webhook }: Settings): readonly string[] {
  if (webhook === undefined) return [];
  const said: string[] = [];
  if (isPlain(webhook.url)) {
    said.push('SAFE_WEBHOOK_URL has no TLS: refs, sizes and times of pastes cross the network in the clear.');
  }
  // Names are looked up at each attempt; an address says at once where it leads.
  const host = new URL(webhook.url).hostname.replace(/^\[|\]$/g, '');
  const isAddress = host.includes(':') || /^[0-9.]+$/.test(host);
  if (!webhook.allowPrivate && (isAddress ? !mayConnect(host, false) : isLoopback(host))) {
    said.push(
      'SAFE_WEBHOOK_URL leads to a private address: nothing is sent without SAFE_WEBHOOK_ALLOW_PRIVATE.',
    );
  }
  return said;
}

function isPlain(url: string): boolean {
  if (!/^http:/i.test(url) && !/^libsql:.*\?tls=0$/i.test(url)) return false;
  return !isLoopback(new URL(url.replace(/^libsql:/i, 'http:')).hostname.replace(/^\[|\]$/g, ''));
}
