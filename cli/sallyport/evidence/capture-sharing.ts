/** Contacts in `capture --to`: their wrapped keys are on the server before the first chunk is. */

import { Failure, usage } from '../../shared/failure.ts';
import type { World } from '../../shared/world.ts';
import { passingOutcome, type UploadOutcome } from './chunk-upload.ts';
import { type Account, type KnownKey, knownKeys } from './contacts-file.ts';
import type { Happening } from './events.ts';
import type { StreamKey } from './keys-file.ts';
import { requireConfirmed } from './keys-options.ts';
import type { Login } from './login.ts';
import type { Ask, Reply } from './service.ts';
import { type Sharee, shareWith } from './sharing.ts';

/** Who gets the stream's key. */
export interface Addressees {
  /** age recipients, each of which gets a local copy. */
  readonly recipients: readonly string[];
  /** Those of them who are contacts with a record on the server. */
  readonly contacts: readonly Sharee[];
}

/** Whether a word of `--to` is a recipient, not the name of a contact. */
export function isRecipient(word: string): boolean {
  return /^age1/i.test(word);
}

/**
 * Whom the words of `--to` mean: recipients, and names of keys that this machine knows. A recipient that is a
 * contact's confirmed key means that contact. Throws for names that are unknown, not confirmed, or given up.
 */
export async function addressees(
  world: World,
  account: Account,
  words: readonly string[],
): Promise<Addressees> {
  if (words.length === 0) return { recipients: [], contacts: [] };
  const known = await knownKeys(world, account);
  const recipients: string[] = [];
  const contacts: Sharee[] = [];
  for (const [index, word] of words.entries()) {
    const key = isRecipient(word)
      ? known.find(({ recipient, confirmedAt, ended }) => recipient === word && confirmedAt && !ended)
      : named(known, word, index);
    const recipient = key?.recipient ?? word;
    if (recipients.includes(recipient)) continue;
    recipients.push(recipient);
    if (key?.kind === 'contact') contacts.push(shareeOf(key));
  }
  return { recipients, contacts };
}

function named(known: readonly KnownKey[], word: string, index: number): KnownKey {
  const key = known.find(({ name }) => name === word.normalize('NFC'));
  if (key !== undefined) return requireConfirmed(key);
  throw usage(
    `--to number ${index + 1} is neither a recipient (age1…) nor a key that this machine knows. See sallyport keys list.`,
  );
}

function shareeOf({ kind, name, recipient, fingerprint, ownerId, keyId }: KnownKey): Sharee {
  return { kind, name, recipient, fingerprint, ownerId, keyId };
}

/** What must be on the server before chunks are. */
export interface Ahead {
  /** Undefined when nothing stands in the way of the next chunk any more. */
  next(): Promise<UploadOutcome | undefined>;
  /** Whether somebody's wrapped key was not brought, for good. */
  readonly refused: boolean;
}

interface Sharing {
  readonly login: Login;
  readonly key: StreamKey;
  readonly contacts: readonly Sharee[];
  /** Writes down that a contact needs nothing more. */
  readonly done: (contact: Sharee) => Promise<void>;
  readonly tell: (happening: Happening) => void;
}

/**
 * Shares one stream with contacts, one after the other, in as many attempts as the network needs. What is refused for
 * good is told, and then no longer holds the chunks up: evidence that reached the server without a contact's key can
 * still be opened with the local copies, evidence that stayed on a taken phone cannot.
 */
export function sharingAhead({ login, key, contacts, done, tell }: Sharing): Ahead {
  const waiting = [...contacts];
  let refused = false;
  const { incidentId, streamId } = key;
  const share = { incidentId, streamId, expiresAt: undefined };
  return {
    get refused() {
      return refused;
    },
    async next() {
      for (;;) {
        const [contact] = waiting;
        if (contact === undefined) return undefined;
        let passing: UploadOutcome | undefined;
        const ask = async (wish: Ask): Promise<Reply> => {
          const reply = await login.once(wish);
          passing = passingOutcome(reply);
          if (passing !== undefined) throw new Failure('network', 'busy', 'The server is busy.');
          return reply;
        };
        try {
          const grant = await shareWith(ask, share, [key], contact);
          await done(contact);
          tell({ event: 'key_shared', contact: contact.name, grant_id: grant });
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          if (passing !== undefined) return passing;
          if (error.code === 'login_needed') return { kind: 'login' };
          if (error.kind === 'network' || error.code === 'not_sallyport')
            return { kind: 'later', reason: error.message, afterMs: undefined, inDoubt: false };
          refused = true;
          tell({ event: 'sharing_refused', contact: contact.name, code: error.code, message: error.message });
        }
        waiting.shift();
      }
    },
  };
}
