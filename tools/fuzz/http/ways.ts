/** How a request reaches the handlers: called as functions, or through the sockets of a listener on Node. */
import { Agent } from 'node:http';
import { openNodeListener } from '../../../runtime/node-listener.ts';
import type { House } from '../../../test/support/house.ts';
import { exchange } from '../../../test/support/http-door.ts';
import { must } from '../target.ts';
import type { Asking, Heard } from './ground.ts';
import type { DoorName } from './operations.ts';

export interface Way {
  /** What a page of the private door is served from. */
  readonly adminOrigin: string;
  /** Undefined where no client can send such a request. */
  ask(asking: Asking): Promise<Heard | undefined>;
  /** What the log of another process came to since the last look. */
  logged?(): readonly Readonly<Record<string, unknown>>[];
  /** Nothing goes on by itself any more, before it is looked at what is left. */
  quiet?(): Promise<void>;
  /** Gives back what it holds. @throws Broken where it cannot */
  close(): Promise<void>;
}

/** `SAFE_…` settings. */
export type Env = Readonly<Record<string, string>>;
/** @param env of a process of its own, where requests reach one */
export type WayTo = (house: House, env: Env) => Way | Promise<Way>;

const ORIGINS: Readonly<Record<DoorName, string>> = { main: 'http://main.test', admin: 'http://admin.test' };
const PEER = { address: '127.0.0.1' };

/** The request as the platform's own client writes it, if it does. */
function requestOf({ door, method, target, headers, body }: Asking): Request | undefined {
  try {
    const made = new Headers();
    for (const [name, value] of headers) made.append(name, value);
    if (body !== undefined && !made.has('content-length')) made.set('content-length', String(body.length));
    const origin = ORIGINS[door];
    const bodied = body !== undefined && !/^(get|head)$/i.test(method);
    const request = new Request(origin + target, { method, headers: made, ...(bodied && { body }) });
    // A target such as `//host` is another URL altogether.
    return new URL(request.url).origin === origin ? request : undefined;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Without sockets. */
export function byCall(house: House): Way {
  return {
    adminOrigin: ORIGINS.admin,
    async ask(asking) {
      const request = requestOf(asking);
      if (request === undefined) return undefined;
      const path = new URL(request.url).pathname;
      const response = await house[asking.door](request, PEER);
      const body = new Uint8Array(await response.arrayBuffer());
      return { path, seen: { status: response.status, headers: response.headers, body } };
    },
    async close() {},
  };
}

/** Nothing here is about slowness, and an idle connection must not end just when it is used again. */
const TIMEOUTS = { readHeaderMs: 60_000, readMs: 60_000, writeMs: 60_000, idleMs: 600_000 };
const GRACE_MS = 10_000;
/** What frames a body is the client's business here; broken framing is what the socket targets look at. */
const FRAMING = new Set(['content-length', 'transfer-encoding']);
/** How the requests are called that a listener refuses by itself. */
const WIRE = 'wire-';

/** Lines of one name stay lines of their own. */
function headersOf(asking: Asking): Record<string, string[]> {
  const lines: Record<string, string[]> = {};
  for (const [name, value] of asking.headers) {
    const key = name.toLowerCase();
    if (FRAMING.has(key)) continue;
    lines[key] = [...(lines[key] ?? []), value];
  }
  return lines;
}

/** Through the listener with which `server.node.ts` serves, one for each door. */
export async function bySockets(house: House): Promise<Way> {
  let requests = 0;
  const open = (door: DoorName) =>
    openNodeListener({
      door,
      handler: house[door],
      addresses: [{ host: '127.0.0.1', port: 0 }],
      timeouts: TIMEOUTS,
      log: house.deps.log,
      requestId: () => {
        requests += 1;
        return `${WIRE}${requests}`;
      },
    });
  const listeners = { main: await open('main'), admin: await open('admin') };
  const urlOf = (door: DoorName) => new URL(listeners[door].urls[0] ?? '');
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  return {
    adminOrigin: urlOf('admin').origin,
    async ask(asking) {
      const { door, method, target, body } = asking;
      // What the platform's client does not write is sent here all the same, as long as it is one request to this host.
      const path = URL.canParse(target, ORIGINS[door]) ? new URL(target, ORIGINS[door]) : undefined;
      if (path === undefined || path.origin !== ORIGINS[door]) return undefined;
      try {
        const call = { method, path: target, headers: headersOf(asking), ...(body && { body }) };
        const { answer } = await exchange(urlOf(door), agent, call);
        const { status, headers, bytes } = answer;
        const wire = status >= 400 && headers.get('x-request-id')?.startsWith(WIRE) === true;
        return { path: path.pathname, seen: { status, headers, body: bytes }, wire };
      } catch (error) {
        // Node's client refuses to write it: bytes that no header, path or method can have.
        if (error instanceof TypeError) return undefined;
        throw error;
      }
    },
    async close() {
      agent.destroy();
      const cut = await Promise.all([listeners.main.stop(GRACE_MS), listeners.admin.stop(GRACE_MS)]);
      must(cut[0] + cut[1] === 0, () => `${cut[0] + cut[1]} requests are still under way`);
    },
  };
}
