/** Commands of `sallyport`, run in this very thread with files that strangers wrote, and what they told. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, UsageError } from '../../../cli/sallyport/command.ts';
import { must } from '../target.ts';

export interface Ended {
  readonly code: number | undefined;
  readonly out: string;
  readonly said: string;
}

/** Runs a command, and keeps what it writes. */
export async function run(command: Command, args: readonly string[]): Promise<Ended> {
  const kept = { out: '', said: '' };
  const { stdout, stderr } = process;
  const [writeOut, writeErr] = [stdout.write, stderr.write];
  stdout.write = (text: string | Uint8Array) => {
    kept.out += String(text);
    return true;
  };
  stderr.write = (text: string | Uint8Array) => {
    kept.said += String(text);
    return true;
  };
  try {
    const code = await command.run(args);
    return { code, ...kept };
  } catch (error) {
    // What the program does with it.
    if (!(error instanceof UsageError)) throw error;
    return { code: 2, out: kept.out, said: `${kept.said}${error.message}\n` };
  } finally {
    stdout.write = writeOut;
    stderr.write = writeErr;
  }
}

/** A folder for one input. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-fuzz-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Files of one input. */
export async function withFiles<T>(
  files: readonly Uint8Array[],
  use: (paths: readonly string[]) => Promise<T>,
): Promise<T> {
  return inFolder(async (folder) => {
    const paths = files.map((_, at) => join(folder, String(at)));
    for (const [at, bytes] of files.entries()) await writeFile(paths[at] ?? '', bytes);
    return use(paths);
  });
}

/** What a terminal would act upon: control characters but the line feed, and marks that turn the writing around. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ACTING = /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

/** @throws Broken where a terminal would act upon what was told, or nobody had foreseen the input */
export function checkText({ out, said }: Pick<Ended, 'out' | 'said'>): void {
  must(!ACTING.test(out + said), () => `it writes what a terminal acts upon: ${JSON.stringify(out + said)}`);
  must(!/unexpected/i.test(said), () => `it did not foresee this: ${said}`);
}

/** That it ended as the documentation says it may, and said why unless it did what it is for. @throws Broken */
export function checkEnd(ended: Ended, codes: readonly number[]): void {
  checkText(ended);
  const { code, said } = ended;
  must(code !== undefined && codes.includes(code), () => `it ends with ${code}: ${said}`);
  must(code === 0 || said !== '' || ended.out !== '', () => `it ends with ${code} and says nothing`);
}
