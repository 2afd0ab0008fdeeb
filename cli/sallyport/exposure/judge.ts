/** What an answer says about where it came from, and what it lacks. Pure. */
import { PRIVATE } from '../../../src/handlers/kit/headers.ts';
import type { Answer, Silence } from './client.ts';
import type { Probe } from './plan.ts';

export type FindingKind =
  /** Something answers that must not be reachable. */
  | 'exposed'
  /** It is refused, but only by the server (with `--strict`). */
  | 'reaches_server'
  /** Something should be reachable and is not. */
  | 'unreachable'
  | 'wrong_header'
  | 'hsts'
  | 'tls_missing'
  | 'old_tls'
  | 'certificate'
  | 'leaks_version'
  | 'cors';

export interface Finding {
  readonly kind: FindingKind;
  readonly detail: string;
}

/**
 * - `answered`: a route of the server did.
 * - `refused_by_server`: the server did, and has no such route.
 * - `refused`: somebody before the server did, or there was no answer.
 * - `other`: neither; something else lives there.
 */
export type Outcome = 'answered' | 'refused_by_server' | 'refused' | 'other';

export interface Judged {
  readonly outcome: Outcome;
  readonly status: number | undefined;
  readonly findings: readonly Finding[];
}

export interface JudgeOptions {
  readonly requestId: string;
  readonly origin: string;
  readonly secure: boolean;
  /** Whether what is not exposed must end before the server. */
  readonly strict: boolean;
  /** The least `max-age` of HSTS in seconds; 0 asks for none. */
  readonly hstsSeconds: number;
}

const LEAKY = ['server', 'via', 'x-powered-by', 'x-aspnet-version', 'x-generator'];
const VERSION = /\d+\.\d+/;
/** A refusal that a proxy may make: everything else is an answer. */
const REFUSALS = new Set([400, 403, 404, 405, 410, 414, 421, 426, 501]);

function codeOf(body: string): string | undefined {
  try {
    const value = JSON.parse(body) as { error?: { code?: unknown } } | null;
    return typeof value?.error?.code === 'string' ? value.error.code : undefined;
  } catch {
    return undefined;
  }
}

function outcomeOf(answer: Answer, method: string, requestId: string): Outcome {
  if (answer.headers['x-request-id'] === requestId) {
    // To HEAD there is no body to tell a route that is missing from a thing that is.
    const missing = answer.status === 404 && (codeOf(answer.body) === 'not_found' || method === 'HEAD');
    return missing ? 'refused_by_server' : 'answered';
  }
  return REFUSALS.has(answer.status) ? 'refused' : 'other';
}

/** What every answer of the door carries, whatever it says. */
function headerFindings({ headers, status }: Answer, { shared }: Probe): Finding[] {
  const kept = shared && (status === 200 || status === 304) ? ['cache-control'] : [];
  return Object.entries(PRIVATE).flatMap(([name, promised]): Finding[] => {
    const found = headers[name];
    if (found === promised || (kept.includes(name) && found !== undefined)) return [];
    return [
      {
        kind: 'wrong_header',
        detail: `${name} is ${found === undefined ? 'missing' : JSON.stringify(found)}`,
      },
    ];
  });
}

function leaks({ headers, body }: Answer): Finding[] {
  const found: Finding[] = LEAKY.flatMap((name): Finding[] => {
    const value = String(headers[name] ?? '');
    const tells =
      VERSION.test(name === 'via' ? value.replace(/^\d\.\d\s/, '') : value) || name === 'x-powered-by';
    return value !== '' && tells ? [{ kind: 'leaks_version', detail: `${name}: ${value.slice(0, 80)}` }] : [];
  });
  const named = /\b(?:nginx|caddy|apache|openresty|traefik|envoy|haproxy|node|bun)\/\d[\w.]*/i.exec(body);
  if (named !== null) found.push({ kind: 'leaks_version', detail: `the body says ${named[0]}` });
  return found;
}

function hsts({ headers }: Answer, least: number): Finding[] {
  const value = headers['strict-transport-security'];
  const [, seconds] = /max-age="?(\d+)/i.exec(value ?? '') ?? [];
  if (least === 0 || Number(seconds ?? 0) >= least) return [];
  return [
    { kind: 'hsts', detail: value === undefined ? 'there is none' : `${value.slice(0, 80)} is too short` },
  ];
}

/** Another site's page must not be told that it may read this. */
function crossOrigin({ headers }: Answer, origin: string): Finding[] {
  const allowed = headers['access-control-allow-origin'];
  return allowed === '*' || allowed === origin
    ? [{ kind: 'cors', detail: `access-control-allow-origin: ${allowed}` }]
    : [];
}

function reach(probe: Probe, outcome: Outcome, status: number, strict: boolean): Finding[] {
  if (probe.expected === 'reachable') {
    const quiet = probe.off || probe.method === 'HEAD';
    if (outcome === 'answered' || (outcome === 'refused_by_server' && quiet)) return [];
    return [{ kind: 'unreachable', detail: `${outcome.replaceAll('_', ' ')}, ${status}` }];
  }
  if (outcome === 'answered' || outcome === 'other')
    return [{ kind: 'exposed', detail: `${status}${outcome === 'other' ? ', from something else' : ''}` }];
  if (outcome === 'refused_by_server' && strict)
    return [{ kind: 'reaches_server', detail: 'the proxy passes it on' }];
  return [];
}

/** Judges one answer. */
export function judge(probe: Probe, answer: Answer | Silence, options: JudgeOptions): Judged {
  if ('silence' in answer) {
    const findings: Finding[] =
      probe.expected === 'reachable'
        ? [{ kind: 'unreachable', detail: `no answer (${answer.silence})` }]
        : [];
    return { outcome: 'refused', status: undefined, findings };
  }
  const outcome = outcomeOf(answer, probe.method, options.requestId);
  const ours = outcome === 'answered' || outcome === 'refused_by_server';
  const findings = [
    ...reach(probe, outcome, answer.status, options.strict),
    ...(ours ? headerFindings(answer, probe) : []),
    ...(ours && options.secure ? hsts(answer, options.hstsSeconds) : []),
    ...crossOrigin(answer, options.origin),
    ...leaks(answer),
  ];
  return { outcome, status: answer.status, findings };
}
