/** The command line of `proxy-config`, checked: every value ends up in a configuration file as it is. */
import { resolve } from 'node:path';
import type { Settings } from '../../../src/core/settings.ts';
import { type Parsed, UsageError } from '../command.ts';
import { allowList } from '../exposed/allow-list.ts';
import { parseGroups } from '../exposed/groups.ts';
import type { ProxyPlan } from './plan.ts';

export const KINDS = ['nginx', 'caddy', 'traefik'] as const;
export type ProxyKind = (typeof KINDS)[number];

/** Options that take a value, besides `--config`. */
export const OPTIONS = {
  expose: true,
  'server-name': true,
  upstream: true,
  listen: true,
  'listen-plain': true,
  cert: true,
  key: true,
  'client-ca': true,
  'secret-file': true,
  hsts: true,
  log: true,
  'log-addresses': false,
  'acme-webroot': true,
  out: true,
  force: false,
  check: false,
} as const;

const DEFAULT_HSTS = '31536000';
const HOST =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const LISTEN = /^(?:(?:\[[0-9a-f:.]+\]|[0-9.]+|[a-z0-9.-]+):)?\d{1,5}$/;
/** What all three kinds of file take unquoted. */
const PLAIN_PATH = /^\/[A-Za-z0-9/._@+-]*$/;

type Values = Parsed['values'];
const text = (values: Values, name: string) => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};

function path(values: Values, name: string): string | undefined {
  const given = text(values, name);
  if (given === undefined) return undefined;
  const whole = resolve(given);
  if (PLAIN_PATH.test(whole)) return whole;
  throw new UsageError(
    `--${name} names ${whole}; letters, digits and . _ @ + - alone can stand in such a file.`,
  );
}

function listen(values: Values, name: string, usual: string): string {
  const given = text(values, name) ?? usual;
  const port = Number(given.slice(given.lastIndexOf(':') + 1));
  if (LISTEN.test(given) && port > 0 && port < 65536) return given;
  throw new UsageError(`--${name} takes a port, or an address and a port: 443, 192.0.2.1:443, [::1]:8443.`);
}

function serverName(values: Values, { publicOrigin }: Settings): string {
  const given = text(values, 'server-name') ?? (publicOrigin && new URL(publicOrigin).hostname);
  if (given !== undefined && HOST.test(given)) return given;
  throw new UsageError('--server-name NAME is needed: the one host name that is answered to, in lower case.');
}

/** The address of the main door, as the proxy reaches it. */
function upstream(values: Values, { main }: Settings): string {
  const given = text(values, 'upstream');
  if (given === undefined && main.tls !== undefined)
    throw new UsageError(
      'The main door ends TLS itself (SAFE_TLS_CERT_FILE); the proxy speaks plain HTTP to it. Let one of them do it.',
    );
  const [first] = main.addresses;
  const host = first?.host.includes(':') ? `[${first.host}]` : first?.host;
  const address = given?.replace(/^http:\/\//, '').replace(/\/$/, '') ?? `${host}:${first?.port}`;
  if (LISTEN.test(address) && address.includes(':')) return address;
  throw new UsageError('--upstream takes http://HOST:PORT: where the proxy reaches the main door.');
}

function seconds(values: Values): number {
  const given = text(values, 'hsts') ?? DEFAULT_HSTS;
  if (/^\d{1,10}$/.test(given)) return Number(given);
  throw new UsageError('--hsts takes seconds; 0 sends no such header.');
}

/** @throws UsageError where options contradict each other, or what is asked for cannot be done by this proxy */
function together(kind: ProxyKind, plan: ProxyPlan, both: readonly (string | undefined)[]): void {
  const [cert, key, clientCa, secretFile] = both;
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--cert and --key go together.');
  if (cert === undefined && kind !== 'caddy') throw new UsageError(`${kind} needs --cert and --key.`);
  if ((clientCa === undefined) !== (secretFile === undefined))
    throw new UsageError(
      '--client-ca and --secret-file go together: without the secret nothing is believed.',
    );
  if (kind === 'traefik' && clientCa !== undefined)
    throw new UsageError(
      'Traefik cannot forward the fingerprint of a client certificate. Use nginx or Caddy for that.',
    );
  if (kind !== 'nginx' && plan.acmeWebroot !== undefined)
    throw new UsageError('--acme-webroot is for nginx; the others get certificates by themselves.');
}

/** Everything that a generator needs. @throws UsageError */
export function planOf(kind: ProxyKind, { values }: Parsed, settings: Settings, command: string): ProxyPlan {
  const groups = parseGroups(text(values, 'expose') ?? '');
  const [cert, key] = [path(values, 'cert'), path(values, 'key')];
  const [caFile, secretFile] = [path(values, 'client-ca'), path(values, 'secret-file')];
  const plain = text(values, 'listen-plain') === 'none' ? undefined : listen(values, 'listen-plain', '80');
  const plan: ProxyPlan = {
    command,
    groups,
    places: allowList(settings, { groups, identified: caFile !== undefined }),
    serverName: serverName(values, settings),
    listen: listen(values, 'listen', '443'),
    listenPlain: plain,
    upstream: upstream(values, settings),
    tls: cert === undefined || key === undefined ? undefined : { cert, key },
    clients: caFile === undefined || secretFile === undefined ? undefined : { caFile, secretFile },
    hstsSeconds: seconds(values),
    logFile: path(values, 'log') ?? `/var/log/${kind}/sallyport.log`,
    logAddresses: values['log-addresses'] === true,
    acmeWebroot: path(values, 'acme-webroot'),
    timeouts: settings.http.main,
  };
  together(kind, plan, [cert, key, caFile, secretFile]);
  return plan;
}

/** What the settings of the server should say beside this proxy. */
export function advice(plan: ProxyPlan, settings: Settings): readonly string[] {
  const origin = `https://${plan.serverName}${plan.listen.endsWith('443') ? '' : `:${plan.listen.slice(plan.listen.lastIndexOf(':') + 1)}`}`;
  return [
    ...(settings.trustedProxies.length > 0
      ? []
      : [
          'SAFE_TRUSTED_PROXIES is not set: every visitor has the address of the proxy. On one machine: 127.0.0.1.',
        ]),
    ...(settings.publicOrigin === undefined
      ? [`SAFE_PUBLIC_ORIGIN is not set; links begin with ${origin} where it says so.`]
      : []),
    ...(plan.clients !== undefined && settings.proxySecret === undefined
      ? ['SAFE_PROXY_SECRET is not set: what the proxy says about certificates is not believed.']
      : []),
  ];
}
