/**
 * A door on `node:http` or `node:https`. A passage makes the fetch `Request`; the socket's side (what a client may
 * still send after an answer, how a broken body looks, time limits, shutdown) is decided here.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type Server as SecureServer } from 'node:https';
import { type ListenOptions, Server as NetServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Peer } from '../src/handlers/kit/peer.ts';
import { type Admission, admission } from './admission.ts';
import { type Connections, trackConnections } from './connections.ts';
import {
  bindProblem,
  type Listener,
  type ListenerPlan,
  StartError,
  showAddress,
  type TlsMaterial,
} from './listener.ts';
import { ON_BUN } from './on-bun.ts';
import { heldBackMs } from './over-limit.ts';
import { type Passage, throughAdapter } from './passage.ts';
import { linger } from './request-body.ts';
import { messageProblem, originForm, validHost } from './request-head.ts';
import { cut, sendResponse } from './send-response.ts';
import { SocketHeaders } from './socket-request.ts';
import { secureContext, tlsOptions, verifiedCertificate } from './tls.ts';
import { describeRefusal, refusalFor, refusals, refuseSocket } from './wire-refusal.ts';

/** All header lines of a request together, in bytes. */
const MAX_HEADER_BYTES = 16 * 1024;
/**
 * Requests that ask to go on in another protocol (RFC 9110 §7.8); none is spoken here. Node's parser stops behind them,
 * and what came with one in one piece is lost. Clients ask again for what an answer that closes left unanswered
 * (RFC 9112 §9.3.2). Bun's goes on.
 */
const asking = new WeakSet<IncomingMessage>();
/** Bun leaves `bytesRead` at 0. */
const COUNTS_BYTES = !ON_BUN;
/** While it stops: how long the first request of a connection that was just made may take to come. */
const FIRST_REQUEST_MS = 1_000;
/** Where the plan sets no bound. */
const ANYBODY = { max: 10_000, perPeer: 0, many: () => true };

/** Binds every address of the plan. @throws StartError, with nothing left open, when one cannot be bound */
export async function openNodeListener(
  plan: ListenerPlan,
  passage: Passage = throughAdapter,
): Promise<Listener> {
  const answer = requestAnswerer(plan, passage);
  const places = admission(plan.connections ?? ANYBODY, plan.door, plan.log, () => performance.now());
  const doors: { server: Server; connections: Connections; url: string }[] = [];
  try {
    for (const place of plan.sockets?.map((fd) => ({ fd })) ?? plan.addresses) {
      const connections = trackConnections(places);
      const server = createServer(plan, connections, places, answer);
      const address = await ('fd' in place ? adopt(server, plan, place.fd) : bind(server, plan, place));
      doors.push({ server, connections, url: `${plan.tls ? 'https' : 'http'}://${showAddress(address)}` });
    }
  } catch (error) {
    for (const { server } of doors) server.close();
    throw error;
  }
  let stopping: Promise<number> | undefined;
  return {
    urls: doors.map((door) => door.url),
    replaceTls(tls) {
      for (const { server } of doors) {
        if ('setSecureContext' in server) (server as SecureServer).setSecureContext(secureContext(tls));
      }
    },
    stop(graceMs) {
      stopping ??= Promise.all(doors.map((door) => stopServer(door.server, door.connections, graceMs))).then(
        (cut) => cut.reduce((sum, one) => sum + one, 0),
      );
      return stopping;
    },
  };
}

type Answer = (
  req: IncomingMessage,
  res: ServerResponse,
  connections: Connections,
  expectsContinue: boolean,
) => Promise<void>;

