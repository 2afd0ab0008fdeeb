/**
 * Finds Prometheus and its promtool for the tests of metrics, or installs them.
 *
 *     node tools/prometheus.ts   prints their paths
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['prometheus', 'promtool'] as const;
export type PrometheusPrograms = Readonly<Record<(typeof NAMES)[number], string>>;

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Their paths, or undefined where one of them is missing. */
export function findPrometheus(env: NodeJS.ProcessEnv = process.env): PrometheusPrograms | undefined {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const [prometheus, promtool] = NAMES.map((name) =>
    [...folders, '/usr/bin', '/usr/local/bin'].map((folder) => join(folder, name)).find(canRun),
  );
  return prometheus === undefined || promtool === undefined ? undefined : { prometheus, promtool };
}

/** Runs a program whose output goes to standard error, without input. @returns whether it ended well */
function run(program: string, args: readonly string[]): boolean {
  const { status } = spawnSync(program, args, {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return status === 0;
}

/** As {@link findPrometheus}, and where there is none, apt-get installs Debian's for root. */
export function ensurePrometheus(): PrometheusPrograms | undefined {
  const found = findPrometheus();
  if (found !== undefined || process.platform !== 'linux' || process.getuid?.() !== 0) return found;
  if (!canRun('/usr/bin/apt-get')) return undefined;
  console.error('There is no Prometheus on this machine; installing one.');
  const install = ['install', '-y', '--no-install-recommends', 'prometheus'];
  if (!run('apt-get', install) && run('apt-get', ['update'])) run('apt-get', install);
  return findPrometheus();
}

if (import.meta.main) {
  const found = ensurePrometheus();
  if (found === undefined) {
    console.error(
      'Prometheus was not found and could not be installed (Debian: apt-get install prometheus).',
    );
    process.exitCode = 1;
  } else {
    console.log(`${found.prometheus}\n${found.promtool}`);
  }
}
