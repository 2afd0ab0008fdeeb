/** `sallyport proxy-config nginx|caddy|traefik` */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Settings } from '../../src/core/settings.ts';
import { type Command, CommandFailure, parse, say, UsageError } from './command.ts';
import { settingsFrom } from './operator.ts';
import { caddyConfig, caddySecret } from './proxy/caddy.ts';
import { nginxConfig, nginxSecret } from './proxy/nginx.ts';
import { advice, KINDS, OPTIONS, type ProxyKind, planOf } from './proxy/options.ts';
import type { ProxyPlan } from './proxy/plan.ts';
import { traefikConfig } from './proxy/traefik.ts';

const WRITERS: Readonly<Record<ProxyKind, (plan: ProxyPlan) => string>> = {
  nginx: nginxConfig,
  caddy: caddyConfig,
  traefik: traefikConfig,
};

/** Options that say where the text goes, not what is in it. */
const NOT_REPEATED = new Set(['--out', '--force', '--check']);

/** The command as the file names it: what makes the same text again, wherever it goes. */
function repeated(args: readonly string[]): string {
  const kept: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const [name = ''] = (args[at] ?? '').split('=');
    if (!NOT_REPEATED.has(name)) kept.push(args[at] ?? '');
    else if (name === '--out' && !args[at]?.includes('=')) at += 1;
  }
  return `sallyport proxy-config ${kept.map((word) => word.replace(/[\r\n]/g, ' ')).join(' ')}`;
}

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';

/** A file that was not there before, whole. @returns false when something is there */
function create(path: string, text: string, mode: number): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx', mode);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw new CommandFailure(`${path} cannot be written (${codeOf(error)}).`);
  }
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
  return true;
}

/** Replaces a file by another one in its place, so that no reader sees half of it. */
function replace(path: string, text: string, mode: number): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  create(draft, text, mode);
  renameSync(draft, path);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new CommandFailure(`${path} cannot be read (${codeOf(error)}).`);
  }
}

/** The second file. Made from the settings unless it is there; never shown. */
function writeSecret(kind: ProxyKind, { clients }: ProxyPlan, { proxySecret }: Settings): void {
  if (clients === undefined) return;
  if (proxySecret === undefined) {
    say(`${clients.secretFile} was not written, since SAFE_PROXY_SECRET is not set.`);
    return;
  }
  if (/[$`{}]/.test(proxySecret))
    throw new CommandFailure(
      'SAFE_PROXY_SECRET holds a character that means something to the proxy. Use the output of: openssl rand -hex 32',
    );
  const text = kind === 'nginx' ? nginxSecret(proxySecret) : caddySecret(proxySecret);
  if (create(clients.secretFile, text, 0o600))
    say(`Wrote ${clients.secretFile} (0600), which holds the proxy secret.`);
  else if (read(clients.secretFile) !== text)
    throw new CommandFailure(
      `${clients.secretFile} is there and holds something else. Remove it, and this command writes it anew.`,
    );
}

function isKind(word: string | undefined): word is ProxyKind {
  return KINDS.some((kind) => kind === word);
}

export const proxyConfig: Command = {
  words: ['proxy-config'],
  usage: 'proxy-config nginx|caddy|traefik --expose GROUPS --server-name NAME [OPTIONS]',
  summary: 'Write a reverse proxy’s configuration: an allow-list made from the route table.',
  details: `
  --expose GROUPS        viewer, pastes, product, with commas between them: what visitors may reach
  --server-name NAME     the host name; default: that of SAFE_PUBLIC_ORIGIN
  --upstream URL         where the proxy reaches the main door; default: its first address in the settings
  --cert FILE --key FILE TLS certificate chain and key, PEM; Caddy gets its own without them
  --client-ca FILE       ask for client certificates that chain to this CA, and forward their fingerprints
  --secret-file FILE     the second file, which holds the proxy secret; written (0600) beside --out unless it is there
  --listen ADDRESS       default 443
  --listen-plain ADDRESS where plain HTTP is redirected to TLS; default 80; none: nowhere
  --acme-webroot FOLDER  where an ACME client puts its challenges (nginx)
  --hsts SECONDS         default 31536000; 0 sends none
  --log FILE             the access log; it never holds a path
  --log-addresses        with the visitors’ addresses in it
  --out FILE             write to FILE instead of standard output; never over another one without --force
  --check                write nothing; exit 1 when FILE is not what would be written

Read docs/proxy.md before the first use.
`,
  run(args) {
    const parsed = parse(args, OPTIONS, 1);
    const [kind] = parsed.positionals;
    if (!isKind(kind)) throw new UsageError(`There is ${KINDS.join(', ')}; name one of them.`);
    const settings = settingsFrom(parsed);
    const plan = planOf(kind, parsed, settings, repeated(args));
    const text = WRITERS[kind](plan);
    const { out, force, check } = parsed.values;
    if (check === true) {
      if (typeof out !== 'string') throw new UsageError('--check compares with the file that --out names.');
      if (read(resolve(out)) === text) return 0;
      throw new CommandFailure(
        `${out} is not what this command writes: the routes or the settings have changed.`,
      );
    }
    if (typeof out !== 'string') {
      process.stdout.write(text);
    } else {
      const path = resolve(out);
      writeSecret(kind, plan, settings);
      if (force === true) replace(path, text, 0o644);
      else if (!create(path, text, 0o644))
        throw new CommandFailure(`${out} is there already; --force writes over it.`);
    }
    for (const line of advice(plan, settings)) say(`Warning: ${line}`);
    return 0;
  },
};
