/** `sallyport keys register|rotate|lost|revoke`: whose public keys are kept, and which are given up. */

import { Failure, usage } from '../../shared/failure.ts';
import type { World } from '../../shared/world.ts';
import { say, tell } from '../command.ts';
import { FINGERPRINT_OPTION, isConfirmed } from './confirming.ts';
import { type Account, type KnownKey, keepKnown, knownKeys } from './contacts-file.ts';
import { evidenceCommand } from './evidence-command.ts';
import {
  activate,
  createRecord,
  endRecord,
  isOpen,
  type KeyRecord,
  listRecords,
  type NewRecord,
} from './key-records.ts';
import {
  knownAs,
  LABEL,
  labelIn,
  recipientIn,
  requireKnown,
  WHOSE,
  type Whose,
  whoseIn,
} from './keys-options.ts';
import type { Login } from './login.ts';
import { type Given, type OptionGroup, OUTPUT, SERVER } from './options.ts';
import type { Recipient } from './recipients.ts';
import { accountAt, connected } from './session-commands.ts';

/** A command, its connection, and what it is about. */
interface Doing {
  readonly world: World;
  readonly given: Given;
  readonly login: Login;
  readonly account: Account;
  readonly whose: Whose;
}

async function doing(world: World, given: Given, whose: Whose): Promise<Doing> {
  const { service, login } = await connected(world, given);
  return { world, given, login, account: await accountAt(service, login), whose };
}

const NEW_OPTIONS: readonly OptionGroup[] = [
  ['Options', [...WHOSE, FINGERPRINT_OPTION, LABEL]],
  SERVER,
  OUTPUT,
];
const END_OPTIONS: readonly OptionGroup[] = [['Options', WHOSE], SERVER, OUTPUT];

export const keysRegisterCommand = evidenceCommand({
  words: ['keys', 'register'],
  usage: 'keys register --contact NAME|--own RECIPIENT [OPTIONS]',
  summary: "Keep somebody's public key, once its fingerprint is confirmed.",
  details: `
RECIPIENT is age1… or age1pq1…, or - for standard input. Its SHA-256 is computed here, and shown. Have the person read
theirs to you, face to face or by voice, and type it; or give it as --fingerprint. Only then is the key active, and only
then is anything wrapped for it. Until then it is kept as pending, and the exit code is 1.

  sallyport keys register --contact anna age1…
  sallyport keys register --own age1…
`,
  options: NEW_OPTIONS,
  positionals: [1, 1],
  run: register,
});

export const keysRotateCommand = evidenceCommand({
  words: ['keys', 'rotate'],
  usage: 'keys rotate --contact NAME|--own RECIPIENT [OPTIONS]',
  summary: 'Put a new public key in the place of one that is kept.',
  details: `
Nothing that was wrapped for the old key is given out any more, and nothing of it moves on: share again. The new
fingerprint must be confirmed first, or nothing is changed.
`,
  options: NEW_OPTIONS,
  positionals: [1, 1],
  run: rotate,
});

const endCommand = (verb: 'lost' | 'revoke', summary: string) =>
  evidenceCommand({
    words: ['keys', verb],
    usage: `keys ${verb} --contact NAME|--own`,
    summary,
    details: `
Nothing is wrapped for it any more, and the server gives nothing out that was. What was given out before stays open to
whoever has the private key. There is no way back; sallyport keys rotate gives a new key.
`,
    options: END_OPTIONS,
    positionals: [0, 0],
    run: (world, given) => giveUp(world, given, verb),
  });

export const keysLostCommand = endCommand('lost', 'Give up a key whose private half its owner has lost.');
export const keysRevokeCommand = endCommand('revoke', 'Give up a key that is not to be used any more.');

async function register(world: World, given: Given): Promise<number> {
  const whose = whoseIn(given);
  const label = labelIn(given);
  const key = await recipientIn(world, given);
  const plan = await doing(world, given, whose);
  const known = await knownAs(world, plan.account, whose);
  if (known !== undefined && (known.recipient !== key.recipient || known.ended !== undefined))
    throw usage(`${whose.name} has a key already. To change it: sallyport keys rotate.`);
  const sure =
    known?.confirmedAt !== undefined || (await isConfirmed(world, given, whose.name, key.fingerprint));
  const record = await recorded(plan, key, known, { label });
  const kept = await keep(plan, key, record, sure, known?.confirmedAt);
  if (sure) return told(plan, kept, 'active');
  told(plan, kept, 'pending_verification');
  throw new Failure(
    'refused',
    'not_confirmed',
    'Kept as pending: nothing is wrapped for it. When you have compared the fingerprint, the same again with --fingerprint HEX.',
  );
}

