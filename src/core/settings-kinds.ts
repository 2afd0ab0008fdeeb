/** The kinds of setting that the table is written in: a shape in words, an example, and a schema each. */
import { lettersOf, WORD_LEAST } from './password-shape.ts';
import {
  type Address,
  addressesClash,
  parseAddress,
  parseCidr,
  parseHostName,
  parseOrigin,
  parseUrl,
  parseUrlPrefix,
} from './settings-net.ts';
import {
  bad,
  good,
  type Kind,
  kind,
  LONGEST_MS,
  type Parsed,
  parseBase64,
  parseBoolean,
  parseBytes,
  parseDecimal,
  parseDuration,
  parseInteger,
  parseList,
  parseText,
  parseToken,
  secretKind,
} from './settings-parse.ts';

/** Timers of every runtime fire at once when asked to wait for 2^31 ms or more. */
const LONGEST_TIMER_MS = 24 * 86_400_000;

const DURATION = 'a duration: numbers with a unit of ms, s, m, h or d';

function bounded(
  shape: string,
  example: string,
  min: number,
  max: number,
  why: string,
  leastAboveZero = 0,
): Kind<number> {
  return kind(
    shape,
    example,
    (text) => {
      const parsed = parseDuration(text);
      if (!parsed.ok) return parsed;
      if (parsed.value < min) return bad(why);
      if (parsed.value > 0 && parsed.value < leastAboveZero) {
        return bad(`must be 0, or at least ${leastAboveZero / 60_000} minutes`);
      }
      return parsed.value > max ? bad(`must be at most ${max / 86_400_000} days`) : parsed;
    },
    'number',
  );
}

/** A duration, 0 included. */
export const duration = bounded(`${DURATION}, or 0`, '30d', 0, LONGEST_MS, '');
/** A duration above 0. */
export const positiveDuration = bounded(`${DURATION}, above 0`, '12h', 1, LONGEST_MS, 'must be above 0');
/** How long something may go unused; use is noted once in five minutes, so that less would mean little. */
export const idleDuration = bounded(`${DURATION}, at least 10m, or 0`, '1h', 0, LONGEST_MS, '', 600_000);
/** A duration that a timer can wait for, 0 included. */
export const timer = bounded(`${DURATION}, or 0; at most 24d`, '30s', 0, LONGEST_TIMER_MS, '');
/** A duration above 0 that a timer can wait for. */
export const positiveTimer = bounded(
  `${DURATION}, above 0 and at most 24d`,
  '1m',
  1,
  LONGEST_TIMER_MS,
  'must be above 0',
);

/** A duration of whole seconds, as seconds. */
export const expirySeconds: Kind<number> = kind(
  `${DURATION}, whole seconds and at least 1s`,
  '5d',
  (text) => {
    const parsed = parseDuration(text);
    if (!parsed.ok) return parsed;
    if (parsed.value < 1000 || parsed.value % 1000 !== 0) return bad('must be whole seconds, at least one');
    return good(parsed.value / 1000);
  },
  'number',
);

/** A size in bytes. */
export const bytes: Kind<number> = kind(
  'a byte size: a whole number, or a number with K, M or G (powers of 1024)',
  '50MiB',
  parseBytes,
  'number',
);

export const flag: Kind<boolean> = kind('true or false', 'true', parseBoolean, 'boolean');

/** A whole number from `min` to `max`, both included. */
export function integer(min: number, max: number, example: string): Kind<number> {
  return kind(
    `a whole number from ${min} to ${max}`,
    example,
    (text) => parseInteger(text, min, max),
    'number',
  );
}

/** Requests a window; 0 is no limit. */
export const rate: Kind<number> = kind(
  'a whole number of requests a window from 0 (no limit) to 1000000',
  '60',
  (text) => parseInteger(text, 0, 1_000_000),
  'number',
);

/** A decimal number from `min` to `max`, both included. */
export function decimal(min: number, max: number, example: string): Kind<number> {
  return kind(
    `a decimal number from ${min} to ${max}`,
    example,
    (text) => parseDecimal(text, min, max),
    'number',
  );
}

/** One word out of a fixed set, spelled exactly. */
export function oneOf<const T extends string>(words: readonly [T, ...T[]]): Kind<T> {
  return kind(`one of ${words.join(', ')}`, words[0], (text) => {
    const word = words.find((candidate) => candidate === text);
    return word === undefined ? bad('is none of the allowed words') : good(word);
  });
}

