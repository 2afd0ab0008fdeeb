/** The Node that scripts of package.json run with, whatever Node and whatever npm the machine has. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';

const root = join(import.meta.dirname, '..', '..');
const launcher = join(root, 'tools', 'node.mjs');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  optionalDependencies: Record<string, string>;
};

it('is the one of the lock file, and hands arguments and exit codes through', () => {
  const [wanted] = Object.values(manifest.optionalDependencies);
  const said = spawnSync(process.execPath, [launcher, '-p', 'process.version'], { encoding: 'utf8' });
  assert.deepEqual([said.status, said.stdout, said.stderr], [0, `v${wanted}\n`, '']);
  assert.equal(spawnSync(process.execPath, [launcher, '-e', 'process.exit(3)']).status, 3);
});

it('keeps what it compiles, where the environment names no other place', () => {
  const asked = (env: NodeJS.ProcessEnv) =>
    spawnSync(process.execPath, [launcher, '-p', 'process.env.NODE_COMPILE_CACHE'], { encoding: 'utf8', env })
      .stdout;
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  assert.equal(asked(env), `${join(root, 'node_modules', '.cache', 'compiled')}\n`);
  assert.equal(asked({ ...env, NODE_COMPILE_CACHE: '' }), '\n');
});

it('ends when it is told to', async () => {
  const child = spawn(process.execPath, [launcher, '-e', 'console.log(1); setInterval(() => {}, 1000)'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  const [code, signal] = await once(child, 'close');
  assert.ok(signal === 'SIGTERM' || code === 143, `${code} ${signal}`);
});

it('is what every script asks for: npm before 11 leaves node_modules/.bin without it', () => {
  for (const [name, script] of Object.entries(manifest.scripts))
    for (const part of script.split(' && ')) assert.match(part, /^node tools\/node\.mjs /, name);
  // Each package of the lock file is known by its platform.
  const text = readFileSync(launcher, 'utf8');
  for (const name of Object.keys(manifest.optionalDependencies)) assert.ok(text.includes(`'${name}'`), name);
});
