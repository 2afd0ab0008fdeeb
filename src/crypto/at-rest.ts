/**
 * Small secrets at rest: AES-256-GCM (NIST SP 800-38D) under a key of their purpose, bound to the row that they
 * stand in, so that a sealed value is worthless in another row, under another purpose and without the server's key.
 *
 *   sealed = version (1 byte, 1) ‖ nonce (12 random bytes) ‖ ciphertext ‖ tag (16 bytes)
 *   key    = HMAC-SHA-256(subkey of the purpose, "aes-256-gcm")
 *   AAD    = version ‖ UTF-8 of the JSON array [purpose, ...context]
 *
 * Nonces are random, which is sound for far more values than there are accounts (2^32 a key, SP 800-38D 8.3).
 */
import { utf8 } from './hash.ts';
import type { KeyPurpose, Keyring } from './keyring.ts';

/** The purposes that seal things at rest, rather than making tags. */
export type AtRestPurpose = Extract<KeyPurpose, `${string}-at-rest` | 'mail-outbox'>;

type Bytes = Uint8Array<ArrayBuffer>;
type Random = (length: number) => Uint8Array;

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + NONCE_BYTES;

/**
 * Seals `plain`.
 *
 * @param context what the value belongs to, for instance an account's id and a factor's. The same is needed to open
 *   it; it is not stored here.
 */
export async function sealAtRest(
  keys: Keyring,
  purpose: AtRestPurpose,
  context: readonly string[],
  plain: Uint8Array,
  random: Random,
): Promise<Bytes> {
  const nonce = new Uint8Array(random(NONCE_BYTES));
  if (nonce.length !== NONCE_BYTES) throw new RangeError('the source of random bytes gave too few');
  const key = await keyOf(keys, purpose, 'encrypt');
  const parameters = gcm(nonce, purpose, context);
  const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters, key, new Uint8Array(plain)));
  const out = new Uint8Array(HEADER_BYTES + sealed.length);
  out[0] = VERSION;
  out.set(nonce, 1);
  out.set(sealed, HEADER_BYTES);
  return out;
}

/**
 * What was sealed, or undefined: another key, purpose or context, a changed or cut value, an unknown version.
 * Which of them it was cannot be told apart, by design.
 */
export async function openAtRest(
  keys: Keyring,
  purpose: AtRestPurpose,
  context: readonly string[],
  sealed: Uint8Array,
): Promise<Bytes | undefined> {
  if (sealed.length < HEADER_BYTES + TAG_BYTES || sealed[0] !== VERSION) return undefined;
  const key = await keyOf(keys, purpose, 'decrypt');
  const parameters = gcm(new Uint8Array(sealed.subarray(1, HEADER_BYTES)), purpose, context);
  const body = new Uint8Array(sealed.subarray(HEADER_BYTES));
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, body));
  } catch (error) {
    // The one name that WebCrypto has for a tag that does not hold. Anything else is a defect, not a refusal.
    if (error instanceof Error && error.name === 'OperationError') return undefined;
    throw error;
  }
}

/**
 * The same value sealed under another key, for changing the server's secret; undefined when it does not open under
 * the old one.
 */
export async function resealAtRest(
  keys: { readonly from: Keyring; readonly to: Keyring },
  purpose: AtRestPurpose,
  context: readonly string[],
  sealed: Uint8Array,
  random: Random,
): Promise<Bytes | undefined> {
  const plain = await openAtRest(keys.from, purpose, context, sealed);
  return plain === undefined ? undefined : sealAtRest(keys.to, purpose, context, plain, random);
}

function keyOf(keys: Keyring, purpose: AtRestPurpose, usage: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', keys.mac(purpose, 'aes-256-gcm'), 'AES-GCM', false, [usage]);
}

function gcm(nonce: Bytes, purpose: AtRestPurpose, context: readonly string[]): AesGcmParams {
  // JSON, so that no two contexts are spelled alike.
  const bound = utf8(JSON.stringify([purpose, ...context]));
  const additionalData = new Uint8Array(1 + bound.length);
  additionalData[0] = VERSION;
  additionalData.set(bound, 1);
  return { name: 'AES-GCM', iv: nonce, additionalData, tagLength: TAG_BYTES * 8 };
}
