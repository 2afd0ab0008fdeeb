/**
 * A program with one door whose handler does what a test asks for by path. It prints what happens, one JSON object a
 * line: `{"event":"open","urls":[…]}` first. On SIGTERM it stops with the given grace.
 *
 *     node|bun test/support/probe-door.ts '{"timeouts":{…},"graceMs":…,"addresses":[…],"tls":{…}}'
 */
import { openBunListener } from '../../runtime/bun-listener.ts';
import type { ListenerPlan } from '../../runtime/listener.ts';
import { openNodeListener } from '../../runtime/node-listener.ts';

export interface ProbeOptions {
  readonly timeouts?: Partial<ListenerPlan['timeouts']>;
  readonly graceMs?: number;
  readonly addresses?: ListenerPlan['addresses'];
  readonly tls?: ListenerPlan['tls'];
  /** `proxy`: an address that may have as many as there are places. */
  readonly connections?: { readonly max: number; readonly perPeer: number; readonly proxy?: string };
}

const options = JSON.parse(process.argv[2] ?? '{}') as ProbeOptions;
const tell = (event: string, more: object = {}) => {
  process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
};
const PIECE = new Uint8Array(64 * 1024).fill(65);
let pulled = 0;
let taken = 0;
let release: () => void = () => {};

/** `total` bytes, one piece a pull; breaks off at `failAt`. */
function bytes(total: number, failAt = Number.POSITIVE_INFINITY): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream(
    {
      pull(controller) {
        if (sent >= failAt) controller.error(new Error('broken on purpose'));
        else if (sent >= total) controller.close();
        else {
          const piece = PIECE.slice(0, Math.min(PIECE.length, total - sent));
          sent += piece.length;
          pulled += piece.length;
          controller.enqueue(piece);
        }
      },
      cancel: () => tell('cancelled'),
    },
    { highWaterMark: 0 },
  );
}

async function readAll(request: Request, pauseAfter: number): Promise<string> {
  request.signal.addEventListener('abort', () => tell('aborted'));
  const reader = request.body?.getReader();
  try {
    for (let step = await reader?.read(); step?.done === false; step = await reader?.read()) {
      taken += step.value.length;
      if (taken >= pauseAfter) {
        tell('paused');
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        pauseAfter = Number.POSITIVE_INFINITY;
      }
    }
    return String(taken);
  } catch (error) {
    const kind = error instanceof Error && 'kind' in error ? String(error.kind) : 'error';
    tell('body failed', { kind });
    return kind;
  }
}

const text = (status: number, body: string) =>
  new Response(body, {
    status,
    headers: { 'content-length': String(new TextEncoder().encode(body).length) },
  });
const announced = (length: number, body: ReadableStream<Uint8Array> | null) =>
  new Response(body, { headers: { 'content-length': String(length) } });

const handler: ListenerPlan['handler'] = async (request, peer) => {
  const url = new URL(request.url);
  const size = Number(url.searchParams.get('n'));
  switch (url.pathname) {
    case '/peer':
      return text(200, JSON.stringify(peer));
    case '/url':
      return text(200, request.url);
    case '/bytes':
      return announced(size, request.method === 'HEAD' ? null : bytes(size));
    case '/short':
      return announced(size + 1, bytes(size));
    case '/long':
      return announced(size - 1, bytes(size));
    case '/broken':
      return announced(size, bytes(size, size / 2));
    case '/unannounced':
      return new Response(bytes(size));
    case '/pulled':
      return text(200, String(pulled));
    case '/refuse':
      return text(413, 'no');
    case '/refuse-after-a-piece': {
      const reader = request.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      return text(413, 'no');
    }
    case '/upload':
      taken = 0;
      return text(200, await readAll(request, size === 0 ? Number.POSITIVE_INFINITY : size));
    case '/wait':
      tell('waiting');
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return text(200, 'released');
    case '/release':
      release();
      return text(200, 'ok');
    case '/throw':
      throw new Error('a secret that must not leave');
    default:
      return text(404, 'nothing here');
  }
};

const open = 'Bun' in globalThis ? openBunListener : openNodeListener;
try {
  const listener = await open({
    door: 'main',
    handler,
    addresses: options.addresses ?? [{ host: '127.0.0.1', port: 0 }],
    timeouts: { readHeaderMs: 10_000, readMs: 0, writeMs: 0, idleMs: 60_000, ...options.timeouts },
    ...(options.tls !== undefined && { tls: options.tls }),
    ...(options.connections !== undefined && {
      connections: { ...options.connections, many: (address) => address === options.connections?.proxy },
    }),
    log: { write: (level, message, fields) => tell('log', { level, message, ...fields }) },
    requestId: () => 'made-by-the-listener',
  });
  process.on('SIGTERM', async () => {
    const stopped = listener.stop(options.graceMs ?? 10_000);
    tell('stopping');
    tell('stopped', { cut: await stopped });
  });
  process.on('SIGUSR2', () => release());
  tell('open', { urls: listener.urls });
} catch (error) {
  tell('refused', { name: (error as Error).name, message: (error as Error).message });
}
