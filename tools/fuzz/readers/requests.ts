/** Readers of what requests bring: forms, header fields, times, identities. */
import { File } from 'node:buffer';
import { Fault } from '../../../src/core/faults.ts';
import { inspector } from '../../../src/core/inspect.ts';
import { parseInstant } from '../../../src/core/instant.ts';
import { parseEmail } from '../../../src/core/mail.ts';
import { pagingOf } from '../../../src/core/paging.ts';
import { readForm } from '../../../src/handlers/admin/form.ts';
import { prefers } from '../../../src/handlers/kit/accept.ts';
import { digestHeader, sha256In } from '../../../src/handlers/kit/content-digest.ts';
import { cookieOf } from '../../../src/handlers/kit/cookies.ts';
import { isCurrent } from '../../../src/handlers/kit/etag.ts';
import { formEvents } from '../../../src/handlers/kit/multipart.ts';
import { boundaryOf, partHead } from '../../../src/handlers/kit/part-head.ts';
import { byteRange } from '../../../src/handlers/kit/range.ts';
import { completeIn, integerIn, tusNumber, typeIn } from '../../../src/handlers/main/upload-headers.ts';
import { metadataFields } from '../../../src/handlers/main/upload-metadata.ts';
import { BOUNDARY, FORM, formOf } from '../../../test/support/uploads.ts';
import { chanceOf } from '../chance.ts';
import { must } from '../target.ts';
import { ofText, orRefused, orRefusedLater, type Reader, same } from './reader.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const refusedWith =
  (...kinds: string[]) =>
  (thrown: unknown) =>
    thrown instanceof Fault && kinds.includes(thrown.kind);

async function* pieces(bytes: Bytes, next: () => number): AsyncGenerator<Bytes> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + next());
    yield bytes.slice(at, end);
    at = end;
  }
}

/** The parts as text; undefined where the form is refused. */
async function partsOf(
  bytes: Bytes,
  next: () => number,
): Promise<{ name: string; data: string }[] | undefined> {
  return orRefusedLater(async () => {
    const parts: { name: string; data: string }[] = [];
    for await (const event of formEvents(pieces(bytes, next), BOUNDARY)) {
      if (event.kind === 'part') parts.push({ name: event.head.name, data: '' });
      const last = parts.at(-1);
      if (event.kind === 'data' && last !== undefined)
        last.data += Buffer.from(event.bytes).toString('latin1');
    }
    return parts;
  }, refusedWith('invalid_multipart'));
}

/** The platform's reader: where both read a form, they read the same. */
async function platformParts(bytes: Bytes): Promise<{ name: string; data: string }[] | undefined> {
  try {
    const form = await new Response(bytes, { headers: FORM }).formData();
    const parts: { name: string; data: string }[] = [];
    for (const [name, value] of form) {
      const data =
        value instanceof File ? Buffer.from(await value.arrayBuffer()) : Buffer.from(String(value));
      parts.push({ name, data: data.toString('latin1') });
    }
    return parts;
  } catch {
    return undefined;
  }
}

const multipart: Reader = {
  name: 'multipart',
  summary: 'forms of chunks, cut anywhere, beside the reader of the platform',
  words: [
    `--${BOUNDARY}`,
    `\r\n--${BOUNDARY}--`,
    '\r\n\r\n',
    '\r\n',
    'Content-Disposition: form-data; name="',
    'filename="',
  ],
  seeds: () => [
    formOf({ stream_id: 'a', chunk_index: '1' }, new Uint8Array(300)),
    formOf({ a: '' }, undefined),
  ],
  async read(bytes) {
    const parts = await partsOf(bytes, () => bytes.length);
    const chance = chanceOf(bytes.length);
    same('cut in pieces', await partsOf(bytes, () => chance.below(40)), parts);
    if (parts === undefined) return;
    // A delimiter in the middle of a line is one to the platform and none to RFC 2046.
    if (!Buffer.from(bytes).toString('latin1').startsWith(`--${BOUNDARY}\r\n`)) return;
    const others = await platformParts(bytes);
    // Text that is no UTF-8 is replaced by the platform, and kept as bytes by us.
    if (others === undefined || others.some(({ data }) => /\xef\xbf\xbd/.test(data))) return;
    const names = (list: readonly { name: string }[]) => list.map(({ name }) => name);
    same('names as the platform reads them', names(parts), names(others));
    const lengths = (list: readonly { data: string }[]) => list.map(({ data }) => data.length);
    same('lengths as the platform reads them', lengths(parts), lengths(others));
  },
};

