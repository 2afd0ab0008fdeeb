/** Readers of what others answer, and of what is kept: tokens, keys, notes, timestamps, factors. */
import { Secret, TOTP, URI } from 'otpauth';
import { parseKeys } from '../../../cli/sallyport/evidence/keys-file.ts';
import { Failure } from '../../../cli/shared/failure.ts';
import { openKeyring } from '../../../src/crypto/keyring.ts';
import { readAssertion, readRegistration } from '../../../src/crypto/passkey-response.ts';
import { parsePhc } from '../../../src/crypto/passwords.ts';
import { checkWork, makeChallenge } from '../../../src/crypto/pow.ts';
import {
  parseVerifierKey,
  readCheckpoint,
  splitNote,
  verifierKey,
  writeCheckpoint,
} from '../../../src/crypto/signed-note.ts';
import { readTimestampAnswer } from '../../../src/crypto/timestamp.ts';
import { matchTotp, totpEnrolment } from '../../../src/crypto/totp.ts';
import { refusalOf } from '../../../src/store/blobs/s3-wire.ts';
import { must } from '../target.ts';
import { ofText, orRefused, type Reader, same } from './reader.ts';

const keys = openKeyring(new Uint8Array(32).fill(7));
const EXPIRES = 1_800_000_000_000;
const challenge = makeChallenge(keys, {
  peer: 'a peer',
  difficulty: 1,
  now: EXPIRES - 1000,
  random: (length) => new Uint8Array(length).fill(4),
});

const work = ofText({
  name: 'pow-tokens',
  summary: 'tokens of proof of work, and their solutions',
  words: ['A', '-', '_', ' ', '0', ':'],
  seeds: () => [`${challenge.token} 1`, `${challenge.token} 0`],
  readText(text) {
    const [token = '', solution = ''] = text.split(' ');
    const verdict = checkWork(keys, { token, solution, peer: 'a peer', difficulty: 0, now: EXPIRES - 1 });
    if (verdict.kind !== 'invalid')
      must(token === challenge.token, () => `a token that nobody made: ${token}`);
  },
});

const SECRET = new Uint8Array(20).fill(8);

const factors = ofText({
  name: 'totp',
  summary: 'codes of authenticator apps, and the URIs that they are set up with',
  words: ['0', '9', ' ', '%', ':', '?', '&', 'é', '٣', '\0'],
  seeds: () => ['000000', '123456', 'somebody', 'a:b', 'a b@c'],
  readText(text) {
    const now = 1_700_000_000_000;
    const step = matchTotp(SECRET, text, now);
    const totp = new TOTP({ secret: new Secret({ buffer: SECRET.buffer }) });
    const right = [-1, 0, 1].map((offset) => totp.generate({ timestamp: now + offset * 30_000 }));
    must((step !== undefined) === right.includes(text), () => `the code ${text} is taken for ${step}`);
    // Names are what accounts may have: ASCII letters, digits, and . - _ @
    const username = text.replace(/[^A-Za-z0-9._@-]/g, '');
    if (username === '') return;
    const { otpauth_url: uri } = totpEnrolment(SECRET, username);
    const read = URI.parse(uri);
    must(read instanceof TOTP && read.label === username, () => `${uri} is read as of ${read.label}`);
  },
});

const phc = ofText({
  name: 'password-hashes',
  summary: 'Argon2id hashes as they are kept',
  words: ['$argon2id$', 'v=19', 'm=19456', 't=2', 'p=1', '$', ','],
  seeds: () => [`$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`],
  readText(text) {
    const read = parsePhc(text);
    if (read !== undefined)
      must(read.cost.memoryKiB <= 262_144 && read.cost.iterations <= 16, () => 'a hash that costs all');
  },
});

const VERIFIER = 'vault.example/log+c4c3e0b3+AbIwRDBL9Q6YRHkBJbHJ7pQmBJZ8LwEHUvbp0XGrxWrj';

