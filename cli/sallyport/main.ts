/** Picks the command and tells how it went: 0 done, 1 refused or failed, 2 the command line is wrong. */
import { VERSION } from '../../src/core/version.ts';
import { accountCommands } from './accounts.ts';
import { bootstrapSecret } from './bootstrap-secret.ts';
import { checkConfig } from './check-config.ts';
import { type Command, CommandFailure, say, UsageError } from './command.ts';
import { evidenceCommands } from './evidence/commands.ts';
import { rotateSecretKey } from './rotate-secret-key.ts';
import { routes } from './routes.ts';
import { serveCommand } from './serve.ts';

const COMMANDS: readonly Command[] = [
  serveCommand,
  ...accountCommands,
  bootstrapSecret,
  checkConfig,
  routes,
  rotateSecretKey,
  ...evidenceCommands,
];

function help(): string {
  const width = Math.max(...COMMANDS.map(({ usage }) => usage.length));
  const lines = COMMANDS.map(({ usage, summary }) => `  ${usage.padEnd(width)}  ${summary}`);
  return `Sallyport ${VERSION}: the operator's commands, and those of whoever records.

Usage: sallyport COMMAND [OPTIONS]

${lines.join('\n')}

Every command takes --help. The operator's take --config FILE as well and read the settings that the server reads;
account commands talk to the running server, or open the database themselves when there is none.

Exit codes: 0 done, 1 refused or failed, 2 the command line or the settings are wrong; --help of a command has more.
`;
}

/** The longest command whose words the arguments start with. */
function find(args: readonly string[]): Command | undefined {
  return COMMANDS.filter(({ words }) => words.every((word, index) => args[index] === word)).sort(
    (a, b) => b.words.length - a.words.length,
  )[0];
}

export async function run(args: readonly string[]): Promise<number> {
  const [first] = args;
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    process.stdout.write(help());
    return first === undefined ? 2 : 0;
  }
  if (first === '--version') {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const command = find(args);
  if (command === undefined) {
    say('There is no such command. Try: sallyport --help');
    return 2;
  }
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