const heads: Reader = {
  name: 'part-head',
  summary: 'heads of parts, and the boundary in Content-Type',
  words: [
    'form-data',
    '; ',
    'name="',
    'filename="',
    '\\"',
    'charset=utf-8',
    'boundary=',
    'multipart/form-data',
  ],
  seeds: () => [
    '\r\nContent-Disposition: form-data; name="file"; filename="a b.bin"\r\nContent-Type: text/plain; charset=UTF-8',
    'multipart/form-data; boundary="a b"',
    FORM['content-type'],
  ],
  read(bytes) {
    const head = orRefused(() => partHead(bytes), refusedWith('invalid_multipart'));
    if (head !== undefined) must(typeof head.name === 'string', () => 'a part without a name');
    const text = new TextDecoder().decode(bytes);
    const boundary = orRefused(() => boundaryOf(text), refusedWith('invalid_multipart'));
    if (boundary !== undefined) must(/^[\x20-\x7e]{1,70}$/.test(boundary), () => 'a boundary that is none');
  },
};

const formPosted: Reader = {
  name: 'web-form',
  summary: 'forms of the dashboard, beside URLSearchParams',
  words: ['csrf_token=', '&', '=', '%', '+', '%00', 'username='],
  seeds: () => ['csrf_token=abc&username=a+b%20c', 'username=%F0%9F%98%80', 'password='],
  async read(bytes) {
    const deps = { after: () => () => {}, elapsed: () => 0 };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const request = new Request('http://a.test/', { method: 'POST', headers, body: bytes });
    const names = ['csrf_token', 'username', 'password'] as const;
    const form = await orRefusedLater(
      () => readForm(request, deps, names),
      refusedWith('invalid_form', 'request_too_large'),
    );
    if (form === undefined) return;
    const platform = new URLSearchParams(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
    for (const name of names) must((platform.get(name) ?? undefined) === form[name], () => `another ${name}`);
  },
};

const headers = (name: string, value: string) => {
  try {
    return new Request('http://a.test/', { headers: { [name]: value } });
  } catch {
    return undefined;
  }
};

const fields = ofText({
  name: 'header-fields',
  summary: 'Range, digests, Upload-*, Accept, If-None-Match, Cookie, media types',
  words: ['bytes=', 'sha-256=:', ':', '?0', '?1', 'W/"', ', ', ';q=', '__Host-a=', '(', ')', '"', '\\', '*'],
  seeds: () => [
    'bytes=0-10',
    'bytes=-5',
    digestHeader('ab'.repeat(32)),
    '?1',
    '12',
    'a=b; __Host-a=c',
    'text/html;q=0.5, application/json',
  ],
  readText(text) {
    const range = byteRange(text, 100);
    if (typeof range === 'object')
      must(
        range.start >= 0 && range.start < range.end && range.end <= 100,
        () => `the range ${JSON.stringify(range)}`,
      );
    const digest = sha256In(text);
    if (digest !== undefined) same('written and read again', sha256In(digestHeader(digest)), digest);
    prefers(text, 'text/html');
    isCurrent(text, '"x"');
    tusNumber(text);
    for (const name of ['upload-offset', 'upload-length', 'cookie', 'content-type', 'upload-complete']) {
      const request = headers(name, text);
      if (request === undefined) return;
      if (name === 'upload-offset' || name === 'upload-length') {
        const number = integerIn(request, name);
        must(
          number === undefined || (Number.isSafeInteger(number) && number >= 0),
          () => `${name} of ${number}`,
        );
      }
      completeIn(request);
      cookieOf(request, '__Host-a');
      typeIn(request);
    }
  },
});

const metadata = ofText({
  name: 'tus-metadata',
  summary: 'Upload-Metadata',
  words: [
    'stream_id ',
    'chunk_index ',
    'media_type ',
    'started_at ',
    'ended_at ',
    'sha256_hex ',
    ',',
    ' ',
    'MQ==',
    'YXVkaW8=',
  ],
  seeds: () => [
    'stream_id YQ==,chunk_index MQ==,media_type YXVkaW8=,started_at YQ==,ended_at YQ==,sha256_hex YQ==',
  ],
  readText(text) {
    const read = orRefused(() => metadataFields(text), refusedWith('invalid_field'));
    if (read !== undefined) must(text.length <= 4096, () => 'metadata without a bound');
  },
});

const instants = ofText({
  name: 'instants',
  summary: 'RFC 3339 times, beside Temporal',
  words: ['2026-', 'T', 'Z', '+', '-', ':', '.', '23:59:59', '24:00', '60'],
  seeds: () => [
    '2026-01-02T03:04:05Z',
    '2026-01-02T03:04:05.123456789+02:00',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59-23:59',
  ],
  readText(text) {
    const read = parseInstant(text);
    if (read === undefined) return;
    same('written and read again', parseInstant(read.text)?.text, read.text);
    const { Temporal } = globalThis as {
      Temporal?: { Instant: { from(text: string): { epochNanoseconds: bigint } } };
    };
    if (Temporal === undefined) return;
    const { epochNanoseconds } = Temporal.Instant.from(text);
    must(
      epochNanoseconds === read.epochNs,
      () => `${text} is ${read.epochNs}, and by Temporal ${epochNanoseconds}`,
    );
  },
});

const names = ofText({
  name: 'mail-addresses',
  summary: 'e-mail addresses, cursors and limits of lists',
  words: ['@', '.', 'example.org', 'inc_01ARZ3NDEKTSV4RRFFQ69G5FAV', '-', '"', '\u212a'],
  seeds: () => ['a.b+c@mail.example.org', 'inc_01ARZ3NDEKTSV4RRFFQ69G5FAV', '500'],
  readText(text) {
    const address = parseEmail(text);
    if (address !== undefined) {
      same('read again', parseEmail(address), address);
      must(
        /^[\x21-\x7e]{3,254}$/.test(address) && !/[<>,;"\\]/.test(address),
        () => `the address ${address}`,
      );
    }
    const refused = refusedWith('invalid_cursor', 'invalid_limit');
    const paging = orRefused(() => pagingOf({ after: null, limit: text }, 'inc'), refused);
    if (paging !== undefined)
      must(paging.limit >= 1 && paging.limit <= 500, () => `a page of ${paging.limit}`);
    const after = orRefused(() => pagingOf({ after: text, limit: null }, 'inc'), refused)?.after;
    if (after !== undefined) must(/^inc_[0-9A-Z]{26}$/.test(after), () => `a cursor ${after}`);
  },
});

const inspected: Reader = {
  name: 'inspector',
  summary: 'the look at the bytes of a paste: type, text, sealing',
  words: [
    'sallyport-sealed/1\n',
    'age-encryption.org/v1\n',
    '\x89PNG\r\n\x1a\n',
    'PK\x03\x04',
    '%PDF-',
    '<?xml ',
    '<html',
    'RIFF',
    'ID3',
    '\x1f\x8b',
  ],
  seeds: () => [
    'a text',
    new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82]),
    'PK\x03\x04\x14\0',
    '<svg xmlns="http://www.w3.org/2000/svg"/>',
  ],
  async read(bytes) {
    const one = inspector({ measureEntropy: true });
    one.update(bytes);
    const whole = await one.finish();
    const two = inspector({ measureEntropy: true });
    const chance = chanceOf(bytes.length);
    for await (const piece of pieces(bytes, () => chance.below(50))) two.update(piece);
    same('cut in pieces', await two.finish(), whole);
    must(/^[\w.+-]+\/[\w.+-]+(; ?charset=[\w-]+)?$/.test(whole.mimeType), () => `the type ${whole.mimeType}`);
  },
};

export const requestReaders: readonly Reader[] = [
  multipart,
  heads,
  formPosted,
  fields,
  metadata,
  instants,
  names,
  inspected,
];
