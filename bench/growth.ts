/**
 * What it costs to be full: the rates of a store with a million pastes and an incident with a hundred thousand chunks,
 * as a part of those of an empty one beside it, both asked in turns. And how long reads take while a hundred thousand
 * expired pastes are swept.
 *
 *     node bench/growth.ts [--rows 1000000]
 *
 * A tenth of `--rows` are chunks, and expired pastes. A full run needs 4 GB of disk in the temporary folder.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { credentials, type Session } from '../test/support/ask.ts';
import {
  anotherOwner,
  firstAdmin,
  newIncident,
  newStream,
  newViewerToken,
} from '../test/support/evidence.ts';
import { startServer, type TestServer } from '../test/support/server.ts';
import { doorsOf } from '../test/support/server-owner.ts';
import { ENDED, putPath, STARTED } from '../test/support/uploads.ts';
import { fillChunks, fillPastes, idOf, inDatabaseOf } from './lib/fill.ts';
import { load, type Wire, wire } from './lib/load.ts';
import { creation } from './lib/pastes.ts';
import { CONNECTIONS, contest, type Side } from './lib/ratio.ts';
import { keep, quantile } from './lib/results.ts';
import { unopenable } from './lib/sealed.ts';
import { LIMITS_OFF } from './lib/servers.ts';

const KIB = 1024;
const DAY = 24 * 60 * 60 * 1000;
const GOAL = 0.8;
/** What nobody notices who waits for a page. */
const SUMS_MS = 100;
/** Rows of a list that is asked for. The empty store has two of its pages, so that both answer as many bytes. */
const PAGE = 100;
const SETTINGS = {
  ...LIMITS_OFF,
  SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: '4G',
  SAFE_ACCOUNT_DEFAULT_BLOB_QUOTA_BYTES: '1000G',
  // Once when it starts, and then by hand, when it is measured.
  SAFE_SWEEP_INTERVAL: '20d',
};

const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000' } } });
const ROWS = Number(values.rows);
if (!Number.isSafeInteger(ROWS) || ROWS < 10 * PAGE)
  throw new Error(`--rows: give a number from ${10 * PAGE}.`);
const count = (n: number): string => n.toLocaleString('en');

/** A server with something in it. */
interface Full extends AsyncDisposable {
  readonly server: TestServer;
  readonly pastes: number;
  readonly chunks: number;
  readonly incidentId: string;
  readonly token: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly admin: Readonly<Record<string, string>>;
  /** A stream without chunks, of the same incident. */
  fresh(): Promise<string>;
}

/** A server with so many pastes, and so many chunks in one incident. */
async function filled(pastes: number, chunks: number): Promise<Full> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  try {
    return await filledIn(folder, pastes, chunks);
  } catch (thrown) {
    await rm(folder, { recursive: true, force: true });
    throw thrown;
  }
}

