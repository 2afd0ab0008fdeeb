/**
 * Mail that is sent later: what one process writes and another sends, since the edge has no mail server and home has;
 * and what the mail server did not take when it was written. A message lies in the database sealed under a key of its
 * own and bound to its row, until it was handed over or given up; then it is erased.
 */
import { openAtRest, resealAtRest, sealAtRest } from '../crypto/at-rest.ts';
import { hex, utf8 } from '../crypto/hash.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { DueMail, MailToKeep, OutboxMail } from '../store/coordination.ts';
import type { Bytes } from '../store/store.ts';
import type { Deps } from './deps.ts';
import {
  type Mailer,
  MailFailure,
  type MailFailureReason,
  type MailMessage,
  mailFailureReason,
} from './mail.ts';

/** A message that is older is given up: whoever waits for it has asked again or gone. */
export const OUTBOX_AGE_MS = 3_600_000;
/** How many may wait. */
const MOST = 10_000;
/** How many may wait when one more of a registration is kept: anybody makes those, and codes need the rest. */
const MOST_OF_ANYBODY = MOST / 2;
/** How many are read at a time. */
const AT_ONCE = 20;
/** When an attempt came to nothing, the next one follows after this; the last pause repeats. */
const PAUSES_MS = [15_000, 30_000, 60_000, 120_000, 300_000] as const;
/** Longer than an attempt may take, for what becomes of a process in the middle of one. */
const ATTEMPT_MS = 120_000;

/** Reasons that another attempt does not change. */
const FINAL: ReadonlySet<MailFailureReason> = new Set([
  'invalid_message',
  'recipient_refused',
  'message_refused',
]);

type SealingDeps = Pick<Deps, 'store' | 'keys' | 'now' | 'random'>;

/** A message as the outbox keeps it, due at once. */
async function sealedMail(
  deps: Omit<SealingDeps, 'store'>,
  { to, subject, text }: MailMessage,
): Promise<OutboxMail> {
  const id = hex(deps.random(16));
  const now = deps.now();
  const plain = utf8(JSON.stringify([to, subject, text]));
  const sealed = await sealAtRest(deps.keys, 'mail-outbox', [id], plain, deps.random);
  return { id, sealed, createdAt: now, dueAt: now };
}

/** A message to anybody who asked for it. */
export async function mailToKeep(
  deps: Omit<SealingDeps, 'store'>,
  message: MailMessage,
): Promise<MailToKeep> {
  return { mail: await sealedMail(deps, message), most: MOST_OF_ANYBODY };
}

/** A mailer that leaves each message in the outbox. It rejects as a mailer does: `busy` when too many wait there. */
export function outboxMailer(deps: SealingDeps): Mailer {
  return {
    elsewhere: true,
    async send(message) {
      const mail = await sealedMail(deps, message);
      if (!(await deps.store.outbox.add(mail, MOST))) throw new MailFailure('busy');
    },
  };
}

async function messageOf(
  deps: Pick<Deps, 'keys'>,
  { id, sealed }: DueMail,
): Promise<MailMessage | undefined> {
  const plain = await openAtRest(deps.keys, 'mail-outbox', [id], sealed);
  if (plain === undefined) return undefined;
  const [to, subject, text] = JSON.parse(new TextDecoder().decode(plain)) as [string, string, string];
  return { to, subject, text };
}

/** A message that waits, sealed under another key; undefined where the present one does not open it. */
export function resealMail(
  keys: { readonly from: Keyring; readonly to: Keyring },
  id: string,
  sealed: Bytes,
  random: Deps['random'],
): Promise<Bytes | undefined> {
  return resealAtRest(keys, 'mail-outbox', [id], sealed, random);
}

export interface OutboxRound {
  readonly sent: number;
  readonly putOff: number;
  readonly givenUp: number;
}

type SendingDeps = Pick<Deps, 'store' | 'keys' | 'now' | 'mailer' | 'log'>;

/** `taken`: somebody else sends it, or did. */
type Attempted = 'sent' | 'putOff' | 'givenUp' | 'taken';

async function attempt(deps: SendingDeps, mail: DueMail): Promise<Attempted> {
  const { outbox } = deps.store;
  const giveUp = async (attempts: number, reason: MailFailureReason | 'unreadable' | 'too_old') => {
    await outbox.remove(mail.id);
    deps.log.write('warn', 'a mail was given up', { reason, attempts });
    return 'givenUp' as const;
  };
  const message = await messageOf(deps, mail);
  // Under another key: the secret was changed since.
  if (message === undefined) return giveUp(mail.attempts, 'unreadable');
  if (deps.now() - mail.createdAt > OUTBOX_AGE_MS) return giveUp(mail.attempts, 'too_old');
  if (!(await outbox.begin(mail, deps.now() + ATTEMPT_MS))) return 'taken';
  const begun = { ...mail, attempts: mail.attempts + 1 };
  try {
    await deps.mailer.send(message);
  } catch (thrown) {
    const reason = mailFailureReason(thrown);
    if (FINAL.has(reason)) return giveUp(begun.attempts, reason);
    const pause = PAUSES_MS[Math.min(mail.attempts, PAUSES_MS.length - 1)] ?? ATTEMPT_MS;
    await outbox.putOff(begun, deps.now() + pause);
    deps.log.write('warn', 'a mail was not sent yet', { reason, attempts: begun.attempts });
    return 'putOff';
  }
  await outbox.remove(mail.id);
  return 'sent';
}

/**
 * Sends a message that was just kept, where this process sends any; what comes to nothing is tried again by rounds.
 * Where there was no room for it (`kept` is false), it is tried once.
 * @throws MailFailure `busy` where it was not kept and is sent by another process; what the mailer throws at the one try
 */
export async function sendKept(
  deps: SendingDeps,
  { mail }: MailToKeep,
  message: MailMessage,
  kept: boolean,
): Promise<void> {
  const elsewhere = deps.mailer.elsewhere === true;
  if (kept) {
    if (!elsewhere) await attempt(deps, { ...mail, attempts: 0 });
  } else if (elsewhere) throw new MailFailure('busy');
  else await deps.mailer.send(message);
}

/**
 * Sends what is due, one message after another. A message that the mail server took is erased; after a failure it is
 * tried again later, at growing pauses and until it is an hour old. What is given up is logged by its reason alone.
 * Two processes at once send no message twice, unless one of them stalls in the middle of it.
 */
export async function sendOutbox(deps: SendingDeps, stop: () => boolean = () => false): Promise<OutboxRound> {
  const round = { sent: 0, putOff: 0, givenUp: 0 };
  while (!stop()) {
    const due = await deps.store.outbox.due(deps.now(), AT_ONCE);
    for (const mail of due) {
      if (stop()) return round;
      const attempted = await attempt(deps, mail);
      if (attempted !== 'taken') round[attempted] += 1;
    }
    if (due.length < AT_ONCE) break;
  }
  return round;
}
