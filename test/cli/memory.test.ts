/** A long pipe through the client in bounded memory. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const bench = join(import.meta.dirname, '..', '..', 'bench', 'client-memory.ts');

test('256 MiB are sealed and opened in a pipe in under 100 MiB of memory', {
  // The peak is read from /proc.
  skip: process.platform === 'linux' ? false : 'only Linux tells what a process peaked at',
}, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [bench, '256']);
  const peaks = [...stdout.matchAll(/(\d+) MiB peak/g)].map(([, peak]) => Number(peak));
  assert.equal(peaks.length, 3);
  for (const peak of peaks) assert.ok(peak > 20 && peak < 100, stdout);
});
