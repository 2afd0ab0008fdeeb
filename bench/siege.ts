/**
 * What others feel of a siege: reads of honest peers with nobody else there, while 2,000 connections send slowly or do
 * not read, while 10,000 are idle, and while one peer exhausts a class of limits, or the connections that it may have,
 * and goes on asking. Goal: what 99 of 100 reads stay under is less than three times as long. Besiegers come from many
 * addresses of the loopback network, which only Linux has.
 *
 *     node bench/siege.ts
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { credentials } from '../test/support/ask.ts';
import {
  anotherOwner,
  firstAdmin,
  newIncident,
  newStream,
  newViewerToken,
} from '../test/support/evidence.ts';
import { startServer, type TestServer } from '../test/support/server.ts';
import { doorsOf } from '../test/support/server-owner.ts';
import type { Siege, SiegePlan } from '../test/support/siege.ts';
import { digestOf, ENDED, putPath, STARTED } from '../test/support/uploads.ts';
import type { CrowdingPlan, GreedyPlan } from './lib/besiegers.ts';
import { load, type Wire, wire } from './lib/load.ts';
import { keep, median, quantile } from './lib/results.ts';
import { unopenable } from './lib/sealed.ts';
import { LIMITS_OFF } from './lib/servers.ts';

const READS = 2000;
/** Pairs of a measurement without and one with the siege; the median of their ratios counts. */
const PAIRS = 3;
const MANY = 2_000;
const IDLE = 10_000;
const KIB = 1024;