function createServer(
  plan: ListenerPlan,
  connections: Connections,
  places: Admission,
  answer: Answer,
): Server {
  const { readHeaderMs, idleMs } = plan.timeouts;
  const options: ServerOptions = {
    maxHeaderSize: MAX_HEADER_BYTES,
    insecureHTTPParser: false,
    // `hostProblem` asks for it, so that its absence is answered like every other refusal.
    requireHostHeader: false,
    headersTimeout: readHeaderMs,
    // Counted per request in `bodyChunks`, where the handler learns of it and can still answer.
    requestTimeout: 0,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval:
      readHeaderMs === 0 ? 30_000 : Math.min(Math.max(readHeaderMs / 4, 50), 2_500),
    optimizeEmptyRequests: true,
    // What the parser takes for such a request is its own to say: `Proxy-Connection: Upgrade` is one too.
    shouldUpgradeCallback(req) {
      if (!ON_BUN) asking.add(req);
      return false;
    },
  };
  const server = plan.tls ? createTlsServer(plan, plan.tls, options) : createHttpServer(options);
  // Node drops header lines over its count silently; the bound on their bytes is the one that refuses.
  server.maxHeadersCount = 0;
  // Nothing moving either way for so long: the other side is gone.
  server.timeout = idleMs;

  const on = (expectsContinue: boolean) => (req: IncomingMessage, res: ServerResponse) => {
    const { socket } = req;
    const before = connections.current(socket);
    connections.began(socket, res);
    const begin = () => void answer(req, res, connections, expectsContinue);
    // One that was sent without waiting for the answer before it has its turn after that answer (RFC 9112 §9.3.2):
    // it may rely on what the first one did, and a thousand of them on one connection are worked at one at a time.
    if (before === undefined) begin();
    else before.once('close', () => socket.writable && begin());
  };
  // Before a handshake, which costs the most.
  (server as NetServer).on('connection', (socket: Socket) => places.admit(socket));
  const connected = plan.tls ? 'secureConnection' : 'connection';
  (server as NetServer).on(connected, (socket: Socket) => connections.opened(socket));
  server.on('request', on(false));
  server.on('checkContinue', on(true));
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    connections.began(req.socket, res);
    const { status, headers, body } = describeRefusal(plan, refusals.expectation);
    res.writeHead(status, headers).end(body);
  });
  // Without a listener both runtimes cut it without a word. Nothing looks after this connection any more, neither its
  // errors nor an answer that is still being written on it.
  server.on('connect', ({ socket }: IncomingMessage) => {
    socket.on('error', ignore);
    if (connections.current(socket) !== undefined) socket.destroy();
    else refuseSocket(plan, socket, refusals.tunnel);
  });
  // Its code is a name of the TLS library's, or of the system's.
  server.on('tlsClientError', (error: NodeJS.ErrnoException) =>
    plan.log.write('debug', 'a handshake failed', {
      listener: plan.door,
      error_code: /^[A-Z][A-Z0-9_]{2,60}$/.test(error.code ?? '') ? error.code : 'unknown',
    }),
  );
  const refused = new WeakSet<object>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // The parser reports every further piece of a broken stream too.
    if (refused.has(socket)) return;
    refused.add(socket);
    const refuse = () => {
      const current = connections.current(socket);
      // In the middle of an answer there is nothing to add that a client could tell from the answer. And a
      // connection that was opened ahead and never used (browsers do that) is nobody's mistake.
      const unused = COUNTS_BYTES && (socket as Socket).bytesRead === 0;
      if (!socket.writable || current?.headersSent === true || unused) socket.destroy();
      else refuseSocket(plan, socket, refusalFor(error.code));
    };
    // Behind a request that came whole: its own answer comes first, and is not taken for this one.
    const before = connections.current(socket);
    if (before?.req.complete === true) before.once('close', refuse);
    else refuse();
  });
  return server;
}

/** @throws StartError for a certificate or a key that cannot be used */
function createTlsServer(plan: ListenerPlan, tls: TlsMaterial, options: ServerOptions): Server {
  try {
    return createHttpsServer({ ...options, ...tlsOptions(tls, plan.timeouts.readHeaderMs) });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    const prefix = plan.door === 'main' ? 'SAFE_TLS' : 'SAFE_ADMIN_TLS';
    throw new StartError(
      `The ${plan.door} door cannot use its certificate and key (${code}). ` +
        `Check that ${prefix}_CERT_FILE and ${prefix}_KEY_FILE are PEM files that belong together.`,
    );
  }
}

/** What every request of a connection shares. */
interface Connected {
  readonly peer: Peer;
  /** What stands for `Host` in URLs: a name of ours and the port that was really asked. */
  readonly host: string;
}

