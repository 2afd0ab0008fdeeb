import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
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

  it('says of every line that wants somebody what to do', async () => {
    const root = new URL('../../', import.meta.url);
    const text = await readFile(new URL('docs/logs.md', root), 'utf8');
    const said: string[] = [];
    for await (const file of glob(['src/**/*.ts', 'runtime/**/*.ts'], { cwd: root })) {
      const code = await readFile(new URL(file, root), 'utf8');
      for (const [, , line = ''] of code.matchAll(/log\.write\(\s*'(?:error|warn)',\s*(['"])(.*?)\1/g))
        said.push(line);
    }
    assert.ok(said.length > 15);
    for (const line of said) assert.ok(text.includes(`\`${line}\``), line);
  });

  it('needs its marks', () => {
    assert.throws(() => withFields('# no marks'), /needs one/);
  });
});
