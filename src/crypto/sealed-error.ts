/**
 * Everything the sealed format refuses, as one union of names. A code says what is wrong with a file, a key or a
 * call; it never says anything about the plaintext, and no message carries a key, a password or content.
 */

const MESSAGES = {
  // The header, in the order in which a reader checks it.
  bad_magic: 'This is not a sealed file of version 1: it does not start with the line "sallyport-sealed/1".',
  truncated_header: 'The file ends inside its header. If more bytes can be had, read them and try again.',
  bad_length: 'The header length is not between 1 and 4096.',
  bad_header_json: 'The header is not one JSON object in UTF-8.',
  duplicate_member: 'The header has two members of the same name.',
  unknown_member: 'The header has a member that version 1 does not know.',
  missing_member: 'The header lacks a member that version 1 demands.',
  bad_salt: 'The salt is not 16 bytes of canonical, unpadded base64url.',
  bad_kdf: 'The password function is unknown, or not allowed for this kind of file.',
  bad_context: 'The context has a value that version 1 does not allow.',
  // Kind, password and key.
  wrong_kind: 'The file is sealed, but it is of the other kind (paste or evidence chunk).',
  password_required: 'This paste is protected by a password. Give the password and try again.',
  password_not_expected: 'This paste has no password. Open it with the link alone.',
  wrong_key: 'The key or the password does not fit this file, or its header was changed.',
  // The payload.
  truncated: 'The file ends too early. Fetch it again.',
  segment_corrupt: 'A segment does not verify: the file was changed, cut or put together from pieces.',
  trailing_data: 'Something follows the end of the sealed data.',
  empty_last_segment: 'The last segment is empty although the plaintext is not.',
  bad_metadata: 'The name and type inside the paste are malformed, or longer than 4096 bytes of JSON.',
  bad_padding: 'The padding is malformed. The program that sealed this file did not follow the format.',
  // What a caller hands in.
  bad_key: 'A key is 32 bytes: 43 characters of canonical, unpadded base64url.',
  bad_password: 'A password is non-empty, well-formed Unicode text.',
  bad_link: 'This is not a link to a paste: an http or https address, then "#" and 43 characters of key.',
} as const;

/** What can be wrong. docs/format.md explains each; docs/format-vectors.json has a file for each that a file can cause. */
export type SealedErrorCode = keyof typeof MESSAGES;

/** Every code, for documentation and exhaustive tables. */
export const SEALED_ERROR_CODES: readonly SealedErrorCode[] = Object.keys(MESSAGES) as SealedErrorCode[];

/** A refusal by the sealed format. Branch on `code`; `message` is one or two sentences for a person. */
export class SealedError extends Error {
  override readonly name = 'SealedError';
  readonly code: SealedErrorCode;
  constructor(code: SealedErrorCode) {
    super(MESSAGES[code]);
    this.code = code;
  }
}
