/** A Redis server on loopback, which speaks what Valkey speaks. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createConnection, createServer } from 'node:net';
import { tempDir } from './temp.ts';

/** Why there can be none here, for a test to say; false where there can. */
export const noRedis: string | false =
  spawnSync('redis-server', ['--version']).status === 0
    ? false
    : 'redis-server is not installed (apt-get install redis-server)';

export interface RedisServer {
  readonly port: number;
  /** Ends the process; `start` brings it back empty, on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** @param password what a client must give, if anything */
export async function redisServer(password?: string): Promise<RedisServer> {
  const dir = await tempDir();
  const port = await freePort();
  let child: ChildProcess | undefined;
  const server: RedisServer = {
    port,
    async start() {
      const auth = password === undefined ? [] : ['--requirepass', password];
      const args = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--dir', dir.path, ...auth];
      child = spawn('redis-server', args, { stdio: 'ignore' });
      while (!(await answers(port))) {
        if (child.exitCode !== null) throw new Error('redis-server did not start');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async stop() {
      if (child === undefined || child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
    async close() {
      await server.stop();
      await dir.remove();
    },
  };
  await server.start();
  return server;
}
