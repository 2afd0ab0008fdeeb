/** A command on a terminal of its own, through util-linux's `script`. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Why tests on a terminal cannot run here, or false. */
export const NO_TERMINAL: string | false =
  process.platform === 'linux' && spawnSync('script', ['--version']).status === 0
    ? false
    : "there is no util-linux 'script' to make a terminal with";

export interface Terminal {
  /** All that appeared so far. */
  screen(): string;
  /** Waits until the text appears after what an earlier call waited for. Fails when the command ends before. */
  until(text: string): Promise<void>;
  type(text: string): void;
  readonly exit: Promise<number | null>;
}

/** @param words the command and its arguments, quoted here for the shell that `script` runs */
export function openTerminal(
  words: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Terminal {
  const command = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    ...options,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let screen = '';
  let from = 0;
  let changed = (): void => undefined;
  let over = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    changed();
  });
  const exit = once(child, 'close').then(([code]) => {
    over = true;
    changed();
    return code as number | null;
  });
  return {
    screen: () => screen,
    async until(text) {
      for (;;) {
        const at = screen.indexOf(text, from);
        if (at >= 0) {
          from = at + text.length;
          return;
        }
        if (over) throw new Error(`the command ended before it said "${text}": ${screen}`);
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
      }
    },
    type: (text) => void child.stdin.write(text),
    exit,
  };
}
