/** `sallyport exposure URL` */
import { readFileSync } from 'node:fs';
import { type Command, parse, say, told, UsageError } from './command.ts';
import { type Group, parseGroups } from './exposed/groups.ts';
import { openClient } from './exposure/client.ts';
import type { Finding } from './exposure/judge.ts';
import { probes } from './exposure/plan.ts';
import { freshId, type Row, summary, survey } from './exposure/survey.ts';
import { plainFindings, tlsFindings } from './exposure/transport.ts';
import { settingsFrom } from './operator.ts';

/** Exit codes beside 2, which every command has for its command line. */
const EXIT = { fine: 0, findings: 1, unreachable: 3 } as const;
const HALF_A_YEAR = 15_552_000;

interface Asked {
  readonly url: URL;
  readonly groups: readonly Group[];
  readonly plain: URL | undefined;
  readonly ca: string | undefined;
  readonly timeoutMs: number;
  readonly connections: number;
  readonly hstsSeconds: number;
  readonly strict: boolean;
}

function originOf(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const bare = url?.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  if (url !== undefined && bare && /^https?:$/.test(url.protocol)) return url;
  throw new UsageError(`${name} is https:// or http://, a host and perhaps a port: https://vault.example`);
}

function whole(text: unknown, usual: number, name: string, most: number): number {
  if (text === undefined) return usual;
  const value = typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (value >= 0 && value <= most) return value;
  throw new UsageError(`--${name} takes a whole number of at most ${most}.`);
}

function readCa(path: unknown): string | undefined {
  if (typeof path !== 'string') return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new UsageError(`--ca-file ${path} cannot be read.`);
  }
}

/** Where plain HTTP would be: its usual port, unless TLS is not at its own. */
function plainOf(given: unknown, url: URL): URL | undefined {
  if (typeof given === 'string') return given === 'none' ? undefined : originOf(given, '--plain');
  return url.protocol === 'https:' && url.port === '' ? new URL(`http://${url.hostname}/`) : undefined;
}

function asked(args: readonly string[]) {
  const options = {
    expose: true,
    plain: true,
    'ca-file': true,
    timeout: true,
    connections: true,
    hsts: true,
  };
  const parsed = parse(args, { ...options, strict: false }, 1);
  const { values } = parsed;
  if (typeof values.expose !== 'string')
    throw new UsageError('--expose GROUPS is needed: what visitors are meant to reach.');
  const url = originOf(parsed.positionals[0] ?? '', 'URL');
  const plan: Asked = {
    url,
    groups: values.expose === 'none' ? [] : parseGroups(values.expose),
    plain: plainOf(values.plain, url),
    ca: readCa(values['ca-file']),
    timeoutMs: Math.max(1, whole(values.timeout, 10, 'timeout', 300)) * 1000,
    connections: Math.max(1, whole(values.connections, 4, 'connections', 32)),
    hstsSeconds: whole(values.hsts, HALF_A_YEAR, 'hsts', 999_999_999),
    strict: values.strict === true,
  };
  return { parsed, plan };
}

/** What is true of the deployment as a whole, or undefined when nobody is there. */
async function whatever({ url, plain, timeoutMs, ca }: Asked): Promise<readonly Finding[] | undefined> {
  if (url.protocol === 'http:')
    return [
      { kind: 'tls_missing', detail: `${url.origin} is plain HTTP: whoever is on the way reads everything` },
    ];
  const options = { timeoutMs, now: Date.now(), ...(ca !== undefined && { ca }) };
  const tls = await tlsFindings(url, options);
  if (tls === undefined) return undefined;
  return plain === undefined ? tls : [...tls, ...(await plainFindings(plain, url, options, freshId()))];
}

const wordOf = ({ outcome, status }: Row) =>
  `${outcome.replaceAll('_', ' ')}${status === undefined ? ' (no answer)' : ` (${status})`}`;

function linesOf(rows: readonly Row[], general: readonly Finding[]): readonly string[] {
  const width = Math.max(...rows.map(({ method, path }) => method.length + path.length + 1));
  const routes = rows.map((row) => {
    const kinds = [...new Set(row.findings.map(({ kind }) => kind))];
    const mark = kinds.length === 0 ? 'ok  ' : 'BAD ';
    const place = `${row.method} ${row.path}`.padEnd(width);
    return `${mark} ${row.door.padEnd(5)} ${place}  ${wordOf(row)}${kinds.length > 0 ? `: ${kinds.join(', ')}` : ''}`;
  });
  const found = [...general.map((one) => ({ ...one, routes: 0 })), ...summary(rows)];
  const findings = found.map(
    ({ kind, detail, routes: count }) => `${kind}: ${detail}${count > 0 ? ` (${count} requests)` : ''}`,
  );
  return [...routes, '', ...(findings.length > 0 ? findings : ['Nothing was found.'])];
}

/** Does what the command does. @returns its exit code, and the report for standard output */
export async function examine(args: readonly string[]): Promise<{ code: number; report: string }> {
  const { parsed, plan } = asked(args);
  const settings = settingsFrom(parsed);
  const { url, ca, timeoutMs, connections } = plan;
  const general = await whatever(plan);
  const client = openClient({
    base: url,
    timeoutMs,
    connections,
    // What does not verify is a finding; the rest is asked all the same.
    untrusted: true,
    ...(ca !== undefined && { ca }),
  });
  try {
    if (general === undefined || 'silence' in (await client.ask('GET', '/', {}))) {
      say(`Nobody answers at ${url.origin}.`);
      return { code: EXIT.unreachable, report: '' };
    }
    const rows = await survey(client, probes(settings, plan.groups), {
      connections,
      secure: url.protocol === 'https:',
      strict: plan.strict,
      hstsSeconds: plan.hstsSeconds,
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    });
    const fine = general.length === 0 && rows.every(({ findings }) => findings.length === 0);
    const value = { url: url.origin, fine, findings: general, routes: rows };
    return {
      code: fine ? EXIT.fine : EXIT.findings,
      report: told(parsed.json, value, linesOf(rows, general)),
    };
  } finally {
    client.close();
  }
}

export const exposure: Command = {
  words: ['exposure'],
  usage: 'exposure URL --expose GROUPS [OPTIONS]',
  summary: 'Ask a running deployment from outside what it exposes; compare with what it should.',
  details: `
  --expose GROUPS      viewer, pastes, product, with commas between them, or none: what visitors are meant to reach
  --strict             whatever is not exposed must end at the proxy, not at the server
  --plain URL|none     where plain HTTP would be; default: port 80 of a URL without a port
  --ca-file FILE       trust these authorities instead of the usual ones
  --hsts SECONDS       the least Strict-Transport-Security; default ${HALF_A_YEAR}; 0: none is needed
  --timeout SECONDS    for one request, default 10
  --connections N      at a time, default 4
  --json               the report as one JSON value

Asks for every route of both doors, and for the private door in other spellings. It sends no credentials, names
nothing that can exist, and where a body is needed it sends one byte that nothing takes, so nothing is made, changed
or removed. It follows no redirect. Where the server counts requests, it waits as it is told. Settings (--config) say what moves: the prefix
of pastes, old viewer links, allowed origins.

Run it against deployments of your own alone.

Exit codes: 0 as it should be, 1 something was found, 2 the command line, 3 nobody answers.
`,
  async run(args) {
    const { code, report } = await examine(args);
    process.stdout.write(report);
    return code;
  },
};
