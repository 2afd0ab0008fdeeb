/** Runs a file on the Bun that npm installed: its own launcher needs an install script, and none is run here. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const arch = process.arch === 'arm64' ? 'aarch64' : 'x64';
const bun = join(
  import.meta.dirname,
  '..',
  'node_modules',
  '@oven',
  `bun-${process.platform}-${arch}`,
  'bin',
  'bun',
);
if (!existsSync(bun)) {
  console.error(
    `There is no Bun for ${process.platform}-${process.arch} among the packages; install Bun and run it yourself.`,
  );
  process.exit(1);
}
// In the place of this process where that can be done, so that signals and exit codes are its own.
if (process.execve !== undefined && process.platform !== 'win32') {
  process.removeAllListeners('warning');
  process.execve(bun, [bun, ...process.argv.slice(2)], process.env);
}
const child = spawn(bun, process.argv.slice(2), { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
