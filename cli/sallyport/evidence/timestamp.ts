/** RFC 3161 timestamps of checkpoints, checked offline: what was stamped, when, by whom. */
import { Certificate, ExtKeyUsage } from 'pkijs';
import { equalBytes } from '../../../src/crypto/compare.ts';
import { sha256 } from '../../../src/crypto/hash.ts';
import { readTimestampAnswer } from '../../../src/crypto/timestamp.ts';

export interface TimestampFacts {
  /** Milliseconds since the epoch, as the authority states; absent where it cannot be read. */
  readonly time?: number;
  /** Whether the signature was followed to a certificate that is trusted. */
  readonly trusted: boolean;
  /** What does not hold; undefined when all does. */
  readonly problem?: string;
}

const unreadable: TimestampFacts = {
  trusted: false,
  problem: 'The timestamp is malformed, or is no answer of a timestamp authority.',
};

const EXTENDED_KEY_USAGE = '2.5.29.37';
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

/**
 * Whether a certificate is for timestamps and nothing else, and says that this must be understood (RFC 3161, section
 * 2.3). An authority that stamps issues others too, and whoever holds one of those could state any time.
 */
function isForTimestamps(certificate: Certificate | null | undefined): boolean {
  const [usage, ...more] = (certificate?.extensions ?? []).filter(
    ({ extnID }) => extnID === EXTENDED_KEY_USAGE,
  );
  const purposes = usage?.parsedValue instanceof ExtKeyUsage ? usage.parsedValue.keyPurposes : [];
  return (
    more.length === 0 && usage?.critical === true && purposes.length === 1 && purposes[0] === TIME_STAMPING
  );
}

function certificatesIn(pem: string): Certificate[] {
  return [...pem.matchAll(/-----BEGIN CERTIFICATE-----([\s\S]+?)-----END CERTIFICATE-----/g)].map(
    ([, body = '']) => Certificate.fromBER(new Uint8Array(Buffer.from(body, 'base64'))),
  );
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
  const found = readTimestampAnswer(new Uint8Array(der));
  if (found === undefined) return unreadable;
  const { signed } = found;
  const time = found.time.getTime();
  if (found.sha256 === undefined || !equalBytes(found.sha256, sha256(stamped)))
    return { time, trusted: false, problem: 'The timestamp is of something else than the checkpoint.' };
  try {
    // The signature covers the imprint and the time; the chain is looked at as of that time.
    const { signatureVerified, signerCertificate } = await signed.verify({
      signer: 0,
      extendedMode: true,
      data: stamped.buffer,
      checkChain: authorities !== undefined,
      ...(authorities !== undefined && {
        trustedCerts: certificatesIn(authorities),
        checkDate: found.time,
      }),
    });
    if (signatureVerified === true && !isForTimestamps(signerCertificate))
      return {
        time,
        trusted: false,
        problem: 'The timestamp is signed with a key that is not for timestamps.',
      };
    if (signatureVerified === true) return { time, trusted: authorities !== undefined };
  } catch {
    // Told below: what the library throws names its own parts.
  }
  const problem =
    authorities === undefined
      ? 'The signature of the timestamp does not hold.'
      : 'The signature of the timestamp does not hold, or does not lead to the certificates that were given.';
  return { time, trusted: false, problem };
}
