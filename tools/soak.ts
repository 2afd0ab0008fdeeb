/**
 * Runs the tests that come in rounds (races, kill loops, properties) with all of their rounds: ten times those of
 * `npm test`. It takes about half an hour on two cores.
 *
 *     node tools/soak.ts           all of them
 *     node tools/soak.ts FILE…     those files
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/** Files that ask for a number of rounds, by themselves or through a helper of theirs. */
function inRounds(): string[] {
  return globSync('test/**/*.test.ts', { cwd: ROOT })
    .sort()
    .filter((file) =>
      /\brounds?\(|\bROUNDS\b|support\/(?:seed|page-looks)\.ts/.test(readFileSync(join(ROOT, file), 'utf8')),
    );
}

const wanted = process.argv.slice(2);
const files = wanted.length > 0 ? wanted : inRounds();
const { status } = spawnSync(process.execPath, [join(ROOT, 'tools', 'test.ts'), ...files], {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, SALLYPORT_TEST_ROUNDS: '10' },
});
process.exitCode = status ?? 1;
