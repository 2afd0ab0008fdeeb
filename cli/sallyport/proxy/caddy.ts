/** The allow-list as a Caddyfile (Caddy 2.6 and later). */
import { PRIVATE } from '../../../src/handlers/kit/headers.ts';
import type { Place } from '../exposed/allow-list.ts';
import { BODY_SECONDS, headOf, hostOf, type ProxyPlan, STRIPPED, secondsOf } from './plan.ts';

const NOTES = [
  'Paths are compared as they were sent, before anything is decoded.',
  '',
  'A whole Caddyfile. Its logs leave out the path, headers and names: a link is a right to read.',
];

const block = (head: string, lines: readonly string[]) => [
  `${head} {`,
  ...lines.map((line) => `\t${line}`),
  '}',
];

/** In backquotes nothing is special but a backquote, and none of what is written here has one. */
const quoted = (text: string) => `\`${text}\``;

/** What may stand in a log line. Errors carry the same request as the access log does. */
function logFields({ logAddresses }: ProxyPlan): readonly string[] {
  const gone = [
    'request>uri',
    'request>headers',
    'request>host',
    'request>tls',
    'request>remote_port',
    'resp_headers',
    'user_id',
    ...(logAddresses ? [] : ['request>remote_ip', 'request>client_ip']),
  ];
  return block('format filter', [
    'wrap json',
    ...block(
      'fields',
      gone.map((name) => `${name} delete`),
    ),
  ]);
}

function handlerOf(place: Place, index: number): readonly string[] {
  const name = `@p${index}`;
  return [
    `# ${place.pattern}`,
    ...block(name, [
      `method ${place.methods.join(' ')}`,
      `vars_regexp {http.request.orig_uri} ${quoted(`^${place.expression}(?:[?][!-~]*)?$`)}`,
    ]),
    ...block(`handle ${name}`, [
      ...block('request_body', [`max_size ${Math.max(place.bodyBytes, 1)}`]),
      'import sallyport_main',
    ]),
  ];
}

function upstream(plan: ProxyPlan): readonly string[] {
  const { clients, timeouts } = plan;
  const idle = secondsOf(timeouts.idleMs);
  return block('(sallyport_main)', [
    'request_header -X-SSL-*',
    ...['X-Proxy-Secret', ...STRIPPED].map((name) => `request_header -${name}`),
    ...block(`reverse_proxy ${plan.upstream}`, [
      `header_up Host ${hostOf(plan)}`,
      // Caddy sets X-Forwarded-For and -Proto itself, and believes nobody's.
      'header_up -X-Forwarded-Host',
      ...(clients === undefined
        ? []
        : [
            // SHA-256 of the certificate that was verified. Where none was shown, Caddy leaves its placeholder.
            'header_up X-SSL-Client-SHA256 {http.request.tls.client.fingerprint}',
            'header_up X-SSL-Client-SHA256 `^[^0-9a-f].*$` none',
            `import ${clients.secretFile}`,
          ]),
      ...block('transport http', [
        'dial_timeout 5s',
        `keepalive ${Math.max(1, Math.floor(idle / 2))}s`,
        `response_header_timeout ${idle}s`,
        // What the client accepts is the server's to know; a body is passed on as it is.
        'compression off',
      ]),
    ]),
  ]);
}

function site(plan: ProxyPlan): readonly string[] {
  const { tls, clients, hstsSeconds, listen, serverName } = plan;
  const colon = listen.lastIndexOf(':');
  const [address, port] = colon < 0 ? ['', listen] : [listen.slice(0, colon), listen.slice(colon + 1)];
  const asking =
    clients === undefined
      ? []
      : block('client_auth', ['mode verify_if_given', `trusted_ca_cert_file ${clients.caFile}`]);
  const refused = [
    ...Object.entries(PRIVATE).map(([name, value]) => `header ${name} ${quoted(value)}`),
    'header Content-Type application/json',
    `respond ${quoted(JSON.stringify({ error: { code: 'not_found', message: 'endpoint was not found' } }))} 404`,
  ];
  return block(`https://${serverName}:${port}`, [
    ...(address === '' ? [] : [`bind ${address.replace(/^\[|\]$/g, '')}`]),
    ...block(tls === undefined ? 'tls' : `tls ${tls.cert} ${tls.key}`, [
      'protocols tls1.2 tls1.3',
      ...asking,
    ]),
    ...block('log', [`output file ${plan.logFile}`, ...logFields(plan)]),
    ...(hstsSeconds === 0 ? [] : [`header Strict-Transport-Security max-age=${hstsSeconds}`]),
    'header -Server',
    '',
    ...plan.places.flatMap(handlerOf),
    ...block('handle', refused),
    '',
    ...block('handle_errors', [
      ...Object.entries(PRIVATE).map(([name, value]) => `header ${name} ${quoted(value)}`),
      'header Content-Type application/json',
      `respond ${quoted(JSON.stringify({ error: { code: 'proxy_error', message: 'the proxy refused or could not pass on the request' } }))} {http.error.status_code}`,
    ]),
  ]);
}

/** The file. */
export function caddyConfig(plan: ProxyPlan): string {
  const { timeouts, listenPlain } = plan;
  const times = [
    `read_header ${secondsOf(timeouts.readHeaderMs)}s`,
    `idle ${secondsOf(timeouts.idleMs)}s`,
    ...(timeouts.readMs === 0 ? [] : [`read_body ${secondsOf(timeouts.readMs)}s`]),
  ];
  const global = [
    ...block('log', logFields(plan)),
    // A name in the handshake and another one in the request: refused.
    ...block('servers', [...block('timeouts', times), 'strict_sni_host on', 'max_header_size 16KB']),
    // Certificates by ACME need port 80 or 443; redirects from port 80 are Caddy's own.
    ...(listenPlain === undefined ? ['auto_https disable_redirects'] : []),
    `grace_period ${BODY_SECONDS}s`,
  ];
  return `${[
    ...headOf(plan, NOTES),
    '',
    ...block('', global).map((line) => (line.trimStart() === '{' ? '{' : line)),
    '',
    ...upstream(plan),
    '',
    ...site(plan),
  ].join('\n')}\n`;
}

/** The file with the proxy secret, which the Caddyfile imports. */
export const caddySecret = (secret: string): string =>
  `# The secret that tells Sallyport this proxy from everybody else.\nheader_up X-Proxy-Secret ${quoted(secret)}\n`;
