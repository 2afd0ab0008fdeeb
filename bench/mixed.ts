/**
 * Everything at once: reads, creates, logins, uploads and a bundle's download over 16 connections, for ten minutes.
 * Goals: no error; 99 of 100 reads of 1 KiB within 25 times their median; the event loop is never away for more than
 * 50 ms; as much memory at the end as after a third of the time.
 *
 *     node bench/mixed.ts [--for 10m]
 *
 * It writes up to 4 GB into the temporary folder. Shorter than five minutes says little about memory: the engine lets
 * its heap grow for the first one or two.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { answers, ask, credentials, post } from '../test/support/ask.ts';
import { anotherOwner, firstAdmin, newIncident, newStream } from '../test/support/evidence.ts';
import { PASSWORD } from '../test/support/people.ts';
import { incidentBundlePath } from '../test/support/recordings.ts';
import { startServer } from '../test/support/server.ts';
import { doorsOf } from '../test/support/server-owner.ts';
import { ENDED, putPath, STARTED } from '../test/support/uploads.ts';
import { type Answered, Client, type Wire, wire } from './lib/load.ts';
import { creation, storedPastes } from './lib/pastes.ts';
import type { Second } from './lib/probe.ts';
import { keep, median, quantile } from './lib/results.ts';
import { unopenable } from './lib/sealed.ts';
import { LIMITS_OFF } from './lib/servers.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Connections of each kind: 16 together. */
const MIX = { read: 8, create: 4, login: 2, upload: 1, download: 1 } as const;
type Kind = keyof typeof MIX;
/** Milliseconds between an answer and the next request of its connection: else the disk would be full before the end. */
const REST: Readonly<Record<Kind, number>> = { read: 0, create: 5, login: 50, upload: 250, download: 1000 };
/** Chunks of a stream before the next one begins. */
const OF_STREAM = 100;
const BUNDLE_CHUNKS = 16;
const BUNDLE_CHUNK = 4 * MIB;
/** The whole time is looked at in so many parts. */
const PARTS = 10;
/** The probe speaks once a second, and each part needs to hear it. */
const LEAST_MS = 2000 * PARTS;

/** Milliseconds of `90s`, `10m`. */
function durationOf(text: string): number {
  const [, number = '', unit = ''] = /^([1-9][0-9]{0,3})([smh])$/.exec(text) ?? [];
  if (number === '') throw new Error(`--for ${text}: give a number and s, m or h, such as 10m.`);
  return Number(number) * { s: 1000, m: 60_000, h: 3_600_000 }[unit as 's' | 'm' | 'h'];
}

const { values } = parseArgs({ options: { for: { type: 'string', default: '10m' } } });
const FOR_MS = durationOf(values.for);
if (FOR_MS < LEAST_MS) throw new Error(`--for ${values.for}: less than ${LEAST_MS / 1000}s tells nothing.`);

const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
const watched = join(folder, 'probe');
const server = await startServer({
  folder,
  silent: true,
  settings: {
    ...LIMITS_OFF,
    SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: '4G',
    SAFE_ACCOUNT_DEFAULT_BLOB_QUOTA_BYTES: '1000G',
    NODE_OPTIONS: `--import=${new URL('./lib/probe.ts', import.meta.url)}`,
    SALLYPORT_BENCH_PROBE: watched,
  },
});

const filler = Buffer.alloc(BUNDLE_CHUNK, 'sealed');
const doors = await doorsOf(server);
const boss = await firstAdmin(doors);
const as = await anotherOwner(doors, boss);
const headers = await credentials(doors, as);
const incidentId = await newIncident(doors, as);

function uploadOf(streamId: string, index: number, size: number, incident = incidentId): Wire {
  const header = unopenable({ incidentId: incident, streamId, index });
  const bytes = Buffer.concat([header, filler.subarray(header.length, size)]);
  const digest = createHash('sha256').update(bytes).digest('base64');
  const stated = { 'x-media-type': 'audio', 'x-started-at': STARTED, 'x-ended-at': ENDED };
  const sent = { ...headers, ...stated, 'content-digest': `sha-256=:${digest}:` };
  return wire('PUT', putPath({ incidentId: incident, streamId, index }), sent, bytes);
}

/** An incident with one complete stream of 64 MiB; answers the path of its bundle. */
async function recorded(): Promise<string> {
  const another = await newIncident(doors, as);
  const streamId = await newStream(doors, as, another);
  using client = await new Client(server.main).open();
  for (let index = 1; index <= BUNDLE_CHUNKS; index += 1)
    await client.ask(uploadOf(streamId, index, BUNDLE_CHUNK, another), { status: 201 });
  const complete = `/v1/incidents/${another}/streams/${streamId}/complete`;
  answers(await post(doors, complete, as, { expected_chunk_count: BUNDLE_CHUNKS }), 200);
  return incidentBundlePath(another);
}

/** Makes the next request of a connection; what it needs beforehand is asked for there. */
type Next = (client: Client) => Promise<Answered>;

async function people(count: number): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const body = { username: `somebody-${i}`, password: PASSWORD, role: 'user' };
    answers(await ask(doors, '/admin/api/accounts', { door: 'admin', as: boss, body }), 201);
    names.push(body.username);
  }
  return names;
}

const bundle = await recorded();
const paths = await storedPastes(server.main, KIB);
const names = await people(MIX.login);

