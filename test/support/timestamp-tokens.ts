/** RFC 3161 answers that are made in this process: right ones, and ones that should not be believed. */
import { createHash } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const SHA256 = '2.16.840.1.101.3.4.2.1';
const COMMON_NAME = '2.5.4.3';

export interface TokenWish {
  /** When, as the authority states. */
  readonly time: Date;
  /** The same as it is written, where it is not that time. */
  readonly timeText?: string;
  /** What the signer's certificate is for; timestamps alone unless given. */
  readonly purposes?: readonly string[];
  /** Whether it says that this must be understood; it does unless told otherwise. */
  readonly critical?: boolean;
  /** What is signed is said to be; a TSTInfo unless given. */
  readonly contentType?: string;
}

export interface TokenMaker {
  /** PEM of the certificate that its answers lead to. */
  readonly authorities: string;
  /** A TimeStampResp (DER) for these bytes. */
  stamp(bytes: Uint8Array, wish: TokenWish): Promise<Buffer<ArrayBuffer>>;
}

const newKeys = () =>
  crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);

interface CertificateWish {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: number;
  readonly publicKey: CryptoKey;
  readonly signedBy: CryptoKey;
  readonly extensions: readonly pkijs.Extension[];
}

async function certificateOf(wish: CertificateWish): Promise<pkijs.Certificate> {
  const certificate = new pkijs.Certificate();
  certificate.version = 2;
  certificate.serialNumber = new asn1js.Integer({ value: wish.serial });
  for (const [name, value] of [
    [certificate.subject, wish.subject],
    [certificate.issuer, wish.issuer],
  ] as const)
    name.typesAndValues.push(
      new pkijs.AttributeTypeAndValue({ type: COMMON_NAME, value: new asn1js.Utf8String({ value }) }),
    );
  certificate.notBefore.value = new Date('2020-01-01T00:00:00Z');
  certificate.notAfter.value = new Date('2049-01-01T00:00:00Z');
  certificate.extensions = [...wish.extensions];
  await certificate.subjectPublicKeyInfo.importKey(wish.publicKey);
  await certificate.sign(wish.signedBy, 'SHA-256');
  return certificate;
}

function extension(
  extnID: string,
  critical: boolean,
  value: { toSchema(): asn1js.AsnType },
): pkijs.Extension {
  return new pkijs.Extension({ extnID, critical, extnValue: value.toSchema().toBER(false) });
}

/** A certificate authority, and whoever stamps in its name. */
export async function tokenMaker(): Promise<TokenMaker> {
  const [root, signer] = [await newKeys(), await newKeys()];
  const authority = await certificateOf({
    ...{ subject: 'Root', issuer: 'Root', serial: 1, publicKey: root.publicKey, signedBy: root.privateKey },
    extensions: [extension('2.5.29.19', true, new pkijs.BasicConstraints({ cA: true }))],
  });
  const base64 = Buffer.from(authority.toSchema().toBER(false)).toString('base64');

  return {
    authorities: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    async stamp(
      bytes,
      { time, timeText, purposes = [TIME_STAMPING], critical = true, contentType = TST_INFO },
    ) {
      const certificate = await certificateOf({
        ...{ subject: 'Stamps', issuer: 'Root', serial: 2 },
        ...{ publicKey: signer.publicKey, signedBy: root.privateKey },
        extensions:
          purposes.length === 0
            ? []
            : [extension('2.5.29.37', critical, new pkijs.ExtKeyUsage({ keyPurposes: [...purposes] }))],
      });
      const info = new pkijs.TSTInfo({
        version: 1,
        policy: '1.2.3.4.1',
        messageImprint: new pkijs.MessageImprint({
          hashAlgorithm: new pkijs.AlgorithmIdentifier({ algorithmId: SHA256 }),
          hashedMessage: new asn1js.OctetString({
            valueHex: new Uint8Array(createHash('sha256').update(bytes).digest()),
          }),
        }),
        serialNumber: new asn1js.Integer({ value: 1 }),
        genTime: time,
      });
      const sequence = info.toSchema();
      const at = sequence.valueBlock.value.findIndex((one) => one instanceof asn1js.GeneralizedTime);
      if (timeText !== undefined)
        sequence.valueBlock.value[at] = new asn1js.Primitive({
          idBlock: { tagClass: 1, tagNumber: 24 },
          valueHex: new Uint8Array(Buffer.from(timeText, 'latin1')),
        });
      const content = sequence.toBER(false);
      const digest = await crypto.subtle.digest('SHA-256', content);
      const attribute = (type: string, value: asn1js.AsnType) =>
        new pkijs.Attribute({ type, values: [value] });
      const signed = new pkijs.SignedData({
        version: 3,
        encapContentInfo: new pkijs.EncapsulatedContentInfo({
          eContentType: contentType,
          eContent: new asn1js.OctetString({ valueHex: content }),
        }),
        certificates: [certificate],
        signerInfos: [
          new pkijs.SignerInfo({
            version: 1,
            sid: new pkijs.IssuerAndSerialNumber({
              issuer: certificate.issuer,
              serialNumber: certificate.serialNumber,
            }),
            signedAttrs: new pkijs.SignedAndUnsignedAttributes({
              type: 0,
              attributes: [
                attribute('1.2.840.113549.1.9.3', new asn1js.ObjectIdentifier({ value: contentType })),
                attribute('1.2.840.113549.1.9.4', new asn1js.OctetString({ valueHex: digest })),
              ],
            }),
          }),
        ],
      });
      await signed.sign(signer.privateKey, 0, 'SHA-256');
      const answer = new pkijs.TimeStampResp({
        status: new pkijs.PKIStatusInfo({ status: 0 }),
        timeStampToken: new pkijs.ContentInfo({
          contentType: pkijs.ContentInfo.SIGNED_DATA,
          content: signed.toSchema(true),
        }),
      });
      return Buffer.from(answer.toSchema().toBER(false));
    },
  };
}
