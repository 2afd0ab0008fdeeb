/** Asks an RFC 3161 authority to timestamp checkpoints. Only the process at home does. */
import { createHash, randomBytes } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { equalBytes } from '../src/crypto/compare.ts';
import { readTimestampAnswer, SHA256_OID } from '../src/crypto/timestamp.ts';
import type { LogStore } from '../src/store/log.ts';

const PATIENCE_MS = 15_000;
/** An answer holds a token and some certificates: a few thousand bytes. */
const LONGEST_ANSWER = 64 * 1024;
/** Checkpoints stamped in one round. */
const AT_ONCE = 20;

/** The authority could not be reached, or answered something else than a timestamp of what was asked. */
class TimestampError extends Error {
  override readonly name = 'TimestampError';
}

/** A TimeStampReq (RFC 3161, section 2.4.1) for a SHA-256, which asks for the signer's certificate too. */
function request(imprint: Uint8Array<ArrayBuffer>, nonce: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const question = new pkijs.TimeStampReq({
    version: 1,
    messageImprint: new pkijs.MessageImprint({
      hashAlgorithm: new pkijs.AlgorithmIdentifier({
        algorithmId: SHA256_OID,
        algorithmParams: new asn1js.Null(),
      }),
      hashedMessage: new asn1js.OctetString({ valueHex: imprint.buffer }),
    }),
    nonce: new asn1js.Integer({ valueHex: nonce.buffer }),
    certReq: true,
  });
  return new Uint8Array(question.toSchema().toBER());
}

/** Whether an answer stamps what was asked. Its signature is the reader's to check, who knows whom to trust. */
function answers(der: Uint8Array<ArrayBuffer>, imprint: Uint8Array, nonce: Uint8Array): boolean {
  const { sha256: stamped, nonce: returned } = readTimestampAnswer(der) ?? {};
  if (stamped === undefined || returned === undefined) return false;
  return equalBytes(stamped, imprint) && equalBytes(returned, nonce);
}

async function bounded(answer: Response): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body ?? []) {
    size += part.length;
    if (size > LONGEST_ANSWER) throw new TimestampError();
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * A timestamp of this text: TimeStampResp in DER.
 * @throws TimestampError, or what the runtime throws when the authority cannot be reached
 */
async function stampOf(url: string, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const imprint = new Uint8Array(createHash('sha256').update(text).digest());
  const nonce = new Uint8Array(randomBytes(16));
  // A DER integer is as short as it can be, and ours is positive.
  nonce[0] = ((nonce[0] ?? 0) & 0x3f) | 0x40;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' },
    body: request(imprint, nonce),
    redirect: 'error',
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (!answer.ok) throw new TimestampError();
  const der = await bounded(answer);
  if (!answers(der, imprint, nonce)) throw new TimestampError();
  return der;
}

/**
 * Stamps checkpoints that have no timestamp yet, the oldest first. The first failure ends the round: what is left is
 * for the next one.
 */
export async function stampCheckpoints(url: string, log: LogStore, stop: () => boolean): Promise<void> {
  for (const { size, note } of await log.withoutTimestamp(AT_ONCE)) {
    if (stop()) return;
    await log.stamp(size, await stampOf(url, note));
  }
}
