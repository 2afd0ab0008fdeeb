import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openLog } from '../../runtime/log.ts';
import { startSweeper } from '../../runtime/sweeper.ts';
import { runtimes, serverCommand } from '../support/server.ts';

function capture() {
  const lines: Record<string, unknown>[] = [];
  return { lines, to: { write: (line: string) => lines.push(JSON.parse(line)) } };
}

describe('the log', () => {
  it('writes one JSON object a line: time, level, message, fields, and nothing of the machine', () => {
    const { lines, to } = capture();
    openLog('info', to).write('warn', 'something', { bytes: 3, slow: true, broken: undefined });
    const [line = {}] = lines;
    assert.match(String(line.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(
      { ...line, time: '' },
      { level: 'warn', time: '', bytes: 3, slow: true, msg: 'something' },
    );
  });

  it('takes another level while it runs', () => {
    const { lines, to } = capture();
    const log = openLog('warn', to);
    log.write('debug', 'first', {});
    log.setLevel('debug');
    log.write('debug', 'second', {});
    log.setLevel('error');
    log.write('warn', 'third', {});
    assert.deepEqual(
      lines.map((line) => line.msg),
      ['second'],
    );
  });

  it('leaves out what is below its level', () => {
    const { lines, to } = capture();
    const log = openLog('warn', to);
    log.write('info', 'no', {});
    log.write('error', 'yes', {});
    assert.deepEqual(
      lines.map((line) => line.msg),
      ['yes'],
    );
  });
});

for (const runtime of runtimes)
  for (const how of ['flushed', 'as it is'])
    it(`the last line before the end is in the log on ${runtime}, ${how}`, async () => {
      const script = join(import.meta.dirname, 'fixtures', 'last-words.ts');
      const [program] = serverCommand(runtime);
      const child = spawn(program, [script, how], { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(child, 'close');
      let log = '';
      for await (const piece of child.stdout.setEncoding('utf8')) log += piece;
      assert.deepEqual(await ended, [3, null]);
      assert.deepEqual(
        log.split('\n').map((line) => (line === '' ? '' : (JSON.parse(line) as { msg: string }).msg)),
        ['first', 'last', ''],
      );
    });

describe('the sweeper', () => {
  it('never runs twice at a time, and logs a failure by its type alone', async () => {
    const { lines, to } = capture();
    let running = 0;
    let runs = 0;
    const enough = Promise.withResolvers<void>();
    const sweeper = startSweeper(
      async () => {
        running += 1;
        assert.equal(running, 1);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        runs += 1;
        if (runs === 3) enough.resolve();
        if (runs === 1) throw new RangeError('row 7 of somebody');
      },
      1,
      openLog('info', to),
    );
    await enough.promise;
    await sweeper.stop();
    const after = runs;
    assert.equal(running, 0);
    assert.deepEqual(
      lines.map(({ msg, error_type }) => [msg, error_type]),
      [['sweep failed', 'RangeError']],
    );
    assert.ok(!JSON.stringify(lines).includes('row 7'));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(runs, after);
  });

  it('tells the sweep under way to end early, and waits for it', async () => {
    const began = Promise.withResolvers<void>();
    let ended = false;
    const sweeper = startSweeper(
      async (stop) => {
        began.resolve();
        while (!stop()) await new Promise((resolve) => setImmediate(resolve));
        ended = true;
      },
      60_000,
      openLog('info', capture().to),
    );
    await began.promise;
    await sweeper.stop();
    assert.ok(ended);
  });

  it('begins the next round at once when it is woken, between rounds and during one', async () => {
    let runs = 0;
    let reached = Promise.withResolvers<void>();
    const sweeper = startSweeper(
      async () => {
        runs += 1;
        // Woken while it runs, it runs once more.
        if (runs === 2) sweeper.wake();
        if (runs === 1 || runs === 3) reached.resolve();
      },
      3_600_000,
      openLog('info', capture().to),
    );
    await reached.promise;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(runs, 1);
    reached = Promise.withResolvers<void>();
    sweeper.wake();
    await reached.promise;
    await sweeper.stop();
    sweeper.wake();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(runs, 3);
  });

  it('does nothing at an interval of 0', async () => {
    let runs = 0;
    const sweeper = startSweeper(async () => (runs += 1), 0, openLog('info', capture().to));
    sweeper.wake();
    await sweeper.stop();
    assert.equal(runs, 0);
  });
});
