/**
 * A second writer of sealed files, on node:crypto, that does whatever it is told: the generator of the format's
 * vectors makes malformed files with it, and tests compare it with the real one. It shares no code with src.
 */

import { argon2Sync, createCipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';

const SEGMENT = 65536;

/** What a well-behaved writer would not let anyone choose. Absent: as the format demands. */
export interface Liberties {
  /** The length field. */
  readonly length?: number;
  /** The nonce of a segment. */
  readonly nonce?: (counter: number, last: boolean) => Buffer;
  readonly aad?: Buffer;
  /** How the plaintext is cut. */
  readonly segments?: readonly Buffer[];
}

export const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();

/** The format's nonce: 11 bytes of big-endian counter, then the flag. */
export function nonceOf(counter: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(counter, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

const stretched = new Map<string, Buffer>();

/** key ‖ Argon2id output, or the key alone. */
export function ikmOf(key: Buffer, password: string | undefined): Buffer {
  if (password === undefined) return key;
  const nonce = Buffer.from(hkdfSync('sha256', key, '', 'sallyport-sealed/1 salt', 16));
  const message = Buffer.from(password.normalize('NFC'));
  const memo = `${nonce.toString('hex')} ${message.toString('hex')}`;
  const known =
    stretched.get(memo) ??
    argon2Sync('argon2id', { message, nonce, parallelism: 4, tagLength: 32, memory: 65536, passes: 3 });
  stretched.set(memo, known);
  return Buffer.concat([key, known]);
}

/** The 43 characters that a reader shows to the server. */
export function proofOf(ikm: Buffer): string {
  return Buffer.from(hkdfSync('sha256', ikm, '', 'sallyport-sealed/1 access', 32)).toString('base64url');
}

/** Magic, length and header. */
export function rawHead(header: Buffer, length = header.length): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32BE(length);
  return Buffer.concat([Buffer.from('sallyport-sealed/1\n'), field, header]);
}

/** A file with this header, well-formed or not, and this plaintext, committed to as if all were well. */
export function rawSeal(
  ikm: Buffer,
  salt: Buffer,
  header: Buffer | string,
  plaintext: Buffer,
  liberties: Liberties = {},
): Buffer {
  const text = Buffer.from(header);
  const head = rawHead(text, liberties.length);
  const hash = sha256(head);
  const prk = createHmac('sha256', salt).update(ikm).digest();
  const expand = (label: string): Buffer =>
    createHmac('sha256', prk).update(label).update(hash).update(Uint8Array.of(1)).digest();
  const key = expand('sallyport-sealed/1 payload');
  const segments = liberties.segments ?? cut(plaintext);
  const payload = segments.map((segment, counter) => {
    const nonce = (liberties.nonce ?? nonceOf)(counter, counter === segments.length - 1);
    return rawSegment(key, nonce, segment, liberties.aad);
  });
  return Buffer.concat([head, expand('sallyport-sealed/1 commitment'), ...payload]);
}

/** The payload key of a file, to add segments of one's own to it. */
export function rawPayloadKey(ikm: Buffer, salt: Buffer, head: Buffer): Buffer {
  const prk = createHmac('sha256', salt).update(ikm).digest();
  const info = Buffer.concat([Buffer.from('sallyport-sealed/1 payload'), sha256(head), Uint8Array.of(1)]);
  return createHmac('sha256', prk).update(info).digest();
}

export function rawSegment(key: Buffer, nonce: Buffer, segment: Buffer, aad?: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  if (aad !== undefined) cipher.setAAD(aad);
  return Buffer.concat([cipher.update(segment), cipher.final(), cipher.getAuthTag()]);
}

function cut(plaintext: Buffer): Buffer[] {
  const segments: Buffer[] = [];
  for (let at = 0; at < plaintext.length; at += SEGMENT) segments.push(plaintext.subarray(at, at + SEGMENT));
  return segments.length === 0 ? [Buffer.alloc(0)] : segments;
}

/** A paste's plaintext: this metadata text, this content, 0x80 and zeros up to `length` (absent: as demanded). */
export function rawPlaintext(metadata: Buffer | string, content: Buffer, length?: number): Buffer {
  const json = Buffer.from(metadata);
  const field = Buffer.alloc(4);
  field.writeUInt32BE(json.length);
  const used = Buffer.concat([field, json, content, Uint8Array.of(0x80)]);
  const zeros = Math.max(0, (length ?? demandedLength(used.length)) - used.length);
  return Buffer.concat([used, Buffer.alloc(zeros)]);
}

/** max(256, Padmé), in integers. */
function demandedLength(used: number): number {
  const exponent = BigInt(used.toString(2).length - 1);
  const kept = BigInt(exponent.toString(2).length);
  const mask = (1n << (exponent - kept)) - 1n;
  return Math.max(256, Number((BigInt(used) + mask) & ~mask));
}
