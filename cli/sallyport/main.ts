/** Picks the command and tells how it went: 0 done, 1 refused or failed, 2 the command line is wrong. */
import { VERSION } from '../../src/core/version.ts';
import { type Command, CommandFailure, say, UsageError } from './command.ts';
import { commandsCalled, everyCommand } from './commands.ts';

/** A line for each command: how it is called, and what it does. */
function listed(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ usage }) => usage.length));
  return commands.map(({ usage, summary }) => `  ${usage.padEnd(width)}  ${summary}\n`).join('');
}

async function help(): Promise<string> {
  return `Sallyport ${VERSION}: the operator's commands, and those of whoever records.

Usage: sallyport COMMAND [OPTIONS]

${listed(await everyCommand())}
Every command takes --help. The operator's take --config FILE as well and read the settings that the server reads;
account commands talk to the running server, or open the database themselves when there is none.

Exit codes: 0 done, 1 refused or failed, 2 the command line or the settings are wrong; --help of a command has more.
`;
}

/** The longest command whose words the arguments start with. */
function find(commands: readonly Command[], args: readonly string[]): Command | undefined {
  return commands
    .filter(({ words }) => words.every((word, index) => args[index] === word))
    .sort((a, b) => b.words.length - a.words.length)[0];
}

/** What is said where the words name no command: of those that begin with the first of them, all. */
function untold(first: string, called: readonly Command[], args: readonly string[]): number {
  if (called.length === 0) {
    say('There is no such command. Try: sallyport --help');
    return 2;
  }
  const text = `Usage: sallyport ${first} …\n\n${listed(called)}`;
  const asked = args.includes('--help') || args.includes('-h');
  if (asked) process.stdout.write(text);
  else say(`There is no such command.\n${text.trimEnd()}`);
  return asked ? 0 : 2;
}

/** Runs the command that the arguments name, and tells how it failed. @returns the exit code of the process */
export async function run(args: readonly string[]): Promise<number> {
  const [first] = args;
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    process.stdout.write(await help());
    return first === undefined ? 2 : 0;
  }
  if (first === '--version') {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const called = await commandsCalled(first);
  const command = find(called, args);
  if (command === undefined) return untold(first, called, args);
  const rest = args.slice(command.words.length);
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(`Usage: sallyport ${command.usage}\n\n${command.summary}\n${command.details ?? ''}`);
    return 0;
  }
  try {
    return (await command.run(rest)) ?? 0;
  } catch (error) {
    if (error instanceof UsageError) {
      say(`${error.message}\nUsage: sallyport ${command.usage}`);
      return 2;
    }
    if (error instanceof CommandFailure) {
      say(error.message);
      return 1;
    }
    throw error;
  }
}
