/**
 * Mail: the port it leaves by, what the messages say, and which addresses are taken. The texts are plain and short;
 * nothing in them comes from a stranger but the address, which `parseEmail` has judged.
 */

/** One message to one person. `to` is what `parseEmail` gave, `subject` one line, `text` lines ended by `\n`. */
export interface MailMessage {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Why a message was not handed over to the mail server. Names for logs and pages: they hold no address. */
export type MailFailureReason =
  /** No mail server is set. */
  | 'disabled'
  /** Too many messages wait already. */
  | 'busy'
  /** Not a message that we write: a bad address, or a line break in a header. */
  | 'invalid_message'
  /** No connection: the name is unknown, the port closed, or the connection broke. */
  | 'unreachable'
  | 'timeout'
  /** No trustworthy TLS where it is required: not offered, refused, or a certificate that does not hold. */
  | 'tls_failed'
  /** The mail server did not take our user name and password. */
  | 'login_refused'
  | 'sender_refused'
  | 'recipient_refused'
  | 'message_refused'
  /** The mail server asked to try again later. */
  | 'deferred'
  /** It answered something that is not SMTP, or we failed in a way that has no name. */
  | 'protocol';

/** What `Mailer.send` rejects with. Its message is the reason's name; it carries nothing of the mail. */
export class MailFailure extends Error {
  override readonly name = 'MailFailure';
  readonly reason: MailFailureReason;

  constructor(reason: MailFailureReason) {
    super(reason);
    this.reason = reason;
  }
}

/** The port. */
export interface Mailer {
  /** What is given to it waits in the outbox for another process, as what lies there already does. */
  readonly elsewhere?: true;
  /**
   * Resolves when the mail server has taken the message, which does not say that it arrives.
   * @throws MailFailure
   */
  send(message: MailMessage): Promise<void>;
}

/** The port where mail is off (`SAFE_EMAIL_BACKEND=none`). */
export const noMailer: Mailer = {
  send: () => Promise.reject(new MailFailure('disabled')),
};

/** The name of what `send` threw, for the log. */
export function mailFailureReason(thrown: unknown): MailFailureReason {
  return thrown instanceof MailFailure ? thrown.reason : 'protocol';
}

/** RFC 5321 section 4.5.3.1: a path is 256 bytes with its angle brackets, a local part 64, a domain 255. */
const MAX_ADDRESS = 254;
const MAX_LOCAL = 64;
const MAX_DOMAIN = 253;
/** Atoms between dots (RFC 5322 section 3.2.3) without `%`, `!`, `|` and backticks, which old mailers act upon. */
const LOCAL = /^[a-z0-9_+][a-z0-9#$&'*+/=?^_{}~-]*(?:\.[a-z0-9#$&'*+/=?^_{}~-]+)*$/;
/** A host name's label (RFC 1123 section 2.1). */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * One address, trimmed and in lower case, or undefined. Conservative: ASCII, no display name, comment, quoted local
 * part or address literal; international domains in their ASCII form. What passes can stand in a header and in an
 * SMTP command as it is. Lower case makes two spellings of one mailbox one; no mail server of note tells them apart.
 */
export function parseEmail(text: string): string | undefined {
  // Judged before lower-casing, since some letters beyond ASCII become ASCII by it.
  if (text.length > MAX_ADDRESS * 2) return undefined;
  const trimmed = text.trim();
  if (trimmed.length > MAX_ADDRESS || !/^[\x21-\x7e]+$/.test(trimmed)) return undefined;
  const address = trimmed.toLowerCase();
  const at = address.indexOf('@');
  const local = address.slice(0, at);
  const domain = address.slice(at + 1);
  if (at < 1 || local.length > MAX_LOCAL || domain.length > MAX_DOMAIN) return undefined;
  if (!LOCAL.test(local)) return undefined;
  const labels = domain.split('.');
  if (!labels.every((label) => LABEL.test(label))) return undefined;
  // A number at the end is an IPv4 address, not a name.
  return /^[0-9]+$/.test(labels.at(-1) ?? '') ? undefined : address;
}

/**
 * Opens a registered account.
 *
 * @param origin `SAFE_PUBLIC_WEB_ORIGIN`: an origin, without a path
 * @param token the raw token. It stands behind `#`, so that no server gets to see it in a request's path.
 */
export function verificationMail(to: string, origin: string, token: string, ttlMs: number): MailMessage {
  return {
    to,
    subject: 'Verify your Sallyport account',
    text: lines(
      'Somebody, probably you, registered a Sallyport account with this e-mail address.',
      'Open this link to verify the address:',
      '',
      `${origin}/verify-email#token=${encodeURIComponent(token)}`,
      '',
      `The link works once, for ${inWords(ttlMs)}.`,
      'If this was not you, ignore this message: nothing happens.',
    ),
  };
}

/** The code that proves a second factor by e-mail. */
export function factorCodeMail(to: string, code: string, ttlMs: number): MailMessage {
  return {
    to,
    subject: 'Your Sallyport security code',
    text: lines(
      'Somebody, probably you, asked Sallyport for a security code. It is the next line, all of it:',
      '',
      code,
      '',
      `It works once, for ${inWords(ttlMs)}. Enter it only where you asked for it, and give it to nobody.`,
      'If this was not you, somebody else may know your password: change it.',
    ),
  };
}

/** What an operator sends to see whether mail works. */
export function testMail(to: string): MailMessage {
  return {
    to,
    subject: 'Sallyport test message',
    text: lines('This is a test message from the Sallyport dashboard.', 'Mail works.'),
  };
}

function lines(...text: readonly string[]): string {
  return `${text.join('\n')}\n`;
}

/** A duration as people say it, in the largest unit that divides it. */
function inWords(ms: number): string {
  const seconds = Math.max(1, Math.floor(ms / 1000));
  for (const [unit, size] of [
    ['hour', 3600],
    ['minute', 60],
  ] as const) {
    if (seconds % size === 0) return counted(seconds / size, unit);
  }
  return counted(seconds, 'second');
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
