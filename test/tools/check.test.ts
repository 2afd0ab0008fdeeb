import assert from 'node:assert/strict';
import { appendFile, cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { edgeProblems, foreignGlobals } from '../../tools/edge.ts';
import { staleModules } from '../../tools/edge-wasm.ts';
import { brokenImports, roomOf } from '../../tools/imports.ts';

const root = join(import.meta.dirname, '..', '..');

describe('the checks of the source', () => {
  let copy = '';

  before(async () => {
    copy = await mkdtemp(join(tmpdir(), 'sallyport-check-'));
    for (const name of [
      'src',
      'runtime',
      'cli',
      'server.node.ts',
      'server.bun.ts',
      'server.edge.ts',
      'wrangler.example.toml',
      'package.json',
      'tsconfig.json',
    ]) {
      await cp(join(root, name), join(copy, name), { recursive: true });
    }
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  });
  after(() => rm(copy, { recursive: true, force: true }));

  /** What a check says once a line was added to a file of the copy, which is as it was afterwards. */
  async function withLine<T>(file: string, line: string, check: (root: string) => Promise<T>): Promise<T> {
    await appendFile(join(copy, file), `\n${line}\n`);
    try {
      return await check(copy);
    } finally {
      await cp(join(root, file), join(copy, file));
    }
  }

  it('find nothing in the source as it is', async () => {
    assert.deepEqual(await brokenImports(root), []);
    assert.deepEqual(await foreignGlobals(root), []);
    const { problems, gzipBytes } = await edgeProblems(root);
    assert.deepEqual(problems, []);
    assert.ok(gzipBytes > 100 * 1024 && gzipBytes < 1024 * 1024, String(gzipBytes));
    assert.deepEqual(staleModules(root), []);
  });

  const wrong: Readonly<Record<string, [file: string, line: string, found: RegExp]>> = {
    'the main door uses the private one': [
      'src/handlers/main/pastes.ts',
      "export { createAdmin } from '../admin.ts';",
      /main\/pastes\.ts may not import src\/handlers\/admin\.ts/,
    ],
    'the private door uses the main one': [
      'src/handlers/admin.ts',
      "export { createMain } from './main.ts';",
      /admin\.ts may not import src\/handlers\/main\.ts/,
    ],
    'the main door takes a type of the private one': [
      'src/handlers/main/challenge.ts',
      "export type { adminRoutes } from '../admin.ts';",
      /main\/challenge\.ts may not import src\/handlers\/admin\.ts/,
    ],
    'the core knows HTTP': [
      'src/core/sweep.ts',
      "export { json } from '../handlers/kit/reply.ts';",
      /sweep\.ts may not import src\/handlers\/kit/,
    ],
    'the core reaches past the storage interface': [
      'src/core/sweep.ts',
      "export { libsqlStore } from '../store/libsql/store.ts';",
      /sweep\.ts may not import src\/store\/libsql/,
    ],
    'the core takes more than types of the storage interface': [
      'src/core/limiter.ts',
      "export * from '../store/store.ts';",
      /limiter\.ts may import only types from src\/store\/store\.ts/,
    ],
    'crypto knows the core': [
      'src/crypto/hash.ts',
      "export type { Deps } from '../core/deps.ts';",
      /hash\.ts may not import src\/core/,
    ],
    'the house knows what surrounds it': [
      'src/core/turns.ts',
      "export { openLog } from '../../runtime/log.ts';",
      /turns\.ts may not import runtime\/log\.ts/,
    ],
    'runtime knows a root': [
      'runtime/log.ts',
      "export * from '../server.node.ts';",
      /runtime\/log\.ts may not import server\.node\.ts/,
    ],
    'the storage interface knows an implementation': [
      'src/store/store.ts',
      "export type { libsqlStore } from './libsql/store.ts';",
      /store\.ts may not import src\/store\/libsql/,
    ],
    'a builtin of Node is used behind the doors': [
      'src/core/version.ts',
      "export { readFile } from 'node:fs/promises';",
      /version\.ts imports node:fs\/promises/,
    ],
  };
  it('notice every import that the table does not allow', async () => {
    for (const [file, line] of Object.values(wrong)) await appendFile(join(copy, file), `\n${line}\n`);
    const found = (await brokenImports(copy)).join('\n');
    for (const [file] of Object.values(wrong)) await cp(join(root, file), join(copy, file));
    for (const [what, [, , expected]] of Object.entries(wrong)) assert.match(found, expected, what);
  });

  it('let the core take types of the storage interface', async () => {
    const line = "export type { Store } from '../store/store.ts';";
    assert.deepEqual(await withLine('src/core/sweep.ts', line, brokenImports), []);
  });

  it('notice what must not be in the edge bundle', async () => {
    const unwanted: readonly (readonly [line: string, found: RegExp])[] = [
      ["export { createAdmin } from '../admin.ts';", /^src\/handlers\/admin.* is in it/m],
      ["export { openLane } from '../../store/native/lane.ts';", /^src\/store\/native\/.* is in it/m],
      ["export { readFile } from 'node:fs/promises';", /imports node:fs.*src\/handlers\/main\/pastes\.ts/],
      ["export { createTransport } from 'nodemailer';", /nodemailer.* is in it/],
    ];
    const lines = unwanted.map(([line]) => line).join('\n');
    const { problems } = await withLine('src/handlers/main/pastes.ts', lines, edgeProblems);
    for (const [line, found] of unwanted) assert.match(problems.join('\n'), found, line);
  });

  it('notice what an edge runtime cannot even bundle', async () => {
    const line = "export { isatty } from 'tty';";
    const { problems } = await withLine('src/handlers/main/pastes.ts', line, edgeProblems);
    assert.match(problems.join('\n'), /resolve "tty"/);
  });

  it('notice globals of one runtime, however they are reached, and no names of our own', async () => {
    const file = 'src/core/sweep.ts';
    const names = ['process', 'Buffer', 'Deno', 'Bun'];
    const uses = names.map((name) => `export const used${name} = typeof ${name} === 'undefined';`).join('\n');
    const found = await withLine(file, uses, foreignGlobals);
    assert.deepEqual(found, names.map((name) => `${file} uses ${name}`).sort());
    const own = 'export function run(process: number): number { return process; } // Buffer, Bun';
    assert.deepEqual(await withLine(file, own, foreignGlobals), []);
  });

  it('know every room of the house', () => {
    assert.equal(roomOf('src/handlers/main.ts'), 'handlers/main');
    assert.equal(roomOf('src/handlers/main/pastes.ts'), 'handlers/main');
    assert.equal(roomOf('src/store/store.ts'), 'store');
    assert.equal(roomOf('src/store/db.ts'), 'store/db');
    assert.equal(roomOf('server.node.ts'), 'root');
  });
});
