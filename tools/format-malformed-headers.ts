/** Malformed vectors of the header. */

import type { SealedErrorCode } from '../src/crypto/sealed.ts';
import { CHUNK, content, headerFor, KEY, saltFor } from './format-good.ts';
import type { MalformedVector } from './format-malformed.ts';
import { ikmOf, rawPlaintext, rawSeal } from './raw-sealed.ts';

const keyText = KEY.toString('base64url');
const ikm = ikmOf(KEY, undefined);

/** Headers that a strict reader refuses, under a commitment that fits them: a lax reader would open them. */
export function malformedHeaders(): MalformedVector[] {
  const salt = saltFor('malformed');
  const text = salt.toString('base64url');
  const paste = headerFor(salt, 'none', { kind: 'paste' });
  const chunk = headerFor(salt, 'none', CHUNK);
  const vectors: MalformedVector[] = [];
  const add = (
    id: string,
    error: SealedErrorCode,
    header: string | Buffer,
    kind: 'paste' | 'chunk' = 'paste',
  ): void => {
    const plaintext = kind === 'paste' ? rawPlaintext('{}', content(1)) : content(1);
    vectors.push({
      id,
      kind,
      key: keyText,
      file: rawSeal(ikm, salt, header, plaintext).toString('base64'),
      error,
    });
  };
  const swap = (id: string, error: SealedErrorCode, from: string, to: string): void => {
    const source = paste.includes(from) ? paste : chunk;
    if (!source.includes(from)) throw new Error(`${id} changes nothing`);
    add(id, error, source.replace(from, to), source === paste ? 'paste' : 'chunk');
  };
  const ofChunk = (id: string, error: SealedErrorCode, from: string, to: string): void => {
    if (!chunk.includes(from)) throw new Error(`${id} changes nothing`);
    add(id, error, chunk.replace(from, to), 'chunk');
  };

  const starts = {
    'plain-text': 'A paste that nobody sealed, long enough to be one.',
    'an-age-file': 'age-encryption.org/v1\n-> X25519 AAAA\n',
    'version-two': 'sallyport-sealed/2\n\0\0\0\x02{}',
    'carriage-return': 'sallyport-sealed/1\r\n\0\0\0\x02{}',
    'byte-order-mark-first': '\ufeffsallyport-sealed/1\n\0\0\0\x02{}',
    'not-from-its-start': 'allyport-sealed/1\n',
  };
  for (const [id, start] of Object.entries(starts)) {
    vectors.push({
      id,
      kind: 'paste',
      key: keyText,
      file: Buffer.from(start).toString('base64'),
      error: 'bad_magic',
    });
  }

  add('header-not-json', 'bad_header_json', paste.slice(0, -1));
  add('header-trailing-comma', 'bad_header_json', `${paste.slice(0, -1)},}`);
  add('header-comment', 'bad_header_json', `${paste}/**/`);
  add('header-two-objects', 'bad_header_json', `${paste}{}`);
  add('header-byte-order-mark', 'bad_header_json', `\ufeff${paste}`);
  add('header-no-break-space', 'bad_header_json', `\u00a0${paste}`);
  add('header-not-utf8', 'bad_header_json', Buffer.from(paste.replace('none', 'n\xffne'), 'latin1'));
  add('header-array', 'bad_header_json', `[${paste}]`);
  add('header-null', 'bad_header_json', 'null');
  add('header-string', 'bad_header_json', '"salt"');
  add('header-nan', 'bad_header_json', paste.replace('{"id":"none"}', 'NaN'));
  add('header-control-character', 'bad_header_json', paste.replace('none', 'no\u0001ne'));

  swap('duplicate-salt', 'duplicate_member', '{"salt"', `{"salt":"${text}","salt"`);
  swap('duplicate-kdf', 'duplicate_member', '"kdf"', '"kdf":{"id":"none"},"kdf"');
  swap('duplicate-context', 'duplicate_member', '"context"', '"context":{"kind":"paste"},"context"');
  swap('duplicate-kdf-id', 'duplicate_member', '{"id"', '{"id":"argon2id","id"');
  swap('duplicate-kind', 'duplicate_member', '{"kind"', '{"kind":"chunk","kind"');
  swap('duplicate-escaped', 'duplicate_member', '"kdf"', '"s\\u0061lt":"","kdf"');
  ofChunk('duplicate-chunk-index', 'duplicate_member', '"final"', '"chunk_index":2,"final"');
  ofChunk('duplicate-final', 'duplicate_member', '"final"', '"final":true,"final"');
  swap('duplicate-inside-unknown', 'duplicate_member', '"kdf"', '"x":[{"y":1,"y":2}],"kdf"');

  add('empty-object', 'missing_member', '{}');
  swap('unknown-member', 'unknown_member', '"kdf"', '"note":"","kdf"');
  swap('unknown-member-null', 'unknown_member', '"kdf"', '"password_hint":null,"kdf"');
  swap('unknown-member-proto', 'unknown_member', '"kdf"', '"__proto__":{},"kdf"');
  swap('unknown-member-other-case', 'unknown_member', '"salt"', '"Salt"');
  swap('unknown-kdf-parameter', 'unknown_member', '"none"', '"none","m":8');
  swap('unknown-paste-member', 'unknown_member', '"paste"', '"paste","final":true');
  ofChunk('unknown-chunk-member', 'unknown_member', '"final"', '"label":"x","final"');
  add('missing-salt', 'missing_member', '{"kdf":{"id":"none"},"context":{"kind":"paste"}}');
  add('missing-kdf', 'missing_member', `{"salt":"${text}","context":{"kind":"paste"}}`);
  add('missing-context', 'missing_member', `{"salt":"${text}","kdf":{"id":"none"}}`);
  swap('missing-kdf-id', 'missing_member', '{"id":"none"}', '{}');
  swap('missing-kind', 'missing_member', '{"kind":"paste"}', '{}');
  ofChunk('missing-final', 'missing_member', ',"final":false', '');
  ofChunk('missing-chunk-index', 'missing_member', ',"chunk_index":1', '');

  swap('salt-padded', 'bad_salt', text, `${text}==`);
  swap('salt-short', 'bad_salt', text, text.slice(0, 20));
  swap('salt-long', 'bad_salt', text, `${text}AA`);
  swap('salt-empty', 'bad_salt', text, '');
  swap('salt-null', 'bad_salt', `"${text}"`, 'null');
  // 22 characters are 132 bits for 128: the last character may only be A, Q, g or w.
  const next = { A: 'B', Q: 'R', g: 'h', w: 'x' }[text.at(-1) ?? ''] ?? '';
  swap('salt-not-canonical', 'bad_salt', text, text.slice(0, -1) + next);
  swap('salt-plain-base64', 'bad_salt', text, `${text.slice(0, 4)}+/${text.slice(6)}`);
  swap('salt-with-a-newline', 'bad_salt', text, `${text.slice(0, 4)}\\n${text.slice(4)}`);

  swap('kdf-unknown', 'bad_kdf', '"none"', '"scrypt"');
  swap('kdf-other-case', 'bad_kdf', '"none"', '"None"');
  swap('kdf-null', 'bad_kdf', '{"id":"none"}', 'null');
  swap('kdf-text', 'bad_kdf', '{"id":"none"}', '"none"');
  swap('kdf-array', 'bad_kdf', '{"id":"none"}', '["none"]');
  ofChunk('kdf-argon2id-on-a-chunk', 'bad_kdf', '"none"', '"argon2id"');

  swap('context-text', 'bad_context', '{"kind":"paste"}', '"paste"');
  swap('kind-unknown', 'bad_context', '"paste"', '"note"');
  swap('kind-null', 'bad_context', '"paste"', 'null');
  for (const [id, index] of Object.entries({
    zero: '0',
    negative: '-1',
    fraction: '1.5',
    'whole-fraction': '1.0',
    exponent: '1e0',
    text: '"1"',
    'too-large': '9007199254740992',
    huge: '99999999999999999999999999',
    null: 'null',
  })) {
    ofChunk(`chunk-index-${id}`, 'bad_context', '"chunk_index":1', `"chunk_index":${index}`);
  }
  ofChunk('final-text', 'bad_context', 'false', '"false"');
  ofChunk('final-number', 'bad_context', 'false', '0');
  ofChunk('media-type-unknown', 'bad_context', '"video"', '"image"');
  ofChunk('media-type-other-case', 'bad_context', '"video"', '"Video"');
  ofChunk('incident-id-lower-case', 'bad_context', CHUNK.incident_id, CHUNK.incident_id.toLowerCase());
  ofChunk('incident-id-overflow', 'bad_context', 'inc_01', 'inc_81');
  ofChunk('incident-id-of-a-stream', 'bad_context', CHUNK.incident_id, CHUNK.stream_id);
  ofChunk('stream-id-short', 'bad_context', CHUNK.stream_id, CHUNK.stream_id.slice(0, -1));
  ofChunk('stream-id-with-a-newline', 'bad_context', CHUNK.stream_id, `${CHUNK.stream_id}\\n`);
  ofChunk('stream-id-ambiguous-letter', 'bad_context', CHUNK.stream_id, `${CHUNK.stream_id.slice(0, -1)}U`);

  for (const [id, length] of Object.entries({ zero: 0, 'one-too-many': 4097, 'most-of-all': 0xffffffff })) {
    const file = rawSeal(ikm, salt, paste, rawPlaintext('{}', content(1)), { length });
    vectors.push({
      id: `length-${id}`,
      kind: 'paste',
      key: keyText,
      file: file.toString('base64'),
      error: 'bad_length',
    });
  }
  add('header-one-byte-too-long', 'bad_length', paste.padEnd(4097));
  return vectors;
}
