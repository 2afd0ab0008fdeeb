/** The vectors that every reader of the format must open. */

import { ikmOf, proofOf, rawHead, rawPlaintext, rawSeal, sha256 } from './raw-sealed.ts';

/** The plaintext of every vector: byte i, so that no two segments are alike. */
export function content(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (31 * i + Math.floor(i / 253)) % 251;
  return bytes;
}

export interface GoodVector {
  readonly id: string;
  readonly kind: 'paste' | 'chunk';
  /** 43 characters of base64url. */
  readonly key: string;
  readonly password?: string;
  readonly name?: string;
  readonly mime?: string;
  /** How many bytes of {@link content}; or else `plaintext`, base64. */
  readonly length?: number;
  readonly plaintext?: string;
  /** The header as it stands in the file, and where its salt came from. */
  readonly header: string;
  readonly metadata?: string;
  readonly commitment: string;
  readonly proof: string;
  readonly access_hash: string;
  readonly size: number;
  readonly sha256: string;
  /** The whole file, base64; absent where it is long and no other vector builds on it. */
  readonly file?: string;
}

/** A vector with what it was made of. */
export interface Made {
  readonly vector: GoodVector;
  readonly file: Buffer;
  readonly ikm: Buffer;
  readonly salt: Buffer;
  /** Magic, length and header. */
  readonly head: Buffer;
}

export const KEY = Buffer.alloc(32, 0x11);
export const OTHER_KEY = Buffer.alloc(32, 0x22);
export const PASSWORD = 'correct horse battery staple';
export const INCIDENT = 'inc_01ARZ3NDEKTSV4RRFFQ69G5FAV';
export const STREAM = 'str_01BX5ZZKBKACTAV9WEVGEMMVRZ';
export const saltFor = (id: string): Buffer =>
  sha256(Buffer.from(`format-vectors salt ${id}`)).subarray(0, 16);

export const CHUNK = {
  kind: 'chunk',
  incident_id: INCIDENT,
  stream_id: STREAM,
  media_type: 'video',
  chunk_index: 1,
  final: false,
} as const;

export function headerFor(salt: Buffer, kdf: string, context: object): string {
  return JSON.stringify({ salt: salt.toString('base64url'), kdf: { id: kdf }, context });
}

interface Wish {
  readonly id: string;
  readonly kind: 'paste' | 'chunk';
  readonly password?: string;
  readonly name?: string;
  readonly mime?: string;
  readonly length?: number;
  readonly plaintext?: Buffer;
  readonly context?: object;
  /** The header's text, made from the one that our writer would write. */
  readonly spelled?: (header: string) => string;
  /** The metadata's text, likewise. */
  readonly metadata?: (json: string) => string;
  /** Keep the file although it is long. */
  readonly stored?: boolean;
}

function make(wish: Wish): Made {
  const { id, kind, password, name, mime, length, plaintext } = wish;
  const salt = saltFor(id);
  const ikm = ikmOf(KEY, password);
  const context = kind === 'paste' ? { kind } : { ...CHUNK, ...wish.context };
  const plain = headerFor(salt, password === undefined ? 'none' : 'argon2id', context);
  const header = wish.spelled?.(plain) ?? plain;
  const bytes = plaintext ?? content(length ?? 0);
  const json = JSON.stringify({ name, mime });
  const metadata = wish.metadata?.(json) ?? json;
  const file = rawSeal(ikm, salt, header, kind === 'paste' ? rawPlaintext(metadata, bytes) : bytes);
  const head = rawHead(Buffer.from(header));
  const proof = proofOf(ikm);
  const vector = {
    id,
    kind,
    key: KEY.toString('base64url'),
    ...(password === undefined ? {} : { password }),
    ...(name === undefined ? {} : { name }),
    ...(mime === undefined ? {} : { mime }),
    ...(plaintext === undefined ? { length: bytes.length } : { plaintext: plaintext.toString('base64') }),
    header,
    ...(kind === 'paste' ? { metadata } : {}),
    commitment: file.subarray(head.length, head.length + 32).toString('hex'),
    proof,
    access_hash: sha256(Buffer.from(proof)).toString('hex'),
    size: file.length,
    sha256: sha256(file).toString('hex'),
    ...(wish.stored || file.length <= 1024 ? { file: file.toString('base64') } : {}),
  };
  return { vector, file, ikm, salt, head };
}

