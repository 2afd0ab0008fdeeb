import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { acquire, type ControlCommands } from '../../runtime/control.ts';
import { callControl } from '../../runtime/control-client.ts';
import { takeLock } from '../../runtime/lock.ts';
import { type Child, runScript } from '../support/child.ts';
import { rounds } from '../support/seed.ts';
import { tempDir } from '../support/temp.ts';

const NOW = Date.UTC(2026, 10, 1, 12);
const script = fileURLToPath(new URL('./fixtures/owner.ts', import.meta.url));
const bun = fileURLToPath(
  new URL(`../../node_modules/@oven/bun-${process.platform}-${process.arch}/bin/bun`, import.meta.url),
);

async function dataDir(t: TestContext, name = 'data'): Promise<string> {
  const dir = await tempDir();
  t.after(dir.remove);
  return join(dir.path, name);
}

async function owned(t: TestContext, commands: ControlCommands = {}, name?: string): Promise<string> {
  const dir = await dataDir(t, name);
  const ownership = await acquire(dir, { version: '1.2.3', now: NOW, commands });
  t.after(() => ownership.release());
  return dir;
}

/** Starts a process that tries to own `dir`; answers it with its outcome. */
async function starter(t: TestContext, dir: string, command?: string) {
  const child: Child = runScript(script, [dir, '9.9.9'], command);
  t.after(child.end);
  const outcome = JSON.parse(await child.line()) as { owner?: number; problem?: string; message?: string };
  return { child, outcome };
}

describe('the owner of a data directory', () => {
  it('keeps directory, lock and socket to its own user', async (t) => {
    const dir = await owned(t);
    assert.deepEqual((await readdir(dir)).sort(), ['control.sock', 'server.lock']);
    for (const [name, mode] of [
      ['.', 0o700],
      ['control.sock', 0o600],
      ['server.lock', 0o600],
    ] as const) {
      assert.equal((await stat(join(dir, name))).mode & 0o777, mode, name);
    }
  });

  it('takes rights away from others that a directory already there gives them', async (t) => {
    const dir = await dataDir(t);
    await mkdir(dir, { mode: 0o755 });
    const ownership = await acquire(dir, { version: '1.2.3', now: NOW });
    t.after(() => ownership.release());
    assert.equal((await stat(dir)).mode & 0o777, 0o700);
  });

  it('is named to whoever comes second, in this process or another, on Node and on Bun', async (t) => {
    const dir = await owned(t);
    const message = new RegExp(
      `The data directory ${dir} is in use by sallyport 1\\.2\\.3, process ${process.pid}, since 2026-11-01T12:00:00.000Z`,
    );
    await assert.rejects(acquire(dir, { version: '2', now: NOW }), { problem: 'held', message });
    for (const command of [process.execPath, ...(existsSync(bun) ? [bun] : [])]) {
      const { outcome } = await starter(t, dir, command);
      assert.equal(outcome.problem, 'held');
      assert.match(outcome.message ?? '', message);
    }
  });

  it('is told even if it does not answer', async (t) => {
    const dir = await dataDir(t);
    await mkdir(dir);
    const lock = takeLock(join(dir, 'server.lock'));
    t.after(() => lock?.release());
    await assert.rejects(acquire(dir, { version: '2', now: NOW }), {
      problem: 'held',
      message: /fuser .*server\.lock/,
    });
  });

  it('leaves a directory that the next one can take', async (t) => {
    const dir = await dataDir(t);
    for (let i = 0; i < 3; i++) {
      const ownership = await acquire(dir, { version: '1', now: NOW });
      await ownership.release();
      await ownership.release();
    }
    assert.deepEqual(await readdir(dir), ['server.lock']);
  });

  it('is followed by exactly one of many when it is killed', async (t) => {
    const dir = await dataDir(t);
    let { child, outcome } = await starter(t, dir);
    for (let round = 0; round < rounds(3); round++) {
      assert.ok(outcome.owner !== undefined);
      await child.end();
      assert.ok(existsSync(join(dir, 'control.sock')), 'a socket of a dead process lies there');
      await assert.rejects(callControl(dir, 'whoami'), { problem: 'no_server' });
      const runtimes = [process.execPath, existsSync(bun) ? bun : process.execPath];
      const starters = await Promise.all(
        Array.from({ length: 6 }, (_, i) => starter(t, dir, runtimes[i % 2])),
      );
      const owners = starters.filter((each) => each.outcome.owner !== undefined);
      assert.equal(owners.length, 1);
      const answer = (await callControl(dir, 'whoami')) as { pid: number };
      assert.equal(answer.pid, owners[0]?.outcome.owner);
      for (const each of starters) {
        if (each !== owners[0])
          assert.match(each.outcome.message ?? '', new RegExp(`process ${answer.pid}\\b`));
      }
      ({ child, outcome } = owners[0] ?? assert.fail());
    }
  });

  it('is reached in a directory whose path is longer than a socket address', async (t) => {
    const dir = await owned(t, { echo: (args) => args }, join('long'.repeat(50), 'data'));
    assert.deepEqual(await callControl(dir, 'echo', [1]), [1]);
    await assert.rejects(acquire(dir, { version: '2', now: NOW }), { problem: 'held', message: /1\.2\.3/ });
  });

  it('says what is wrong with a directory that cannot be one', async (t) => {
    const dir = await dataDir(t);
    await assert.rejects(acquire(join(script, 'data'), { version: '1', now: NOW }), {
      problem: 'unusable',
      message: /belongs to the user who runs the server/,
    });
    await assert.rejects(callControl(dir, 'whoami'), { problem: 'no_server' });
  });
});

