/**
 * Mail over SMTP (RFC 5321), by nodemailer: one connection a message, a few at a time. Nothing is logged here and
 * no error of the library leaves, since its messages quote addresses and what the mail server said about them.
 */
import { createTransport, type NodemailerError, type SMTPTransportOptions } from 'nodemailer';
import {
  type Mailer,
  MailFailure,
  type MailFailureReason,
  type MailMessage,
  noMailer,
  parseEmail,
} from '../src/core/mail.ts';
import type { EmailSettings } from '../src/core/settings-types.ts';

type SmtpSettings = Extract<EmailSettings, { backend: 'smtp' }>;

/** Connections at once: most mail servers refuse more than a handful from one client. */
const MAX_SENDING = 4;
/** Messages that may wait for one. More are refused rather than kept in memory. */
const MAX_WAITING = 100;
/** The setting bounds each step of a conversation; this bounds all of them, in the same unit. */
const STEPS = 5;
/** Where TLS begins with the first byte (RFC 8314 section 3.3). */
const SUBMISSIONS_PORT = 465;
const MAX_TEXT = 64 * 1024;

export interface SmtpMailer extends Mailer {
  /** Takes no more messages, and resolves when those under way have left or failed. */
  close(): Promise<void>;
}

/**
 * The mailer of these settings.
 *
 * @param trust PEM certificates to trust in place of the runtime's own list. A server with a certificate of a
 *   private authority needs none of this: NODE_EXTRA_CA_CERTS adds to the list.
 */
export function openMailer(settings: EmailSettings, trust?: string): SmtpMailer {
  if (settings.backend === 'none') return { ...noMailer, close: () => Promise.resolve() };
  const transport = createTransport(smtpOptions(settings, trust));
  const places = bounded(MAX_SENDING, MAX_WAITING);
  const deliver = async (message: MailMessage): Promise<void> => {
    try {
      await transport.sendMail({
        from: settings.from,
        to: { name: '', address: message.to },
        subject: message.subject,
        text: message.text,
        // RFC 3834 section 5: no vacation notice in answer to it.
        headers: { 'Auto-Submitted': 'auto-generated' },
        xMailer: false,
        disableFileAccess: true,
        disableUrlAccess: true,
        signal: AbortSignal.timeout(settings.timeoutMs * STEPS),
      });
    } catch (error) {
      throw new MailFailure(reasonOf(error));
    }
  };
  return {
    async send(message) {
      if (!isSound(message)) throw new MailFailure('invalid_message');
      await places.take(() => deliver(message));
    },
    close: places.close,
  };
}

/**
 * What nodemailer is told. Certificates are checked wherever there is TLS, whatever the mode.
 *
 * - `required`: no mail and no password leaves before STARTTLS has succeeded. On port 465 the connection is TLS
 *   from its first byte.
 * - `opportunistic`: STARTTLS where it is offered, else in the clear.
 * - `disabled`: in the clear. For a mail server on the same machine.
 */
export function smtpOptions(settings: SmtpSettings, trust?: string): SMTPTransportOptions {
  const domain = /@([^\s>]+)>?$/.exec(settings.from)?.[1];
  return {
    host: settings.host,
    port: settings.port,
    secure: settings.port === SUBMISSIONS_PORT && settings.starttls !== 'disabled',
    requireTLS: settings.starttls === 'required',
    ignoreTLS: settings.starttls === 'disabled',
    tls: { minVersion: 'TLSv1.2', ...(trust === undefined ? {} : { ca: trust }) },
    dnsTimeout: settings.timeoutMs,
    connectionTimeout: settings.timeoutMs,
    greetingTimeout: settings.timeoutMs,
    socketTimeout: settings.timeoutMs,
    // The sender's domain, not the machine's name, which every recipient could read.
    ...(domain === undefined ? {} : { name: domain }),
    ...(settings.username === undefined
      ? {}
      : { auth: { user: settings.username, pass: settings.password ?? '' } }),
    logger: false,
    debug: false,
  };
}

/** Only what core wrote gets out: one judged address, a subject of one line, a text without other controls. */
function isSound({ to, subject, text }: MailMessage): boolean {
  return (
    parseEmail(to) === to &&
    /^[\x20-\x7e]{1,200}$/.test(subject) &&
    text.length <= MAX_TEXT &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    !/[\x00-\x09\x0b-\x1f\x7f]/.test(text)
  );
}

function reasonOf(error: unknown): MailFailureReason {
  const { code, command, responseCode, originalCode, message } = error as Partial<NodemailerError>;
  const temporary = responseCode !== undefined && responseCode >= 400 && responseCode < 500;
  switch (code) {
    case 'EABORT':
    case 'ETIMEDOUT':
      return 'timeout';
    case 'ETLS':
    case 'EREQUIRETLS':
      return 'tls_failed';
    case 'EDNS':
      return 'unreachable';
    case 'ECONNECTION':
      return command === 'EHLO' && /STARTTLS/.test(message ?? '') ? 'tls_failed' : 'unreachable';
    case 'ESOCKET':
      // A certificate that does not hold ends the socket with its own name, as does a failed handshake.
      return /CERT|TLS|SSL|SIGNED|ISSUER/.test(originalCode ?? '') ? 'tls_failed' : 'unreachable';
    case 'EAUTH':
    case 'ENOAUTH':
      return temporary ? 'deferred' : 'login_refused';
    case 'EENVELOPE':
      if (temporary) return 'deferred';
      if (command === 'RCPT TO') return 'recipient_refused';
      return command === 'MAIL FROM' ? 'sender_refused' : 'message_refused';
    case 'EMESSAGE':
      return temporary ? 'deferred' : 'message_refused';
    default:
      return 'protocol';
  }
}

/** Runs at most `most` tasks at once and lets at most `waiting` wait, in order. */
function bounded(most: number, waiting: number) {
  const queue: (() => void)[] = [];
  const running = new Set<Promise<void>>();
  let closed = false;
  const run = (task: () => Promise<void>): Promise<void> => {
    const done = task().finally(() => {
      running.delete(settled);
      queue.shift()?.();
    });
    const settled = done.then(
      () => {},
      () => {},
    );
    running.add(settled);
    return done;
  };
  return {
    take(task: () => Promise<void>): Promise<void> {
      if (closed) return Promise.reject(new MailFailure('disabled'));
      if (running.size < most) return run(task);
      if (queue.length >= waiting) return Promise.reject(new MailFailure('busy'));
      return new Promise((resolve, reject) => {
        queue.push(() => run(task).then(resolve, reject));
      });
    },
    async close(): Promise<void> {
      closed = true;
      while (running.size > 0) await Promise.all(running);
    },
  };
}
