/** Exit codes of the evidence commands, and how a failure is told. */

import { EXIT_CODES, errorCode, Failure } from '../../shared/failure.ts';
import { say, UsageError } from '../command.ts';
import { refusePrivateKeys } from './recipients.ts';

/** Besides 0 and the codes of refusals (1), usage (2), network (3) and decryption (4). */
export const LOGIN_NEEDED = 5;
/** The recording was cut short for want of room; what was recorded is safe. */
export const CUT_SHORT = 6;

export const EXIT_HELP = `
Exit codes: 0 done, 1 refused or failed, 2 usage, 3 network, 4 it does not open (wrong key, changed, cut),
5 a login is needed, 6 the recording was cut short because the staging directory was full.
`;

/** The exit code of a failure. */
export function exitCodeOf(failure: Failure): number {
  return failure.code === 'login_needed' ? LOGIN_NEEDED : EXIT_CODES[failure.kind];
}

/** Runs a command's work; failures are told, as JSON where that is wanted, and become exit codes. */
export async function ending(args: readonly string[], work: () => Promise<number>): Promise<number> {
  try {
    // First: what does not understand its arguments quotes them.
    refusePrivateKeys(args);
    return await work();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const failure = error instanceof Failure ? error : unexpected(error);
    const { code, message } = failure;
    const exit = exitCodeOf(failure);
    say(args.includes('--json') ? JSON.stringify({ error: { code, message, exit } }) : message);
    return exit;
  }
}

/** What nobody foresaw. Its own message may quote anything, so only its kind is shown. */
function unexpected(error: unknown): Failure {
  const name = error instanceof Error && /^[A-Za-z]{1,40}$/.test(error.name) ? error.name : 'unknown';
  return new Failure(
    'refused',
    'unexpected',
    `Something unexpected happened (${name}, ${errorCode(error)}). What is in a staging directory is safe. Please report it, with the command but without keys and links.`,
  );
}
