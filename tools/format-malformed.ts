/** Files that every reader of the format must refuse, each with the error that it must give. */

import type { SealedErrorCode } from '../src/crypto/sealed.ts';
import { content, headerFor, KEY, type Made, OTHER_KEY, PASSWORD, saltFor } from './format-good.ts';
import { malformedHeaders } from './format-malformed-headers.ts';
import {
  ikmOf,
  type Liberties,
  nonceOf,
  rawHead,
  rawPayloadKey,
  rawPlaintext,
  rawSeal,
  rawSegment,
} from './raw-sealed.ts';

/** One step from a good file to a bad one; offsets and lengths are bytes, `bit` 0 is the lowest. */
export type Edit =
  | { readonly op: 'flip'; readonly offset: number; readonly bit: number }
  /** The file becomes these stretches [start, end) of itself, one after the other. */
  | { readonly op: 'keep'; readonly ranges: readonly (readonly [number, number])[] }
  /** `remove` bytes at `offset` make way for `insert`, base64. */
  | { readonly op: 'replace'; readonly offset: number; readonly remove: number; readonly insert: string };

export interface MalformedVector {
  readonly id: string;
  /** What the reader is asked to open it as. */
  readonly kind: 'paste' | 'chunk';
  readonly key: string;
  readonly password?: string;
  /** Either the whole file, base64 … */
  readonly file?: string;
  /** … or edits of a good vector's file. */
  readonly base?: string;
  readonly edits?: readonly Edit[];
  readonly error: SealedErrorCode;
}

/** What a script of edits makes of a file. */
export function applyEdits(file: Buffer, edits: readonly Edit[]): Buffer {
  let bytes = Buffer.from(file);
  for (const edit of edits) {
    if (edit.op === 'flip') bytes[edit.offset] = (bytes[edit.offset] ?? 0) ^ (1 << edit.bit);
    else if (edit.op === 'keep') {
      bytes = Buffer.concat(edit.ranges.map(([start, end]) => bytes.subarray(start, end)));
    } else {
      const after = bytes.subarray(edit.offset + edit.remove);
      bytes = Buffer.concat([bytes.subarray(0, edit.offset), Buffer.from(edit.insert, 'base64'), after]);
    }
  }
  return bytes;
}

const SEALED_SEGMENT = 65536 + 16;
const keyText = KEY.toString('base64url');
const ikm = ikmOf(KEY, undefined);

/** All malformed vectors, the families of flipped bits apart. */
export function malformedVectors(good: ReadonlyMap<string, Made>): MalformedVector[] {
  const made = (id: string): Made => {
    const found = good.get(id);
    if (found === undefined) throw new Error(`no good vector ${id}`);
    return found;
  };
  return [
    ...malformedHeaders(),
    ...truncations(made('paste-0')),
    ...secrets(made),
    ...segments(made('chunk-3-segments'), made('chunk-65536')),
    ...splices(made),
    ...payloads(),
    ...metadata(),
    ...padding(),
  ];
}

/** Every boundary of the smallest paste, and a byte to either side. */
function truncations({ head, file }: Made): MalformedVector[] {
  const payload = head.length + 32;
  const ends: [number, SealedErrorCode][] = [];
  for (const end of [0, 1, 18, 19, 20, 22, 23, 24, head.length - 1]) ends.push([end, 'truncated_header']);
  for (const end of [0, 1, 31, 32, 33, 47]) ends.push([head.length + end, 'truncated']);
  for (const end of [payload + 16, payload + 17, file.length - 17, file.length - 16, file.length - 1]) {
    ends.push([end, 'segment_corrupt']);
  }
  return ends.map(([end, error]) => {
    const edits = [{ op: 'keep', ranges: [[0, end]] }] as const;
    return { id: `truncated-to-${end}`, kind: 'paste', key: keyText, base: 'paste-0', edits, error };
  });
}