/** Begins a siege from another process, and waits until all of it is there. @returns what ends it, once it has */
async function begun(
  siege: string,
  plan: SiegePlan | GreedyPlan | CrowdingPlan,
): Promise<() => Promise<unknown>> {
  const script = join(import.meta.dirname, 'lib', 'besiegers.ts');
  const child = spawn(process.execPath, [script, siege, JSON.stringify(plan)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  return () => {
    child.stdin.end();
    return ended;
  };
}

/** Processor time of a server so far, in clock ticks: fields 14 and 15 of proc_pid_stat(5). */
async function ticks({ pid }: TestServer): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Waits until a server has next to nothing to do: what came before would be measured with what comes now. */
async function rest(server: TestServer): Promise<void> {
  for (let before = await ticks(server), tries = 0; tries < 240; tries += 1) {
    await pause(250);
    const now = await ticks(server);
    if (now - before <= 2) return;
    before = now;
  }
}

/** @returns what 99 of 100 requests stay under, in milliseconds */
async function reads(server: TestServer, requests: readonly Wire[]): Promise<number> {
  const { times } = await load(server.main, requests, { connections: 16, status: 200 });
  return quantile(times, 0.99);
}

interface Contest {
  readonly words: string;
  readonly server: TestServer;
  /** What honest peers ask for, in their order: of a measurement. */
  requests(): readonly Wire[];
  /** Begins the siege of a pair. @returns what ends it */
  begin(pair: number): Promise<() => Promise<unknown>>;
}

/** Measures in pairs: alone, then besieged. */
async function contest({ words, server, requests, begin }: Contest): Promise<void> {
  const ratios: number[] = [];
  const besieged: number[] = [];
  for (let pair = 0; pair < PAIRS; pair += 1) {
    await rest(server);
    const alone = await reads(server, requests());
    const end = await begin(pair);
    const together = await reads(server, requests());
    await end();
    ratios.push(together / alone);
    besieged.push(together);
  }
  await keep({
    name: `reads while ${words}, what 99 of 100 stay under`,
    against: 'alone',
    value: median(ratios),
    unit: '',
    atMost: 3,
    p99: median(besieged),
  });
}

async function pasted({ main }: TestServer, body: string): Promise<string> {
  const response = await fetch(main, { method: 'POST', body });
  return `/${((await response.json()) as { id: string }).id}/raw`;
}

const SIEGES: readonly [siege: Siege, count: number, words: string][] = [
  ['idle', IDLE, '10,000 connections are idle'],
  ['slow heads', MANY, '2,000 heads never end'],
  ['slow bodies', MANY, '2,000 bodies never end'],
  ['slow readers', MANY, '2,000 answers are not read'],
];

/** Many connections from many addresses: no limit but the server's own strength. */
async function fromEverywhere(): Promise<void> {
  const settings = {
    ...LIMITS_OFF,
    SAFE_MAIN_MAX_CONNECTIONS: '20000',
    SAFE_PASTE_MAX_BYTES_ANONYMOUS: '32MiB',
  };
  await using server = await startServer({ settings });
  const small = wire('GET', await pasted(server, 'x'.repeat(KIB)));
  const path = await pasted(server, 'large'.repeat(2_000_000));
  const requests = () => Array.from({ length: READS }, () => small);
  for (const [siege, count, words] of SIEGES) {
    await reads(server, requests());
    const begin = async () => {
      const plan = { url: server.main, count, fromEach: 100, path, pauseMs: 2000 };
      const end = await begun(siege, plan);
      // Whoever sends slowly goes on. Whoever does not read first gets what sockets hold, as any download does.
      if (siege === 'slow readers') await rest(server);
      return end;
    };
    await contest({ words, server, requests, begin });
  }
}

/** Reads of one peer in the window of a limit; 300 would be refused. */
const OF_ONE_READER = 250;

/** The limits as they are by default. Honest readers are many behind a proxy, the besieger is one beside it. */
async function fromOnePeer(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  const server = await startServer({ folder, settings: { SAFE_TRUSTED_PROXIES: '127.0.0.1/32' } });
  try {
    const path = await pasted(server, 'x'.repeat(KIB));
    // Other readers for each measurement: what they have used up does not come back within it.
    let readers = 0;
    const crowd = () =>
      Array.from({ length: READS }, (_, at) => {
        if (at % OF_ONE_READER === 0) readers += 1;
        return wire('GET', path, { 'x-forwarded-for': `198.18.${readers >> 8}.${readers & 255}` });
      });
    await reads(server, crowd());
    let sieges = 0;
    const another = () => {
      sieges += 1;
      return `127.9.0.${sieges}`;
    };
    for (const [name, request] of Object.entries(await wanted(server, path))) {
      const file = join(folder, 'request');
      await writeFile(file, Buffer.concat(request));
      await contest({
        words: `one peer exhausts ${name}`,
        server,
        requests: crowd,
        begin: () => begun('greedy', { url: server.main, from: another(), file }),
      });
    }
    await contest({
      words: 'one peer exhausts its connections',
      server,
      requests: crowd,
      begin: () => begun('crowding', { url: server.main, from: another(), count: 1000 + 16 }),
    });
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A request of each class that costs something, by what it exhausts. */
async function wanted(server: TestServer, path: string): Promise<Readonly<Record<string, Wire>>> {
  const doors = await doorsOf(server);
  const as = await anotherOwner(doors, await firstAdmin(doors));
  const incidentId = await newIncident(doors, as);
  const spec = { incidentId, streamId: await newStream(doors, as, incidentId), index: 1 };
  const { token } = await newViewerToken(doors, as, incidentId);
  const header = unopenable(spec);
  const chunk = Buffer.concat([header, Buffer.alloc(1024 * KIB - header.length, 'sealed')]);
  const stated = { 'x-media-type': 'audio', 'x-started-at': STARTED, 'x-ended-at': ENDED };
  const sent = { ...(await credentials(doors, as)), ...stated, 'content-digest': digestOf(chunk) };
  const login = Buffer.from(JSON.stringify({ username: 'somebody', password: 'not their password' }));
  return {
    reads: wire('GET', path),
    creates: wire('POST', '/', {}, Buffer.from(`######## ${'x'.repeat(KIB)}`)),
    challenges: wire('GET', '/challenge'),
    logins: wire('POST', '/v1/auth/login', { 'content-type': 'application/json' }, login),
    uploads: wire('PUT', putPath(spec), sent, chunk),
    'viewer polls': wire('GET', `/i/${token}/data`),
    'static files': wire('GET', '/client'),
  };
}

await fromEverywhere();
await fromOnePeer();
