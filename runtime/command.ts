/** The server as a command: its arguments, what it tells the person who started it, and its exit codes. */
import { parseArgs } from 'node:util';
import { describeSettings, formatProblems } from '../src/core/settings.ts';
import { VERSION } from '../src/core/version.ts';
import { compose, type Running, type Runtime } from './compose.ts';
import { handedSockets } from './handed-sockets.ts';
import { StartError } from './listener.ts';
import { openLog } from './log.ts';
import { loadSettings } from './settings.ts';
import { EXIT, exitOnDefects, exitOnSignals, reloadOnHangUp } from './shutdown.ts';

function help(command: string): string {
  return `Sallyport ${VERSION}: a ciphertext-only vault with two doors.

Usage: ${command} [--config FILE]

  --config FILE  read settings from this TOML file
  --settings     show every setting, its value and where it came from, and end
  --version      show the version and end
  --help         show this and end

Settings are SAFE_… environment variables or a TOML file; docs/settings.md lists them.
Without any, the main door opens at http://127.0.0.1:8080, the admin door at http://127.0.0.1:8081,
and data lies in ./data.

Standard output carries the log, one JSON object a line; standard error is for people.
SIGTERM or Ctrl-C ends it: it stops accepting, finishes what is in flight for at most 10 seconds, and
closes the database. A second one ends it at once. SIGHUP reads certificates, secrets in files and the
settings again, where there is no terminal; the log says what was taken up and what needs a restart.
Sockets that a service manager hands over (LISTEN_FDS, named main and admin) are used in place of addresses.

Exit codes: 0 stopped, 1 could not start or failed, 2 the command line or the settings are wrong.
`;
}

const say = (text: string) => {
  process.stderr.write(`${text}\n`);
};

/**
 * Runs the server until a signal ends the process.
 * @param command how a person starts it, for `--help`
 */
export async function serve(
  command: string,
  runtime: Pick<Runtime, 'openListener'>,
  args: readonly string[],
): Promise<void> {
  const options = readArguments(command, args);
  if (options === undefined) return;
  const folder = process.cwd();
  const load = () => loadSettings({ env: process.env, config: options.config, folder });
  const loaded = load();
  if (!loaded.ok) {
    say(formatProblems(loaded.problems));
    process.exitCode = EXIT.usage;
    return;
  }
  const { settings } = loaded;
  if (options.settings === true) {
    for (const row of describeSettings(settings)) {
      process.stdout.write(`${row.name} = ${row.value} (${row.source})\n`);
    }
    return;
  }
  // Whoever read along may go; the doors stay open without them, and close in order all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const log = openLog(settings.logLevel);
  exitOnDefects(log);
  const started = Promise.withResolvers<Running>();
  reloadOnHangUp(async () => {
    const outcome = await (await started.promise).reload();
    if (!outcome.ok) say(`Not reloaded; everything stays as it was. ${outcome.problem}`);
    else if (outcome.restart.length > 0) say(`Needs a restart: ${outcome.restart.join(', ')}`);
  }, log);
  let running: Running;
  try {
    const sockets = handedSockets(process.env, process.pid);
    const whole = { ...runtime, load, ...(sockets !== undefined && { sockets }) };
    running = await compose(settings, whole, log);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    say(error.message);
    log.flush();
    process.exit(EXIT.failed);
  }
  exitOnSignals(async () => {
    say('Stopping: finishing what is in flight, for at most 10 seconds.');
    log.write('info', 'stopping', {});
    await running.stop();
    log.write('info', 'stopped', {});
  }, log);
  started.resolve(running);
  greet(running);
  log.write('info', 'started', { version: VERSION, pid: process.pid });
}

interface Arguments {
  readonly config?: string | undefined;
  readonly settings?: boolean | undefined;
}

/** The arguments, or undefined when they were answered or refused here. */
function readArguments(command: string, args: readonly string[]): Arguments | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        config: { type: 'string' },
        settings: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
    if (values.help === true) process.stdout.write(help(command));
    else if (values.version === true) process.stdout.write(`${VERSION}\n`);
    else return values;
  } catch (error) {
    say(`${error instanceof Error ? error.message : 'The arguments are not understood.'}\n`);
    say(`Try: ${command} --help`);
    process.exitCode = EXIT.usage;
  }
  return undefined;
}

function greet({ doors, bootstrapFile, warnings }: Running): void {
  for (const warning of warnings) say(`Warning: ${warning}`);
  for (const door of ['main', 'admin'] as const) {
    for (const url of doors[door]) say(`${door.padEnd(5)} ${url}`);
  }
  if (bootstrapFile !== undefined) {
    say(`No admin exists yet. The one-time bootstrap secret lies in ${bootstrapFile}`);
  }
  say('Ready. Ctrl-C stops it.');
}
