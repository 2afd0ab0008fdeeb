/** Whether a person says that a key is whose they think it is: by its fingerprint, computed on this machine. */

import { Failure } from '../../shared/failure.ts';
import { askShown, canAsk } from '../../shared/terminal.ts';
import type { World } from '../../shared/world.ts';
import { say } from '../command.ts';
import type { Given, Option } from './options.ts';
import { isFingerprint, spokenFingerprint } from './recipients.ts';

export const FINGERPRINT_OPTION: Option = {
  name: 'fingerprint',
  value: 'HEX',
  help: 'the SHA-256 as its owner reads it out, all 64 digits (default: it is asked for on the terminal)',
};

const MOST_TRIES = 3;

/**
 * Shows the fingerprint and compares it with `--fingerprint`, or with what is typed. Throws `fingerprint_differs`
 * when they are not the same.
 * @param name whose key it is said to be
 * @returns false when there is nobody to ask, or nothing was typed: then it is not known yet
 */
export async function isConfirmed(
  world: World,
  given: Given,
  name: string,
  fingerprint: string,
): Promise<boolean> {
  const typed = given.value('fingerprint');
  if (typed !== undefined) {
    if (isFingerprint(typed, fingerprint)) return true;
    throw differs(name);
  }
  say(`Fingerprint of this key, computed on this machine:\n  ${spokenFingerprint(fingerprint)}`);
  if (!canAsk(world)) return false;
  for (let attempt = 1; attempt <= MOST_TRIES; attempt += 1) {
    const answer = await askShown(
      world,
      `Have ${name} read theirs to you, face to face or by voice, and type it (empty: later): `,
    );
    if (answer.trim() === '') return false;
    if (isFingerprint(answer, fingerprint)) return true;
    say('That is not the same.');
  }
  throw differs(name);
}

function differs(name: string): Failure {
  return new Failure(
    'refused',
    'fingerprint_differs',
    `This is not the fingerprint of the key that was given: the key is not the one that ${name} has, or was changed on its way. Nothing was wrapped for it, and it was not made active.`,
  );
}
