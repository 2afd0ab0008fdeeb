/** Programs that Debian packages: found, or installed by apt-get where the tests run as root. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Debian puts what administrators run, which is on few people's PATH. */
const PLACES = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

function find(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...PLACES].filter((one) => one !== '');
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function aptGet(...args: string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env }).status === 0;
}

/**
 * The program's path. @param name also the package's, unless that is said
 * @throws Error with a sentence for whoever runs the tests
 */
export function debianProgram(name: string, packageName = name): string {
  const found = find(name);
  if (found !== undefined) return found;
  if (process.platform === 'linux' && process.getuid?.() === 0 && find('apt-get') !== undefined) {
    const install = ['install', '-y', '--no-install-recommends', packageName];
    if (!aptGet(...install) && aptGet('update')) aptGet(...install);
    const installed = find(name);
    if (installed !== undefined) return installed;
  }
  throw new Error(`These tests run ${name}. Install it: apt-get install ${packageName}`);
}
