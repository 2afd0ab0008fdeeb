/**
 * The parts of Traefik's dynamic configuration that we write, strictly, as its documentation has them: routers,
 * middlewares (headers, buffering), services, serversTransports, tls. JSON Schema draft-07. Unknown keys are refused:
 * Traefik refuses the whole file for one.
 */

const strings = { type: 'array', items: { type: 'string', minLength: 1 } } as const;
const duration = { type: 'string', pattern: '^[0-9]+(?:ms|s|m|h)$' } as const;
const texts = { type: 'object', additionalProperties: { type: 'string' } } as const;
const bytes = { type: 'integer', minimum: 1 } as const;
const NAME = '^[A-Za-z0-9_-]+$';

/** An object with these keys and no others, all of them needed but the optional ones. */
const exact = (properties: Readonly<Record<string, object>>, optional: readonly string[] = []) => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});

/** Things by a name that may not hold an `@`. */
const named = (schema: object) => ({
  type: 'object',
  patternProperties: { [NAME]: schema },
  additionalProperties: false,
  minProperties: 1,
});

const router = exact({
  entryPoints: strings,
  rule: { type: 'string', minLength: 1 },
  middlewares: strings,
  service: { type: 'string' },
  tls: exact({ options: { type: 'string' } }),
});

const middleware = {
  oneOf: [
    exact({
      headers: exact({ stsSeconds: bytes, customRequestHeaders: texts, customResponseHeaders: texts }, [
        'stsSeconds',
      ]),
    }),
    exact({ buffering: exact({ maxRequestBodyBytes: bytes, memRequestBodyBytes: bytes }) }),
  ],
};

export const TRAEFIK_SCHEMA = exact({
  http: exact({
    routers: named(router),
    middlewares: named(middleware),
    services: named(
      exact({
        loadBalancer: exact({
          passHostHeader: { type: 'boolean' },
          serversTransport: { type: 'string' },
          servers: {
            type: 'array',
            minItems: 1,
            items: exact({ url: { type: 'string', pattern: '^http://[^/]+$' } }),
          },
        }),
      }),
    ),
    serversTransports: named(
      exact({
        forwardingTimeouts: exact({
          dialTimeout: duration,
          responseHeaderTimeout: duration,
          idleConnTimeout: duration,
        }),
      }),
    ),
  }),
  tls: exact({
    certificates: {
      type: 'array',
      minItems: 1,
      items: exact({ certFile: { type: 'string' }, keyFile: { type: 'string' } }),
    },
    options: named(
      exact({
        minVersion: { enum: ['VersionTLS12', 'VersionTLS13'] },
        sniStrict: { type: 'boolean' },
      }),
    ),
  }),
});
