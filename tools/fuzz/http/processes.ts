/**
 * The real server in a process of its own, and a house beside it on the same libSQL server: the house makes people
 * and looks at what is left, the process answers.
 */
import { Agent } from 'node:http';
import { openRemote } from '../../../src/store/remote.ts';
import { behindCloudflare, startEdge } from '../../../test/support/edge.ts';
import { SAFE_SECRET_KEY, settleDatabase } from '../../../test/support/edge-door.ts';
import { BOOTSTRAP_SECRET, type House, ORIGIN, USUAL_HASHER } from '../../../test/support/house.ts';
import { exchange } from '../../../test/support/http-door.ts';
import { startMailServer } from '../../../test/support/mail-server.ts';
import { type RuntimeName, startServer } from '../../../test/support/server.ts';
import { startSqld } from '../../../test/support/sqld.ts';
import { Broken, must } from '../target.ts';
import type { LayFooting } from './footings.ts';
import type { Asking, Heard } from './ground.ts';
import { byCall, type Env, type Way, type WayTo } from './ways.ts';

/** The people of a house take minutes of its clock to come in: it begins so far behind the one of the process. */
const BEHIND_MS = 30 * 60_000;
const PATIENCE_MS = 60_000;
const REQUESTS = 2500;
const LIMITS_OFF = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
};

/** A libSQL server that a process and a house share, and a mail server. */
export const shared: LayFooting = async ({ clock }) => {
  const sqld = await startSqld();
  const mail = await startMailServer();
  const db = openRemote({ url: sqld.url, timeoutMs: PATIENCE_MS });
  clock.advance(Date.now() - BEHIND_MS - clock.now());
  let read = 0;
  return {
    db,
    requests: REQUESTS,
    // Windows of a minute would be most of a run.
    env: LIMITS_OFF,
    ports: { hasher: USUAL_HASHER },
    live: {
      SAFE_DATABASE_URL: sqld.url,
      SAFE_SECRET_KEY,
      SAFE_AUTH_BOOTSTRAP_SECRET: BOOTSTRAP_SECRET,
      SAFE_SMTP_HOST: '127.0.0.1',
      SAFE_SMTP_PORT: String(mail.port),
      SAFE_SMTP_STARTTLS: 'disabled',
    },
    mailed() {
      const fresh = mail.deliveries.slice(read).map(({ text }) => text);
      read = mail.deliveries.length;
      return fresh;
    },
    async close() {
      await mail.close();
      await db.close();
      await sqld.stop();
    },
  };
};

type Line = Readonly<Record<string, unknown>>;

interface Answering {
  readonly main: string;
  /** Undefined: the house beside it answers there. */
  readonly admin?: string;
  /** Sent with each request to the main door. */
  readonly headers: Readonly<Record<string, string>>;
  readonly lines: () => readonly Line[];
  /** Whether the runtime itself refuses what it takes for no HTTP, in words that no handler has seen. */
  readonly refusesItself: boolean;
  stop(): Promise<void>;
}

/** What a listener refuses before it is a request. */
const WIRE_CODE =
  /^\{"error":\{"code":"(bad_request|header_too_large|request_timeout|expectation_failed|not_implemented)"/;
/** The same where there is no body to say so. */
const WIRE_STATUS = new Set([408, 417, 431, 501]);
/** What frames a body is the client's business here. */
const FRAMING = new Set(['content-length', 'transfer-encoding']);

function headersOf({ headers }: Asking, own: Readonly<Record<string, string>>): Record<string, string[]> {
  const lines: Record<string, string[]> = {};
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    if (!FRAMING.has(key)) lines[key] = [...(lines[key] ?? []), value];
  }
  for (const [name, value] of Object.entries(own)) lines[name] = [value];
  return lines;
}

/** A way to what answers, which `start` starts with the settings of the ground. */
function wayTo(start: (env: Env) => Promise<Answering>): WayTo {
  return async (house: House, env: Env): Promise<Way> => {
    const answering = await start(env);
    const beside = byCall(house);
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    let stopped: Promise<void> | undefined;
    let looked = 0;
    const stop = () => {
      agent.destroy();
      stopped ??= answering.stop();
      return stopped;
    };
    return {
      adminOrigin: answering.admin ?? beside.adminOrigin,
      async ask(asking): Promise<Heard | undefined> {
        const origin = answering[asking.door];
        if (origin === undefined) return beside.ask(asking);
        const { method, target, body } = asking;
        const path = URL.canParse(target, ORIGIN) ? new URL(target, ORIGIN) : undefined;
        if (path === undefined || path.origin !== ORIGIN) return undefined;
        const own = asking.door === 'main' ? answering.headers : {};
        const call = { method, path: target, headers: headersOf(asking, own), ...(body && { body }) };
        try {
          const { answer } = await exchange(new URL(origin), agent, call);
          const { status, headers, bytes } = answer;
          if (answering.refusesItself && status >= 400 && !headers.has('x-request-id')) return undefined;
          const wire =
            status >= 400 &&
            (method === 'HEAD'
              ? WIRE_STATUS.has(status) || (status === 400 && headers.get('connection') === 'close')
              : WIRE_CODE.test(Buffer.from(bytes.slice(0, 100)).toString('latin1')));
          return { path: path.pathname, seen: { status, headers, body: bytes }, wire };
        } catch (error) {
          // Node's client refuses to write it: bytes that no header, path or method can have.
          if (error instanceof TypeError) return undefined;
          throw error;
        }
      },
      logged() {
        const lines = answering.lines();
        const fresh = lines.slice(looked);
        looked = lines.length;
        return fresh;
      },
      quiet: stop,
      close: stop,
    };
  };
}

/** Through the sockets of the server on a runtime. */
export const byProcess = (runtime: RuntimeName): WayTo =>
  wayTo(async (settings) => {
    const server = await startServer({ runtime, settings });
    return {
      main: server.main,
      admin: server.admin,
      headers: {},
      refusesItself: false,
      lines: server.lines,
      async stop() {
        const { code } = await server.stop();
        must(code === 0, () => `the server ended with ${code}: ${server.said().slice(-2000)}`);
      },
    };
  });

/** Through the socket of a workerd with the main door; the house beside it answers at the private door. */
export const byWorker: WayTo = wayTo(async (settings) => {
  await settleDatabase(settings.SAFE_DATABASE_URL ?? '');
  const edge = await startEdge({ ...settings, SAFE_PUBLIC_ORIGIN: ORIGIN });
  return {
    main: edge.main,
    headers: behindCloudflare(),
    refusesItself: true,
    lines: edge.lines,
    async stop() {
      const text = edge.lines().find((line) => line.text !== undefined);
      await edge.stop();
      if (text !== undefined) throw new Broken(`workerd says ${JSON.stringify(text)}`);
    },
  };
});
