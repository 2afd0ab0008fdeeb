import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memoryUse } from '../../bench/memory.ts';
import { runtimes } from '../support/server.ts';

const MIB = 1024 * 1024;

describe('large pastes', { skip: process.platform === 'linux' ? false : 'needs /proc of Linux' }, () => {
  for (const runtime of runtimes) {
    it(`are streamed: eight of 50 MiB at once, in and out, take less than 150 MiB more on ${runtime}`, async (t) => {
      const { before, growth } = await memoryUse(runtime);
      t.diagnostic(`${Math.round(before / MIB)} MiB before, ${Math.round(growth / MIB)} MiB more`);
      assert.ok(growth < 150 * MIB, `${Math.round(growth / MIB)} MiB more`);
    });
  }
});
