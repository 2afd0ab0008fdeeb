/** The README's own words, done as they stand there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { startServer } from '../support/server.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

async function readmeBlock(name: string): Promise<string> {
  const text = await readFile(join(root, 'README.md'), 'utf8');
  const [, block] =
    new RegExp(`<!-- ${name}:begin -->\\n\`\`\`sh\\n([\\s\\S]*?)\`\`\`\\n<!-- ${name}:end -->`).exec(text) ??
    [];
  assert.ok(block !== undefined, `the README has no block ${name}`);
  return block;
}

it('has five curl lines that work as pasted', async () => {
  const script = await readmeBlock('curl');
  assert.equal(script.trim().split('\n').length, 5);
  const server = await startServer();
  try {
    const here = script.replaceAll('http://127.0.0.1:8080', server.main);
    // --fail-with-body makes a refusal end the shell; the pasted lines are otherwise as they are.
    const shell = `set -eu\ncurl() { command curl --fail-with-body "$@"; echo; }\n${here}`;
    const { stdout } = await run('sh', ['-c', shell], { cwd: root });
    const lines = stdout.split('\n').filter((line) => line !== '');
    assert.match(lines[0] ?? '', new RegExp(`^${server.main}/[0-9a-z]{26}$`));
    assert.equal(lines[1], 'hello');
    assert.equal(JSON.parse(lines[2] ?? '').mime_type, 'text/plain');
    const burning = JSON.parse(lines[3] ?? '');
    assert.deepEqual([burning.burn_after_read, burning.password_protected], [true, true]);
    assert.equal(JSON.parse(lines[4] ?? '').size, 6);
  } finally {
    await server.stop();
  }
});

it('links to nothing that is not there', async () => {
  const text = await readFile(join(root, 'README.md'), 'utf8');
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path ?? '');
  assert.ok(links.length > 5);
  for (const path of links) await assert.doesNotReject(readFile(join(root, path)), `${path} is missing`);
});