/** Whole, well-formed files opened with something that does not fit. */
function secrets(made: (id: string) => Made): MalformedVector[] {
  const whole = (
    base: string,
    rest: Partial<MalformedVector> & { id: string; error: SealedErrorCode },
  ): MalformedVector => ({
    kind: made(base).vector.kind,
    key: keyText,
    base,
    edits: [],
    ...rest,
  });
  const key = OTHER_KEY.toString('base64url');
  return [
    whole('paste-1', { id: 'another-key', key, error: 'wrong_key' }),
    whole('chunk-1', { id: 'another-key-for-a-chunk', key, error: 'wrong_key' }),
    whole('paste-password-1', {
      id: 'another-key-with-password',
      key,
      password: PASSWORD,
      error: 'wrong_key',
    }),
    whole('paste-password-1', { id: 'another-password', password: 'correct horse', error: 'wrong_key' }),
    whole('paste-password-1', { id: 'password-missing', error: 'password_required' }),
    whole('paste-password-1', { id: 'password-empty', password: '', error: 'bad_password' }),
    whole('paste-1', { id: 'password-too-many', password: PASSWORD, error: 'password_not_expected' }),
    whole('chunk-1', { id: 'chunk-opened-as-a-paste', kind: 'paste', error: 'wrong_kind' }),
    whole('paste-1', { id: 'paste-opened-as-a-chunk', kind: 'chunk', error: 'wrong_kind' }),
  ];
}

/** Segments of a long chunk moved about. */
function segments(long: Made, full: Made): MalformedVector[] {
  const start = long.head.length + 32;
  const [one, two, end] = [start + SEALED_SEGMENT, start + 2 * SEALED_SEGMENT, long.file.length];
  const vectors: MalformedVector[] = [];
  const add = (id: string, error: SealedErrorCode, edits: Edit[], base = 'chunk-3-segments'): void => {
    vectors.push({ id, kind: 'chunk', key: keyText, base, edits, error });
  };
  const keep = (...ranges: [number, number][]): Edit[] => [{ op: 'keep', ranges }];
  const [first, second, third]: [number, number][] = [
    [start, one],
    [one, two],
    [two, end],
  ];
  const head: [number, number] = [0, start];
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('three segments expected');

  add('segments-swapped', 'segment_corrupt', keep(head, second, first, third));
  add('last-segments-swapped', 'segment_corrupt', keep(head, first, third, second));
  add('first-segment-dropped', 'segment_corrupt', keep(head, second, third));
  add('middle-segment-dropped', 'segment_corrupt', keep(head, first, third));
  add('last-segment-dropped', 'truncated', keep(head, first, second));
  add('two-last-segments-dropped', 'truncated', keep(head, first));
  add('all-segments-dropped', 'truncated', keep(head));
  add('only-the-last-segment', 'segment_corrupt', keep(head, third));
  add('first-segment-repeated', 'segment_corrupt', keep(head, first, first, second, third));
  add('last-segment-repeated', 'segment_corrupt', keep(head, first, second, third, third));
  add('cut-inside-the-first-segment', 'segment_corrupt', keep([0, one - 1]));
  add('cut-inside-the-second-segment', 'segment_corrupt', keep([0, two - 1]));
  add('cut-inside-the-last-segment', 'segment_corrupt', keep([0, end - 1]));
  add('cut-to-a-part-of-a-tag', 'truncated', keep([0, one + 15]));
  add('cut-to-the-size-of-a-tag', 'segment_corrupt', keep([0, one + 16]));
  add('one-byte-dropped', 'segment_corrupt', keep([0, start + 1000], [start + 1001, end]));
  add('one-byte-repeated', 'segment_corrupt', keep([0, start + 1000], [start + 999, end]));
  add('one-byte-appended', 'segment_corrupt', keep([0, end], [0, 1]));
  for (const [name, offset] of Object.entries({
    'first-segment': start,
    'first-tag': one - 16,
    'second-segment': one,
    'last-tag': end - 1,
  })) {
    add(`bit-flipped-in-the-${name}`, 'segment_corrupt', [{ op: 'flip', offset, bit: 7 }]);
  }

  const fullStart = full.head.length + 32;
  const fullEnd = full.file.length;
  add('byte-after-a-full-last-segment', 'trailing_data', keep([0, fullEnd], [0, 1]), 'chunk-65536');
  add(
    'tag-after-a-full-last-segment',
    'trailing_data',
    keep([0, fullEnd], [fullEnd - 16, fullEnd]),
    'chunk-65536',
  );
  add('full-last-segment-repeated', 'trailing_data', keep([0, fullEnd], [fullStart, fullEnd]), 'chunk-65536');
  add('full-last-segment-cut', 'segment_corrupt', keep([0, fullEnd - 1]), 'chunk-65536');

  const key = rawPayloadKey(long.ikm, long.salt, long.head);
  const append = (segment: Buffer): Edit => ({
    op: 'replace',
    offset: one,
    remove: 0,
    insert: segment.toString('base64'),
  });
  const nothing = Buffer.alloc(0);
  const toOne = keep([0, one]);
  add('empty-last-segment', 'empty_last_segment', [
    ...toOne,
    append(rawSegment(key, nonceOf(1, true), nothing)),
  ]);
  add('empty-segment-without-the-flag', 'truncated', [
    ...toOne,
    append(rawSegment(key, nonceOf(1, false), nothing)),
  ]);
  add('short-segment-without-the-flag', 'truncated', [
    ...toOne,
    append(rawSegment(key, nonceOf(1, false), content(9))),
  ]);
  add('counter-not-advanced', 'segment_corrupt', [
    ...toOne,
    append(rawSegment(key, nonceOf(0, true), content(9))),
  ]);
  add('counter-skips', 'segment_corrupt', [...toOne, append(rawSegment(key, nonceOf(2, true), content(9)))]);
  return vectors;
}

