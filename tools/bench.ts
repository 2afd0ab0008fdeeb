/** Runs every bench, one after the other: what they print are figures, and none of them is a verdict. */
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..', 'bench');
const wanted = process.argv.slice(2);
const names = (await readdir(folder)).filter((name) => name.endsWith('.ts')).sort();
for (const name of names) {
  if (wanted.length > 0 && !wanted.includes(name.replace(/\.ts$/, ''))) continue;
  console.log(`\n== ${name.replace(/\.ts$/, '')}`);
  const child = spawn(process.execPath, [join(folder, name)], { stdio: 'inherit' });
  const code = await new Promise((resolve) => child.on('exit', resolve));
  if (code !== 0) process.exitCode = 1;
}
