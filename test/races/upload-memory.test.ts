import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { uploadMemoryUse } from '../../bench/upload-memory.ts';
import { rounds } from '../support/seed.ts';
import { runtimes } from '../support/server.ts';

const MIB = 1024 * 1024;
/** The limit of one upload is 250 MiB, which a long soak sends. */
const SIZE = Math.min(250, rounds(64)) * MIB;

describe('large chunks', { skip: process.platform === 'linux' ? false : 'needs /proc of Linux' }, () => {
  for (const runtime of runtimes) {
    it(`are streamed on ${runtime}: eight of ${SIZE / MIB} MiB at once, in and out, take less than 150 MiB more`, async (t) => {
      const { before, growth } = await uploadMemoryUse(runtime, SIZE);
      t.diagnostic(`${Math.round(before / MIB)} MiB before, ${Math.round(growth / MIB)} MiB more`);
      assert.ok(growth < 150 * MIB, `${Math.round(growth / MIB)} MiB more`);
    });
  }
});
