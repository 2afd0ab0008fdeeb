import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { CLIENT_TEXT } from '../../src/generated/client.ts';
import { releaseNotes } from '../../tools/release-notes.ts';

const FILE = join(import.meta.dirname, '..', '..', 'docs', 'release-notes.md');

it('the release notes are what changelog and client say, and carry the digest of the file that is served', async () => {
  const written = await readFile(FILE, 'utf8');
  assert.equal(written, await releaseNotes(), 'run node tools/release-notes.ts');
  assert.ok(written.includes(createHash('sha256').update(CLIENT_TEXT).digest('hex')));
  assert.match(written, /### Added\n- /);
});
