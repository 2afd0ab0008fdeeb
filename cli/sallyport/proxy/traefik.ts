/** The allow-list as a dynamic configuration of Traefik (3.6 and later), in TOML, for its file provider. */
import { stringify } from 'smol-toml';
import type { Place } from '../exposed/allow-list.ts';
import { headOf, hostOf, type ProxyPlan, STRIPPED, secondsOf } from './plan.ts';

/** What only the other file of Traefik, the one that it starts with, can say. */
function notes(plan: ProxyPlan): readonly string[] {
  const { readMs, idleMs } = plan.timeouts;
  const install = {
    entryPoints: {
      sallyport: {
        address: /^\d+$/.test(plan.listen) ? `:${plan.listen}` : plan.listen,
        transport: {
          respondingTimeouts: {
            readTimeout: readMs === 0 ? '0s' : `${secondsOf(readMs)}s`,
            idleTimeout: `${secondsOf(idleMs)}s`,
          },
        },
      },
    },
    log: { level: 'WARN' },
    accessLog: {
      format: 'json',
      fields: {
        defaultMode: 'drop',
        names: Object.fromEntries(
          [
            'StartUTC',
            'Duration',
            'DownstreamStatus',
            'DownstreamContentSize',
            'OriginStatus',
            'RequestMethod',
            'RouterName',
            ...(plan.logAddresses ? ['ClientHost'] : []),
          ].map((name) => [name, 'keep']),
        ),
        headers: { defaultMode: 'drop' },
      },
    },
  };
  return [
    '',
    'Traefik compares decoded paths. Each expression takes letters, digits, _ and - alone, so that nothing hides in an',
    'encoding, and the server compares what it is sent undecoded once more.',
    'Traefik bounds only bodies that it holds in memory first; uploads are passed on, and the server bounds them.',
    '',
    'The file that Traefik starts with needs, besides the provider that reads this one:',
    '',
    ...stringify(install).trimEnd().split('\n'),
    '',
    'Without that access log Traefik writes paths into its own, and a link is a right to read.',
  ];
}

/** The router's name stands in the access log in place of the path. */
const nameOf = ({ pattern }: Place) =>
  pattern === '/' ? 'sallyport-root' : `sallyport${pattern.replace(/[{}]/g, '').replace(/[^\w-]/g, '-')}`;

function ruleOf({ methods, expression, fixed, pattern }: Place, { serverName }: ProxyPlan): string {
  const method = methods.map((name) => `Method(\`${name}\`)`).join(' || ');
  const path = fixed ? `Path(\`${pattern}\`)` : `PathRegexp(\`^${expression}$\`)`;
  return `Host(\`${serverName}\`) && (${method}) && ${path}`;
}

/** Held in memory before it is passed on, and so bounded. */
const bounded = (bytes: number) => ({
  buffering: { maxRequestBodyBytes: bytes, memRequestBodyBytes: bytes },
});

function routerOf(place: Place, plan: ProxyPlan) {
  const bound = place.streams || place.bodyBytes === 0 ? [] : [`sallyport-body-${place.bodyBytes}`];
  return {
    entryPoints: ['sallyport'],
    rule: ruleOf(place, plan),
    middlewares: ['sallyport-headers', ...bound],
    service: 'sallyport-main',
    tls: { options: 'sallyport' },
  };
}

function headersOf(plan: ProxyPlan) {
  const gone = ['X-Proxy-Secret', 'X-SSL-Client-SHA1', 'X-SSL-Client-SHA256', ...STRIPPED];
  return {
    headers: {
      ...(plan.hstsSeconds > 0 && { stsSeconds: plan.hstsSeconds }),
      // An empty value removes a header.
      customRequestHeaders: { Host: hostOf(plan), ...Object.fromEntries(gone.map((name) => [name, ''])) },
      customResponseHeaders: { Server: '' },
    },
  };
}

/** The file. */
export function traefikConfig(plan: ProxyPlan): string {
  const { tls, timeouts, places } = plan;
  if (tls === undefined) throw new TypeError('Traefik needs a certificate and a key');
  const idle = secondsOf(timeouts.idleMs);
  const bounds = new Set(
    places.filter((one) => !one.streams && one.bodyBytes > 0).map((one) => one.bodyBytes),
  );
  const config = {
    http: {
      routers: Object.fromEntries(places.map((place) => [nameOf(place), routerOf(place, plan)])),
      middlewares: {
        'sallyport-headers': headersOf(plan),
        ...Object.fromEntries([...bounds].map((bytes) => [`sallyport-body-${bytes}`, bounded(bytes)])),
      },
      services: {
        'sallyport-main': {
          loadBalancer: {
            passHostHeader: true,
            serversTransport: 'sallyport-transport',
            servers: [{ url: `http://${plan.upstream}` }],
          },
        },
      },
      serversTransports: {
        'sallyport-transport': {
          forwardingTimeouts: {
            dialTimeout: '5s',
            responseHeaderTimeout: `${idle}s`,
            idleConnTimeout: `${Math.max(1, Math.floor(idle / 2))}s`,
          },
        },
      },
    },
    tls: {
      certificates: [{ certFile: tls.cert, keyFile: tls.key }],
      options: { sallyport: { minVersion: 'VersionTLS12', sniStrict: true } },
    },
  };
  return `${headOf(plan, notes(plan)).join('\n')}\n\n${stringify(config)}\n`;
}