/** A comma list of words out of a fixed set, each once. */
export function someOf<const T extends string>(words: readonly [T, ...T[]]): Kind<readonly T[]> {
  const shape = `a comma list out of ${words.join(', ')}`;
  const read = (text: string): Parsed<readonly T[]> => {
    const parsed = parseList(text, (entry) => {
      const word = words.find((candidate) => candidate === entry);
      return word === undefined ? bad('holds a word that is not allowed') : good(word);
    });
    return parsed.ok && new Set(parsed.value).size < parsed.value.length ? bad('names one twice') : parsed;
  };
  return kind(shape, words.slice(0, 2).join(','), read, 'list');
}

/** Where a door listens: several addresses, none of which takes what another one is given. */
export const addresses: Kind<readonly Address[]> = kind(
  'a comma list of host:port, an IPv6 host in brackets',
  '127.0.0.1:8080,[::1]:8080',
  (text) => {
    const parsed = parseList(text, parseAddress);
    if (!parsed.ok) return parsed;
    const clash = parsed.value.some((one, index) =>
      parsed.value.slice(0, index).some((other) => addressesClash(one, other)),
    );
    return clash ? bad('names one address twice, or one address and every interface on its port') : parsed;
  },
  'list',
);

export const peerAddress: Kind<Address> = kind(
  'host:port, an IPv6 host in brackets',
  'valkey.internal:6379',
  (text) => {
    const parsed = parseAddress(text);
    return parsed.ok && parsed.value.port === 0 ? bad('needs a port above 0') : parsed;
  },
);

export const networks = kind(
  'a comma list of networks in CIDR notation, or single addresses',
  '10.0.0.0/8,fd00::/8',
  (text) => parseList(text, parseCidr),
  'list',
);

export const hostNames = kind(
  'a comma list of host names, without ports',
  'vault-admin.example.net',
  (text) => parseList(text, parseHostName),
  'list',
);

export const origin = kind(
  'an origin: http:// or https://, a host, and a port unless it is the usual one',
  'https://paste.example.org',
  parseOrigin,
);

export const origins = kind(
  'a comma list of exact origins',
  'https://app.example.org',
  (text) => parseList(text, parseOrigin),
  'list',
);

export const url: Kind<string> = kind(
  'an http or https URL without a user name or password',
  'https://service.example.org/path',
  (text) => {
    const parsed = parseUrl(text);
    return parsed.ok ? good(text) : parsed;
  },
);

export const urlPrefix = kind(
  'empty, or plain lower-case segments, each after a slash',
  '/paste',
  parseUrlPrefix,
);

export const hostName = kind('a host name or an IPv4 address', 'smtp.example.org', parseHostName);

export const domain: Kind<string> = kind(
  'a domain name in lower case, without scheme and port',
  'example.org',
  (text) => {
    const parsed = parseHostName(text);
    if (!parsed.ok) return parsed;
    return parsed.value !== text || /^[\d.]+$/.test(text)
      ? bad('is not a domain name in lower case')
      : parsed;
  },
);

export function text(shape: string, example: string, max = 256): Kind<string> {
  return kind(shape, example, (value) => parseText(value, max));
}

const WORD_MOST = 64;

/** Words to look for in passwords. */
export const passwordWords: Kind<readonly string[]> = kind(
  `a comma list of words of ${WORD_LEAST} letters or digits and more, ${WORD_MOST} characters at most; spaces and other signs within them do not count`,
  'acme,night shift',
  (value) =>
    parseList(value, (entry) =>
      lettersOf(entry).length < WORD_LEAST || entry.length > WORD_MOST
        ? bad(`holds a word of fewer than ${WORD_LEAST} letters or more than ${WORD_MOST} characters`)
        : good(entry),
    ),
  'list',
);

export const path = text('a path', '/etc/sallyport/file', 4096);

/** A token (RFC 9110 section 5.6.2): names of cookies and headers. */
export function name(
  example: string,
  refuse: (value: string) => string | undefined = () => undefined,
): Kind<string> {
  return kind('a token: letters, digits and punctuation that separates nothing', example, (value) => {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(value))
      return bad('holds other characters than a name may');
    const wrong = refuse(value);
    return wrong === undefined ? good(value) : bad(wrong);
  });
}

export const mailbox: Kind<string> = kind(
  'a mail address, with or without a name',
  'Sallyport <vault@example.org>',
  (value) => {
    const parsed = parseText(value, 320);
    if (!parsed.ok) return parsed;
    const address = /^[^<>]*<([^<>]+)>$/.exec(value)?.[1] ?? value;
    return /^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/.test(address) ? parsed : bad('is not one mail address');
  },
);

export const objectPrefix: Kind<string> = kind(
  'empty, or relative segments between slashes',
  'sallyport/evidence',
  (value) => {
    if (value === '') return good('');
    const parsed = parseText(value, 512);
    if (!parsed.ok) return parsed;
    const segments = value.replace(/\/$/, '').split('/');
    if (value.includes('\\') || segments.some((segment) => ['', '.', '..'].includes(segment))) {
      return bad('must be relative, without empty, "." or ".." segments and without a backslash');
    }
    return good(segments.join('/'));
  },
);