/** Turns one request into a fetch `Request`, calls the handler and sends what it answers. Never rejects. */
function requestAnswerer(plan: ListenerPlan, passage: Passage): Answer {
  const handle = passage(plan.handler);
  const { readMs, writeMs } = plan.timeouts;
  const protocol = plan.tls ? 'https' : 'http';
  const known = new WeakMap<Socket, Connected>();
  const connectedBy = (socket: Socket): Connected => {
    let connected = known.get(socket);
    if (connected === undefined) {
      const peer = peerOf(socket, plan.tls !== undefined);
      connected = { peer, host: `${plan.door}:${socket.localPort ?? 0}` };
      known.set(socket, connected);
    }
    return connected;
  };

  return async (req, res, connections, expectsContinue) => {
    // Without listeners an error of a half-read request would end the process.
    req.on('error', ignore);
    res.on('error', ignore);
    const url = originForm(req.url ?? '');
    const problem = url === undefined ? 'malformed' : headProblem(req);
    if (url === undefined || problem !== undefined) {
      const { status, headers, body } = describeRefusal(plan, refusals[problem ?? 'malformed']);
      res.writeHead(status, headers).end(body);
      return;
    }
    if (writeMs > 0) {
      const timer = setTimeout(() => cut(res), writeMs);
      res.once('close', () => clearTimeout(timer));
    }
    const deadline = readMs > 0 ? performance.now() + readMs : Number.POSITIVE_INFINITY;
    const { peer, host } = connectedBy(req.socket);
    try {
      const headers = new SocketHeaders({ req, res, expectsContinue, deadline });
      const response = await handle({ method: req.method ?? '', protocol, host, url, headers }, peer);
      // The end of a body that came together with its head is seen a turn later; who is refused before keeps the
      // connection all the same, which costs both sides less than another one.
      if (!req.complete) await turn();
      const heldBack = heldBackMs(response.status, !req.complete);
      if (heldBack > 0) await wait(heldBack);
      await sendResponse(response, res, {
        head: req.method === 'HEAD',
        close: !req.complete || connections.draining || asking.has(req),
        linger: () => linger(req),
      });
    } catch {
      // Handlers answer their own defects; this is for a defect of the adapter.
      if (res.headersSent) cut(res);
      else {
        const { status, headers, body } = describeRefusal(plan, refusals.broken);
        res.writeHead(status, headers).end(body);
      }
    }
  };
}

/** Why a request whose target is one is not taken by its head: a name of {@link refusals}. */
const headProblem = (req: IncomingMessage) => messageProblem(req) ?? (validHost(req) ? undefined : 'badHost');

const ignore = () => {};

/** A turn of the event loop, in which what has arrived is looked at. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function peerOf(socket: Socket, secure: boolean): Peer {
  const address = socket.remoteAddress;
  if (!secure) return address === undefined ? {} : { address };
  const sha256 = verifiedCertificate(socket);
  return {
    secure: true,
    ...(address !== undefined && { address }),
    ...(sha256 !== undefined && { certificate: { sha256 } }),
  };
}

interface Bound {
  readonly host: string;
  readonly port: number;
}

function listen(
  server: Server,
  plan: ListenerPlan,
  at: ListenOptions | { readonly fd: number },
  problem: (code?: string) => StartError,
) {
  return new Promise<ReturnType<Server['address']>>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(problem(error.code)));
    server.listen(at, () => {
      server.removeAllListeners('error');
      server.on('error', () => plan.log.write('error', 'the listener failed', { listener: plan.door }));
      resolve(server.address());
    });
  });
}

/** @returns the address with the port that was really given */
async function bind(server: Server, plan: ListenerPlan, { host, port }: Bound): Promise<Bound> {
  const at = { host, port, exclusive: true };
  const bound = await listen(server, plan, at, (code) => bindProblem(plan.door, { host, port }, code));
  return { host, port: typeof bound === 'object' && bound !== null ? bound.port : port };
}

/** Accepts on a socket that was handed over, already bound. */
async function adopt(server: Server, plan: ListenerPlan, fd: number): Promise<Bound> {
  const wrong = () =>
    new StartError(
      `The socket ${fd} that was handed over for the ${plan.door} door is no listening TCP socket. ` +
        'Check the ListenStream= of its unit.',
    );
  const bound = await listen(server, plan, { fd }, wrong);
  if (typeof bound !== 'object' || bound === null) {
    server.close();
    throw wrong();
  }
  return { host: bound.address, port: bound.port };
}

async function stopServer(server: Server, connections: Connections, graceMs: number): Promise<number> {
  connections.drain();
  const closed = new Promise<void>((resolve) => {
    // Node's HTTP server would also end connections whose first request is on its way; its parent does not.
    if (ON_BUN) server.close(() => resolve());
    else NetServer.prototype.close.call(server, () => resolve());
  });
  // One turn of the loop, so that a request whose bytes are already here is seen before its connection looks idle.
  await new Promise((resolve) => setImmediate(resolve));
  connections.closeIdle();
  const unused = setTimeout(() => connections.closeUnused(), Math.min(FIRST_REQUEST_MS, graceMs));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, graceMs);
  });
  // Bun reports the server as closed while answers are still under way.
  await Promise.race([Promise.all([closed, connections.finished()]), expired]);
  clearTimeout(timer);
  clearTimeout(unused);
  const requests = connections.cut();
  // What never sent a request is not known to us on Bun: the system holds it back (TCP_DEFER_ACCEPT).
  server.closeAllConnections();
  // Not heard of by its parent's `close`: the timer that looks for slow heads.
  if (!ON_BUN) server.close();
  return requests;
}
