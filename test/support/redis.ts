/** A Redis server on loopback, which speaks what Valkey speaks. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { ensureRedis } from '../../tools/redis.ts';
import { freePort, listens } from './ports.ts';
import { tempDir } from './temp.ts';

export interface RedisServer {
  readonly port: number;
  /** Ends the process; `start` brings it back empty, on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** It keeps its connections and answers nothing, until `thaw`. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

/** @param password what a client must give, if anything */
export async function redisServer(password?: string): Promise<RedisServer> {
  const program = ensureRedis();
  const dir = await tempDir();
  const port = await freePort();
  let child: ChildProcess | undefined;
  const server: RedisServer = {
    port,
    async start() {
      const auth = password === undefined ? [] : ['--requirepass', password];
      const args = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--dir', dir.path, ...auth];
      child = spawn(program, args, { stdio: 'ignore' });
      while (!(await listens(port))) {
        if (child.exitCode !== null) throw new Error('redis-server did not start');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async stop() {
      if (child === undefined || child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill();
      // One that is frozen ends once it thaws.
      child.kill('SIGCONT');
      await ended;
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async close() {
      await server.stop();
      await dir.remove();
    },
  };
  await server.start();
  return server;
}