/** A header of one file before the rest of another. */
function splices(made: (id: string) => Made): MalformedVector[] {
  const target = made('paste-1');
  const other = made('paste-0');
  const start = target.head.length;
  const insert = (bytes: Buffer): string => bytes.toString('base64');
  const vector = (id: string, error: SealedErrorCode, edits: Edit[]): MalformedVector => ({
    id,
    kind: 'paste',
    key: keyText,
    base: 'paste-1',
    edits,
    error,
  });
  const spaced = Buffer.from(`${target.vector.header} `);
  return [
    vector('white-space-added', 'wrong_key', [
      { op: 'replace', offset: 0, remove: start, insert: insert(rawHead(spaced)) },
    ]),
    vector('salt-of-another-file', 'wrong_key', [
      { op: 'replace', offset: 0, remove: start, insert: insert(other.head) },
    ]),
    vector('commitment-of-another-file', 'wrong_key', [
      {
        op: 'replace',
        offset: start,
        remove: 32,
        insert: insert(other.file.subarray(other.head.length, other.head.length + 32)),
      },
    ]),
    vector('commitment-of-zeros', 'wrong_key', [
      { op: 'replace', offset: start, remove: 32, insert: insert(Buffer.alloc(32)) },
    ]),
    vector('payload-of-another-file', 'segment_corrupt', [
      {
        op: 'replace',
        offset: start + 32,
        remove: target.file.length - start - 32,
        insert: insert(other.file.subarray(other.head.length + 32)),
      },
    ]),
  ];
}

