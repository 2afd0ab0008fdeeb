import { describe, it } from 'node:test';
import { memoryUse } from '../../bench/memory.ts';
import { runtimes } from '../support/server.ts';
import { needsLess } from './needed-memory.ts';

const MIB = 1024 * 1024;

describe('large pastes', { skip: process.platform === 'linux' ? false : 'needs /proc of Linux' }, () => {
  for (const runtime of runtimes) {
    it(`are streamed: eight of 50 MiB at once, in and out, take less than 150 MiB more on ${runtime}`, (t) =>
      needsLess(t, 150 * MIB, () => memoryUse(runtime)));
  }
});
