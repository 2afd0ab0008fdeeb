/** RFC 3161 timestamps of checkpoints, checked offline: what was stamped, when, by whom. */
import * as pkijs from 'pkijs';
import { equalBytes } from '../../../src/crypto/compare.ts';
import { sha256 } from '../../../src/crypto/hash.ts';

export interface TimestampFacts {
  /** Milliseconds since the epoch, as the authority states; absent where it cannot be read. */
  readonly time?: number;
  /** Whether the signature was followed to a certificate that is trusted. */
  readonly trusted: boolean;
  /** What does not hold; undefined when all does. */
  readonly problem?: string;
}

const SHA256 = '2.16.840.1.101.3.4.2.1';

const unreadable: TimestampFacts = {
  trusted: false,
  problem: 'The timestamp is malformed, or is no answer of a timestamp authority.',
};

function certificatesIn(pem: string): pkijs.Certificate[] {
  return [...pem.matchAll(/-----BEGIN CERTIFICATE-----([\s\S]+?)-----END CERTIFICATE-----/g)].map(
    ([, body = '']) => pkijs.Certificate.fromBER(new Uint8Array(Buffer.from(body, 'base64'))),
  );
}

function parsed(der: Buffer) {
  try {
    const { timeStampToken } = pkijs.TimeStampResp.fromBER(new Uint8Array(der));
    if (timeStampToken === undefined) return undefined;
    const signed = new pkijs.SignedData({ schema: timeStampToken.content });
    const content = signed.encapContentInfo.eContent?.getValue();
    return content && { signed, info: pkijs.TSTInfo.fromBER(content) };
  } catch {
    return undefined;
  }
}

/**
 * Checks a TimeStampResp.
 * @param der as it was received
 * @param stamped what must have been stamped
 * @param authorities PEM certificates that a signature must lead to; undefined checks the signature alone
 */
export async function readTimestamp(
  der: Buffer,
  stamped: Uint8Array<ArrayBuffer>,
  authorities: string | undefined,
): Promise<TimestampFacts> {
  const found = parsed(der);
  if (found === undefined) return unreadable;
  const { signed, info } = found;
  const { hashAlgorithm, hashedMessage } = info.messageImprint;
  const imprint = new Uint8Array(hashedMessage.valueBlock.valueHexView);
  const time = info.genTime.getTime();
  if (hashAlgorithm.algorithmId !== SHA256 || !equalBytes(imprint, sha256(stamped)))
    return { time, trusted: false, problem: 'The timestamp is of something else than the checkpoint.' };
  try {
    // The signature covers the imprint and the time; the chain is looked at as of that time.
    const good = await signed.verify({
      signer: 0,
      data: stamped.buffer,
      checkChain: authorities !== undefined,
      ...(authorities !== undefined && {
        trustedCerts: certificatesIn(authorities),
        checkDate: info.genTime,
      }),
    });
    if (good) return { time, trusted: authorities !== undefined };
  } catch {
    // Told below: what the library throws names its own parts.
  }
  const problem =
    authorities === undefined
      ? 'The signature of the timestamp does not hold.'
      : 'The signature of the timestamp does not hold, or does not lead to the certificates that were given.';
  return { time, trusted: false, problem };
}
