/** What the system says of another process (Linux), and waiting for what one does. */
import { readFile } from 'node:fs/promises';

/** Bytes of memory of a process: resident now (`VmRSS`), or the most there ever were (`VmHWM`), as proc(5) has it. */
export async function memoryOf(pid: number, name: 'VmRSS' | 'VmHWM'): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? Number.NaN) * 1024;
}

/** Looks again and again; the time limit of the test is the limit. */
export async function until(there: () => boolean): Promise<void> {
  while (!there()) await new Promise((resolve) => setTimeout(resolve, 50));
}
