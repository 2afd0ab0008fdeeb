/** The deployment's own build of the main door, where there is no network at all. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..');
const MODULE = join(ROOT, 'tools', 'edge-build.ts');
/** A namespace of its own for the network: not even loopback is up there. */
const APART = ['unshare', ['--map-root-user', '--net']] as const;
const apart = spawnSync(APART[0], [...APART[1], 'true']).status === 0;

it('wrangler deploy --dry-run builds it offline, within the size that may be sent', {
  skip: apart ? false : 'this system lets nobody have a network namespace (Linux: unshare --net)',
  timeout: 120_000,
}, () => {
  const script = `
    import { connect } from 'node:net';
    import { buildEdge } from ${JSON.stringify(MODULE)};
    const online = await new Promise((resolve) =>
      connect(80, '127.0.0.1').on('connect', () => resolve('yes')).on('error', ({ code }) => resolve(code)));
    const { gzipBytes, script, wasm, remove } = await buildEdge(${JSON.stringify(ROOT)});
    await remove();
    console.log(JSON.stringify({ online, gzipBytes, script, wasm: wasm.length }));`;
  const args = [...APART[1], process.execPath, '--input-type=module', '--eval', script];
  const { status, stdout, stderr } = spawnSync(APART[0], args, { cwd: ROOT, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const built = JSON.parse(stdout);
  assert.equal(built.online, 'ENETUNREACH');
  assert.deepEqual([built.script, built.wasm], ['server.edge.js', 2]);
  assert.ok(built.gzipBytes < 1024 * 1024);
});
