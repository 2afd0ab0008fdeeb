/** Finds Debian's redis-server for tests of what Valkey does, or installs it. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const PROGRAM = 'redis-server';
const isThere = () => spawnSync(PROGRAM, ['--version'], { stdio: 'ignore' }).status === 0;

function run(program: string, args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(program, args, { stdio: ['ignore', 2, 2], env }).status === 0;
}

/**
 * The program. Where there is none, root on Debian and its kin gets it from apt-get.
 * @throws Error with what to do
 */
export function ensureRedis(): string {
  if (isThere()) return PROGRAM;
  if (process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.error('There is no redis-server on this machine; installing one.');
    const install = ['install', '-y', '--no-install-recommends', PROGRAM, '-o', 'DPkg::Lock::Timeout=120'];
    if (run('apt-get', install) || (run('apt-get', ['update']) && run('apt-get', install))) {
      if (isThere()) return PROGRAM;
    }
  }
  throw new Error(
    'redis-server was not found and could not be installed. On Debian: apt-get install redis-server',
  );
}
