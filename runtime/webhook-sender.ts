/**
 * Sends webhooks. The name is looked up once an attempt, every address is checked, and the connection goes to exactly
 * an address that was checked: a name that changes its mind between the two leads nowhere. Nothing follows a redirect,
 * and of an answer little more than its status is read.
 */
import { lookup } from 'node:dns/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import { mayConnect } from '../src/core/public-address.ts';
import type { PostWebhook, WebhookFailure } from '../src/core/webhooks.ts';

export interface Sender {
  readonly post: PostWebhook;
  /** Ends what is under way, and whatever comes later at once. */
  close(): void;
}

export interface SenderOptions {
  readonly url: string;
  readonly allowPrivate: boolean;
  /** For a whole attempt, from the look-up to the end of the answer, in milliseconds. */
  readonly timeoutMs: number;
  /** All addresses of a name; rejects where there are none. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  /** Where a checked address is reached; another place than itself in tests alone. */
  readonly reach?: (address: string) => string;
}

/** For an attempt. */
const TIMEOUT_MS = 10_000;
/** Of an answer's body; a receiver that says more is not listened to. */
const READ_BYTES = 16 * 1024;
/** A name with more addresses than that is tried at the first ones. */
const MOST_ADDRESSES = 4;

/** Errors before anything was sent, after which another address of the same name may do. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'ETIMEDOUT',
  'EACCES',
  'EPERM',
  // Bun's name for a connection that did not come about.
  'ConnectionRefused',
]);

/**
 * Addresses as the system resolves names, its hosts file included. One look-up at a time: each takes one of the few
 * threads that hashing passwords and reading files need too, and cannot be called off.
 */
export function systemResolver(): SenderOptions['resolve'] {
  const underWay = new Map<string, Promise<readonly string[]>>();
  return (name) => {
    const same = underWay.get(name);
    if (same !== undefined) return same;
    const looking = lookup(name, { all: true, order: 'verbatim' })
      .then((found) => found.map(({ address }) => address))
      .finally(() => underWay.delete(name));
    underWay.set(name, looking);
    return looking;
  };
}

function failureOf(error: unknown): WebhookFailure {
  const { code, message = '' } = error as { readonly code?: string; readonly message?: string };
  if (code === undefined) return 'connection_lost';
  if (UNREACHABLE.has(code)) return 'unreachable';
  if (code.startsWith('HPE_')) return 'not_http';
  if (/^(ERR_(SSL|TLS|OSSL)|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO|HOSTNAME_MISMATCH)/.test(code))
    return 'tls_failed';
  return /certificate|hostname/i.test(message) ? 'tls_failed' : 'connection_lost';
}

/** A sender to the receiver of the settings, on the network as it is. */
export function openSender({ url, allowPrivate }: Pick<SenderOptions, 'url' | 'allowPrivate'>): Sender {
  return webhookSender({ url, allowPrivate, timeoutMs: TIMEOUT_MS, resolve: systemResolver() });
}

/** @see Sender */
export function webhookSender({ url, allowPrivate, timeoutMs, resolve, reach }: SenderOptions): Sender {
  const closing = new AbortController();
  // The URL standard has read every spelling of an address by now: 0x7f.1 is 127.0.0.1.
  const { protocol, hostname, host, port, pathname, search } = new URL(url);
  const name = hostname.replace(/^\[|\]$/g, '');
  const secure = protocol === 'https:';
  const client = secure ? https : http;

  async function addresses(): Promise<readonly string[] | WebhookFailure> {
    let found: readonly string[];
    try {
      found = isIP(name) === 0 ? await resolve(name) : [name];
    } catch {
      return 'unresolved';
    }
    if (found.length === 0) return 'unresolved';
    // One that is not allowed among others that are is a mistake or an attack.
    return found.every((address) => mayConnect(address, allowPrivate)) ? found : 'private_address';
  }

  function exchange(
    address: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<WebhookFailure | undefined> {
    return new Promise((ended) => {
      let status: number | undefined;
      const end = (failure: WebhookFailure) => {
        request.destroy();
        ended(status === undefined ? failure : verdict(status));
      };
      const request = client.request({
        host: reach?.(address) ?? address,
        port: port === '' ? (secure ? 443 : 80) : Number(port),
        path: `${pathname}${search}`,
        method: 'POST',
        headers: { ...headers, host, 'content-length': body.length, 'user-agent': 'Sallyport' },
        // A connection of its own, to the address that was checked for this very attempt.
        agent: false,
        signal,
        ...(secure && { rejectUnauthorized: true, ...(isIP(name) === 0 && { servername: name }) }),
      });
      request.on('error', (error) => end(signal.aborted ? 'timeout' : failureOf(error)));
      request.on('response', (response) => {
        status = response.statusCode ?? 0;
        let read = 0;
        response.on('data', (part: Uint8Array) => {
          read += part.length;
          if (read > READ_BYTES) end('not_http');
        });
        // Whatever becomes of the rest, the status has said what there was to say.
        for (const event of ['end', 'close', 'error'] as const)
          response.on(event, () => end('connection_lost'));
      });
      request.on('close', () => end('connection_lost'));
      request.end(body);
    });
  }

  async function attempt(
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<WebhookFailure | undefined> {
    const tooLate = new Promise<'timeout'>((late) => {
      signal.addEventListener('abort', () => late('timeout'), { once: true });
    });
    const found = await Promise.race([addresses(), tooLate]);
    if (typeof found === 'string') return found;
    let failure: WebhookFailure | undefined = 'unreachable';
    for (const address of found.slice(0, MOST_ADDRESSES)) {
      failure = await exchange(address, headers, body, signal);
      if (failure !== 'unreachable') break;
    }
    return failure;
  }

  return {
    async post(headers, text) {
      const ending = new AbortController();
      const end = () => ending.abort();
      closing.signal.addEventListener('abort', end);
      const timer = setTimeout(end, timeoutMs);
      try {
        if (closing.signal.aborted) return 'stopped';
        const failure = await attempt(headers, new TextEncoder().encode(text), ending.signal);
        return failure !== undefined && closing.signal.aborted ? 'stopped' : failure;
      } finally {
        clearTimeout(timer);
        closing.signal.removeEventListener('abort', end);
      }
    },
    close: () => closing.abort(),
  };
}

/** What a status means. Only 2xx is taken (Standard Webhooks). */
function verdict(status: number): WebhookFailure | undefined {
  if (status >= 200 && status < 300) return undefined;
  return status >= 300 && status < 400 ? 'redirect' : `status_${status}`;
}
