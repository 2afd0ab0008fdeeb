/**
 * How long a server takes from its start to its first answer, with a database that exists: as one executable, from
 * source as `npm start` does it (with a compile cache that an earlier start has filled), and from source with nothing
 * compiled. Goal: 500 ms.
 *
 *     node bench/start.ts
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serverCommand } from '../test/support/server.ts';
import { buildBinary } from '../tools/build-binary.ts';
import { Client, wire } from './lib/load.ts';
import { keep, median } from './lib/results.ts';

const ROUNDS = 7;
const GOAL_MS = 500;
const SETTINGS = { SAFE_MAIN_BIND_ADDRS: '127.0.0.1:0', SAFE_ADMIN_BIND_ADDRS: '127.0.0.1:0' };

const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));

type Command = readonly [program: string, args: readonly string[], cache: string];

/** Milliseconds from the start of a program to its first answer. */
async function firstAnswer([program, args, cache]: Command): Promise<number> {
  const began = performance.now();
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...SETTINGS, PATH: process.env.PATH, NODE_COMPILE_CACHE: cache },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  try {
    let said = '';
    for await (const text of child.stderr.setEncoding('utf8')) {
      said += text;
      if (/^Ready\./m.test(said)) break;
    }
    const url = /^main +(\S+)$/m.exec(said)?.[1];
    if (url === undefined) throw new Error(`${program} did not start: ${said}`);
    using client = new Client(url);
    await client.ask(wire('GET', '/'), { status: 200 });
    return performance.now() - began;
  } finally {
    child.kill();
    await ended;
  }
}

try {
  const binary = join(folder, 'sallyport');
  await buildBinary('node', binary);
  const [node, source] = serverCommand('node');
  const commands: Readonly<Record<string, Command>> = {
    'one executable': [binary, ['serve'], ''],
    'from source': [node, source, join(folder, 'compiled')],
    'from source, nothing compiled': [node, source, ''],
  };
  const seen = new Map<string, number[]>(Object.keys(commands).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round += 1)
    for (const [name, command] of Object.entries(commands)) {
      const ms = await firstAnswer(command);
      // The first ones make the database and fill the cache.
      if (round > 0) seen.get(name)?.push(ms);
    }
  for (const [name, times] of seen)
    await keep({
      name: `start to first answer, ${name}`,
      against: '',
      value: median(times),
      unit: 'ms',
      atMost: GOAL_MS,
    });
} finally {
  await rm(folder, { recursive: true, force: true });
}
