/**
 * Signed notes and checkpoints: text with Ed25519 signatures under it, as transparency logs publish it. C2SP
 * signed-note and tlog-checkpoint; Ed25519 is RFC 8032, done by the runtime.
 *
 * A verifier key is `<name>+<key id>+<key>`: the key id is the first 4 bytes of SHA-256(name, a newline, the type,
 * the key) in hexadecimal, the key standard base64 of the type 0x01 and the 32 bytes of the public key.
 */
import { decodePaddedBase64, encodePaddedBase64 } from './base64.ts';
import { equalBytes } from './compare.ts';
import { hex, sha256, utf8 } from './hash.ts';
import { decodeBase64url } from './sealed-base64.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const ED25519 = 1;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** Far more than any note of ours; a note that is larger is nobody's honest one. */
const MAX_NOTE_CHARACTERS = 1_000_000;
const MAX_SIGNATURES = 16;

/** A name that can stand in a signature line. */
function isKeyName(name: string): boolean {
  return name.length > 0 && name.length <= 200 && !/[\s+\p{Cc}]/u.test(name);
}

/** Whose signature is believed. */
export interface Verifier {
  readonly name: string;
  /** 4 bytes. */
  readonly keyId: Bytes;
  /** 32 bytes. */
  readonly publicKey: Bytes;
}

/** @throws RangeError for a name or a key that cannot be one */
function verifierOf(name: string, publicKey: Bytes): Verifier {
  if (!isKeyName(name) || publicKey.length !== KEY_BYTES) throw new RangeError('no such name or key');
  const head = utf8(`${name}\n`);
  const input = new Uint8Array(head.length + 1 + KEY_BYTES);
  input.set(head);
  input[head.length] = ED25519;
  input.set(publicKey, head.length + 1);
  return { name, keyId: sha256(input).slice(0, 4), publicKey };
}

/** The verifier key as text, for people to keep. */
export function verifierKey({ name, keyId, publicKey }: Verifier): string {
  const typed = new Uint8Array(1 + KEY_BYTES);
  typed[0] = ED25519;
  typed.set(publicKey, 1);
  return `${name}+${hex(keyId)}+${encodePaddedBase64(typed)}`;
}

/** The verifier of a text that {@link verifierKey} made; undefined when it is none, or not in itself consistent. */
export function parseVerifierKey(text: string): Verifier | undefined {
  const [, name = '', id = '', key = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? [];
  const typed = decodePaddedBase64(key);
  if (!isKeyName(name) || typed?.length !== 1 + KEY_BYTES || typed[0] !== ED25519) return undefined;
  const verifier = verifierOf(name, typed.slice(1));
  return hex(verifier.keyId) === id ? verifier : undefined;
}

/** Signs. The private key stays inside. */
export interface Signer extends Verifier {
  /** 64 bytes. */
  sign(message: Bytes): Promise<Bytes>;
}

/** PKCS #8 (RFC 8410, section 7) of an Ed25519 seed: the one form in which WebCrypto takes it. */
const PKCS8_HEAD = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);

/** A signer from the 32 bytes of an Ed25519 private key. */
export async function signerOf(name: string, seed: Bytes): Promise<Signer> {
  if (seed.length !== KEY_BYTES) throw new RangeError('an Ed25519 private key has 32 bytes');
  const pkcs8 = new Uint8Array([...PKCS8_HEAD, ...seed]);
  // Extractable, since the public key is had from nowhere else; this key object never leaves the function.
  const whole = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign']);
  const { x } = await crypto.subtle.exportKey('jwk', whole);
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']);
  pkcs8.fill(0);
  const publicKey = decodeBase64url(x ?? '');
  if (publicKey === undefined) throw new TypeError('the runtime gave no public key');
  return {
    ...verifierOf(name, publicKey),
    sign: async (message) => new Uint8Array(await crypto.subtle.sign('Ed25519', key, message)),
  };
}

/**
 * A private key as text, in the form of the Go note package: `PRIVATE+KEY+<name>+<key id>+<key>`, the key being
 * base64 of the type 0x01 and the 32 bytes.
 */
