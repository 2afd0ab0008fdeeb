/** What the `keys` commands that talk to a server have in common: whose key, and which. */

import { holdsKeyMaterial } from '../../../src/core/key-material.ts';
import { Failure, usage } from '../../shared/failure.ts';
import type { World } from '../../shared/world.ts';
import { type Account, type KeyKind, type KnownKey, keyName, knownKeys } from './contacts-file.ts';
import type { Given, Option } from './options.ts';
import { type Recipient, recipientOf } from './recipients.ts';

export const WHOSE: readonly Option[] = [
  { name: 'contact', value: 'NAME', help: 'the key of somebody else; NAME stays on this machine' },
  { name: 'own', help: 'a key of this account itself' },
  { name: 'name', value: 'NAME', help: 'with --own: which (default this-device)' },
];

export const LABEL: Option = { name: 'label', value: 'TEXT', help: 'a label that the server can read' };

export interface Whose {
  readonly kind: KeyKind;
  readonly name: string;
}

const DEFAULT_NAME = 'this-device';
/** Of standard input. */
const LONGEST_RECIPIENT = 4096;

/** Throws a usage failure unless exactly one of `--contact` and `--own` is there. */
export function whoseIn(given: Given): Whose {
  const contact = given.value('contact');
  const own = given.has('own');
  if ((contact === undefined) === !own) throw usage('Say whose key: --contact NAME, or --own.');
  if (contact !== undefined && given.has('name')) throw usage('--name goes with --own.');
  return contact === undefined
    ? { kind: 'own', name: keyName(given.value('name') ?? DEFAULT_NAME) }
    : { kind: 'contact', name: keyName(contact) };
}

/** The recipient on the command line, or on standard input for `-`. Throws usage failures that quote nothing. */
export async function recipientIn(world: World, given: Given): Promise<Recipient> {
  const [text = ''] = given.positionals;
  if (text !== '-') return recipientOf(text);
  let piped = '';
  for await (const piece of world.stdin) {
    piped += Buffer.from(piece as Uint8Array).toString('utf8');
    if (piped.length > LONGEST_RECIPIENT) throw usage('Standard input is too long for a recipient.');
  }
  return recipientOf(piped);
}

/** Throws a usage failure for one that holds, or names, key material. */
export function labelIn(given: Given): string | undefined {
  const label = given.value('label');
  if (label !== undefined && holdsKeyMaterial(label))
    throw usage('The label holds a private key, or names one. It was not sent.');
  return label;
}

/** What is known of a name, or undefined. Throws a usage failure when the name is taken by the other kind. */
export async function knownAs(
  world: World,
  account: Account,
  { kind, name }: Whose,
): Promise<KnownKey | undefined> {
  const known = (await knownKeys(world, account)).find((key) => key.name === name);
  if (known !== undefined && known.kind !== kind)
    throw usage(
      known.kind === 'own'
        ? `${name} is a key of your own: --own --name.`
        : `${name} is a contact: --contact.`,
    );
  return known;
}

/** The same, where there must be one. */
export async function requireKnown(world: World, account: Account, whose: Whose): Promise<KnownKey> {
  const known = await knownAs(world, account, whose);
  if (known !== undefined) return known;
  throw usage(
    `This machine knows no key called ${whose.name} for ${account.username} at ${account.server}. See sallyport keys list.`,
  );
}

/** A contact's key that things may be wrapped for. Throws what it lacks. */
export function requireConfirmed(known: KnownKey): KnownKey {
  const { name, confirmedAt, ended } = known;
  if (ended !== undefined)
    throw new Failure(
      'refused',
      'contact_key_ended',
      `The key of ${name} was given up (${ended}). Give the new one: sallyport keys rotate.`,
    );
  if (confirmedAt === undefined)
    throw new Failure(
      'refused',
      'contact_not_confirmed',
      `The fingerprint of ${name} was not confirmed on this machine. Compare it with them, then: sallyport keys register --contact NAME RECIPIENT --fingerprint HEX`,
    );
  return known;
}
