/** Starts `probe-door.ts` on a runtime and talks to it byte by byte. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { ProbeOptions } from './probe-door.ts';
import { type RuntimeName, serverCommand } from './server.ts';

export type ProbeEvent = Readonly<Record<string, unknown>> & { readonly event: string };

export interface Probe {
  readonly urls: readonly string[];
  readonly port: number;
  /** The next event of that name that was not taken yet, waiting for it. Rejects when the program ends before. */
  event(name: string): Promise<ProbeEvent>;
  kill(signal: NodeJS.Signals): void;
  /** A raw connection to the first address. */
  connect(): Promise<Wire>;
  /** Sends one request on a connection of its own and answers all that came back until the end of it. */
  ask(request: string): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A raw connection that keeps what it received. */
export interface Wire {
  readonly socket: Socket;
  text(): string;
  /** Resolves once what was received satisfies the test; rejects when the connection ends before. */
  until(test: RegExp): Promise<string>;
  /** Everything received, once the connection ended in whatever way. */
  readonly ended: Promise<string>;
}

/** Starts the door. Resolves with the events alone when it refused to open. */
export async function startProbe(runtime: RuntimeName, options: ProbeOptions = {}): Promise<Probe> {
  const [program] = serverCommand(runtime);
  const script = join(import.meta.dirname, 'probe-door.ts');
  const child = spawn(program, [script, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const event = events(child);
  const opened = await Promise.race([event('open'), event('refused')]);
  const urls = (opened.urls ?? []) as readonly string[];
  const port = Number(new URL(urls[0] ?? 'http://nowhere:1').port);
  const wires: Wire[] = [];
  const connectHere = async () => {
    const wire = await openWire(port);
    wires.push(wire);
    return wire;
  };
  return {
    urls,
    port,
    event: (name) => (name === opened.event ? Promise.resolve(opened) : event(name)),
    kill: (signal) => {
      child.kill(signal);
    },
    connect: connectHere,
    async ask(request) {
      const wire = await connectHere();
      wire.socket.write(request, 'latin1');
      return wire.ended;
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of wires) socket.destroy();
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

function events(child: ChildProcess): (name: string) => Promise<ProbeEvent> {
  const arrived: ProbeEvent[] = [];
  const waiting = new Set<() => void>();
  let text = '';
  let over = false;
  child.stdout?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    arrived.push(...lines.map((line) => JSON.parse(line) as ProbeEvent));
    for (const look of [...waiting]) look();
  });
  child.once('close', () => {
    over = true;
    for (const look of [...waiting]) look();
  });
  return (name) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const at = arrived.findIndex((one) => one.event === name);
        const [found] = at < 0 ? [] : arrived.splice(at, 1);
        if (found === undefined && !over) return;
        waiting.delete(look);
        if (found === undefined) reject(new Error(`the program ended without the event ${name}`));
        else resolve(found);
      };
      waiting.add(look);
      look();
    });
}

/** Opens a raw connection to a loopback port. */
export async function openWire(port: number): Promise<Wire> {
  const socket = connect({ port, host: '127.0.0.1' });
  let received = '';
  const watchers = new Set<() => void>();
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    received += text;
    for (const look of [...watchers]) look();
  });
  socket.on('error', () => {});
  const ended = new Promise<string>((resolve) => {
    socket.once('close', () => resolve(received));
    socket.once('end', () => socket.end());
  });
  await once(socket, 'connect');
  return {
    socket,
    text: () => received,
    ended,
    until: (test) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!test.test(received)) return;
          watchers.delete(look);
          resolve(received);
        };
        watchers.add(look);
        ended.then(() => {
          if (watchers.delete(look))
            reject(new Error(`the connection ended after: ${received.slice(0, 2000)}`));
        });
        look();
      }),
  };
}

/** The body of a raw answer. */
export function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}
