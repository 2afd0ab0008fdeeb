/** Readers of sealed files, of links to them, and of what age writes. */
import { parseAgeHeader } from '../../../src/crypto/age-header.ts';
import { recipientKind } from '../../../src/crypto/age-recipient.ts';
import { bytesOfWords, decodeBech32 } from '../../../src/crypto/bech32.ts';
import { openChunk, openPaste, sealChunk, sealPaste } from '../../../src/crypto/sealed.ts';
import { SealedError } from '../../../src/crypto/sealed-error.ts';
import { parseSealedHeader, writeSealedHeader } from '../../../src/crypto/sealed-header.ts';
import { formatLink, parseLink } from '../../../src/crypto/sealed-link.ts';
import { AGE_HEADER } from '../../../test/support/door.ts';
import { must } from '../target.ts';
import { ofText, orRefused, orRefusedLater, type Reader, same } from './reader.ts';

const KEY = new Uint8Array(32).fill(9);
const INCIDENT = 'inc_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const STREAM = 'str_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const CONTEXT = {
  kind: 'chunk',
  incident_id: INCIDENT,
  stream_id: STREAM,
  media_type: 'audio',
  chunk_index: 1,
  final: true,
} as const;
const MEDIA = new Uint8Array(70_000).map((_, at) => at % 251);

const refused = (thrown: unknown) => thrown instanceof SealedError;
const fixed = (length: number) => new Uint8Array(length).fill(1);
const whole = async (stream: ReadableStream<Uint8Array>) =>
  new Uint8Array(await new Response(stream as BodyInit).arrayBuffer());
const chunk = (media: Uint8Array) =>
  sealChunk(media, { key: KEY, context: CONTEXT, random: fixed }).then(whole);
const paste = async (content: Uint8Array, filename?: string) =>
  whole(await sealPaste(content, { key: KEY, random: fixed, ...(filename && { filename }) }));

const WORDS = [
  'sallyport-sealed/1\n',
  '{"salt":"',
  '"kdf":{"id":"argon2id"}',
  '"context":{"kind":"paste"}',
  '"kind":"chunk"',
  '"chunk_index":',
  '"final":true',
  '\\u0000',
];

const header: Reader = {
  name: 'sealed-header',
  summary: 'headers of sealed files, as the server reads them',
  words: WORDS,
  seeds: async () => [await chunk(MEDIA.subarray(0, 10)), await paste(MEDIA.subarray(0, 10))],
  read(bytes) {
    const parsed = orRefused(() => parseSealedHeader(bytes), refused);
    if (parsed === undefined) return;
    const { headerLength } = parsed;
    must(headerLength <= bytes.length, () => 'the header is longer than the file');
    same('written and read again', parseSealedHeader(writeSealedHeader(parsed.header)).header, parsed.header);
    const cut = orRefused(() => parseSealedHeader(bytes.subarray(0, headerLength - 1)), refused);
    must(cut === undefined, () => 'a header is read without its last byte');
  },
};

/** What opens is what was sealed, to the byte: nobody without the key makes another file that does. */
function opening(
  name: string,
  summary: string,
  make: () => Promise<Uint8Array[]>,
  open: (bytes: Uint8Array) => Promise<Uint8Array>,
): Reader {
  let made: Promise<Uint8Array[]> | undefined;
  const originals = () => {
    made ??= make();
    return made;
  };
  return {
    name,
    summary,
    words: WORDS,
    seeds: originals,
    async read(bytes) {
      const opened = await orRefusedLater(() => open(bytes), refused);
      if (opened === undefined) return;
      const known = (await originals()).some((original) => Buffer.compare(original, bytes) === 0);
      must(known, () => 'a file opens that nobody sealed');
    },
  };
}

const chunks = opening(
  'sealed-chunk',
  'sealed chunks, as whoever holds the key opens them',
  async () => [await chunk(new Uint8Array(0)), await chunk(MEDIA.subarray(0, 100)), await chunk(MEDIA)],
  async (bytes) => whole((await openChunk(bytes, { key: KEY })).body),
);

const pastes = opening(
  'sealed-paste',
  'sealed pastes, as whoever holds the key opens them',
  async () => [await paste(MEDIA.subarray(0, 100)), await paste(MEDIA, 'a name.txt')],
  async (bytes) => whole((await openPaste(bytes, { key: KEY })).body),
);

const link = ofText({
  name: 'sealed-link',
  summary: 'links to sealed pastes',
  words: ['http://', 'https://', '#', '@', '%23', ':', '//'],
  seeds: () => [formatLink('https://paste.example.org/abc', KEY), 'http://127.0.0.1:8080/x', 'https://a@b/#'],
  readText(text) {
    const parsed = orRefused(() => parseLink(text), refused);
    if (parsed === undefined) return;
    must(!parsed.url.includes('#'), () => 'the address holds the fragment');
    if (parsed.key !== undefined)
      same('written and read again', parseLink(formatLink(parsed.url, parsed.key)), parsed);
  },
});

const RECIPIENT = 'age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj';

const recipient = ofText({
  name: 'age-recipient',
  summary: 'recipients of age, and Bech32',
  words: ['age1', 'age1pq1', '1', 'q'],
  seeds: () => [
    RECIPIENT,
    RECIPIENT.toUpperCase(),
    'age1pq1qqqq',
    'a12uel5l',
    'an83characterlonghumanreadablepart1tt5tgs',
  ],
  readText(text) {
    const kind = recipientKind(text);
    if (kind !== undefined) must(/^age1[a-z0-9]+$/.test(text), () => 'a recipient has another spelling');
    const decoded = decodeBech32(text);
    if (decoded !== undefined) bytesOfWords(decoded.words);
  },
});

const age: Reader = {
  name: 'age-header',
  summary: 'headers of age files',
  words: ['age-encryption.org/v1\n', '-> ', '--- ', 'X25519', '\n', '\r\n', 'A'.repeat(64)],
  seeds: () => [
    `${AGE_HEADER}payload`,
    AGE_HEADER.replace('--- ', `-> mlkem768x25519 ${'B'.repeat(64)}\n${'C'.repeat(64)}\nDA\n--- `),
  ],
  read(bytes) {
    const parsed = parseAgeHeader(bytes);
    if (parsed === undefined) return;
    must(parsed.length <= bytes.length && parsed.stanzas.length > 0, () => 'a header of nothing');
    same('without the payload', parseAgeHeader(bytes.subarray(0, parsed.length)), parsed);
    must(
      parseAgeHeader(bytes.subarray(0, parsed.length - 1)) === undefined,
      () => 'a header without its end',
    );
  },
};

export const sealedReaders: readonly Reader[] = [header, chunks, pastes, link, recipient, age];
