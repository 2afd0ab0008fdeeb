/** What a reverse proxy must be told, whichever it is: made once from settings and options. */
import type { HttpTimeouts } from '../../../src/core/settings-types.ts';
import type { Place } from '../exposed/allow-list.ts';
import type { Group } from '../exposed/groups.ts';

export interface ProxyPlan {
  /** The command that makes the same file again. */
  readonly command: string;
  readonly groups: readonly Group[];
  readonly places: readonly Place[];
  /** The one name that is answered to. */
  readonly serverName: string;
  /** `host:port` or a port, for TLS. */
  readonly listen: string;
  /** The same for plain HTTP, which only redirects; undefined: nothing listens there. */
  readonly listenPlain: string | undefined;
  /** `host:port` of the main door, which speaks plain HTTP to the proxy. */
  readonly upstream: string;
  /** PEM files. Caddy gets certificates by itself where they are absent. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Client certificates that chain to it are forwarded, beside the secret in the other file. */
  readonly clients: { readonly caFile: string; readonly secretFile: string } | undefined;
  /** Seconds; 0 sends no HSTS. */
  readonly hstsSeconds: number;
  /** Where the access log goes: a file, or for Traefik whatever its own configuration says. */
  readonly logFile: string;
  /** Whether the access log names the visitors' addresses. */
  readonly logAddresses: boolean;
  /** Where an ACME client puts its challenges (nginx). */
  readonly acmeWebroot: string | undefined;
  readonly timeouts: HttpTimeouts;
}

/** A body that brings nothing for so long is given up by the server; the proxy does the same. In seconds. */
export const BODY_SECONDS = 30;

/** The `Host` that the server is told: it compares a browser's origin with it. */
export function hostOf({ serverName, listen }: ProxyPlan): string {
  const port = listen.slice(listen.lastIndexOf(':') + 1);
  return port === '443' ? serverName : `${serverName}:${port}`;
}

/** Whole seconds of a time limit; what is off becomes an hour, since no proxy should wait for ever. */
export const secondsOf = (ms: number): number => (ms === 0 ? 3600 : Math.max(1, Math.ceil(ms / 1000)));

/** The comment that every file begins with. @param notes sentences about this kind of proxy, wrapped by whoever wrote them */
export function headOf(plan: ProxyPlan, notes: readonly string[]): readonly string[] {
  return [
    `Made from Sallyport's route table by:`,
    `  ${plan.command}`,
    'Change the command, not this file; with --check, it fails when the two do not agree.',
    '',
    `Exposed: ${plan.groups.join(', ')}. An allow-list: a path or a method that is not named here ends at the proxy.`,
    'Nothing of the private door is named.',
    ...notes,
  ].map((line) => `# ${line}`.trimEnd());
}

/** Headers of a request that only the proxy may set, and those that some server somewhere takes for a path. */
export const STRIPPED = [
  'Forwarded',
  'X-Forwarded-Host',
  'X-Forwarded-Port',
  'X-Forwarded-Server',
  'X-Forwarded-Prefix',
  'X-Real-IP',
  'X-Client-IP',
  'X-Cluster-Client-IP',
  'True-Client-IP',
  'CF-Connecting-IP',
  'X-Original-URL',
  'X-Rewrite-URL',
  'X-SSL-Client-Cert',
  'X-SSL-Client-Verify',
  'X-SSL-Client-S-DN',
  'X-Client-Cert',
] as const;