/** A `file:` URL of a path, or the URL of a libSQL server, told apart. */
export interface DatabaseUrl {
  readonly kind: 'file' | 'remote';
  readonly url: string;
  /** Of a file; `''` for a server. */
  readonly path: string;
}

export const databaseUrl: Kind<DatabaseUrl> = kind(
  'file: and a path, or the http(s):// or libsql:// URL of a libSQL server',
  'file:./data/sallyport.db',
  (value) => {
    const scheme = /^([a-z]+):/i.exec(value)?.[1]?.toLowerCase();
    if (scheme === 'file') return fileUrl(value.slice('file:'.length));
    if (scheme === undefined || !['http', 'https', 'libsql'].includes(scheme))
      return bad('is not a database URL');
    // A scheme that URL knows, so that user information and ports are read as they will be.
    const parsed = parseUrl(value.replace(/^libsql:/i, 'https:'));
    if (!parsed.ok)
      return bad(parsed.wrong === 'is not an http or https URL' ? 'is not a database URL' : parsed.wrong);
    const query = parsed.value.search;
    if (query !== '' && !(scheme === 'libsql' && /^\?tls=[01]$/.test(query))) {
      return bad('must not have a query: a token belongs into SAFE_DATABASE_AUTH_TOKEN');
    }
    return good({ kind: 'remote', url: value, path: '' });
  },
);

function fileUrl(rest: string): Parsed<DatabaseUrl> {
  const local = rest.replace(/^\/\/(localhost)?(?=\/)/, '');
  if (local.startsWith('//')) return bad('must not name a host in a file: URL');
  if (/[?#]/.test(local)) return bad('must not have a query or fragment in a file: URL');
  let decoded: string;
  try {
    decoded = decodeURIComponent(local);
  } catch {
    return bad('has a percent sign that begins no escape');
  }
  return databaseFile(decoded);
}

/** The `file:` URL of a plain path. */
export function fileDatabase(file: string): DatabaseUrl {
  return { kind: 'file', url: `file:${file.replace(/[%?#]/g, encodeURIComponent)}`, path: file };
}

function databaseFile(file: string): Parsed<DatabaseUrl> {
  const parsed = parseText(file, 4096);
  if (!parsed.ok) return parsed;
  if (file.includes(':memory:')) return bad('must be a file: memory keeps nothing');
  if (file.endsWith('/') || file.endsWith('\\')) return bad('names a folder, not a file');
  return good(fileDatabase(file));
}

export const key32: Kind<Uint8Array<ArrayBuffer>> = secretKind(
  '32 random bytes in base64',
  'the output of: openssl rand -base64 32',
  (value) => {
    const parsed = parseBase64(value);
    return parsed.ok && parsed.value.length !== 32 ? bad('does not decode to 32 bytes') : parsed;
  },
);

/** Most keys that sign one webhook. */
const WEBHOOK_KEYS = 4;

/** Standard Webhooks signing keys: `whsec_` and 24 to 64 bytes in base64 each, as their bytes. */
export const webhookSecrets: Kind<readonly Uint8Array<ArrayBuffer>[]> = secretKind(
  `whsec_ and 24 to 64 random bytes in base64; up to ${WEBHOOK_KEYS} of these with commas between them, all of which sign`,
  'whsec_ and the output of: openssl rand -base64 32',
  (value) => {
    const keys: Uint8Array<ArrayBuffer>[] = [];
    for (const one of value.split(',')) {
      const parsed = parseBase64(one.trim().replace(/^whsec_/, ''));
      if (!parsed.ok) return bad('is not base64 after whsec_');
      if (parsed.value.length < 24 || parsed.value.length > 64)
        return bad('does not decode to 24 to 64 bytes');
      keys.push(parsed.value);
    }
    return keys.length > WEBHOOK_KEYS ? bad(`has more than ${WEBHOOK_KEYS} keys`) : good(keys);
  },
);

/** A secret that travels in a header. */
export const headerSecret: Kind<string> = secretKind(
  'visible ASCII characters without spaces, at most 4096',
  'the output of: openssl rand -hex 32',
  (value) => parseToken(value, 4096),
);

/** A secret of any text. */
export const secretText: Kind<string> = secretKind(
  'text without control characters, at most 4096',
  'the output of: openssl rand -hex 32',
  (value) => parseText(value, 4096),
);

/** As {@link secretText}, where an empty text means "none, on purpose". */
export const secretOrNone: Kind<string> = secretKind(
  'text without control characters, at most 4096; empty to turn bootstrap off',
  'the output of: openssl rand -hex 32',
  (value) => (value === '' ? good('') : parseText(value, 4096)),
);