async function filledIn(folder: string, pastes: number, chunks: number): Promise<Full> {
  const first = await startServer({ folder, settings: SETTINGS });
  const doors = await doorsOf(first);
  const boss = await firstAdmin(doors);
  const as = await anotherOwner(doors, boss);
  const incidentId = await newIncident(doors, as);
  const streamId = await newStream(doors, as, incidentId);
  const { token } = await newViewerToken(doors, as, incidentId);
  await first.stop();
  const now = Date.now();
  await inDatabaseOf(folder, async (db) => {
    await fillPastes(db, { count: pastes, bytes: KIB, created: [now - 3 * DAY, now], ttlMs: 5 * DAY });
    await fillChunks(db, { incidentId, streamId, count: chunks, bytes: KIB, createdAt: now });
  });
  const server = await startServer({ folder, settings: SETTINGS, silent: true });
  const again = await doorsOf(server);
  const shown = (who: Session) => credentials(again, who);
  return {
    server,
    pastes,
    chunks,
    incidentId,
    token,
    headers: await shown(as),
    admin: await shown(boss),
    fresh: () => newStream(again, as, incidentId),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const many = (n: number, make: (i: number) => Wire): Wire[] => Array.from({ length: n }, (_, i) => make(i));

function uploading({ incidentId, headers }: Full, streamId: string, index: number): Wire {
  const header = unopenable({ incidentId, streamId, index });
  const bytes = Buffer.concat([header, Buffer.alloc(KIB, index)]);
  const digest = createHash('sha256').update(bytes).digest('base64');
  const stated = { 'x-media-type': 'audio', 'x-started-at': STARTED, 'x-ended-at': ENDED };
  const sent = { ...headers, ...stated, 'content-digest': `sha-256=:${digest}:` };
  return wire('PUT', putPath({ incidentId, streamId, index }), sent, bytes);
}

/** Where the second half of what a list holds begins, by asking for a page of it. */
async function middle({ server, incidentId, headers }: Full, after: string | undefined): Promise<string> {
  const query = after === undefined ? '' : `&after=${after}`;
  const path = `/v1/incidents/${incidentId}/chunks?limit=${PAGE}${query}`;
  const page = (await (await fetch(`${server.main}${path}`, { headers })).json()) as { id: string }[];
  return page.at(-1)?.id ?? '';
}

/** What is asked of both, by name. */
type Asking = (full: Full) => Promise<Side> | Side;

const side = (url: string, status: number, requests: Side['requests']): Side => ({ url, status, requests });

const PASTES: Readonly<Record<string, Asking>> = {
  create: ({ server }) => side(server.main, 201, () => many(1500, () => creation(KIB))),
  read: ({ server, pastes }) =>
    side(server.main, 200, () =>
      many(3000, () => wire('GET', `/${idOf(Math.floor(Math.random() * pastes))}/raw`)),
    ),
  'list, for the operator': ({ server, admin }) =>
    side(server.admin, 200, () => many(500, () => wire('GET', '/admin/api/pastes', admin))),
  'list from the middle, for the operator': ({ server, admin, pastes }) => {
    // The empty store has its second page where the full one has any of ten thousand.
    const cursor = pastes > 10 * PAGE ? '8'.padEnd(32, '0') : '0'.repeat(32);
    return side(server.admin, 200, () =>
      many(500, () => wire('GET', `/admin/api/pastes?cursor=${cursor}`, admin)),
    );
  },
};

const CHUNKS: Readonly<Record<string, Asking>> = {
  'poll of a viewer': ({ server, token }) =>
    side(server.main, 200, () => many(1500, () => wire('GET', `/i/${token}/data`))),
  list: ({ server, incidentId, headers }) =>
    side(server.main, 200, () =>
      many(500, () => wire('GET', `/v1/incidents/${incidentId}/chunks?limit=${PAGE}`, headers)),
    ),
  'list from the middle': async (full) => {
    const { server, incidentId, headers, chunks } = full;
    const deep = chunks > 10 * PAGE;
    const first = await middle(full, undefined);
    // Ids end in the number of a chunk, by the recipe that they were made with.
    const after = deep ? `${first.slice(0, -6)}${String(chunks / 2).padStart(6, '0')}` : first;
    const path = `/v1/incidents/${incidentId}/chunks?limit=${PAGE}&after=${after}`;
    return side(server.main, 200, () => many(500, () => wire('GET', path, headers)));
  },
  'look at the incident': ({ server, incidentId, headers }) =>
    side(server.main, 200, () => many(1500, () => wire('GET', `/v1/incidents/${incidentId}`, headers))),
  'upload of 1 KiB': (full) =>
    side(full.server.main, 201, async () => {
      const streamId = await full.fresh();
      return many(600, (i) => uploading(full, streamId, i + 1));
    }),
};

/** The operator's sums, one at a time: what was created today is counted in an index, the rest is looked up. */
async function sums({ server, admin, pastes }: Full): Promise<void> {
  const asked = many(100, () => wire('GET', '/admin/api/stats', admin));
  const { times } = await load(server.admin, asked, { connections: 1, status: 200 });
  const [half, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  const name = `${count(pastes)} pastes, sums, for the operator`;
  await keep({ name, against: '', value: half, unit: 'ms', atMost: SUMS_MS, median: half, p99 });
}

async function grown(): Promise<void> {
  const chunks = Math.round(ROWS / 10);
  await using empty = await filled(2 * PAGE, 2 * PAGE + 50);
  const began = performance.now();
  await using full = await filled(ROWS, chunks);
  console.log(`filled in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  await sums(full);
  const rooms = [
    [`${count(ROWS)} pastes`, PASTES],
    [`${count(chunks)} chunks in one incident`, CHUNKS],
  ] as const;
  for (const [held, room] of rooms)
    for (const [what, asking] of Object.entries(room)) {
      const about = { name: `${held}, ${what}`, against: 'an empty store', goal: GOAL };
      await contest(about, await asking(full), await asking(empty));
    }
}

/** Reads for as long as it is told to, over kept connections. @returns milliseconds of each, sorted */
async function readsWhile(
  server: TestServer,
  pastes: number,
  goOn: () => boolean,
): Promise<readonly number[]> {
  function* requests() {
    while (goOn()) yield wire('GET', `/${idOf(Math.floor(Math.random() * pastes))}/raw`);
  }
  return (await load(server.main, requests(), { connections: CONNECTIONS, status: 200 })).times;
}

const IDLE_MS = 8000;
/** What is to be swept expires so much later: filling and starting take a part of it, and the idle reads. */
const LIVING_MS = 40_000;
const forIdle = () => {
  const end = performance.now() + IDLE_MS;
  return () => performance.now() < end;
};

async function swept(): Promise<void> {
  const expired = Math.round(ROWS / 10);
  const kept = 1000;
  await using full = await filled(kept, 1);
  const { server, admin } = full;
  const { folder } = server;
  await server.stop();
  // Still alive for the sweep that the start begins with.
  const end = Date.now() + LIVING_MS;
  await inDatabaseOf(folder, (db) =>
    fillPastes(db, { count: expired, bytes: KIB, created: [end - DAY, end - DAY], ttlMs: DAY, from: kept }),
  );
  await using again = await startServer({ folder, settings: SETTINGS, silent: true });
  await readsWhile(again, kept, forIdle());
  const idle = await readsWhile(again, kept, forIdle());
  await readsWhile(again, kept, () => Date.now() <= end);
  let sweeping = true;
  const began = performance.now();
  const sweep = fetch(`${again.admin}/admin/api/cleanup`, { method: 'POST', headers: admin }).finally(() => {
    sweeping = false;
  });
  const during = await readsWhile(again, kept, () => sweeping);
  const answer = await sweep;
  if (answer.status !== 200) throw new Error(await answer.text());
  const seconds = (performance.now() - began) / 1000;
  console.log(`${count(expired)} pastes swept in ${seconds.toFixed(1)} s, ${during.length} reads meanwhile`);
  await keep({
    name: `reads while ${count(expired)} pastes are swept, p99`,
    against: 'that when idle',
    value: quantile(during, 0.99) / quantile(idle, 0.99),
    unit: '',
    atMost: 3,
    median: quantile(during, 0.5),
    p99: quantile(during, 0.99),
  });
}

await grown();
await swept();
