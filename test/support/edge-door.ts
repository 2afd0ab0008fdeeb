/** The main door in workerd as the suites reach it: alone on a migrated database, or with the admin door at home. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keyFits } from '../../src/core/secret-key.ts';
import { openKeyring } from '../../src/crypto/keyring.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { openRemote } from '../../src/store/remote.ts';
import { throughSockets } from './ask.ts';
import type { BothDoorsTarget } from './both-doors.ts';
import type { Quirk, Target } from './door.ts';
import { behindCloudflare, type EdgeServer, startEdge } from './edge.ts';
import type { House } from './house.ts';
import { httpDoor } from './http-door.ts';
import { freePort } from './ports.ts';
import { startServer, type TestServer } from './server.ts';
import { startSqld } from './sqld.ts';

/** A key that only tests have, as `SAFE_SECRET_KEY` takes it. */
export const TEST_KEY = new Uint8Array(32).fill(7);
export const SAFE_SECRET_KEY = Buffer.from(TEST_KEY).toString('base64');

/** What home does at its first start: the schema, and whose database it is. */
export async function settleDatabase(url: string, authToken?: string): Promise<void> {
  const db = openRemote({ url, authToken, timeoutMs: 60_000 });
  try {
    await migrate(db, migrations, Date.now());
    await keyFits(libsqlStore(db).secretKey, openKeyring(TEST_KEY));
  } finally {
    await db.close();
  }
}

/** Another program may take the port before workerd does: then another one is tried. */
async function startNamed(env: (origin: string) => Readonly<Record<string, string>>): Promise<EdgeServer> {
  for (let attempt = 0; ; attempt += 1) {
    const port = await freePort();
    try {
      return await startEdge(env(`http://127.0.0.1:${port}`), port);
    } catch (error) {
      if (attempt === 4) throw error;
    }
  }
}

const isCutOff = (error: unknown) =>
  error instanceof Error && 'code' in error && ['EPIPE', 'ECONNRESET'].includes(String(error.code));

/** The main door alone. */
export const edgeTarget: Target = {
  name: 'workerd',
  async open(settings) {
    const sqld = await startSqld();
    await settleDatabase(sqld.url);
    // Nothing tells a Worker what it is called: it is set, as for a deployment.
    const edge = await startNamed((origin) => ({
      SAFE_PUBLIC_ORIGIN: origin,
      ...settings,
      SAFE_DATABASE_URL: sqld.url,
      SAFE_SECRET_KEY,
    }));
    const door = httpDoor(
      edge.main,
      settings.SAFE_URL_PREFIX ?? '',
      settings.SAFE_PUBLIC_ORIGIN ?? edge.main,
    );
    return {
      ...door,
      quirks: new Set<Quirk>(['drops headers without a value', 'refuses what is no HTTP in its own words']),
      async send(call) {
        const sent = { ...call, headers: { ...behindCloudflare(), ...call.headers } };
        try {
          return await door.send(sent);
        } catch (error) {
          if (!isCutOff(error) || !(call.body instanceof Uint8Array || typeof call.body === 'string'))
            throw error;
          // workerd ends the connection after a refusal, and what is still being sent can cut off the answer. Who
          // announces the same body and waits hears it.
          return await door.send({ ...sent, body: { announced: Buffer.byteLength(call.body) } });
        }
      },
      async close() {
        await door.close();
        await edge.stop();
        await sqld.stop();
      },
    };
  },
};

/** The main door of a Worker, as clients of Cloudflare reach it, and the admin door of a server at home. */
export function atTheEdge(
  edge: Pick<EdgeServer, 'main'>,
  home: Pick<TestServer, 'admin'>,
): Pick<House, 'main' | 'admin'> {
  const { main, admin } = throughSockets({ main: edge.main, admin: home.admin });
  return {
    main(request, peer) {
      const headers = new Headers(request.headers);
      for (const [name, value] of Object.entries(behindCloudflare())) headers.set(name, value);
      return main(new Request(request, { headers }), peer);
    },
    admin,
  };
}

/** The main door at the edge, the admin door at home on Node, and one database that only they share. */
export const edgeDoors: BothDoorsTarget = {
  name: 'workerd, with home on Node',
  async open(settings) {
    const sqld = await startSqld();
    const env = { ...settings, SAFE_DATABASE_URL: sqld.url, SAFE_SECRET_KEY };
    const home = await startServer({ settings: env });
    const edge = await startEdge(env);
    const secret = await readFile(join(home.folder, 'data', 'bootstrap-secret'), 'utf8');
    return {
      ...atTheEdge(edge, home),
      now: Date.now,
      bootstrapSecret: secret.trim(),
      async close() {
        await edge.stop();
        await home.stop();
        await sqld.stop();
      },
    };
  },
};
