/** The allow-list as a file for nginx (1.19.4 and later), to be included in its `http` block. */
import { PRIVATE } from '../../../src/handlers/kit/headers.ts';
import type { Place } from '../exposed/allow-list.ts';
import { BODY_SECONDS, headOf, hostOf, type ProxyPlan, STRIPPED, secondsOf } from './plan.ts';

const NOTES = [
  'Paths are compared as they were sent, before anything is decoded.',
  '',
  'The error log is off: nginx writes the request line into it, and a link is a right to read. What went wrong stands',
  'in the access log as numbers, and in the log of Sallyport.',
];

/**
 * Refusals of nginx itself, in the form of the server's own. What it could not read as a request has no place among
 * them: nginx has no path then to look for a location with.
 */
const REFUSALS: readonly (readonly [statuses: string, status: number, code: string, message: string])[] = [
  ['404 405', 404, 'not_found', 'endpoint was not found'],
  ['413', 413, 'request_too_large', 'the request body is too large'],
  ['429 503', 429, 'rate_limited', 'too many connections from one address'],
  ['500 502 504', 502, 'bad_gateway', 'the server does not answer'],
];

/** In double quotes, where nginx would see variables in nothing but a dollar sign. */
const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
const indented = (lines: readonly string[]) => lines.map((line) => (line === '' ? '' : `    ${line}`));
const block = (head: string, lines: readonly string[]) => [`${head} {`, ...indented(lines), '}'];

/** What the map makes of method and raw path: the pattern for the log, or nothing for what is refused. */
function rows(places: readonly Place[]): readonly string[] {
  return places.map(({ methods, expression, pattern }) => {
    const alternatives = methods.length === 1 ? (methods[0] ?? '') : `(?:${methods.join('|')})`;
    return `${quoted(`~^${alternatives} ${expression}(?:[?][!-~]*)?$`)} ${quoted(pattern)};`;
  });
}

function locationOf({ expression, pattern, fixed, bodyBytes, streams }: Place): readonly string[] {
  const at = fixed ? `location = ${pattern}` : `location ~ ${quoted(`^${expression}$`)}`;
  return block(at, [
    // Zero would be no limit at all.
    `client_max_body_size ${Math.max(bodyBytes, 1)};`,
    ...(streams ? ['proxy_request_buffering off;'] : []),
    'proxy_pass http://sallyport_main;',
  ]);
}

function headersOf({ clients, hstsSeconds }: ProxyPlan): { toServer: string[]; toClient: string[] } {
  const dropped = ['X-Proxy-Secret', 'X-SSL-Client-SHA1', 'X-SSL-Client-SHA256'];
  const set = clients === undefined ? [] : ['X-Proxy-Secret', 'X-SSL-Client-SHA1'];
  return {
    toServer: [
      'proxy_set_header Connection "";',
      'proxy_set_header Upgrade "";',
      'proxy_set_header X-Forwarded-For $remote_addr;',
      'proxy_set_header X-Forwarded-Proto https;',
      ...(clients === undefined
        ? []
        : [`include ${clients.secretFile};`, 'proxy_set_header X-SSL-Client-SHA1 $sallyport_client;']),
      ...[...STRIPPED, ...dropped.filter((name) => !set.includes(name))].map(
        (name) => `proxy_set_header ${name} "";`,
      ),
    ],
    toClient:
      hstsSeconds === 0 ? [] : [`add_header Strict-Transport-Security "max-age=${hstsSeconds}" always;`],
  };
}

/** A location for each refusal. `add_header` in a block drops those from outside of it, so each has all of them. */
function refusals(toClient: readonly string[]): readonly string[] {
  const headers = Object.entries(PRIVATE).map(
    ([name, value]) => `add_header ${name} ${quoted(value)} always;`,
  );
  return REFUSALS.flatMap(([statuses, status, code, message]) => [
    `error_page ${statuses} @sallyport_${status};`,
    ...block(`location @sallyport_${status}`, [
      'default_type application/json;',
      ...headers,
      ...toClient,
      `return ${status} '${JSON.stringify({ error: { code, message } })}';`,
    ]),
  ]);
}

/** Addresses in one directive each: a bare port is every address, of both families. */
const listens = (listen: string, words: string) =>
  (/^\d+$/.test(listen) ? [listen, `[::]:${listen}`] : [listen]).map(
    (address) => `listen ${address}${words};`,
  );

function logFormat({ logAddresses }: ProxyPlan): readonly string[] {
  const fields = {
    time: '"$time_iso8601"',
    ...(logAddresses && { address: '"$remote_addr"' }),
    request_id: '"$upstream_http_x_request_id"',
    method: '"$sallyport_method"',
    route: '"$sallyport_route"',
    status: '$status',
    bytes: '$body_bytes_sent',
    duration_s: '$request_time',
    upstream_status: '"$upstream_status"',
    protocol: '"$server_protocol"',
    tls: '"$ssl_protocol"',
  };
  const line = Object.entries(fields).map(([name, value]) => `"${name}":${value}`);
  return ['log_format sallyport escape=json', `    '{${line.join(',')}}';`];
}

