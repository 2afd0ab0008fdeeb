/**
 * What others feel of a siege: reads of one honest peer with nobody else there, and while 2,000 connections send slowly
 * or do not read, and 10,000 are idle. Goal: what 99 of 100 reads stay under is less
 * than three times as long. Besiegers come from many addresses of the loopback network, which only Linux has.
 *
 *     node bench/siege.ts
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startServer } from '../test/support/server.ts';
import type { Siege, SiegePlan } from '../test/support/siege.ts';
import { load, wire } from './lib/load.ts';
import { keep, median, quantile } from './lib/results.ts';
import { LIMITS_OFF } from './lib/servers.ts';

const READS = 2000;
/** Pairs of a measurement without and one with the siege; the median of their ratios counts. */
const PAIRS = 3;
const MANY = 2_000;
const IDLE = 10_000;

const settings = {
  ...LIMITS_OFF,
  SAFE_MAIN_MAX_CONNECTIONS: '20000',
  SAFE_PASTE_MAX_BYTES_ANONYMOUS: '32MiB',
};
await using server = await startServer({ settings });

async function pasted(body: string): Promise<string> {
  const response = await fetch(server.main, { method: 'POST', body });
  return `/${((await response.json()) as { id: string }).id}/raw`;
}

const small = wire('GET', await pasted('x'.repeat(1024)));
const large = await pasted('large'.repeat(2_000_000));

async function reads(): Promise<number> {
  const requests = Array.from({ length: READS }, () => small);
  const { times } = await load(server.main, requests, { connections: 16, status: 200 });
  return quantile(times, 0.99);
}

/** Begins a siege from another process, and waits until all of it is there. @returns what ends it, once it has */
async function begun(siege: Siege, plan: SiegePlan): Promise<() => Promise<unknown>> {
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

/** Processor time of the server so far, in clock ticks: fields 14 and 15 of proc_pid_stat(5). */
async function ticks(): Promise<number> {
  const text = await readFile(`/proc/${server.pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Waits until the server has next to nothing to do: what came before would be measured with what comes now. */
async function rest(): Promise<void> {
  for (let before = await ticks(), tries = 0; tries < 240; tries += 1) {
    await pause(250);
    const now = await ticks();
    if (now - before <= 2) return;
    before = now;
  }
}

/** Measures in pairs: alone, then besieged. */
async function contest(words: string, siege: Siege, plan: SiegePlan): Promise<void> {
  await reads();
  const ratios: number[] = [];
  const besieged: number[] = [];
  for (let pair = 0; pair < PAIRS; pair += 1) {
    await rest();
    const alone = await reads();
    const end = await begun(siege, plan);
    // Whoever sends slowly goes on. Whoever does not read first gets what sockets hold, as any download does.
    if (siege === 'slow readers') await rest();
    const together = await reads();
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

const SIEGES: readonly [siege: Siege, count: number, words: string][] = [
  ['idle', IDLE, '10,000 connections are idle'],
  ['slow heads', MANY, '2,000 heads never end'],
  ['slow bodies', MANY, '2,000 bodies never end'],
  ['slow readers', MANY, '2,000 answers are not read'],
];
for (const [siege, count, words] of SIEGES)
  await contest(words, siege, { url: server.main, count, fromEach: 100, path: large, pauseMs: 2000 });
