/** Sockets that a service manager opens and hands over: none of its connections is lost while the server restarts. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { handedSockets } from '../../runtime/handed-sockets.ts';
import { type Child, runScript } from '../support/child.ts';
import { CHILD_ENV } from '../support/child-env.ts';
import { runtimes, serverCommand } from '../support/server.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

const MANAGER = join(import.meta.dirname, 'fixtures', 'socket_manager.py');

/** One request over a connection of its own. @returns the status, or what broke */
function ask(port: number, path = '/'): Promise<number | string> {
  return new Promise((resolve) => {
    const asking = request({ host: '127.0.0.1', port, path, agent: false }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    asking.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'broken'));
    asking.end();
  });
}

describe('sockets that are handed over', () => {
  let dir: TempDir;
  let manager: Child;
  let ports: { main: number; admin: number };
  /** Has the manager do something, and answers what it says about that. */
  const manage = async (line: string): Promise<string> => {
    manager.say(line);
    return manager.line();
  };
  before(async () => {
    dir = await tempDir();
    const [program, args] = serverCommand('node');
    const env = { ...CHILD_ENV, SAFE_DATA_DIR: join(dir.path, 'data') };
    const limits = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false' };
    // Addresses that would be refused, if anybody tried to bind them.
    const addresses = { SAFE_MAIN_BIND_ADDRS: '127.0.0.1:1', SAFE_ADMIN_BIND_ADDRS: '127.0.0.1:2' };
    const command = JSON.stringify([program, ...args]);
    const settings = JSON.stringify({ ...env, ...limits, ...addresses });
    manager = runScript(MANAGER, [command, settings], 'python3');
    ports = JSON.parse(await manager.line()) as typeof ports;
  });
  after(async () => {
    if (manager !== undefined) {
      await manage('stop');
      await manager.end();
    }
    await dir.remove();
  });

  it('become the doors that they are named after, in place of the addresses', async () => {
    assert.equal(await manage('start'), 'started');
    assert.equal(await ask(ports.main), 200);
    assert.equal(await ask(ports.main, '/admin'), 404);
    assert.equal(await ask(ports.admin, '/admin'), 200);
    assert.equal(await ask(ports.admin), 404);
  });

  it('lose no connection while the server restarts under load', async () => {
    const answers: (number | string)[] = [];
    let going = true;
    const client = async () => {
      while (going) answers.push(await ask(ports.main));
    };
    const clients = Array.from({ length: 8 }, client);
    for (let round = 0; round < 2; round += 1) {
      const before = answers.length;
      assert.equal(await manage('restart'), 'restarted');
      // The new process answers as well, before the next one takes over.
      while (answers.length < before + 50) await new Promise((resolve) => setImmediate(resolve));
    }
    going = false;
    await Promise.all(clients);
    assert.deepEqual([...new Set(answers)], [200], `of ${answers.length}`);
    assert.ok(answers.length >= 100);
  });
});

describe('the sockets in the environment', () => {
  const env = (more: Record<string, string>) => ({ LISTEN_PID: '7', LISTEN_FDS: '2', ...more });

  it('are those of the process that they name, and nobody else’s', () => {
    assert.deepEqual(handedSockets(env({ LISTEN_FDNAMES: 'main:admin' }), 7), { main: [3], admin: [4] });
    assert.equal(handedSockets(env({ LISTEN_FDNAMES: 'main:admin' }), 8), undefined);
    assert.equal(handedSockets({}, 7), undefined);
    assert.equal(handedSockets(env({ LISTEN_FDS: '0' }), 7), undefined);
    const three = env({ LISTEN_FDS: '3', LISTEN_FDNAMES: 'admin:main:main' });
    assert.deepEqual(handedSockets(three, 7), { main: [4, 5], admin: [3] });
  });

  it('are refused without a name of a door: a socket of unknown purpose becomes none', () => {
    for (const more of [
      {},
      { LISTEN_FDNAMES: 'main' },
      { LISTEN_FDNAMES: 'main:sallyport-admin.socket' },
      { LISTEN_FDNAMES: 'main:' },
      { LISTEN_FDS: '99', LISTEN_FDNAMES: 'main' },
      { LISTEN_FDS: 'x', LISTEN_FDNAMES: 'main' },
    ])
      assert.throws(() => handedSockets(env(more), 7), { name: 'StartError' }, JSON.stringify(more));
  });
});

describe('a server on a runtime that cannot accept on handed sockets', () => {
  it('says so and does not start', {
    skip: runtimes.includes('bun') ? false : 'Bun is not installed on this platform',
  }, async () => {
    const dir = await tempDir();
    const [program, args] = serverCommand('bun');
    const env = { ...CHILD_ENV, SAFE_DATA_DIR: join(dir.path, 'data') };
    const manager = runScript(MANAGER, [JSON.stringify([program, ...args]), JSON.stringify(env)], 'python3');
    try {
      await manager.line();
      manager.say('start');
      assert.match(await manager.line(), /^ended 1 .*LISTEN_FDS/);
    } finally {
      manager.say('stop');
      await manager.line();
      await manager.end();
      await dir.remove();
    }
  });
});
