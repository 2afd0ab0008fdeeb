/** A server whose clock is set, or that may open no more files: what it answers, and that it recovers by itself. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { faults } from '../support/faults.ts';
import { until } from '../support/process.ts';
import { startServer, type TestServer } from '../support/server.ts';

const LINUX = process.platform === 'linux' ? false : 'faults are put under the process as Linux does it';
const UNCOUNTED = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false', SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false' };
const YEAR = 365 * 86_400_000;

async function create(main: string): Promise<string> {
  const response = await fetch(main, { method: 'POST', body: crypto.randomUUID() });
  assert.equal(response.status, 201);
  return ((await response.json()) as { id: string }).id;
}

const statusOf = async (url: string) => {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
};

describe('a server whose clock is set', { skip: LINUX, timeout: 60_000 }, () => {
  it('removes nothing while it is ten years ahead or back, says so, and has everything when it is right', async () => {
    await using under = await faults();
    const settings = { ...UNCOUNTED, ...under.env, SAFE_SWEEP_INTERVAL: '100ms' };
    await using server = await startServer({ folder: under.folder, settings });
    const before = await create(server.main);
    const leapt = () => server.lines().filter(({ msg }) => msg === 'the clock leapt').length;
    under.clock(10 * YEAR);
    assert.equal(await statusOf(`${server.main}/${before}`), 404);
    const then = await create(server.main);
    assert.equal(await statusOf(`${server.main}/${then}`), 200);
    await until(() => leapt() === 1);
    under.clock(0);
    assert.equal(await statusOf(`${server.main}/${before}`), 200);
    assert.equal(await statusOf(`${server.main}/${then}`), 200);
    under.clock(-10 * YEAR);
    const back = await create(server.main);
    assert.equal(await statusOf(`${server.main}/${before}`), 200);
    under.clock(0);
    assert.equal(await statusOf(`${server.main}/${before}`), 200);
    // Its five days were over years ago.
    assert.equal(await statusOf(`${server.main}/${back}`), 404);
    assert.equal((await server.stop()).code, 0);
    const line = server.lines().find(({ msg }) => msg === 'the clock leapt');
    assert.match(String(line?.what_to_do), /set it right/);
    assert.deepEqual(
      server.lines().filter(({ level, msg }) => level === 'error' && msg !== 'the clock leapt'),
      [],
    );
  });
});

/** Lets a process open so many more files than it has open. @returns what lets it have as many as before */
function allowFiles(server: TestServer, more: number): () => void {
  const now = readdirSync(`/proc/${server.pid}/fd`).length;
  const set = (soft: number) =>
    execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${soft}:`], { stdio: 'ignore' });
  const limits = readFileSync(`/proc/${server.pid}/limits`, 'utf8');
  const before = Number(/^Max open files +(\d+)/m.exec(limits)?.[1]);
  set(now + more);
  return () => set(before);
}

describe('a server that may open no more files', { skip: LINUX, timeout: 60_000 }, () => {
  it('goes on for those who are connected, turns newcomers away, and lets them in once it may again', async () => {
    await using server = await startServer({ settings: UNCOUNTED });
    // One connection, kept.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (method: string, path: string, body = '') =>
      new Promise<{ status: number; text: string }>((resolve, reject) => {
        const asking = request(`${server.main}${path}`, { method, agent }, (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (more: string) => {
            text += more;
          });
          answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        });
        asking.once('error', reject).end(body);
      });
    const { id } = JSON.parse((await ask('POST', '/', 'before')).text) as { id: string };
    const again = allowFiles(server, 2);
    const others: Socket[] = [];
    const ended: Promise<unknown>[] = [];
    const { hostname: host, port } = new URL(server.main);
    for (let count = 0; count < 20; count += 1) {
      const socket = connect({ host, port: Number(port) });
      socket.on('error', () => {});
      ended.push(new Promise((resolve) => socket.once('close', resolve)));
      others.push(socket);
      await once(socket, 'connect');
      socket.resume();
    }
    // The system let them in; the server could not take all of them.
    await Promise.race(ended);
    for (let round = 0; round < 3; round += 1) {
      assert.equal((await ask('GET', `/${id}/raw`)).text, 'before');
      assert.equal((await ask('POST', '/', `meanwhile ${round}`)).status, 201);
    }
    again();
    for (const socket of others) socket.destroy();
    await create(server.main);
    assert.equal(await statusOf(`${server.main}/${id}/raw`), 200);
    agent.destroy();
    assert.equal((await server.stop()).code, 0);
    assert.deepEqual(
      server.lines().filter(({ level }) => level === 'error'),
      [],
    );
  });
});
