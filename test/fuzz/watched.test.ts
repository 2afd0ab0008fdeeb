/** Readers that do not come back are finds: with the input, and without a run that hangs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bounds, ReaderThread } from '../../tools/fuzz/readers/watched.ts';

const module = new URL('./fixtures/stuck-readers.ts', import.meta.url);
const budget = (runs: number) => ({ seed: 1, more: (done: number) => done < runs, progress: () => {} });
const textOf = (input: unknown) =>
  Buffer.from((input as { base64: string }).base64, 'base64').toString('latin1');

async function finds(name: string, bounds: Partial<Bounds> = {}) {
  const target = new ReaderThread(module, bounds).target({ name, summary: name }, false);
  const { find } = await target.fuzz(budget(1000));
  assert.ok(find !== undefined, 'nothing was found');
  assert.match(textOf(find.input), /</);
  return { ...find, target };
}

describe('a reader that is watched', () => {
  it('is found where it never returns', async () => {
    const { message, target, input } = await finds('spins', { processorMs: 300 });
    assert.match(message, /^does not return: \d+ ms of processor time/);
    await assert.rejects(target.replay(input), /does not return/);
  });

  it('is found where it waits for what never comes', async () => {
    const { message } = await finds('waits');
    assert.equal(message, 'waits for what never comes');
  });

  it('is found where it takes all of the heap', async () => {
    const { message } = await finds('hoards', { heapMib: 32 });
    assert.equal(message, 'takes more than 32 MiB of heap');
  });

  it('is found where it takes memory beside the heap', async () => {
    const { message } = await finds('grows', { growthMib: 100 });
    assert.match(message, /^takes \d+ MiB of memory/);
  });

  it('is found where it throws when it has returned', async () => {
    const { message } = await finds('throws later');
    assert.match(message, /^ends the thread: .*nobody waits for this/);
  });

  it('leaves the next one a thread', async () => {
    const thread = new ReaderThread(module, { processorMs: 300 });
    const of = (name: string) => thread.target({ name, summary: name }, false);
    assert.ok((await of('spins').fuzz(budget(1000))).find !== undefined);
    const outcome = await of('fine').fuzz(budget(500));
    assert.equal(outcome.find, undefined);
    assert.ok(outcome.runs >= 500);
    await assert.rejects(of('nobody').fuzz(budget(1)), /no reader nobody/);
  });
});
