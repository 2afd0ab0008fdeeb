/**
 * What docs/scaling.md calculates with: how many bytes of the database an incident and a chunk take, and what a libSQL
 * server on the same machine does of the requests a second that the embedded file does, both asked in turns.
 *
 *     node bench/scaling.ts
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSealedHeader } from '../src/crypto/sealed-header.ts';
import { openEmbedded } from '../src/store/native/embedded.ts';
import { credentials, logIn, type Session } from '../test/support/ask.ts';
import type { BothDoors } from '../test/support/both-doors.ts';
import { newIncident, newStream } from '../test/support/evidence.ts';
import { startServer, type TestServer } from '../test/support/server.ts';
import { doorsOf, ownersAt } from '../test/support/server-owner.ts';
import { startSqld } from '../test/support/sqld.ts';
import { ENDED, putPath, STARTED } from '../test/support/uploads.ts';
import { load, type Wire, wire } from './lib/load.ts';
import { LIMITS_OFF } from './lib/servers.ts';

const KIB = 1024;
const CONNECTIONS = 8;
const ROUNDS = 5;
const SECRET = { SAFE_SECRET_KEY: Buffer.alloc(32, 7).toString('base64') };
const SETTINGS = {
  ...LIMITS_OFF,
  ...SECRET,
  SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: '4GB',
  SAFE_SESSION_TTL: '30d',
};

interface Side {
  readonly server: TestServer;
  readonly doors: BothDoors;
  readonly as: Session;
  readonly headers: Readonly<Record<string, string>>;
}

type Place = { readonly incidentId: string; readonly streamId: string };

/** A PUT of a chunk of so many bytes, sealed in form alone. */
function upload(headers: Readonly<Record<string, string>>, place: Place, index: number, size: number): Wire {
  const header = writeSealedHeader({
    salt: new Uint8Array(16).fill(index & 0xff),
    kdf: { id: 'none' },
    context: {
      kind: 'chunk',
      incident_id: place.incidentId,
      stream_id: place.streamId,
      media_type: 'audio',
      chunk_index: index,
      final: false,
    },
  });
  const bytes = Buffer.concat([header, randomBytes(size - header.length)]);
  const digest = createHash('sha256').update(bytes).digest('base64');
  const stated = { 'x-media-type': 'audio', 'x-started-at': STARTED, 'x-ended-at': ENDED };
  const sent = { ...headers, ...stated, 'content-digest': `sha-256=:${digest}:` };
  return wire('PUT', putPath({ ...place, index }), sent, bytes);
}

const send = (server: TestServer, requests: readonly Wire[], status: number) =>
  load(server.main, requests, { connections: CONNECTIONS, status });

async function sizes(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  let as: Session | undefined;
  /** Does something at a server, and measures what the file holds afterwards, in bytes. */
  async function after(
    work: (server: TestServer, doors: BothDoors, as: Session) => Promise<void>,
  ): Promise<number> {
    {
      await using server = await startServer({ folder, settings: SETTINGS });
      if (as === undefined) [as] = (await ownersAt(server)).owners;
      if (as === undefined) throw new Error('nobody may record');
      await work(server, await doorsOf(server), as);
      // The log is hashed and signed in the background; what that takes belongs to the sizes.
      await new Promise((resolve) => setTimeout(resolve, 12_000));
      await server.stop();
    }
    const db = await openEmbedded({ path: join(folder, 'data', 'sallyport.db') });
    try {
      const sql =
        'SELECT (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)';
      const free =
        '(SELECT freelist_count FROM pragma_freelist_count) * (SELECT page_size FROM pragma_page_size)';
      const [answer] = await db.batch([{ sql: `${sql} - ${free}` }], 'read');
      return Number(answer?.rows[0]?.[0]);
    } finally {
      await db.close();
    }
  }
  try {
    const INCIDENTS = 300;
    const SMALL = 2000;
    const LARGE = 40;
    let place: Place | undefined;
    const none = await after(async () => {});
    const incidents = await after(async (_server, doors, who) => {
      for (let i = 0; i < INCIDENTS; i += 1) {
        const incidentId = await newIncident(doors, who);
        place = { incidentId, streamId: await newStream(doors, who, incidentId) };
      }
    });
    const fill = (from: number, count: number, size: number) =>
      after(async (server, doors, who) => {
        const headers = await credentials(doors, who);
        const requests = Array.from({ length: count }, (_, i) =>
          upload(headers, place as Place, from + i, size),
        );
        await send(server, requests, 201);
      });
    const small = await fill(1, SMALL, 4 * KIB);
    const large = await fill(SMALL + 1, LARGE, 1024 * KIB);
    const show = (what: string, bytes: number) =>
      console.log(`${what.padEnd(48)} ${bytes.toFixed(0).padStart(9)} bytes`);
    show('an empty database', none);
    show('an incident with one stream', (incidents - none) / INCIDENTS);
    show('a chunk of 4 KiB, beside its bytes', (small - incidents) / SMALL - 4 * KIB);
    show('a chunk of 1 MiB, beside its bytes', (large - small) / LARGE - 1024 * KIB);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function rates(): Promise<void> {
  const sqld = await startSqld();
  try {
    await using file = await startServer({ settings: SETTINGS });
    await using remote = await startServer({ settings: { ...SETTINGS, SAFE_DATABASE_URL: sqld.url } });
    const sides: Side[] = [];
    for (const server of [file, remote]) {
      const { doors, owners } = await ownersAt(server);
      const as = owners[0] ?? (await logIn(doors, 'nobody', 'bearer'));
      sides.push({ server, doors, as, headers: await credentials(doors, as) });
    }
    const median = (values: number[]) =>
      values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
    async function compare(name: string, status: number, requests: (side: Side) => Promise<readonly Wire[]>) {
      const seen: number[][] = [[], []];
      for (let round = 0; round <= ROUNDS; round += 1) {
        for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) {
          const side = sides[which] as Side;
          const { rate } = await send(side.server, await requests(side), status);
          // The first round warms up.
          if (round > 0) seen[which]?.push(rate);
        }
      }
      const [embedded = [], server = []] = seen;
      const ratio = median(server.map((rate, at) => rate / (embedded[at] ?? Number.NaN)));
      console.log(
        `${name.padEnd(32)} ${ratio.toFixed(2)} of the file's  [${median(server).toFixed(0)}/s of ${median(embedded).toFixed(0)}/s]`,
      );
    }
    const pastes = (count: number) =>
      Array.from({ length: count }, () => wire('POST', '/', {}, Buffer.from(randomBytes(KIB))));
    await compare('pastes of 1 KiB, create', 201, async () => pastes(200));
    const kept = new Map<Side, string>();
    for (const side of sides) {
      const made = await fetch(side.server.main, { method: 'POST', body: randomBytes(KIB) });
      kept.set(side, ((await made.json()) as { id: string }).id);
    }
    await compare('pastes of 1 KiB, read', 200, async (side) =>
      Array.from({ length: 400 }, () => wire('GET', `/${kept.get(side)}/raw`)),
    );
    const chunks = async ({ doors, as, headers }: Side, count: number, size: number) => {
      const incidentId = await newIncident(doors, as);
      const place = { incidentId, streamId: await newStream(doors, as, incidentId) };
      return Array.from({ length: count }, (_, i) => upload(headers, place, i + 1, size));
    };
    await compare('chunks of 64 KiB, upload', 201, (side) => chunks(side, 80, 64 * KIB));
    await compare('chunks of 4 MiB, upload', 201, (side) => chunks(side, 8, 4096 * KIB));
  } finally {
    await sqld.stop();
  }
}

await rates();
await sizes();
