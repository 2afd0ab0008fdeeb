/**
 * Besiegers in a process of their own, so that whoever measures does not wait for them: says a line once all of them
 * are connected, and ends with its standard input.
 *
 *     node bench/lib/besiegers.ts SIEGE '{"url":…,"count":…,"fromEach":…}'
 *     node bench/lib/besiegers.ts greedy '{"url":…,"from":…,"file":…}'
 *     node bench/lib/besiegers.ts crowding '{"url":…,"from":…,"count":…}'
 */
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { besiege, type Siege, type SiegePlan } from '../../test/support/siege.ts';
import { Client } from './load.ts';

/** What one peer asks for, over and over. */
export interface GreedyPlan {
  readonly url: string;
  /** The peer's address. */
  readonly from: string;
  /** A file with one whole request; `########` in it becomes another number each time. */
  readonly file: string;
}

/** How many connections one peer has. */
export interface CrowdingPlan {
  readonly url: string;
  readonly from: string;
  readonly count: number;
}

/** As many as the honest reader has. */
const CONNECTIONS = 16;
const COUNTER = '########';

/** Asks for one thing as fast as it is answered, whatever the answer. */
async function greedy({ url, from, file }: GreedyPlan): Promise<void> {
  const request = await readFile(file);
  const counter = request.indexOf(COUNTER);
  let asked = 0;
  const next = () => {
    if (counter < 0) return request;
    asked += 1;
    const another = Buffer.from(request);
    another.write(String(asked).padStart(COUNTER.length, '0'), counter);
    return another;
  };
  const loop = async (first: Client) => {
    for (let client = first; ; client = new Client(url, from)) {
      try {
        for (;;) await client.ask([next()], {});
      } catch {
        // Closed in the middle: once more, over another one.
        client[Symbol.dispose]();
      }
    }
  };
  const clients = Array.from({ length: CONNECTIONS }, () => new Client(url, from));
  await Promise.all(clients.map((client) => client.open()));
  for (const client of clients) void loop(client);
}

/** Takes every place that one peer may have with bodies that never end, and goes on asking for more of them. */
async function crowding({ url, from, count }: CrowdingPlan): Promise<void> {
  const { hostname: host, port } = new URL(url);
  const another = () => {
    const socket = connect({ host, port: Number(port), localAddress: from }).on('error', () => {});
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\na');
    socket.resume().once('close', another);
    return new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  };
  for (let at = 0; at < count; at += 1) await another();
}

const [siege = '', given = ''] = process.argv.slice(2);
const plan: unknown = JSON.parse(given);
process.stdin.resume().once('end', () => process.exit());
if (siege === 'greedy') await greedy(plan as GreedyPlan);
else if (siege === 'crowding') await crowding(plan as CrowdingPlan);
else await besiege(siege as Siege, plan as SiegePlan);
console.log('here');
