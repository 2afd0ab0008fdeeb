import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { coverageReport } from '../../tools/coverage.ts';

describe('the coverage of src', () => {
  let root = '';
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'sallyport-coverage-'));
    await mkdir(join(root, 'src', 'generated'), { recursive: true });
    await writeFile(join(root, 'src', 'run.ts'), 'globalThis.name;\n'.repeat(10));
    await writeFile(join(root, 'src', 'types.ts'), 'export interface Nothing { readonly at: number }\n');
    await writeFile(join(root, 'src', 'generated', 'data.ts'), 'export const data = 1;\n');
  });
  after(() => rm(root, { recursive: true, force: true }));

  const ran = (name: string, totalLineCount: number, coveredLineCount: number) => ({
    path: join(root, name),
    totalLineCount,
    coveredLineCount,
  });

  it('is the share of lines that ran', async () => {
    const { lines, worst } = await coverageReport(root, [ran('src/run.ts', 10, 8)]);
    assert.equal(lines, 80);
    assert.deepEqual(worst, [' 80 %  src/run.ts (2 lines)']);
  });

  it('counts files that no test loads, unless they hold types alone or are generated', async () => {
    await writeFile(join(root, 'src', 'forgotten.ts'), 'globalThis.name;\n'.repeat(9));
    const { lines, unloaded } = await coverageReport(root, [ran('src/run.ts', 10, 10)]);
    assert.deepEqual(unloaded, ['src/forgotten.ts']);
    assert.equal(lines, 50);
    await rm(join(root, 'src', 'forgotten.ts'));
  });

  it('does not let tests, tools or packages improve it', async () => {
    const files = [
      ran('src/run.ts', 10, 5),
      ran('test/big.ts', 1000, 1000),
      ran('src/generated/data.ts', 1000, 1000),
    ];
    assert.equal((await coverageReport(root, files)).lines, 50);
  });

  it('is nothing when nothing ran', async () => {
    assert.equal((await coverageReport(root, [])).lines, 0);
  });
});