async function rotate(world: World, given: Given): Promise<number> {
  const whose = whoseIn(given);
  const label = labelIn(given);
  const key = await recipientIn(world, given);
  const plan = await doing(world, given, whose);
  const known = await requireKnown(world, plan.account, whose);
  if (known.recipient === key.recipient) throw usage(`This is the key that ${whose.name} has already.`);
  if (!(await isConfirmed(world, given, whose.name, key.fingerprint)))
    throw new Failure('refused', 'not_confirmed', 'Nothing was changed: the fingerprint is not confirmed.');
  // A contact's next version may follow one that has ended. One's own key that has ended has no next version.
  const next = known.kind === 'own' && known.ended !== undefined ? undefined : known;
  const record = await recorded(plan, key, undefined, { label, ...(next && { next }) });
  const kept = await keep(plan, key, record, true, undefined);
  if (whose.kind === 'contact' && !given.has('json') && !given.has('quiet'))
    say(
      'What was shared before was for the old key. Share it again: sallyport share INCIDENT --contact NAME',
    );
  return told(plan, kept, 'active');
}

/** The record of a key: the one that is known, one that an earlier attempt has made, or a new one. */
async function recorded(
  { login, account, world, whose: { kind } }: Doing,
  key: Recipient,
  known: KnownKey | undefined,
  wish: NewRecord,
): Promise<KeyRecord> {
  const records = (await listRecords(login.asked, kind)).filter(
    (record) =>
      record.publicKey === key.recipient && record.fingerprint === key.fingerprint && isOpen(record),
  );
  if (known !== undefined) {
    const record = records.find(({ keyId }) => keyId === known.keyId);
    if (record !== undefined) return record;
    throw new Failure(
      'refused',
      'contact_key_changed',
      `The server does not have this key of ${known.name} any more, or has ended it. Look with sallyport keys list; sallyport keys rotate gives a new key.`,
    );
  }
  const taken = new Set((await knownKeys(world, account)).map(({ keyId }) => keyId));
  const made = records.find(
    ({ keyId, ownerId }) => !taken.has(keyId) && (wish.next === undefined || wish.next.ownerId === ownerId),
  );
  return made ?? (await createRecord(login.asked, kind, key, wish));
}

/** Writes down what is known, and makes the record active when it is confirmed. */
async function keep(
  { world, login, account, whose }: Doing,
  { recipient, fingerprint }: Recipient,
  { keyId, ownerId, state }: KeyRecord,
  sure: boolean,
  confirmedBefore: string | undefined,
): Promise<KnownKey> {
  const confirmedAt = sure ? (confirmedBefore ?? new Date(world.now()).toISOString()) : undefined;
  const key: KnownKey = { ...whose, recipient, fingerprint, confirmedAt, ended: undefined, ownerId, keyId };
  await keepKnown(world, account, key);
  if (sure && state !== 'active') await activate(login.asked, whose.kind, keyId);
  return key;
}

async function giveUp(world: World, given: Given, verb: 'lost' | 'revoke'): Promise<number> {
  const plan = await doing(world, given, whoseIn(given));
  const known = await requireKnown(world, plan.account, plan.whose);
  const ended = known.ended ?? (verb === 'lost' ? 'lost' : 'revoked');
  // Here first: from now on nothing is wrapped for it, whatever becomes of the request.
  await keepKnown(world, plan.account, { ...known, ended });
  const otherwise = await endRecord(plan.login.asked, known.kind, known.keyId, verb);
  if (otherwise !== undefined && !given.has('json'))
    say(`On the server it had ended before, or is gone (${otherwise}).`);
  return told(plan, { ...known, ended }, ended);
}

function told({ given }: Doing, key: KnownKey, state: string): number {
  const { kind, name, recipient, fingerprint, ownerId, keyId } = key;
  const json = { kind, name, recipient, fingerprint, state, owner_id: ownerId, key_id: keyId };
  tell(given.has('json'), { key: json }, given.has('quiet') ? [] : [`${name}: ${state}.`]);
  return 0;
}