function uploads(): Next {
  let streamId = '';
  let index = OF_STREAM;
  return async (client) => {
    if (index === OF_STREAM) {
      streamId = await newStream(doors, as, incidentId);
      index = 0;
    }
    index += 1;
    return client.ask(uploadOf(streamId, index, MIB), { status: 201 });
  };
}

const KINDS: Readonly<Record<Kind, (i: number) => Next>> = {
  read: () => {
    const reads = paths.map((path) => wire('GET', path));
    let next = 0;
    return (client) => client.ask(reads[next++ % reads.length] as Wire, { status: 200, least: KIB });
  },
  create: () => (client) => client.ask(creation(KIB), { status: 201 }),
  login: (i) => {
    const body = Buffer.from(JSON.stringify({ username: names[i], password: PASSWORD }));
    const login = wire('POST', '/v1/auth/login', { 'content-type': 'application/json' }, body);
    return (client) => client.ask(login, { status: 201 });
  },
  upload: uploads,
  download: () => {
    const download = wire('GET', bundle, headers);
    return (client) => client.ask(download, { status: 200, least: BUNDLE_CHUNKS * BUNDLE_CHUNK });
  },
};

interface Exchange {
  /** Since the load began, in milliseconds. */
  readonly at: number;
  readonly ms: number;
}

const seen: Record<Kind, Exchange[]> = { read: [], create: [], login: [], upload: [], download: [] };
const errors: string[] = [];
const began = performance.now();
const beganAt = Date.now();

/** One connection, until the time is over. An error is noted, and the next request is made over a new one. */
async function connection(kind: Kind, i: number): Promise<void> {
  const next = KINDS[kind](i);
  while (performance.now() - began < FOR_MS) {
    using client = new Client(server.main);
    try {
      while (performance.now() - began < FOR_MS) {
        const { ms } = await next(client);
        seen[kind].push({ at: performance.now() - began, ms });
        if (REST[kind] > 0) await pause(REST[kind]);
      }
    } catch (thrown) {
      errors.push(`${kind}: ${thrown instanceof Error ? thrown.message : thrown}`);
      await pause(100);
    }
  }
}

const partOf = (ms: number): number => Math.min(PARTS - 1, Math.floor((ms / FOR_MS) * PARTS));
const timesOf = (some: readonly Exchange[]): number[] => some.map(({ ms }) => ms).sort((a, b) => a - b);
const most = (some: readonly number[]): number => some.reduce((a, b) => Math.max(a, b), 0);

/** A line for each part of the time. */
function show(seconds: readonly Second[]): void {
  console.log('part   reads/s  median     p99 ms   late ms  (busy)  garbage ms   MiB');
  for (let part = 0; part < PARTS; part += 1) {
    const reads = timesOf(seen.read.filter(({ at }) => partOf(at) === part));
    const these = seconds.filter(({ at }) => partOf(at - beganAt) === part);
    const worst = these.toSorted((a, b) => b.late - a.late)[0];
    const cells = [
      String(part + 1).padStart(4),
      (reads.length / (FOR_MS / PARTS / 1000)).toFixed(0).padStart(9),
      quantile(reads, 0.5).toFixed(2).padStart(7),
      quantile(reads, 0.99).toFixed(2).padStart(10),
      (worst?.late ?? Number.NaN).toFixed(1).padStart(9),
      `(${(worst?.busy ?? Number.NaN).toFixed(1)})`.padStart(8),
      most(these.map(({ garbage }) => garbage))
        .toFixed(1)
        .padStart(11),
      (median(these.map(({ rss }) => rss)) / MIB).toFixed(0).padStart(6),
    ];
    console.log(cells.join(''));
  }
  for (const kind of Object.keys(MIX) as Kind[]) {
    const times = timesOf(seen[kind]);
    const figures = `median ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms`;
    console.log(`${kind.padEnd(9)} ${String(times.length).padStart(8)}  ${figures}`);
  }
}

try {
  const kinds = Object.keys(MIX) as Kind[];
  await Promise.all(
    kinds.flatMap((kind) => Array.from({ length: MIX[kind] }, (_, i) => connection(kind, i))),
  );
  const lines = (await readFile(watched, 'utf8')).split('\n').filter((line) => line !== '');
  const seconds = lines.map((line) => JSON.parse(line) as Second).filter(({ at }) => at - beganAt > 1000);
  show(seconds);
  for (const error of new Set(errors)) console.log(`error: ${error}`);
  const name = (what: string) => `mixed load for ${values.for}, ${what}`;
  await keep({ name: name('errors'), against: '', value: errors.length, unit: '', atMost: 0 });
  const reads = timesOf(seen.read);
  const [half, p99] = [quantile(reads, 0.5), quantile(reads, 0.99)];
  await keep({
    name: name('p99 of small reads'),
    against: 'their median',
    value: p99 / half,
    unit: '',
    atMost: 25,
    median: half,
    p99,
  });
  const late = most(seconds.map((second) => second.late));
  await keep({
    name: name('longest turn of the event loop'),
    against: '',
    value: late,
    unit: 'ms',
    atMost: 50,
  });
  const memory = (part: number) =>
    median(seconds.filter(({ at }) => partOf(at - beganAt) === part).map(({ rss }) => rss));
  await keep({
    name: name('memory of its last tenth'),
    against: 'that of its third',
    value: memory(PARTS - 1) / memory(2),
    unit: '',
    atMost: 1.05,
  });
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