export async function signerKey(name: string, seed: Bytes): Promise<string> {
  const { keyId } = await signerOf(name, seed);
  const typed = new Uint8Array(1 + KEY_BYTES);
  typed[0] = ED25519;
  typed.set(seed, 1);
  return `PRIVATE+KEY+${name}+${hex(keyId)}+${encodePaddedBase64(typed)}`;
}

/** The signer of a text that {@link signerKey} made; undefined when it is none, or not in itself consistent. */
export async function parseSignerKey(text: string): Promise<Signer | undefined> {
  const [, name = '', id = '', key = ''] = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? [];
  const typed = decodePaddedBase64(key);
  if (!isKeyName(name) || typed?.length !== 1 + KEY_BYTES || typed[0] !== ED25519) return undefined;
  const signer = await signerOf(name, typed.slice(1));
  return hex(signer.keyId) === id ? signer : undefined;
}

/**
 * Puts a signature under a text.
 * @param text at least one line, every line ended; no other control characters
 */
export async function signNote(text: string, signer: Signer): Promise<string> {
  if (!/^[^\p{Cc}]/u.test(text) || !text.endsWith('\n') || /[^\P{Cc}\n]/u.test(text)) {
    throw new RangeError('a note is made of whole lines without control characters');
  }
  const signature = await signer.sign(utf8(text));
  const tagged = new Uint8Array(4 + signature.length);
  tagged.set(signer.keyId);
  tagged.set(signature, 4);
  return `${text}\n— ${signer.name} ${encodePaddedBase64(tagged)}\n`;
}

/**
 * The text of a note that `verifier` signed; undefined when it is malformed or the signature is missing or wrong.
 * Signatures of others are not looked at.
 */
export async function openNote(note: string, verifier: Verifier): Promise<string | undefined> {
  const parts = splitNote(note);
  if (parts === undefined) return undefined;
  const key = await crypto.subtle.importKey('raw', verifier.publicKey, 'Ed25519', false, ['verify']);
  for (const { name, tagged } of parts.signatures) {
    if (name !== verifier.name || !equalBytes(tagged.subarray(0, 4), verifier.keyId)) continue;
    const signature = tagged.slice(4);
    if (signature.length !== SIGNATURE_BYTES) return undefined;
    const good = await crypto.subtle.verify('Ed25519', key, signature, utf8(parts.text));
    return good ? parts.text : undefined;
  }
  return undefined;
}

/** Text and signatures, unverified. */
export function splitNote(note: string):
  | {
      readonly text: string;
      readonly signatures: readonly { readonly name: string; readonly tagged: Bytes }[];
    }
  | undefined {
  if (note.length > MAX_NOTE_CHARACTERS || !note.isWellFormed() || /[^\P{Cc}\n]/u.test(note))
    return undefined;
  const at = note.lastIndexOf('\n\n');
  if (at < 0 || !note.endsWith('\n')) return undefined;
  const lines = note.slice(at + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) return undefined;
  const signatures = [];
  for (const line of lines) {
    const [, name = '', encoded = ''] = /^— (\S+) (\S+)$/u.exec(line) ?? [];
    const tagged = decodePaddedBase64(encoded);
    if (!isKeyName(name) || tagged === undefined || tagged.length < 5) return undefined;
    signatures.push({ name, tagged });
  }
  return { text: note.slice(0, at + 1), signatures };
}

/** What a checkpoint says: which log, how many leaves, and the hash of its tree. */
export interface CheckpointText {
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly rootHash: Bytes;
}

/** The text of a checkpoint, to be signed. */
export function writeCheckpoint({ origin, size, rootHash }: CheckpointText): string {
  return `${origin}\n${size}\n${encodePaddedBase64(rootHash)}\n`;
}

/** Undefined when the text is no checkpoint. Further lines are allowed and ignored. */
export function readCheckpoint(text: string): CheckpointText | undefined {
  const [origin = '', size = '', root = ''] = text.split('\n');
  const rootHash = decodePaddedBase64(root);
  if (origin === '' || !/^(0|[1-9]\d{0,15})$/.test(size) || rootHash?.length !== 32) return undefined;
  return Number.isSafeInteger(Number(size)) ? { origin, size: Number(size), rootHash } : undefined;
}
