/** A real nginx on loopback, with one file included in its `http` block. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { debianProgram } from './debian.ts';
import { listens } from './ports.ts';

export interface Nginx {
  readonly pid: number;
  /** Everything that it wrote about itself and about requests, the access log of the file included. */
  words(): Promise<string>;
  /** Lines of the access log, once there are at least so many. */
  accesses(least: number): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

/**
 * Starts it, and resolves when it listens.
 * @param folder where its files go; `access.log` is where the included file must log
 */
export async function startNginx(folder: string, include: string, port: number): Promise<Nginx> {
  const nginx = debianProgram('nginx');
  await mkdir(join(folder, 'temp'), { recursive: true });
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${join(folder, 'temp')};`,
  );
  const errors = join(folder, 'error.log');
  const main = [
    'daemon off;',
    'worker_processes 1;',
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    `pid ${join(folder, 'nginx.pid')};`,
    `error_log ${errors} info;`,
    'events { worker_connections 512; }',
    'http {',
    ...temps,
    '  access_log off;',
    `  include ${include};`,
    '}',
  ];
  const config = join(folder, 'nginx.conf');
  await writeFile(config, `${main.join('\n')}\n`);
  const child = spawn(nginx, ['-p', folder, '-c', config, '-e', errors], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const ended = once(child, 'close');
  const log = (name: string) => readFile(join(folder, name), 'utf8').catch(() => '');
  const words = async () => `${said}${await log('error.log')}${await log('access.log')}`;
  while (!(await listens(port))) {
    if (child.exitCode !== null) throw new Error(`nginx did not start: ${await words()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return {
    pid: child.pid ?? 0,
    words,
    async accesses(least) {
      for (;;) {
        const lines = (await log('access.log')).split('\n').filter((line) => line !== '');
        if (lines.length >= least) return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
        if (child.exitCode !== null) throw new Error(`nginx ended: ${said}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    async close() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
