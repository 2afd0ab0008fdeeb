/** Runs one command and turns how it ended into an exit code. */

import { EXIT_CODES, errorCode, Failure } from '../shared/failure.ts';
import type { World } from '../shared/world.ts';
import { parseArguments, type Request } from './args.ts';
import { completionScript } from './completion.ts';
import { create } from './create.ts';
import { deletePaste } from './delete.ts';
import { get } from './get.ts';
import { commandHelp, generalHelp } from './help.ts';
import { info } from './info.ts';
import { list } from './list.ts';
import { write } from './output.ts';
import { openSession, type Session } from './session.ts';
import { update } from './update.ts';
import { ownDigest, version } from './version.ts';

const COMMANDS: Readonly<Record<string, (session: Session) => Promise<void>>> = {
  create,
  get,
  update,
  delete: deletePaste,
  list,
  info,
};

/** Never rejects. Resolves with the exit code when everything was written. */
export async function main(world: World): Promise<number> {
  try {
    await run(world, parseArguments(world.args));
    return 0;
  } catch (error) {
    return await fail(world, error);
  }
}

async function run(world: World, request: Request): Promise<void> {
  if (request.kind === 'help') {
    return await write(
      world.stdout,
      request.command === undefined ? generalHelp() : commandHelp(request.command),
    );
  }
  if (request.kind === 'version') return await printVersion(world, request.json);
  const { parsed } = request;
  if (parsed.command.name === 'completion') {
    const shell = parsed.positionals[0] ?? '';
    const script = completionScript(shell);
    return await write(world.stdout, parsed.has('json') ? `${JSON.stringify({ shell, script })}\n` : script);
  }
  const command = COMMANDS[parsed.command.name];
  if (command !== undefined) await command(await openSession(world, parsed));
}

async function printVersion(world: World, json: boolean): Promise<void> {
  const sha256 = await ownDigest(world);
  const text = json
    ? JSON.stringify({ version: version(), sha256 })
    : `fpaste ${version()}\nsha256 ${sha256 ?? 'unknown: this did not come from a file'}`;
  await write(world.stdout, `${text}\n`);
}

async function fail(world: World, error: unknown): Promise<number> {
  // The reader of our output went away, which is its right (`fpaste get … | head`).
  if (errorCode(error) === 'EPIPE') return EXIT_CODES.refused;
  const failure = error instanceof Failure ? error : unexpected(error);
  const { kind, code, message } = failure;
  const json = world.args.includes('--json');
  const text = json
    ? JSON.stringify({ error: { code, message, exit: EXIT_CODES[kind] } })
    : `fpaste: ${message}`;
  await write(world.stderr, `${text}\n`).catch(() => undefined);
  return EXIT_CODES[kind];
}

/** What no command foresaw. Its own message may quote anything, so only its kind is shown. */
function unexpected(error: unknown): Failure {
  const name = error instanceof Error && /^[A-Za-z]{1,40}$/.test(error.name) ? error.name : 'unknown';
  return new Failure(
    'refused',
    'unexpected',
    `Something unexpected happened (${name}, ${errorCode(error)}). Please report it, with the command but without the link.`,
  );
}
