/**
 * A server under siege at a tenth of what `bench/siege.ts` sends: connections that never ask, heads and bodies that
 * never end, answers that nobody reads. Others are answered meanwhile, and everything comes back.
 */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { describe, it } from 'node:test';
import { memoryOf, until } from '../support/process.ts';
import { startServer } from '../support/server.ts';
import { type Besiegers, besiege, type Siege } from '../support/siege.ts';
import { tempDir } from '../support/temp.ts';

const LINUX = process.platform === 'linux' ? false : 'only Linux has all of 127/8, and /proc';
/** Long enough for honest requests on a busy machine; what is asserted is the order of events, never a time. */
const SETTINGS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_MAIN_READ_HEADER_TIMEOUT: '5s',
  SAFE_MAIN_READ_TIMEOUT: '5s',
  SAFE_MAIN_WRITE_TIMEOUT: '5s',
  SAFE_MAIN_IDLE_TIMEOUT: '5s',
};

/** One honest request, over a connection of its own. */
function ask(url: string, from = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { agent: false, localAddress: from }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    asking.once('error', reject).end();
  });
}

/** Connections that a process holds. Its threads and their files may be more once it had much to do. */
function socketsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((name) => {
    try {
      return readlinkSync(`${folder}/${name}`).startsWith('socket:');
    } catch {
      // Closed since it was listed.
      return false;
    }
  }).length;
}

const SIEGES: readonly [siege: Siege, count: number][] = [
  ['idle', 1000],
  ['slow heads', 70],
  ['slow bodies', 70],
  ['slow readers', 60],
];

describe('a server under siege', { skip: LINUX, timeout: 300_000 }, () => {
  it('answers others meanwhile, cuts the besiegers off, and has its descriptors and memory back', async (t) => {
    const dir = await tempDir();
    t.after(dir.remove);
    const path = await largePaste(dir.path);
    await using server = await startServer({ folder: dir.path, settings: SETTINGS });
    const descriptors = () => socketsOf(server.pid);
    const memoryMiB = async () => (await memoryOf(server.pid, 'VmRSS')) / 2 ** 20;
    await ask(server.main);
    const [files, memory] = [descriptors(), await memoryMiB()];
    const all: Besiegers[] = [];
    for (const [siege, count] of SIEGES) {
      all.push(await besiege(siege, { url: server.main, count, fromEach: 10, path }));
      for (let asked = 0; asked < 10; asked += 1) assert.equal(await ask(server.main), 200);
    }
    // Whoever does not read does not see the end; the server has let go of them all the same.
    await until(() => descriptors() <= files + 5);
    for (const besiegers of all) besiegers.leave();
    assert.equal(await ask(server.main), 200);
    const after = await memoryMiB();
    assert.ok(after < memory + 300, `${memory} MiB before, ${after} after`);
  });
});

/** A paste that is larger than what the sockets of one connection hold. @returns the path of its bytes */
async function largePaste(folder: string): Promise<string> {
  const settings = { SAFE_PASTE_MAX_BYTES_ANONYMOUS: '32MiB' };
  await using server = await startServer({ folder, settings });
  const response = await fetch(server.main, { method: 'POST', body: Buffer.alloc(20_000_000, 'large') });
  const { id } = (await response.json()) as { id: string };
  await server.stop();
  return `/${id}/raw`;
}

describe('a server of which one peer wants everything', { skip: LINUX, timeout: 300_000 }, () => {
  it('gives that peer its share of places, and others theirs', async () => {
    await using server = await startServer({
      settings: { SAFE_MAIN_MAX_CONNECTIONS: '60', SAFE_MAIN_MAX_CONNECTIONS_PER_PEER: '40' },
    });
    const greedy = await besiege('slow bodies', { url: server.main, count: 100, fromEach: 100 });
    // All of its connections are at work: what came after the fortieth was turned away.
    for (let asked = 0; asked < 10; asked += 1) assert.equal(await ask(server.main, '127.0.0.9'), 200);
    await until(() => greedy.here <= 40);
    assert.equal(greedy.here, 40);
    greedy.leave();
    await server.stop();
    assert.match(server.log(), /connections were ended for want of places/);
  });
});