/** Files sealed by a writer that does the payload its own way. */
function payloads(): MalformedVector[] {
  const salt = saltFor('malformed');
  const header = headerFor(salt, 'none', { kind: 'paste' });
  const plaintext = rawPlaintext('{}', content(1));
  const vector = (id: string, error: SealedErrorCode, liberties: Liberties): MalformedVector => ({
    id,
    kind: 'paste',
    key: keyText,
    file: rawSeal(ikm, salt, header, plaintext, liberties).toString('base64'),
    error,
  });
  const flagged = (flag: number): Liberties => ({
    nonce: (counter) => Buffer.concat([nonceOf(counter, false).subarray(0, 11), Uint8Array.of(flag)]),
  });
  return [
    vector('last-flag-missing', 'truncated', flagged(0)),
    vector('last-flag-of-two', 'segment_corrupt', flagged(2)),
    vector('last-flag-of-255', 'segment_corrupt', flagged(255)),
    vector('counter-from-one', 'segment_corrupt', { nonce: (counter, last) => nonceOf(counter + 1, last) }),
    vector('additional-data', 'segment_corrupt', { aad: rawHead(Buffer.from(header)) }),
    vector('segments-too-short', 'segment_corrupt', {
      segments: [plaintext.subarray(0, 100), plaintext.subarray(100)],
    }),
    vector('no-plaintext', 'bad_metadata', { segments: [Buffer.alloc(0)] }),
  ];
}

function pasteOf(id: string, error: SealedErrorCode, plaintext: Buffer): MalformedVector {
  const salt = saltFor('malformed');
  const header = headerFor(salt, 'none', { kind: 'paste' });
  return {
    id,
    kind: 'paste',
    key: keyText,
    file: rawSeal(ikm, salt, header, plaintext).toString('base64'),
    error,
  };
}

function metadata(): MalformedVector[] {
  const texts: Record<string, string | Buffer> = {
    empty: '',
    'not-json': '{',
    array: '[]',
    null: 'null',
    'unknown-member': '{"size":1}',
    'duplicate-name': '{"name":"a","name":"b"}',
    'name-number': '{"name":1}',
    'name-null': '{"name":null}',
    'mime-object': '{"mime":{}}',
    'lone-surrogate': '{"name":"\\ud800"}',
    'byte-order-mark': '\ufeff{}',
    'not-utf8': Buffer.from('{"name":"\xff"}', 'latin1'),
    'one-byte-too-long': '{}'.padEnd(4097),
  };
  const vectors = Object.entries(texts).map(([id, text]) =>
    pasteOf(`metadata-${id}`, 'bad_metadata', rawPlaintext(text, content(1))),
  );
  const lying = rawPlaintext('{}', content(1));
  lying.writeUInt32BE(lying.length - 3, 0);
  return [
    ...vectors,
    pasteOf('metadata-longer-than-the-plaintext', 'bad_metadata', lying),
    pasteOf('metadata-length-cut', 'bad_metadata', Buffer.alloc(3)),
  ];
}

function padding(): MalformedVector[] {
  const with1 = (length: number): Buffer => rawPlaintext('{}', content(1), length);
  const with300 = (length: number): Buffer => rawPlaintext('{}', content(300), length);
  const marked = (marker: number): Buffer => {
    const plaintext = with1(256);
    plaintext[7] = marker;
    return plaintext;
  };
  const after = with1(256);
  after[255] = 1;
  const plaintexts: Record<string, Buffer> = {
    'one-byte-short': with1(255),
    'one-byte-long': with1(257),
    'next-step': with1(272),
    twice: with1(512),
    none: with1(8),
    'padme-one-byte-short': with300(319),
    'padme-one-byte-long': with300(321),
    'padme-next-step': with300(336),
    'padme-none': with300(0),
    'power-of-two': with300(512),
    'without-marker': marked(0),
    'marker-0x81': marked(0x81),
    'marker-0x40': marked(0x40),
    'marker-0x01': marked(0x01),
    'ends-with-a-byte': after,
    'only-metadata': rawPlaintext('{}', Buffer.alloc(0)).subarray(0, 6),
  };
  return Object.entries(plaintexts).map(([id, plaintext]) =>
    pasteOf(`padding-${id}`, 'bad_padding', plaintext),
  );
}
