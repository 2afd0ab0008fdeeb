import { describe, it } from 'node:test';
import { uploadMemoryUse } from '../../bench/upload-memory.ts';
import { rounds } from '../support/seed.ts';
import { runtimes } from '../support/server.ts';
import { needsLess } from './needed-memory.ts';

const MIB = 1024 * 1024;
/** The limit of one upload is 250 MiB, which a long soak sends: even of these, eight together are more than the bound. */
const SIZE = Math.min(250, rounds(40)) * MIB;

describe('large chunks', { skip: process.platform === 'linux' ? false : 'needs /proc of Linux' }, () => {
  for (const runtime of runtimes) {
    it(`are streamed on ${runtime}: eight of ${SIZE / MIB} MiB at once, in and out, take less than 150 MiB more`, (t) =>
      needsLess(t, 150 * MIB, () => uploadMemoryUse(runtime, SIZE)));
  }
});
