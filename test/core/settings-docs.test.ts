import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ENTRIES } from '../../src/core/settings-table.ts';
import { BEGIN, between, END, longPage, shortTables } from '../../tools/settings-docs.ts';

const root = new URL('../../', import.meta.url);

test('both documents name every setting, with its default', () => {
  for (const text of [shortTables(), longPage()]) {
    for (const [name, entry] of ENTRIES) {
      const row = text
        .split('\n')
        .find((line) => line.startsWith(`| \`${name}`) && /^[`[,]/.test(line.slice(3 + name.length)));
      assert.ok(row !== undefined, name);
      if (entry.default) assert.ok(row.includes(`\`${entry.default}\``), name);
    }
  }
});

test('every row of a table has as many cells as its head', () => {
  for (const text of [shortTables(), longPage()]) {
    for (const table of text.split(/\n\n/).filter((part) => part.includes('|---|'))) {
      const widths = table
        .split('\n')
        .filter((line) => line.startsWith('|'))
        .map((line) => line.match(/(?<!\\)\|/g)?.length);
      assert.equal(new Set(widths).size, 1, table.slice(0, 200));
    }
  }
});

test('the README and the settings page say what the server reads', () => {
  const readme = readFileSync(new URL('README.md', root), 'utf8');
  assert.equal(between(readme, shortTables()), readme, 'run: node tools/settings-docs.ts');
  assert.equal(
    readFileSync(new URL('docs/settings.md', root), 'utf8'),
    longPage(),
    'run: node tools/settings-docs.ts',
  );
});

test('what stands around the marks is kept, and missing marks are noticed', () => {
  assert.equal(between(`a\n${BEGIN}\nold\n${END}\nb`, 'new'), `a\n${BEGIN}\n\nnew\n\n${END}\nb`);
  for (const text of ['', BEGIN, END, `${END} ${BEGIN}`, `${BEGIN}${BEGIN}${END}`, `${BEGIN}${END}${END}`]) {
    assert.equal(between(text, 'new'), undefined, text);
  }
});
