import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { groupFiles } from '../../tools/test-groups.ts';
import { tempDir } from '../support/temp.ts';

/** Deals out files with these texts, by `room/name`, and answers what came of it in names of files. */
async function dealt(texts: Readonly<Record<string, string>>) {
  const dir = await tempDir();
  try {
    const paths: string[] = [];
    for (const [name, text] of Object.entries(texts)) {
      const path = join(dir.path, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
      paths.push(path);
    }
    const { groups, alone } = await groupFiles(paths, dir.path);
    return {
      groups: await Promise.all(groups.map(({ path }) => loadedBy(path))),
      named: groups.map(({ files }) => files.map((file) => basename(file))),
      alone: alone.map((file) => basename(file)),
    };
  } finally {
    await dir.remove();
  }
}

/** What a module imports. */
async function loadedBy(path: string): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).matchAll(/^import "(.+)";$/gm);
  return [...lines].map(([, url = '']) => basename(fileURLToPath(url)));
}

describe('test files that share a process', () => {
  it('are of one room, at most sixteen, each in one group', async () => {
    const many = Array.from({ length: 33 }, (_, i) => `a/${i}.ts`);
    const { groups, named, alone } = await dealt({
      ...Object.fromEntries(many.map((name) => [name, ''])),
      'b/x.ts': '',
      'b/y.ts': '',
      'c/z.ts': '',
    });
    assert.deepEqual(groups, named);
    assert.deepEqual(
      groups.map(({ length }) => length),
      [11, 11, 11, 2],
    );
    assert.deepEqual(groups.slice(0, 3).flat().sort(), many.map((name) => basename(name)).sort());
    assert.deepEqual(groups[3], ['x.ts', 'y.ts']);
    assert.deepEqual(alone, ['z.ts'], 'one is no group');
  });

  for (const [what, text] of Object.entries({
    'waits while it loads': 'const x = await load();',
    'exports what it waits for': 'export const x = await load();',
    'loops while it loads': 'for await (const x of y) {}',
    'has a hook outside of any suite': 'before(async () => {});',
    'reads the environment': '  if (process.env.X) return;',
    'listens to its process': "  process.on('warning', f);",
    'replaces a global': '  globalThis.fetch = f;',
    'measures time': '  const start = performance.now();',
  })) {
    it(`leave out one that ${what}`, async () => {
      const { groups, alone } = await dealt({ 'a/1.ts': '', 'a/2.ts': text, 'a/3.ts': '' });
      assert.deepEqual(alone, ['2.ts']);
      assert.deepEqual(groups, [['1.ts', '3.ts']]);
    });
  }

  it('may wait within a test, and have hooks within a suite', async () => {
    const text =
      "describe('x', () => {\n  before(f);\n  it('y', async () => {\n    const z = await f();\n  });\n});";
    assert.deepEqual((await dealt({ 'a/1.ts': text, 'a/2.ts': text })).alone, []);
  });
});
