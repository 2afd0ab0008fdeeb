/** Starts an image in a chroot as `podman run --read-only --cap-drop all` would, and uses it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageConfig } from './containerfile.ts';

const SIZE = 2_500_000;

/** What lies under `folder`, volumes apart, that the user could write; such a thing would be a mistake of the image. */
function writable(folder: string, ids: readonly number[], volumes: readonly string[]): string[] {
  const found: string[] = [];
  const visit = (path: string) => {
    for (const name of readdirSync(join(folder, path))) {
      const inside = `${path}/${name}`;
      if (volumes.includes(inside) || /^\/(proc|sys|dev|tmp|var\/tmp|run\/lock)$/.test(inside)) continue;
      const facts = lstatSync(join(folder, inside));
      if (facts.isSymbolicLink()) continue;
      if (ids.includes(facts.uid) || ids.includes(facts.gid) || (facts.mode & 0o002) !== 0)
        found.push(inside);
      if (facts.isDirectory()) visit(inside);
    }
  };
  visit('');
  return found;
}

/**
 * Runs a program of the image: a root that is mounted read-only, the volume on `data`, the image's user without any
 * capability, its environment and no other.
 */
function contained(image: string, data: string, config: ImageConfig, words: readonly string[]): string[] {
  const [volume] = config.volumes;
  const [uid = '', gid = ''] = config.user.split(':');
  const env = Object.entries({
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...config.env,
  }).map(([name, value]) => `${name}=${value}`);
  const script = [
    'mount --bind "$1" "$1"',
    'mount --bind "$2" "$1$3"',
    'mount -t proc proc "$1/proc"',
    'mount -o remount,bind,ro "$1"',
    'image=$1; ids=$4; home=$5; shift 5',
    'exec env -i "$@"',
  ].join('; ');
  const enter = [
    ...['chroot', image, '/usr/bin/setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'],
    ...['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'],
    ...['/usr/bin/env', `--chdir=${config.workdir}`, ...words],
  ];
  return [
    ...['--mount', '--propagation', 'private', 'sh', '-ec', script, 'contained'],
    ...[image, data, volume ?? '', config.user, config.workdir, ...env, ...enter],
  ];
}

/** @returns what was seen, a line each. @throws Error when something is not as it should be */
export async function tryContainer(image: string, config: ImageConfig): Promise<readonly string[]> {
  const ids = config.user.split(':').map(Number);
  if (ids.length !== 2 || ids.some((id) => !(id > 0)))
    throw new Error('The user must be two numbers above 0.');
  const open = writable(image, ids, config.volumes);
  if (open.length > 0) throw new Error(`The user could write: ${open.slice(0, 5).join(', ')}`);
  const data = mkdtempSync(join(tmpdir(), 'sallyport-volume-'));
  const [uid = 0, gid = 0] = ids;
  chownSync(data, uid, gid);
  chmodSync(data, 0o700);
  const free = { SAFE_MAIN_BIND_ADDRS: '127.0.0.1:0', SAFE_ADMIN_BIND_ADDRS: '127.0.0.1:0' };
  const here: ImageConfig = { ...config, env: { ...config.env, ...free } };
  const words = [...config.entrypoint, ...config.cmd];
  const child = spawn('unshare', contained(image, data, here, words), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'close');
  try {
    let said = '';
    const ready = new Promise<void>((done) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (/^Ready\./m.test(said)) done();
      });
    });
    await Promise.race([ready, exited]);
    if (!/^Ready\./m.test(said)) throw new Error(`It did not start: ${said}`);
    const ask = (args: readonly string[]) => spawnSync('unshare', contained(image, data, here, args));
    const health = ask(config.health);
    if (health.status !== 0) throw new Error(`The health check fails: ${health.stderr}`);
    if (ask(['touch', '/opt/sallyport/x']).status === 0) throw new Error('The root can be written.');
    if (ask(['touch', '/tmp/x']).status === 0) throw new Error('The root can be written.');
    const main = /^main +(\S+)$/m.exec(said)?.[1] ?? '';
    const body = new Uint8Array(SIZE).map((_, at) => at % 251);
    const made = await fetch(`${main}/`, { method: 'POST', body });
    const { id } = (await made.json()) as { id: string };
    const read = Buffer.from(await (await fetch(`${main}/${id}/raw`)).arrayBuffer());
    if (!read.equals(body)) throw new Error('A paste came back changed.');
    child.kill('SIGTERM');
    const [code] = await exited;
    if (code !== 0) throw new Error(`It ended with ${code}: ${said}`);
    if (ask(config.health).status !== 1) throw new Error('The health check is well although nothing runs.');
    return [
      `user ${config.user}, no capabilities, root read-only: it starts`,
      'health check: well while it runs, not well after it ended',
      'a paste of 2.5 MB: made and read back',
      'SIGTERM: it ended with 0',
    ];
  } finally {
    child.kill('SIGKILL');
    await exited;
    rmSync(data, { recursive: true, force: true });
  }
}
