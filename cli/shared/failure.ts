/**
 * How a command ends when it does not succeed: one kind for each exit code, a name for scripts, one or two
 * sentences for people. No message carries a key, a password or the fragment of a link.
 */

export const EXIT_CODES = {
  /** The server answered no, or this machine did: a file that cannot be written, an answer that makes no sense. */
  refused: 1,
  /** The command line, the configuration or a file named there is wrong. */
  usage: 2,
  /** No answer: no connection, a failed TLS handshake, a wrong certificate, a transfer that broke. */
  network: 3,
  /** The bytes do not open: wrong key, wrong identity, changed or cut. */
  decryption: 4,
} as const;

export type FailureKind = keyof typeof EXIT_CODES;

/** Thrown wherever a command cannot go on; `main` prints it and exits with its kind's code. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly kind: FailureKind;
  /** A stable name: the server's own error code where it answered one. */
  readonly code: string;
  /** Whether the same request may work when it is sent again. */
  readonly passing: boolean;

  constructor(kind: FailureKind, code: string, message: string, passing = false) {
    super(message);
    this.kind = kind;
    this.code = code;
    this.passing = passing;
  }
}

export function usage(message: string): Failure {
  return new Failure('usage', 'usage', message);
}

/** The name of a system error (`ENOENT`), for messages: the runtime's own texts quote paths and arguments. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : 'unknown error';
}
