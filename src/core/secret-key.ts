/**
 * The one secret of a deployment: that a database is opened under its own, and how it is changed. Home and edge share
 * it, so that a wrong one must be noticed at start and not by the first token that does not fit.
 */
import { resealAtRest } from '../crypto/at-rest.ts';
import { type Keyring, openKeyring } from '../crypto/keyring.ts';
import type { SecretKeyStore } from '../store/secret-key.ts';
import { auditEntry } from './audit.ts';
import type { Deps } from './deps.ts';
import { seedContext } from './factors.ts';
import { resealMail } from './outbox.ts';

/** What the database keeps of a key: enough to recognise it, nothing to find it by. */
const checkOf = (keys: Keyring) => keys.macHex('secret-key-check', 'sallyport');

/** Whether the database belongs to this key. A database without any takes it. */
export async function keyFits(store: SecretKeyStore, keys: Keyring): Promise<boolean> {
  const check = checkOf(keys);
  return (await store.settle(check)) === check;
}

/** As {@link keyFits}, for a process that leaves a database as it is: one without any key fits nobody. */
export async function keyIsKept(store: SecretKeyStore, keys: Keyring): Promise<boolean> {
  return (await store.kept()) === checkOf(keys);
}

export type KeyChangeOutcome =
  | {
      readonly kind: 'changed';
      readonly seeds: number;
      /** Mail that waits to be sent and was sealed anew, and whether there was more than that, which is given up. */
      readonly mails: number;
      readonly mailsGivenUp: boolean;
    }
  /** A seed that the old key does not open: nothing was changed. */
  | { readonly kind: 'seed_does_not_open'; readonly factorId: string }
  /** Somebody else wrote meanwhile: nothing was changed, and it may be tried again. */
  | { readonly kind: 'raced' };

/** Mail that is taken along; what goes in one transaction is bounded. */
const MAILS = 200;

/** Seals everything that is kept under the old key under the new one, in one transaction. */
export async function changeKey(
  deps: Pick<Deps, 'store' | 'now' | 'random'>,
  from: Keyring,
  next: Uint8Array,
): Promise<KeyChangeOutcome> {
  const to = openKeyring(next);
  const seeds = [];
  for (const { id, accountId, sealedSecret } of await deps.store.accounts.totpSecrets()) {
    const context = seedContext(accountId, id);
    const becomes = await resealAtRest({ from, to }, 'totp-at-rest', context, sealedSecret, deps.random);
    if (becomes === undefined) return { kind: 'seed_does_not_open', factorId: id };
    seeds.push({ factorId: id, was: sealedSecret, becomes });
  }
  const waiting = await deps.store.outbox.due(Number.MAX_SAFE_INTEGER, MAILS + 1);
  const mails = [];
  for (const { id, sealed } of waiting.slice(0, MAILS)) {
    const becomes = await resealMail({ from, to }, id, sealed, deps.random);
    if (becomes !== undefined) mails.push({ id, was: sealed, becomes });
  }
  const audit = auditEntry(deps, { listener: 'local', actorKind: 'operator' }, 'secret_key_rotate', 'ok');
  const change = { from: checkOf(from), to: checkOf(to), seeds, mails, audit };
  if (!(await deps.store.secretKey.change(change))) return { kind: 'raced' };
  const mailsGivenUp = waiting.length > mails.length;
  return { kind: 'changed', seeds: seeds.length, mails: mails.length, mailsGivenUp };
}