describe('the control socket', () => {
  it('runs a command and answers its result, or the refusal in its own words', async (t) => {
    const dir = await owned(t, {
      add: (args) => (Array.isArray(args) ? args.reduce((a, b) => a + b, 0) : undefined),
      nothing: async () => undefined,
      refuse: () => {
        throw new Error('Not now.');
      },
    });
    assert.equal(await callControl(dir, 'add', [1, 2, 3]), 6);
    assert.equal(await callControl(dir, 'nothing'), null);
    assert.deepEqual(await callControl(dir, 'whoami'), {
      program: 'sallyport',
      version: '1.2.3',
      pid: process.pid,
      since: '2026-11-01T12:00:00.000Z',
    });
    await assert.rejects(callControl(dir, 'refuse'), { problem: 'refused', message: 'Not now.' });
    for (const unknown of ['nope', 'constructor', '__proto__', '']) {
      await assert.rejects(callControl(dir, unknown), { problem: 'refused', message: /no such command/ });
    }
  });

  it('takes commands that are added later', async (t) => {
    const dir = await dataDir(t);
    const ownership = await acquire(dir, { version: '1', now: NOW });
    t.after(() => ownership.release());
    ownership.answer({ later: () => 'now' });
    assert.equal(await callControl(dir, 'later'), 'now');
  });

  it('answers a command that itself ends the ownership', async (t) => {
    const dir = await dataDir(t);
    const ownership = await acquire(dir, { version: '1', now: NOW });
    ownership.answer({ stop: () => ownership.release().then(() => 'stopped') });
    assert.equal(await callControl(dir, 'stop'), 'stopped');
    await assert.rejects(callControl(dir, 'whoami'), { problem: 'no_server' });
  });

  it('answers several commands of a connection in order, and ends one that sends nonsense without end', async (t) => {
    let running = 0;
    const dir = await owned(t, {
      slow: async (n) => {
        running += 1;
        assert.equal(running, 1, 'one at a time');
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        return n;
      },
    });
    const lines = await talk(
      join(dir, 'control.sock'),
      '{"cmd":"slow","args":1}\n{"cmd":"slow","args":2}\nnonsense\n',
      3,
    );
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)).map(({ ok, result }) => [ok, result]),
      [
        [true, 1],
        [true, 2],
        [false, undefined],
      ],
    );
    assert.deepEqual(await talk(join(dir, 'control.sock'), 'x'.repeat(3 * 1024 * 1024), 1), []);
    assert.equal(await callControl(dir, 'slow', 3), 3);
  });

  it('does not wait for ever', async (t) => {
    const dir = await owned(t, { hang: () => new Promise(() => {}) });
    await assert.rejects(callControl(dir, 'hang', null, { timeoutMs: 50 }), { problem: 'broken' });
  });
});

describe('a lock', () => {
  it('is held once, and again after its release', async (t) => {
    const dir = await dataDir(t);
    await mkdir(dir);
    const path = join(dir, 'a.lock');
    const lock = takeLock(path);
    assert.ok(lock !== undefined);
    assert.equal(takeLock(path), undefined);
    lock.release();
    lock.release();
    const next = takeLock(path);
    assert.ok(next !== undefined);
    next.release();
    assert.throws(() => takeLock(join(dir, 'missing', 'a.lock')), { code: 'ENOENT' });
  });
});

/** Sends `text` and answers up to `count` lines, fewer if the connection ends before. */
function talk(path: string, text: string, count: number): Promise<string[]> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let received = '';
    const lines = () => received.split('\n').slice(0, -1);
    socket.on('data', (chunk) => {
      received += chunk;
      if (lines().length >= count) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(lines()));
    socket.write(text);
  });
}
