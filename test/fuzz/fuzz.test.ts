/**
 * A little of what `npm run fuzz` does, with the same inputs each day; all that was ever found, again; and that the
 * fuzzer finds something where there is something.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readers } from '../../tools/fuzz/readers/all.ts';
import { ofText } from '../../tools/fuzz/readers/reader.ts';
import { readerTarget } from '../../tools/fuzz/readers/target.ts';
import { type Find, must, type Target } from '../../tools/fuzz/target.ts';
import { elsewhere, handlers, handlersOverNode, targets } from '../../tools/fuzz/targets.ts';
import { inSoak, rounds, seeded } from '../support/seed.ts';

const CORPUS = join(import.meta.dirname, 'corpus');
/** Requests and inputs of an everyday run. */
const REQUESTS = rounds(60);
const INPUTS = rounds(60);
/** Each input is a whole command, given files. */
const DEAR = /^(bundle|verify|age-files|settings-files)/;
/** Each input is a database that is checked from end to end. */
const DEAREST = /^backup/;
/** Coverage chooses inputs in the soak, where there are enough of them to be worth the counting. */
const GUIDED = rounds(1) > 1;

async function finds(target: Target, seed: number, runs: number): Promise<Find | undefined> {
  const { find } = await target.fuzz({ seed, more: (done) => done < runs, progress: () => {} });
  return find;
}

describe('inputs that nobody thought of', () => {
  it('requests from the documents, in sequences: every answer is documented, and nothing is left half done', async (t) => {
    const find = await finds(handlers, seeded(t).below(2 ** 31), REQUESTS);
    assert.equal(find, undefined, JSON.stringify(find));
  });

  it('the same through the sockets of a listener: no answer differs from the documents', async (t) => {
    const find = await finds(handlersOverNode, seeded(t).below(2 ** 31), REQUESTS);
    assert.equal(find, undefined, JSON.stringify(find));
  });

  for (const reader of readers) {
    const skip = DEAREST.test(reader.name) && inSoak('test/cli/backup-units.test.ts');
    it(`${reader.summary}: read or refused, and nothing else`, { skip }, async (t) => {
      const inputs = DEAR.test(reader.name) ? Math.ceil(INPUTS / 4) : INPUTS;
      const find = await finds(readerTarget(reader, GUIDED), seeded(t).below(2 ** 31), inputs);
      assert.equal(find, undefined, JSON.stringify(find));
    });
  }
});

describe('the same requests where others store, count and serve', {
  skip: inSoak(
    'the suites of each store, limiter and runtime, and the same requests on the embedded engine,',
  ),
}, () => {
  for (const target of elsewhere) {
    it(`${target.name}: every answer is documented, and nothing is left half done`, async (t) => {
      const find = await finds(target, seeded(t).below(2 ** 31), REQUESTS);
      assert.equal(find, undefined, JSON.stringify(find));
    });
  }
});

describe('what was found once', () => {
  for (const name of readdirSync(CORPUS).sort()) {
    it(`does not hold any more: ${name}`, async () => {
      const { target, input } = JSON.parse(readFileSync(join(CORPUS, name), 'utf8')) as Find;
      const reader = readers.find((one) => one.name === target);
      // In this thread: they have returned before.
      const found = reader ? readerTarget(reader, false) : targets.find((one) => one.name === target);
      assert.ok(found !== undefined, `no target ${target}`);
      await found.replay(input);
    });
  }
});

describe('the fuzzer', () => {
  const broken = ofText({
    name: 'broken',
    summary: 'a reader that takes one thing wrong',
    seeds: () => ['some words'],
    words: ['<'],
    readText: (text) => must(!text.includes('<'), () => 'it takes the sign'),
  });

  it('finds what breaks a rule, makes it small, and finds the same again with the same seed', async () => {
    const target = readerTarget(broken, false);
    const find = await finds(target, 1, 10_000);
    assert.ok(find !== undefined);
    assert.equal(Buffer.from((find.input as { base64: string }).base64, 'base64').toString(), '<');
    assert.deepEqual(await finds(target, 1, 10_000), find);
    await assert.rejects(target.replay(find.input), /takes the sign/);
  });

  it('reaches more with coverage than it began with', async () => {
    const nested = ofText({ ...broken, readText: () => {} });
    const [age] = readers.filter(({ name }) => name === 'age-header');
    assert.ok(age !== undefined);
    const outcome = await readerTarget(age).fuzz({ seed: 3, more: (done) => done < 100, progress: () => {} });
    assert.match(outcome.notes?.[0] ?? '', /, [1-9]\d* inputs that reached something new/);
    assert.equal(await finds(readerTarget(nested, false), 1, 200), undefined);
  });
});
