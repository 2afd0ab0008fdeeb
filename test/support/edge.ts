/**
 * The main door in a real workerd, as the bundler of its deployment builds it, on a real libSQL server. What
 * Cloudflare would add to a request, a test adds by headers that only this socket reads.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { buildEdge, type EdgeBuild } from '../../tools/edge-build.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ARCH = process.arch === 'arm64' ? 'arm64' : '64';
const WORKERD = join(
  ROOT,
  'node_modules',
  '@cloudflare',
  `workerd-${process.platform}-${ARCH}`,
  'bin',
  'workerd',
);

/** Whether npm has a workerd for this platform (it has for Linux and macOS). */
export const hasWorkerd = existsSync(WORKERD);

/** The header whose JSON becomes `request.cf`; without it there is none. */
export const CF_HEADER = 'x-test-cf';
/** A request as Cloudflare hands it on for a client at this address. */
export const behindCloudflare = (address = '127.0.0.1', cf: object = {}) => ({
  [CF_HEADER]: JSON.stringify(cf),
  'cf-connecting-ip': address,
});

/** Text in the notation of Cap'n Proto. */
const quoted = (text: string) => JSON.stringify(text);

function configOf(build: EdgeBuild, env: Readonly<Record<string, string>>, port: number): string {
  const { script, wasm, compatibilityDate, compatibilityFlags } = build;
  const modules = [
    `(name = ${quoted(script)}, esModule = embed ${quoted(script)})`,
    ...wasm.map((name) => `(name = ${quoted(`./${name}`)}, wasm = embed ${quoted(name)})`),
  ];
  const bindings = Object.entries(env).map(
    ([name, value]) => `(name = ${quoted(name)}, text = ${quoted(value)})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${modules.join(', ')}],
      compatibilityDate = ${quoted(compatibilityDate)},
      compatibilityFlags = [${compatibilityFlags.map(quoted).join(', ')}],
      bindings = [${bindings.join(', ')}],
    )),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [
    (name = "main", address = "127.0.0.1:${port}", http = (cfBlobHeader = ${quoted(CF_HEADER)}), service = "main"),
  ],
);
`;
}

export interface EdgeServer {
  /** `http://127.0.0.1:port` */
  readonly main: string;
  readonly pid: number;
  /** What the Worker logged, as objects; lines that are none are under `text`. */
  lines(): readonly Readonly<Record<string, unknown>>[];
  /** Resolves with the first line that `wanted` is true for, now or later. */
  line(
    wanted: (line: Readonly<Record<string, unknown>>) => boolean,
  ): Promise<Readonly<Record<string, unknown>>>;
  /** All of standard error so far. */
  said(): string;
  stop(): Promise<void>;
}

let built: Promise<EdgeBuild> | undefined;

/** Removes what {@link startEdge} built. */
export async function removeBuild(): Promise<void> {
  await (await built)?.remove();
  built = undefined;
}

/**
 * Starts workerd with these variables. The first start builds the script; {@link removeBuild} ends that.
 * @param port 0 lets the system choose
 */
export async function startEdge(env: Readonly<Record<string, string>>, port = 0): Promise<EdgeServer> {
  built ??= buildEdge(ROOT);
  const build = await built;
  const config = join(build.folder, `${crypto.randomUUID()}.capnp`);
  await writeFile(config, configOf(build, env, port), { mode: 0o600 });
  const child = spawn(WORKERD, ['serve', '--control-fd=3', config], {
    cwd: build.folder,
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'close');
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const log = logOf(child);
  const given = await Promise.race([portOf(child), exited.then(() => undefined)]);
  if (given === undefined) throw new Error(`workerd ended: ${said}`);
  return {
    main: `http://127.0.0.1:${given}`,
    pid: child.pid ?? 0,
    ...log,
    said: () => said,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
      await rm(config, { force: true });
    },
  };
}

/** workerd tells on a descriptor of its own where it listens. */
async function portOf(child: ChildProcess): Promise<number> {
  const control = createInterface(child.stdio[3] as Readable);
  for await (const line of control) {
    const event = JSON.parse(line) as { readonly event: string; readonly port: number };
    if (event.event === 'listen') return event.port;
  }
  throw new Error('workerd did not tell its port');
}

function logOf(child: ChildProcess): Pick<EdgeServer, 'lines' | 'line'> {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const waiting = new Set<() => void>();
  createInterface(child.stdout as Readable).on('line', (text) => {
    lines.push(text.startsWith('{') ? JSON.parse(text) : { text });
    for (const wake of waiting) wake();
  });
  return {
    lines: () => lines,
    async line(wanted) {
      for (;;) {
        const found = lines.find(wanted);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          const wake = () => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
        });
      }
    },
  };
}
