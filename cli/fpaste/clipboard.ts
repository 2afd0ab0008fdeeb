/**
 * Copies a link. A program gets it through its standard input: arguments and environment of a process can be
 * read by others on the machine.
 */

import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { World } from '../shared/world.ts';

interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

const PATIENCE_MS = 5000;

/** The programs to try, in order, for this desktop. */
export function clipboardPrograms(platform: string, env: World['env']): readonly Program[] {
  if (platform === 'darwin') return [{ command: 'pbcopy', args: [] }];
  if (platform === 'win32') return [{ command: 'clip.exe', args: [] }];
  const programs: Program[] = [];
  if (env.WAYLAND_DISPLAY) programs.push({ command: 'wl-copy', args: [] });
  if (env.DISPLAY) {
    programs.push({ command: 'xclip', args: ['-selection', 'clipboard'] });
    programs.push({ command: 'xsel', args: ['--clipboard', '--input'] });
  }
  if (env.WSL_DISTRO_NAME) programs.push({ command: 'clip.exe', args: [] });
  return programs;
}

/** Whether the person sits at another machine, whose terminal alone can reach their clipboard. */
function isRemote(env: World['env']): boolean {
  return Boolean(env.SSH_CONNECTION || env.SSH_TTY);
}

/** Undefined when it worked, else what to tell the person. Never rejects. */
export async function copyToClipboard(world: World, text: string): Promise<string | undefined> {
  const { env, platform } = world;
  if (isRemote(env) && throughTerminal(world, text)) return undefined;
  for (const program of clipboardPrograms(platform, env)) if (await runWith(program, text)) return undefined;
  if (throughTerminal(world, text)) return undefined;
  return 'The link could not be copied. Install wl-clipboard (Wayland), xclip or xsel (X11), or use a terminal that knows OSC 52.';
}

function runWith({ command, args }: Program, text: string): Promise<boolean> {
  return new Promise((done) => {
    // What stays in the background to own the selection must not hold on to our output.
    const child = spawn(command, [...args], { stdio: ['pipe', 'ignore', 'ignore'] });
    const timer = setTimeout(() => child.kill(), PATIENCE_MS);
    const over = (worked: boolean): void => {
      clearTimeout(timer);
      done(worked);
    };
    child.once('error', () => over(false));
    child.once('exit', (code) => over(code === 0));
    child.stdin.on('error', () => undefined);
    child.stdin.end(text);
  });
}

/** OSC 52: the terminal itself sets the clipboard of the machine it runs on. False where there is no terminal. */
function throughTerminal(world: World, text: string): boolean {
  const sequence = osc52(text);
  if (world.stderr.isTTY === true) {
    world.stderr.write(sequence);
    return true;
  }
  if (world.platform === 'win32') return false;
  try {
    const terminal = openSync('/dev/tty', 'w');
    writeSync(terminal, sequence);
    closeSync(terminal);
    return true;
  } catch {
    return false;
  }
}

export function osc52(text: string): string {
  return `\x1b]52;c;${Buffer.from(text).toString('base64')}\x07`;
}
