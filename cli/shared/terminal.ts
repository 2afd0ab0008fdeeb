/** Questions to the person at the terminal, answered without echo where they are about secrets. */

import { openSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { ReadStream } from 'node:tty';
import { Failure, usage } from './failure.ts';
import type { World } from './world.ts';

/** What is read in raw mode: a stream that stops echoing. */
type RawStream = ReadStream & { setRawMode(on: boolean): unknown };

const LONGEST_ANSWER = 4096;

/** Whether there is somebody to ask. */
export function canAsk(world: World): boolean {
  const terminal = openTerminal(world);
  if (terminal === undefined) return false;
  terminal.release();
  return true;
}

/**
 * Asks on the controlling terminal, so that standard input may be a pipe, and reads one line without showing it.
 * Throws a usage failure where there is no terminal, `interrupted` on Ctrl-C.
 * @param otherwise what to do where there is none
 */
export async function askHidden(
  world: World,
  question: string,
  otherwise = 'Use --password-file, or pipe the link in.',
): Promise<string> {
  const terminal = openTerminal(world);
  if (terminal === undefined) throw usage(`There is no terminal to ask on. ${otherwise}`);
  // Before the question: what is typed the moment it appears must not be shown either.
  terminal.stream.setRawMode(true);
  world.stderr.write(question);
  try {
    return await readLine(terminal.stream);
  } finally {
    terminal.stream.setRawMode(false);
    terminal.release();
    world.stderr.write('\n');
  }
}

/**
 * Asks on the controlling terminal and reads one line, which is shown as it is typed. Throws a usage failure where
 * there is no terminal.
 */
export async function askShown(world: World, question: string): Promise<string> {
  const terminal = openTerminal(world);
  if (terminal === undefined) throw usage('There is no terminal to ask on.');
  world.stderr.write(question);
  try {
    return await readLine(terminal.stream);
  } finally {
    terminal.release();
  }
}

interface Terminal {
  readonly stream: RawStream;
  release(): void;
}

function openTerminal(world: World): Terminal | undefined {
  if (world.stdin.isTTY === true) {
    const stream = world.stdin as unknown as RawStream;
    return { stream, release: () => stream.pause() };
  }
  if (world.platform === 'win32') return undefined;
  try {
    const stream = new ReadStream(openSync('/dev/tty', 'r')) as RawStream;
    return { stream, release: () => stream.destroy() };
  } catch {
    return undefined;
  }
}

function readLine(stream: RawStream): Promise<string> {
  return new Promise((done, fail) => {
    const decoder = new StringDecoder('utf8');
    let line: string[] = [];
    const finish = (error: Failure | undefined): void => {
      stream.off('data', onData);
      stream.off('end', onEnd);
      if (error === undefined) done(line.join(''));
      else fail(error);
    };
    const onEnd = (): void => finish(usage('The terminal was closed.'));
    const onData = (bytes: Uint8Array): void => {
      for (const character of decoder.write(Buffer.from(bytes))) {
        if (character === '\r' || character === '\n' || character === '\u0004') {
          finish(undefined);
          return;
        }
        if (character === '\u0003') {
          finish(new Failure('usage', 'interrupted', 'Interrupted.'));
          return;
        }
        if (character === '\u007f' || character === '\b') line.pop();
        else if (character === '\u0015') line = [];
        else if (line.length < LONGEST_ANSWER) line.push(character);
      }
    };
    stream.on('data', onData);
    stream.on('end', onEnd);
    stream.resume();
  });
}