const LENGTHS = { '0': 0, '1': 1, '65535': 65535, '65536': 65536, '65537': 65537 };

/** All good vectors by their id. */
export function goodVectors(): Map<string, Made> {
  const wishes: Wish[] = [];
  for (const [label, length] of Object.entries({ ...LENGTHS, '3-segments': 150000 })) {
    wishes.push({ id: `paste-${label}`, kind: 'paste', length });
    wishes.push({ id: `paste-password-${label}`, kind: 'paste', length, password: PASSWORD });
  }
  for (const [label, length] of Object.entries({ ...LENGTHS, '3-segments': 131072 + 100 })) {
    // The malformed files are made of these two, so they are in the vectors whole.
    const stored = label === '3-segments' || label === '65536';
    wishes.push({ id: `chunk-${label}`, kind: 'chunk', length, stored });
  }
  const nested = { name: 'x'.repeat(4096 - '{"name":""}'.length) };
  wishes.push(
    { id: 'paste-name-and-type', kind: 'paste', length: 20, name: 'Grüße/../☃.txt', mime: 'text/plain' },
    { id: 'paste-longest-metadata', kind: 'paste', length: 1, name: nested.name },
    {
      id: 'paste-metadata-spelled-otherwise',
      kind: 'paste',
      length: 1,
      name: 'a',
      metadata: () => ' { "na\\u006de" :\n"\\u0061"}',
    },
    // A NUL-filled tail and markers of its own: only the last 0x80 is padding.
    {
      id: 'paste-content-like-padding',
      kind: 'paste',
      plaintext: Buffer.from([0x80, 0, 0, 0x80, 0x80, 0, 0]),
    },
    { id: 'paste-no-padding-needed', kind: 'paste', length: 256 - 7 },
    { id: 'paste-padding-past-minimum', kind: 'paste', length: 257 - 7 },
    { id: 'paste-ends-on-a-segment', kind: 'paste', length: 65536 - 7 },
    { id: 'paste-marker-opens-a-segment', kind: 'paste', length: 65536 - 6 },
    { id: 'paste-padded-to-a-segment', kind: 'paste', length: 65000 },
    {
      id: 'paste-password-decomposed',
      kind: 'paste',
      length: 1,
      password: 'pa\u0308ssword \u1112\u1161\u11ab',
    },
    {
      id: 'chunk-last',
      kind: 'chunk',
      length: 5,
      context: { chunk_index: 9007199254740991, final: true, media_type: 'metadata' },
    },
    { id: 'chunk-audio', kind: 'chunk', length: 5, context: { media_type: 'audio' } },
    { id: 'chunk-location', kind: 'chunk', length: 5, context: { media_type: 'location' } },
    // JSON is JSON: a reader takes any spelling of a right header, and hashes it as it stands.
    {
      id: 'header-white-space',
      kind: 'paste',
      length: 1,
      spelled: (text) => `\n\t ${text.replaceAll(':', ' :\r\n')} `,
    },
    { id: 'header-other-order', kind: 'paste', length: 1, spelled: reversed },
    {
      id: 'header-escaped-name',
      kind: 'paste',
      length: 1,
      spelled: (text) => text.replace('"salt"', '"\\u0073alt"'),
    },
    {
      id: 'header-escaped-value',
      kind: 'paste',
      length: 1,
      spelled: (text) => text.replace('"paste"', '"p\\u0061ste"'),
    },
    { id: 'header-longest', kind: 'paste', length: 1, spelled: (text) => text.padEnd(4096) },
    { id: 'chunk-header-other-order', kind: 'chunk', length: 1, spelled: reversed },
  );
  return new Map(wishes.map((wish) => [wish.id, make(wish)]));
}

/** The same JSON with the members of every object in reverse. */
function reversed(text: string): string {
  return JSON.stringify(
    JSON.parse(text, (_name, value) =>
      typeof value === 'object' ? Object.fromEntries(Object.entries(value).reverse()) : value,
    ),
  );
}
