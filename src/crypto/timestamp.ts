/** What an RFC 3161 authority answers, taken apart. Whom to believe, and whether the signature holds, is the reader's. */
import { SignedData, TimeStampResp, TSTInfo } from 'pkijs';

type Bytes = Uint8Array<ArrayBuffer>;

/** The object identifier of SHA-256 (RFC 5754, section 2.2): the one digest that is asked for and believed. */
export const SHA256_OID = '2.16.840.1.101.3.4.2.1';

/** What a token's content is said to be: a TSTInfo (section 2.4.2). What was signed as something else says no time. */
const TST_INFO_OID = '1.2.840.113549.1.9.16.1.4';

/** The end of the year 9999: a GeneralizedTime has four digits for the year. */
const LAST_MS = Date.UTC(10_000, 0) - 1;

/** PKIStatus `granted` and `grantedWithMods` (section 2.4.2); all others come without a token. */
const GRANTED = [0, 1];

/** A timestamp, unverified. */
export interface Timestamp {
  /** The CMS around it, to be verified. */
  readonly signed: SignedData;
  /** The SHA-256 of what was stamped, 32 bytes; undefined where it was stamped by another digest. */
  readonly sha256: Bytes | undefined;
  /** The number that was asked with, in the fewest bytes, big-endian. */
  readonly nonce: Bytes | undefined;
  /** When, as the authority states. */
  readonly time: Date;
}

/** The timestamp in a TimeStampResp (DER); undefined when it is malformed, or a refusal. */
export function readTimestampAnswer(der: Bytes): Timestamp | undefined {
  try {
    const { status, timeStampToken } = TimeStampResp.fromBER(der);
    if (!GRANTED.includes(status.status) || timeStampToken === undefined) return undefined;
    const signed = new SignedData({ schema: timeStampToken.content });
    const { eContentType, eContent } = signed.encapContentInfo;
    const content = eContent?.getValue();
    if (eContentType !== TST_INFO_OID || content === undefined) return undefined;
    const { messageImprint, nonce, genTime } = TSTInfo.fromBER(content);
    // The library reads fractions of an hour with an exponent, and comes to times that no Date can be.
    if (!(genTime.getTime() <= LAST_MS)) return undefined;
    const { hashAlgorithm, hashedMessage } = messageImprint;
    return {
      signed,
      sha256:
        hashAlgorithm.algorithmId === SHA256_OID
          ? new Uint8Array(hashedMessage.valueBlock.valueHexView)
          : undefined,
      nonce: nonce && new Uint8Array(nonce.valueBlock.valueHexView),
      time: genTime,
    };
  } catch {
    // What the library throws names its own parts, and may quote the answer.
    return undefined;
  }
}
