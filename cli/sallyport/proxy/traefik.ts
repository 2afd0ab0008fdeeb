/** The allow-list as a dynamic configuration of Traefik (3.3.6 and later), for its file provider. */
import type { Place } from '../exposed/allow-list.ts';
import { headOf, hostOf, type ProxyPlan, STRIPPED, secondsOf } from './plan.ts';

/** What only the other file of Traefik, the one that it starts with, can say. */
function notes(plan: ProxyPlan): readonly string[] {
  return [
    '',
    'Traefik matches decoded paths. Each expression takes letters, digits, _ and - alone, so that nothing can be hidden',
    'in an encoding; what is passed on is what was sent, and the server compares it undecoded.',
    'Traefik has no bound on a body that it does not hold in memory first, so uploads are bounded by the server alone.',
    '',
    'The file that Traefik starts with needs, besides the provider that reads this one:',
    '',
    '  entryPoints:',
    '    sallyport:',
    `      address: "${/^\d+$/.test(plan.listen) ? `:${plan.listen}` : plan.listen}"`,
    '      transport:',
    '        respondingTimeouts:',
    `          readTimeout: ${plan.timeouts.readMs === 0 ? 0 : `${secondsOf(plan.timeouts.readMs)}s`}`,
    `          idleTimeout: ${secondsOf(plan.timeouts.idleMs)}s`,
    '  accessLog:',
    '    format: json',
    '    fields:',
    '      defaultMode: drop',
    '      names:',
    ...[
      'StartUTC',
      'Duration',
      'DownstreamStatus',
      'DownstreamContentSize',
      'OriginStatus',
      'RequestMethod',
      'RouterName',
      ...(plan.logAddresses ? ['ClientHost'] : []),
    ].map((name) => `        ${name}: keep`),
    '      headers:',
    '        defaultMode: drop',
    '  log:',
    '    level: WARN',
    '',
    'Without that access log Traefik writes paths into its own, and a link is a right to read.',
  ];
}

/** A value of YAML, as JSON, which YAML contains. */
const value = (text: string) => JSON.stringify(text);

const nameOf = ({ pattern }: Place) =>
  pattern === '/'
    ? 'sallyport-root'
    : `sallyport${pattern.replace(/[{}]/g, '').replace(/[^A-Za-z0-9_-]/g, '-')}`;

function ruleOf({ methods, expression, fixed, pattern }: Place, { serverName }: ProxyPlan): string {
  const method = methods.map((name) => `Method(\`${name}\`)`).join(' || ');
  const path = fixed ? `Path(\`${pattern}\`)` : `PathRegexp(\`^${expression}$\`)`;
  return `Host(\`${serverName}\`) && (${method}) && ${path}`;
}

/** Held in memory before it is passed on, and so bounded. Uploads are not. */
const limitOf = ({ bodyBytes, streams }: Place) =>
  streams ? undefined : bodyBytes > 0 ? 'document' : 'nothing';

function router(place: Place, plan: ProxyPlan): readonly string[] {
  const limit = limitOf(place);
  const chain = ['sallyport-headers', ...(limit === undefined ? [] : [`sallyport-${limit}`])];
  return [
    `${nameOf(place)}:`,
    '  entryPoints: ["sallyport"]',
    `  rule: ${value(ruleOf(place, plan))}`,
    `  middlewares: ${JSON.stringify(chain)}`,
    '  service: sallyport-main',
    '  tls:',
    '    options: sallyport',
  ];
}

const buffering = (name: string, bytes: number) => [
  `${name}:`,
  '  buffering:',
  `    maxRequestBodyBytes: ${bytes}`,
  `    memRequestBodyBytes: ${bytes}`,
  // Answers are passed on as they come.
];

function headers(plan: ProxyPlan): readonly string[] {
  const gone = ['X-Proxy-Secret', 'X-SSL-Client-SHA1', 'X-SSL-Client-SHA256', ...STRIPPED];
  return [
    'sallyport-headers:',
    '  headers:',
    '    customRequestHeaders:',
    `      Host: ${value(hostOf(plan))}`,
    ...gone.map((name) => `      ${name}: ""`),
    '    customResponseHeaders:',
    '      Server: ""',
    ...(plan.hstsSeconds === 0 ? [] : [`    stsSeconds: ${plan.hstsSeconds}`]),
  ];
}

const indent = (depth: number, lines: readonly string[]) =>
  lines.map((line) => `${' '.repeat(depth)}${line}`);

/** The file. */
export function traefikConfig(plan: ProxyPlan): string {
  const { tls, timeouts } = plan;
  if (tls === undefined) throw new TypeError('Traefik needs a certificate and a key');
  const idle = secondsOf(timeouts.idleMs);
  const largest = Math.max(1, ...plan.places.filter((one) => !one.streams).map((one) => one.bodyBytes));
  return `${[
    ...headOf(plan, notes(plan)),
    '',
    'http:',
    '  routers:',
    ...indent(
      4,
      plan.places.flatMap((place) => router(place, plan)),
    ),
    '  middlewares:',
    ...indent(4, headers(plan)),
    ...indent(4, buffering('sallyport-nothing', 1)),
    ...indent(4, buffering('sallyport-document', largest)),
    '  services:',
    '    sallyport-main:',
    '      loadBalancer:',
    '        passHostHeader: true',
    '        serversTransport: sallyport-transport',
    '        servers:',
    `          - url: ${value(`http://${plan.upstream}`)}`,
    '  serversTransports:',
    '    sallyport-transport:',
    '      forwardingTimeouts:',
    '        dialTimeout: 5s',
    `        responseHeaderTimeout: ${idle}s`,
    `        idleConnTimeout: ${Math.max(1, Math.floor(idle / 2))}s`,
    'tls:',
    '  certificates:',
    `    - certFile: ${value(tls.cert)}`,
    `      keyFile: ${value(tls.key)}`,
    '  options:',
    '    sallyport:',
    '      minVersion: VersionTLS12',
    '      sniStrict: true',
  ].join('\n')}\n`;
}
