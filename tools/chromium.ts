/**
 * Finds a Chromium for the browser tests, or installs one.
 *
 *     node tools/chromium.ts   prints its path
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

/** The variable that names the program; it wins over every place. */
export const CHROMIUM_VARIABLE = 'SALLYPORT_CHROMIUM';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const PLACES = [
  '/usr/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The program's path, or undefined. A path that the variable names must be right: nothing is looked for then. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = env[CHROMIUM_VARIABLE];
  if (named !== undefined && named !== '') return canRun(named) ? named : undefined;
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...PLACES, ...onPath, chromium.executablePath()].find(canRun);
}

/** Runs a program whose output goes to standard error, without input. @returns whether it ended well */
function run(program: string, args: readonly string[]): boolean {
  const { status } = spawnSync(program, args, {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return status === 0;
}

/**
 * As {@link findChromium}, and where there is none it is installed: by apt-get for root on Debian and its kin, which
 * brings the libraries too, else by Playwright into the user's cache.
 */
export function ensureChromium(): string | undefined {
  const found = findChromium();
  if (found !== undefined || process.env[CHROMIUM_VARIABLE]) return found;
  console.error('There is no Chromium on this machine; installing one.');
  if (process.platform === 'linux' && process.getuid?.() === 0 && canRun('/usr/bin/apt-get')) {
    const install = ['install', '-y', '--no-install-recommends', 'chromium'];
    if (run('apt-get', install) || (run('apt-get', ['update']) && run('apt-get', install)))
      return findChromium();
  }
  const playwright = join(import.meta.dirname, '..', 'node_modules', 'playwright-core', 'cli.js');
  run(process.execPath, [playwright, 'install', 'chromium']);
  return findChromium();
}

if (import.meta.main) {
  const path = ensureChromium();
  if (path === undefined) {
    console.error(`No Chromium was found and none could be installed; ${CHROMIUM_VARIABLE} can name one.`);
    process.exitCode = 1;
  } else {
    console.log(path);
  }
}
