/** Passwords from a file, a pipe or the terminal; never from arguments, which every user of the machine can read. */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { errorCode } from '../shared/failure.ts';
import { CommandFailure } from './command.ts';

const firstLine = (text: string) => text.replace(/\r?\n$/, '');

/** Asks once, without showing what is typed. */
async function ask(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => reject(new CommandFailure('No password was given.')));
      lines.once('SIGINT', () => reject(new CommandFailure('Interrupted.')));
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

/** @param file a path, `-` for standard input, or undefined for the terminal, where it is asked twice. */
export async function readPassword(file: string | undefined): Promise<string> {
  if (file !== undefined && file !== '-') {
    return readFile(file, 'utf8').then(firstLine, (error: unknown) => {
      throw new CommandFailure(`The password file ${file} cannot be read (${errorCode(error)}).`);
    });
  }
  if (file === '-' || process.stdin.isTTY !== true) {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return firstLine(Buffer.concat(chunks).toString('utf8'));
  }
  const password = await ask('Password: ');
  if ((await ask('Again: ')) !== password)
    throw new CommandFailure('The two are not the same; nothing was changed.');
  return password;
}
