/** What docs/uploads.md says is tested is. */
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { MOST_UNFINISHED, UPLOAD_LIFETIME_MS } from '../../src/core/uploads.ts';

const root = join(import.meta.dirname, '..', '..');

it('every demand of the protocols names a test that there is', async () => {
  const text = await readFile(join(root, 'docs', 'uploads.md'), 'utf8');
  const rows = [...text.matchAll(/^\| Demand \| Test \|\n\|---\|---\|\n((?:\|.*\|\n)+)/gm)];
  const names = rows.flatMap(([, table = '']) =>
    table
      .trimEnd()
      .split('\n')
      .map((row) => row.split('|').at(-2)?.trim() ?? ''),
  );
  assert.ok(names.length > 45, `${names.length} demands`);
  const files = globSync('test/handlers/uploads-*.test.ts', { cwd: root });
  const sources = await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')));
  const tests = sources.join('\n');
  assert.deepEqual(
    names.filter((name) => name === '' || !tests.includes(name)),
    [],
  );
});

it('the limits that it states are those of the code', async () => {
  const text = await readFile(join(root, 'docs', 'uploads.md'), 'utf8');
  assert.match(text, new RegExp(`\\| Lifetime \\| ${UPLOAD_LIFETIME_MS / 3_600_000} hours`));
  assert.match(text, new RegExp(`\\| Unfinished uploads of an account \\| ${MOST_UNFINISHED} \\|`));
});