const notes = ofText({
  name: 'signed-notes',
  summary: 'checkpoints, signed notes and verifier keys',
  words: ['\n', '\n\n', '— ', ' ', '+', '=', 'vault.example/log', 'A'.repeat(44)],
  seeds: () => [
    writeCheckpoint({ origin: 'vault.example/log', size: 12, rootHash: new Uint8Array(32) }),
    `${writeCheckpoint({ origin: 'a', size: 1, rootHash: new Uint8Array(32) })}\n— a ${'AAAAAAAAAAA='}\n`,
    VERIFIER,
  ],
  readText(text) {
    const checkpoint = readCheckpoint(text);
    if (checkpoint !== undefined)
      same('written and read again', readCheckpoint(writeCheckpoint(checkpoint)), checkpoint);
    const note = splitNote(text);
    if (note !== undefined) must(text.startsWith(note.text), () => 'a note of another text');
    const verifier = parseVerifierKey(text);
    if (verifier !== undefined) same('written and read again', verifierKey(verifier), text);
  },
});

/** A TimeStampResp of a refusal, and the beginning of one that is granted. */
const DER_REFUSED = new Uint8Array([0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02]);
const DER_GRANTED = new Uint8Array([
  0x30, 0x20, 0x30, 0x03, 0x02, 0x01, 0x00, 0x30, 0x19, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
  0x07, 0x02, 0xa0, 0x0c, 0x30, 0x0a, 0x02, 0x01, 0x03, 0x31, 0x00, 0x30, 0x00, 0x31, 0x00, 0x00,
]);

const timestamps: Reader = {
  name: 'timestamps',
  summary: 'RFC 3161 answers',
  words: ['\x30', '\x80', '\xa0', '\x06\x09', '\x02\x01', '\xff', '\x84\xff\xff\xff\xff'],
  seeds: () => [DER_REFUSED, DER_GRANTED],
  read(bytes) {
    const read = readTimestampAnswer(bytes);
    if (read !== undefined) must(read.time instanceof Date, () => 'a timestamp without a time');
  },
};

const REGISTRATION = {
  id: 'AAAA',
  rawId: 'AAAA',
  type: 'public-key',
  response: {
    clientDataJSON: btoa(
      '{"type":"webauthn.create","challenge":"AAAA","origin":"https://app.example"}',
    ).replace(/=+$/, ''),
    attestationObject:
      'o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVglAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABBAAAAAA',
    transports: ['internal'],
  },
};

const passkeys = ofText({
  name: 'passkeys',
  summary: 'what browsers send of passkeys: JSON, CBOR and COSE',
  words: ['"response":', 'null', '{}', 'o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVg', 'AAAA', '//8'],
  seeds: () => [
    JSON.stringify(REGISTRATION),
    JSON.stringify({
      ...REGISTRATION,
      response: {
        ...REGISTRATION.response,
        authenticatorData: 'A'.repeat(50),
        signature: 'AAAA',
        userHandle: 'AAAA',
      },
    }),
  ],
  readText(text) {
    let posted: unknown;
    try {
      posted = JSON.parse(text);
    } catch {
      return;
    }
    readRegistration(posted);
    readAssertion(posted);
  },
});

const stores = ofText({
  name: 's3-refusals',
  summary: 'refusals of object stores',
  words: ['<Code>', '</Code>', '<Error>', '<![CDATA[', '&lt;', '<?xml '],
  seeds: () => ['<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>x</Message></Error>'],
  async readText(text) {
    const answer = { status: 400, text: async () => text } as unknown as Parameters<typeof refusalOf>[0];
    const { message } = await refusalOf(answer);
    must(
      /^[\x20-\x7e]{1,200}$/.test(message),
      () => `a refusal in the words of the store: ${message.slice(0, 300)}`,
    );
  },
});

const keyFiles = ofText({
  name: 'keys-files',
  summary: 'keys files of those who record',
  words: ['"format":', '"streams":', '[', '{', 'sallyport-keys/1', 'null'],
  seeds: () => [
    JSON.stringify({
      format: 'sallyport-keys/1',
      streams: [
        {
          incident_id: 'inc_01ARZ3NDEKTSV4RRFFQ69G5FAV',
          stream_id: 'str_01ARZ3NDEKTSV4RRFFQ69G5FAV',
          media_type: 'audio',
          key: 'A'.repeat(43),
        },
      ],
    }),
  ],
  readText(text) {
    orRefused(
      () => parseKeys(text),
      (thrown) => thrown instanceof Failure,
    );
  },
});

export const answerReaders: readonly Reader[] = [
  work,
  factors,
  phc,
  notes,
  timestamps,
  passkeys,
  stores,
  keyFiles,
];
