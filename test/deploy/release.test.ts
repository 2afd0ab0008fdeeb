/** Signed checksums: made as the pipeline makes them, checked with the words of SECURITY.md. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { debianProgram } from '../support/debian.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

const root = join(import.meta.dirname, '..', '..');
let dir: TempDir;
let key: string;

before(async () => {
  dir = await tempDir();
  await writeFile(join(dir.path, 'sallyport-linux-x64'), 'an executable');
  await writeFile(join(dir.path, 'sbom.cdx.json'), '{}');
  const outside = await tempDir();
  const made = spawnSync(debianProgram('ssh-keygen', 'openssh-client'), [
    ...['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(outside.path, 'key')],
  ]);
  assert.equal(made.status, 0, String(made.stderr));
  key = await readFile(join(outside.path, 'key'), 'utf8');
  const signer = await readFile(join(outside.path, 'key.pub'), 'utf8');
  await outside.remove();
  await writeFile(join(dir.path, '.release-signers'), `release ${signer}`);
});
after(() => dir?.remove());

const sign = (given: string) =>
  spawnSync(join(root, '.ci', 'sign-checksums'), [dir.path], {
    env: { ...process.env, RELEASE_SIGNING_KEY: given },
    encoding: 'utf8',
  });

/** The two lines that SECURITY.md tells people to run. */
async function check(): Promise<number | null> {
  const text = await readFile(join(root, 'SECURITY.md'), 'utf8');
  const lines = /## Checking a release[\s\S]*?```sh\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  assert.equal(lines.trim().split('\n').length, 2);
  const here = lines.replace('-f release-signers', '-f .release-signers');
  return spawnSync('sh', ['-ec', here], { cwd: dir.path }).status;
}

it('cover every file, and are what people can check', async () => {
  assert.equal(sign(key).status, 0);
  const listed = (await readFile(join(dir.path, 'SHA256SUMS'), 'utf8')).trim().split('\n');
  const names = listed.map((line) => line.split(/ +/)[1]);
  assert.deepEqual(names, ['sallyport-linux-x64', 'sbom.cdx.json']);
  assert.equal(await check(), 0);
});

it('do not hold for a file, or for a list, that was changed afterwards', async () => {
  assert.equal(sign(key).status, 0);
  await appendFile(join(dir.path, 'sallyport-linux-x64'), '!');
  assert.notEqual(await check(), 0);
  const sums = spawnSync('sh', ['-c', 'sha256sum sallyport-linux-x64 > SHA256SUMS'], { cwd: dir.path });
  assert.equal(sums.status, 0);
  assert.notEqual(await check(), 0);
});

it('are not made without the key, and the key is left nowhere', async () => {
  const refused = sign('');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /nothing is released without a signature/);
  assert.equal(sign(key).status, 0);
  for (const name of await readdir(dir.path))
    assert.doesNotMatch(await readFile(join(dir.path, name), 'utf8'), /PRIVATE KEY/);
});
