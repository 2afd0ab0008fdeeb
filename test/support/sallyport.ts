/** `sallyport`, as a process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CHILD_ENV } from './child-env.ts';

const CLI = fileURLToPath(new URL('../../cli/sallyport.ts', import.meta.url));

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly said: string;
}

/** Runs a command in a folder, with these settings and no others. */
export async function sallyport(
  folder: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: folder,
    env: { ...CHILD_ENV, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, said] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = await once(child, 'close');
  return { code: Number(code), out, said };
}
