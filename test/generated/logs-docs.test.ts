import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { LINE_FIELDS, LOG_FIELDS } from '../../src/core/log-fields.ts';
import { withFields } from '../../tools/logs-docs.ts';

describe('docs/logs.md', () => {
  it('has every field that a line can have', async () => {
    const text = await readFile(new URL('../../docs/logs.md', import.meta.url), 'utf8');
    assert.equal(withFields(text), text, 'run node tools/logs-docs.ts');
    for (const name of Object.keys({ ...LINE_FIELDS, ...LOG_FIELDS }))
      assert.ok(text.includes(`| \`${name}\` |`));
  });

  it('needs its marks', () => {
    assert.throws(() => withFields('# no marks'), /needs one/);
  });
});
