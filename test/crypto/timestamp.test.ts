/** What an RFC 3161 answer is read as. Whole answers of a real authority are in the tests of bundles. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { readTimestampAnswer, SHA256_OID } from '../../src/crypto/timestamp.ts';

const SHA1_OID = '1.3.14.3.2.26';
const TIME = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));
const hash = new Uint8Array(32).fill(7);
const nonce = Uint8Array.of(0x41, 2, 3);

/** A TimeStampResp whose token nobody signed. */
function answer(status: number, digest = SHA256_OID): Uint8Array<ArrayBuffer> {
  const info = new pkijs.TSTInfo({
    version: 1,
    policy: '1.2.3',
    messageImprint: new pkijs.MessageImprint({
      hashAlgorithm: new pkijs.AlgorithmIdentifier({ algorithmId: digest }),
      hashedMessage: new asn1js.OctetString({ valueHex: hash }),
    }),
    serialNumber: new asn1js.Integer({ value: 1 }),
    genTime: TIME,
    nonce: new asn1js.Integer({ valueHex: nonce }),
  });
  const signed = new pkijs.SignedData({
    version: 3,
    encapContentInfo: new pkijs.EncapsulatedContentInfo({
      eContentType: '1.2.840.113549.1.9.16.1.4',
      eContent: new asn1js.OctetString({ valueHex: info.toSchema().toBER() }),
    }),
  });
  const token = new pkijs.ContentInfo({
    contentType: pkijs.ContentInfo.SIGNED_DATA,
    content: signed.toSchema(),
  });
  const whole = new pkijs.TimeStampResp({
    status: new pkijs.PKIStatusInfo({ status }),
    timeStampToken: token,
  });
  return new Uint8Array(whole.toSchema().toBER());
}

it('a granted timestamp says what was stamped, when, and what it was asked with', () => {
  for (const granted of [0, 1]) {
    const read = readTimestampAnswer(answer(granted));
    assert.deepEqual(read && [read.sha256, read.nonce, read.time], [hash, nonce, TIME]);
  }
});

it('a stamp by another digest is no stamp of a SHA-256, even with bytes of that length', () => {
  const read = readTimestampAnswer(answer(0, SHA1_OID));
  assert.ok(read);
  assert.equal(read.sha256, undefined);
});

it('a refusal is no timestamp, whatever comes with it', () => {
  for (const refused of [2, 3, 4, 5, 128]) assert.equal(readTimestampAnswer(answer(refused)), undefined);
});

it('what is cut, empty or something else is no timestamp', () => {
  const whole = answer(0);
  for (let length = 0; length < whole.length; length += 1)
    assert.equal(readTimestampAnswer(whole.slice(0, length)), undefined, `${length} bytes`);
  for (const status of [0, 2])
    assert.equal(readTimestampAnswer(Uint8Array.of(0x30, 5, 0x30, 3, 2, 1, status)), undefined);
});