function secureServer(plan: ProxyPlan): readonly string[] {
  const { tls, clients, timeouts, serverName } = plan;
  const { toServer, toClient } = headersOf(plan);
  if (tls === undefined) throw new TypeError('nginx needs a certificate and a key');
  return block('server', [
    ...listens(plan.listen, ' ssl http2'),
    `server_name ${serverName};`,
    `ssl_certificate ${tls.cert};`,
    `ssl_certificate_key ${tls.key};`,
    'ssl_protocols TLSv1.2 TLSv1.3;',
    'ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;',
    'ssl_session_cache shared:sallyport_tls:10m;',
    'ssl_session_tickets off;',
    ...(clients === undefined
      ? []
      : [`ssl_client_certificate ${clients.caFile};`, 'ssl_verify_client optional;', 'ssl_verify_depth 3;']),
    '',
    `access_log ${plan.logFile} sallyport;`,
    'error_log /dev/null emerg;',
    'server_tokens off;',
    'merge_slashes off;',
    'gzip off;',
    'ignore_invalid_headers on;',
    'underscores_in_headers off;',
    ...toClient,
    '',
    `client_header_timeout ${secondsOf(timeouts.readHeaderMs)}s;`,
    `client_body_timeout ${BODY_SECONDS}s;`,
    `send_timeout ${BODY_SECONDS}s;`,
    `keepalive_timeout ${secondsOf(timeouts.idleMs)}s;`,
    'client_max_body_size 1;',
    'client_body_buffer_size 64k;',
    'limit_conn sallyport_peers 64;',
    'limit_conn_status 429;',
    '',
    'proxy_http_version 1.1;',
    'proxy_redirect off;',
    'proxy_next_upstream off;',
    'proxy_connect_timeout 5s;',
    `proxy_send_timeout ${BODY_SECONDS}s;`,
    `proxy_read_timeout ${secondsOf(timeouts.idleMs)}s;`,
    // A reader slower than the server holds the server back; nothing is put on the proxy's disk.
    'proxy_max_temp_file_size 0;',
    `proxy_set_header Host ${hostOf(plan)};`,
    ...toServer,
    '',
    ...refusals(toClient),
    '',
    'if ($sallyport_route = "") {',
    '    return 404;',
    '}',
    'location / {',
    '    return 404;',
    '}',
    ...plan.places.flatMap(locationOf),
  ]);
}

/** Answers whoever asks for another name, and shows them no certificate. */
const stranger = (plan: ProxyPlan) =>
  block('server', [
    ...listens(plan.listen, ' ssl http2 default_server'),
    'server_name "";',
    'ssl_reject_handshake on;',
    'access_log off;',
    'error_log /dev/null emerg;',
    'server_tokens off;',
    'return 421;',
  ]);

/** Sends people who typed a name to TLS. What would have carried a secret there is not repeated. */
const plainServer = (plan: ProxyPlan, listen: string) =>
  block('server', [
    ...listens(listen, ''),
    `server_name ${plan.serverName};`,
    'access_log off;',
    'error_log /dev/null emerg;',
    'server_tokens off;',
    'client_max_body_size 1;',
    'location = / {',
    `    return 301 https://${hostOf(plan)}/;`,
    '}',
    ...(plan.acmeWebroot === undefined
      ? []
      : block('location ^~ /.well-known/acme-challenge/', [
          'default_type text/plain;',
          `root ${plan.acmeWebroot};`,
        ])),
    'location / {',
    '    return 404;',
    '}',
  ]);

/** The file. */
export function nginxConfig(plan: ProxyPlan): string {
  const idle = secondsOf(plan.timeouts.idleMs);
  return `${[
    ...headOf(plan, NOTES),
    '',
    ...block('map "$request_method $request_uri" $sallyport_route', ['default "";', ...rows(plan.places)]),
    ...block('map $sallyport_route $sallyport_method', ['default $request_method;', '"" OTHER;']),
    ...(plan.clients === undefined
      ? []
      : block('map $ssl_client_verify $sallyport_client', [
          'default "";',
          'SUCCESS $ssl_client_fingerprint;',
        ])),
    ...logFormat(plan),
    'limit_conn_zone $binary_remote_addr zone=sallyport_peers:10m;',
    ...block('upstream sallyport_main', [
      `server ${plan.upstream} max_fails=0;`,
      'keepalive 32;',
      // Shorter than the server's own patience, so that no request meets a connection that is being closed.
      `keepalive_timeout ${Math.max(1, Math.floor(idle / 2))}s;`,
    ]),
    '',
    ...secureServer(plan),
    '',
    ...stranger(plan),
    ...(plan.listenPlain === undefined ? [] : ['', ...plainServer(plan, plan.listenPlain)]),
  ].join('\n')}\n`;
}

/** The file with the proxy secret, which the configuration includes. */
export const nginxSecret = (secret: string): string =>
  `# The secret that tells Sallyport this proxy from everybody else. Readable by nginx's master alone.\nproxy_set_header X-Proxy-Secret ${quoted(secret)};\n`;
