/** The command line as a table: what is parsed, what `--help` prints and what the shells complete. */

export interface Option {
  readonly long: string;
  readonly short?: string;
  /** The name of its value; a switch has none. */
  readonly value?: string;
  /** What a shell may offer for the value. */
  readonly offers?: 'files';
  /** May stand more than once. */
  readonly repeatable?: boolean;
  readonly help: string;
}

export interface Command {
  readonly name: string;
  /** Positional arguments as people read them. */
  readonly usage: string;
  readonly help: string;
  readonly details?: readonly string[];
  /** How many positional arguments, at least and at most. */
  readonly positionals: readonly [number, number];
  readonly options: readonly Option[];
  /** What a shell may offer for positional arguments. */
  readonly offers?: 'files' | readonly string[];
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

const PASSWORD: Option = { long: 'password', short: 'p', help: 'ask for a password on the terminal' };
const PASSWORD_FILE: Option = {
  long: 'password-file',
  value: 'FILE',
  offers: 'files',
  help: 'read the password from FILE (one line; - is standard input)',
};
const EXPIRY: Option = {
  long: 'expiry',
  short: 'x',
  value: 'TIME',
  help: 'how long to keep it: 45m, 1h, 2d, 1w, or seconds',
};
const BURN: Option = { long: 'burn', short: 'b', help: 'delete it when it is first read' };
const NAME: Option = { long: 'name', value: 'NAME', help: 'the file name to seal with it' };
const MIME: Option = { long: 'mime', value: 'TYPE', help: 'the media type to seal with it' };
const TO: Option = {
  long: 'to',
  value: 'RECIPIENT',
  repeatable: true,
  help: 'encrypt to an age recipient (age1…, age1pq1…) instead; may be repeated',
};

/** Options that every command takes. */
export const COMMON_OPTIONS: readonly Option[] = [
  { long: 'server', value: 'URL', help: 'the server, with its path prefix if it has one' },
  { long: 'client-certificate', value: 'FILE', offers: 'files', help: 'client certificate (PEM)' },
  { long: 'client-key', value: 'FILE', offers: 'files', help: 'its key (PEM, mode 0600)' },
  { long: 'server-fingerprint', value: 'HEX', help: "SHA-256 of the server's certificate, and no other" },
  { long: 'ca-file', value: 'FILE', offers: 'files', help: 'certificate authorities to trust (PEM)' },
  { long: 'config', value: 'FILE', offers: 'files', help: 'configuration file' },
  { long: 'max-wait', value: 'TIME', help: 'wait no longer than this for a busy server (default 2m)' },
  { long: 'no-retry', help: 'try once' },
  { long: 'quiet', short: 'q', help: 'print the result and nothing else' },
  { long: 'json', help: 'print the result, and an error, as JSON' },
  { long: 'help', short: 'h', help: 'print this help' },
];

export const COMMANDS: readonly Command[] = [
  {
    name: 'create',
    usage: '[FILE|-]',
    help: 'upload a file, or standard input, and print its link',
    details: [
      'With --encrypt the paste is sealed before it leaves this machine. The key is the part of the link',
      'after "#", which is never sent: whoever has the whole link can read the paste, the server cannot.',
    ],
    positionals: [0, 1],
    offers: 'files',
    options: [
      { long: 'encrypt', short: 'e', help: 'seal it; the key is in the link' },
      { long: 'no-encrypt', help: 'do not seal it, whatever the configuration says' },
      PASSWORD,
      PASSWORD_FILE,
      EXPIRY,
      BURN,
      TO,
      NAME,
      MIME,
      { long: 'clipboard', short: 'c', help: 'copy the link to the clipboard' },
      { long: 'qr', help: 'show the link as a QR code' },
    ],
  },
  {
    name: 'get',
    usage: '[URL|ID|-]',
    help: 'fetch a paste and open it',
    details: [
      'Without an argument, or with -, the link is read from the terminal or from a pipe, so that it stays',
      "out of the shell's history. Nothing is written before the last byte has been verified.",
    ],
    positionals: [0, 1],
    options: [
      { long: 'output', short: 'o', value: 'FILE', offers: 'files', help: 'write to FILE' },
      { long: 'save', short: 'O', help: 'save under its own name in this folder, never overwriting' },
      PASSWORD,
      PASSWORD_FILE,
      {
        long: 'identity',
        short: 'i',
        value: 'FILE',
        offers: 'files',
        repeatable: true,
        help: 'open an age file with the identities in FILE (- is standard input); may be repeated',
      },
    ],
  },
  {
    name: 'update',
    usage: 'URL|ID FILE|-',
    help: 'replace the content of a paste, sealed again under the same key',
    positionals: [2, 2],
    offers: 'files',
    options: [PASSWORD, PASSWORD_FILE, EXPIRY, BURN, TO, NAME, MIME],
  },
  {
    name: 'delete',
    usage: 'URL|ID',
    help: 'delete a paste',
    positionals: [1, 1],
    options: [
      { long: 'token', value: 'TOKEN', help: 'its delete token, if this machine did not create it' },
      { long: 'token-file', value: 'FILE', offers: 'files', help: 'read the delete token from FILE' },
    ],
  },
  { name: 'list', usage: '', help: 'list what this machine created', positionals: [0, 0], options: [] },
  { name: 'info', usage: '', help: "show the server's limits", positionals: [0, 0], options: [] },
  {
    name: 'completion',
    usage: 'bash|zsh|fish',
    help: 'print the completion script of a shell',
    positionals: [1, 1],
    offers: SHELLS,
    options: [],
  },
];
