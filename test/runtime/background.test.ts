import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { background } from '../../runtime/background.ts';
import type { Log } from '../../src/core/deps.ts';

function written() {
  const lines: string[] = [];
  const log: Log = {
    write: (level, msg, fields) => void lines.push(`${level} ${msg} ${JSON.stringify(fields)}`),
  };
  return { lines, log };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('A task in the background', () => {
  it('begins when the answer that it follows has gone out', async () => {
    const { run } = background(written().log);
    let begun = false;
    const task = async () => {
      begun = true;
    };
    run('a task', task);
    for (let waits = 0; waits < 100; waits += 1) await Promise.resolve();
    assert.equal(begun, false);
    await turn();
    await turn();
    assert.equal(begun, true);
  });

  it('is waited for at the end, begun or not', async () => {
    const { run, finish } = background(written().log);
    let done = false;
    run('a task', async () => {
      await turn();
      done = true;
    });
    await finish();
    assert.equal(done, true);
  });

  it('is told of in the log where it fails, also where it does so at once', async () => {
    const { lines, log } = written();
    const { run, finish } = background(log);
    const fails = (): Promise<void> => {
      throw new RangeError('words that are for nobody');
    };
    run('a task', fails);
    await finish();
    assert.deepEqual(lines, ['warn a background task failed {"task":"a task","error_type":"RangeError"}']);
  });

  it('is dropped where a thousand are under way, and told of', async () => {
    const { lines, log } = written();
    const { run, finish } = background(log);
    let ran = 0;
    const task = async () => {
      ran += 1;
    };
    for (let tasks = 0; tasks < 1001; tasks += 1) run('a task', task);
    await finish();
    assert.equal(ran, 1000);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /dropped/);
  });
});
