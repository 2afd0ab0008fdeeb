import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { Encrypter } from 'age-encryption';
import fc from 'fast-check';
import { type Inspection, inspector, servedType } from '../../src/core/inspect.ts';
import { sealPaste } from '../../src/crypto/sealed.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
const join = (...parts: readonly Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));

async function inspect(body: Uint8Array, pieces = body.length, measureEntropy = true): Promise<Inspection> {
  const look = inspector({ measureEntropy });
  for (let at = 0; at < body.length; at += pieces) look.update(body.slice(at, at + pieces));
  return await look.finish();
}
const typeOf = async (body: Uint8Array) => (await inspect(body)).mimeType;

const PNG = join(
  hex('89504e470d0a1a0a 0000000d 49484452 00000001 00000001 08 02 000000 907753de 0000000c 49444154'),
  deflateSync(new Uint8Array(4)),
  hex('00000000 0000000049454e44ae426082'),
);
// All of it is below 0x80, so it is valid UTF-8.
const GIF = Uint8Array.from(Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=', 'base64'));
const JPEG = hex('ffd8ffe000104a46494600010100000100010000ffdb004300');
const WEBP = join(
  latin1('RIFF'),
  hex('24000000'),
  latin1('WEBPVP8 '),
  hex('18000000300100 9d012a0100010000'),
);

describe('the type of a paste', () => {
  const texts: readonly (readonly [string, string])[] = [
    ['plain text', 'hello'],
    ['nothing', ''],
    ['text with a byte order mark', '\ufeffhello'],
    ['many languages', 'Zwölf 日本語 🙂 العربية'],
    ['HTML', '<!doctype html><script>alert(1)</script>'],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'],
    ['SVG with an XML declaration', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['XML', '<?xml version="1.0"?><a/>'],
    ['XHTML', '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script/></html>'],
    ['JavaScript', 'alert(document.domain)'],
    ['JSON', '{"a":1}'],
    ['CSS', 'body{background:url(x)}'],
    ['a shell script', '#!/bin/sh\nrm -r x\n'],
    ['a calendar', 'BEGIN:VCALENDAR\nEND:VCALENDAR\n'],
    ['a contact', 'BEGIN:VCARD\nEND:VCARD\n'],
    ['subtitles', 'WEBVTT\n\n'],
    ['an armored message', '-----BEGIN PGP MESSAGE-----\n\n'],
    ['a web archive', 'MIME-Version: 1.0\nContent-Type: multipart/related\n'],
    ['text that begins like a bitmap', 'BM stands for bench mark'],
    ['text that begins like a program', 'MZ, I miss you'],
    ['text that begins like a song', 'ID3 tags explained'],
    ['a script that begins like a GIF', 'GIF89a/*x*/=1;alert(1)'],
    ['a script that begins like a WebP', 'RIFF=1;  WEBPVP8 ;alert(1)//'],
  ];
  for (const [name, text] of texts) {
    it(`that is ${name} is text/plain`, async () => assert.equal(await typeOf(utf8(text)), 'text/plain'));
  }

  const binaries: readonly (readonly [string, Uint8Array, string])[] = [
    ['a PNG', PNG, 'image/png'],
    ['a GIF that happens to be valid UTF-8', GIF, 'image/gif'],
    ['a JPEG', JPEG, 'image/jpeg'],
    ['a WebP', WEBP, 'image/webp'],
    ['a GIF with a script behind it', join(GIF, utf8('<script>alert(1)</script>')), 'image/gif'],
    ['a PDF', join(utf8('%PDF-1.7\n%'), hex('e2e3cfd30a')), 'application/pdf'],
    ['a PDF behind a byte order mark', join(hex('efbbbf'), utf8('%PDF-1.4\n1 0 obj')), 'application/pdf'],
    ['a PDF in ASCII', utf8('%PDF-1.4\n1 0 obj <</OpenAction 2 0 R>> endobj'), 'application/pdf'],
    ['PostScript', utf8('%!PS-Adobe-3.0\nshowpage\n'), 'application/postscript'],
    ['a gzip', Uint8Array.from(gzipSync('hello')), 'application/gzip'],
    ['a ZIP', join(hex('504b0304 14000000 0000'), new Uint8Array(20)), 'application/zip'],
    ['text in Latin-1', latin1('Zwölf Boxkämpfer'), 'application/octet-stream'],
    ['XML in Latin-1', latin1('<?xml version="1.0"?><ä/>'), 'application/octet-stream'],
    ['HTML in Latin-1', latin1('<!doctype html>ä<script>alert(1)</script>'), 'application/octet-stream'],
    [
      'SVG in UTF-16',
      Uint8Array.from(Buffer.from('\ufeff<?xml version="1.0"?><svg/>', 'utf16le')),
      'application/octet-stream',
    ],
    ['a calendar in Latin-1', latin1('BEGIN:VCALENDAR\nä'), 'application/octet-stream'],
    ['the first half of a PNG signature', hex('89504e47'), 'application/octet-stream'],
    ['a PNG signature without an image', hex('89504e470d0a1a0a'), 'application/octet-stream'],
    ['the signature of a JPEG alone', hex('ffd8ff'), 'image/jpeg'],
    ['JPEG-LS', hex('ffd8fff7000b08'), 'image/jls'],
    ['GIF in name only', join(latin1('GIF90a'), hex('ff00ff')), 'application/octet-stream'],
    ['a cut-off GIF', join(latin1('GIF89a'), hex('ff')), 'image/gif'],
    ['a cut-off GIF that is valid UTF-8', join(latin1('GIF89a'), hex('01000100')), 'image/gif'],
    ['the signature of a WebP alone', join(latin1('RIFF'), hex('00000000'), latin1('WEBP')), 'image/webp'],
    [
      'a RIFF of another kind',
      join(latin1('RIFF'), hex('24000000'), latin1('WxBPVP8 '), hex('ff')),
      'application/octet-stream',
    ],
  ];
  for (const [name, body, type] of binaries) {
    it(`that is ${name} is ${type}`, async () => assert.equal(await typeOf(body), type));
  }

  it('does not depend on what comes after the beginning, except whether all is text', async () => {
    const long = utf8('a'.repeat(100_000));
    assert.equal(await typeOf(long), 'text/plain');
    assert.equal(await typeOf(join(long, hex('ff'))), 'application/octet-stream');
    assert.equal(
      await typeOf(join(PNG.subarray(0, 33), hex('00002000 69434350'), randomBytes(20_000))),
      'image/png',
    );
  });

  it('is found, and nothing thrown, for bytes that begin like a format and go on as they please', async () => {
    const beginnings = [
      PNG,
      GIF,
      JPEG,
      WEBP,
      hex('1f8b08'),
      hex('504b0304'),
      hex('1a45dfa3'),
      latin1('ID3'),
      hex('3026b2758e66cf11'),
      hex('49492a00'),
      hex('0000002066747970'),
      latin1('OggS'),
      latin1('RIFF'),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...beginnings),
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(40),
        async (begin, rest, cut) => {
          const { mimeType } = await inspect(join(begin.subarray(0, cut), rest));
          assert.doesNotMatch(mimeType, /^text\/(?!plain$)|html|svg|script(?<!postscript)/);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('as what a paste leaves', () => {
  it('is plain text, one of four kinds of image, or bytes to download', () => {
    assert.deepEqual(servedType('text/plain'), { contentType: 'text/plain; charset=utf-8', inline: true });
    for (const image of ['image/png', 'image/jpeg', 'image/gif', 'image/webp']) {
      assert.deepEqual(servedType(image), { contentType: image, inline: true });
    }
    const others = [
      'application/octet-stream',
      'application/pdf',
      'application/xml',
      'image/svg+xml',
      'image/bmp',
      'text/html',
      'text/plain; charset=utf-16',
      'TEXT/PLAIN',
      'image/png; x',
      'multipart/mixed',
      '',
      'constructor',
    ];
    for (const other of others) {
      assert.deepEqual(servedType(other), { contentType: 'application/octet-stream', inline: false }, other);
    }
  });
});

describe('a body that goes by', () => {
  it('is found to be the same in pieces of any size', async () => {
    const encrypter = new Encrypter();
    encrypter.setPassphrase('not a real one');
    encrypter.setScryptWorkFactor(2);
    const bodies = [
      utf8('Zwölf 日本語 🙂'.repeat(1000)),
      utf8('a'.repeat(70_000)),
      PNG,
      random(20_000),
      await encrypter.encrypt(random(10_000)),
      await sealed(random(10_000)),
    ];
    for (const body of bodies) {
      const whole = await inspect(body);
      assert.equal(whole.size, body.length);
      for (const pieces of [1, 3, 1000, 65_536]) assert.deepEqual(await inspect(body, pieces), whole);
    }
  });

  it('is valid UTF-8 where the platform says so, whatever byte stands wherever', async () => {
    const strict = new TextDecoder('utf-8', { fatal: true });
    for (const text of ['', '\u{7f}\u{80}', '\u{7ff}\u{800}', '\u{ffff}\u{10000}', '\u{10ffff}'])
      assert.equal((await inspect(utf8(text.padEnd(300, 'a')))).utf8, true);
    for (let byte = 0x80; byte <= 0xff; byte += 1) {
      for (const at of [0, 255, 256, 299]) {
        const bytes = utf8('a'.repeat(300));
        bytes[at] = byte;
        assert.throws(() => strict.decode(bytes));
        assert.equal((await inspect(bytes)).utf8, false, `${byte} at ${at}`);
      }
    }
  });

  it('is valid UTF-8 only if all of it is', async () => {
    const valid = utf8('ä€🙂');
    assert.equal((await inspect(valid, 1)).utf8, true);
    const invalid = [
      valid.slice(0, -1),
      hex('80'),
      hex('c0af'),
      hex('eda080'),
      hex('f4908080'),
      hex('fe'),
      join(utf8('a'.repeat(65_535)), hex('e2')),
    ];
    for (const bytes of invalid) {
      assert.equal((await inspect(bytes, 1)).utf8, false);
      assert.equal((await inspect(bytes)).utf8, false);
    }
    // A character that straddles two slices of the check.
    assert.equal((await inspect(utf8(`${'a'.repeat(65_535)}€`))).utf8, true);
  });

  it('is sealed when it starts with a valid header of either kind, and not otherwise', async () => {
    const file = await sealed(random(100));
    assert.deepEqual((await inspect(file)).header?.kind, 'sealed');
    assert.equal((await inspect(file)).sealed, true);
    assert.equal((await inspect(file.with(0, 0x53))).sealed, false);
    assert.equal((await inspect(join(hex('00'), file))).sealed, false);
    assert.equal((await inspect(utf8('sallyport-sealed/1\nis how sealed files begin'))).sealed, false);
    assert.equal((await inspect(utf8('age-encryption.org/v1\nis how age files begin'))).sealed, false);
  });

  it('is measured after its header alone', async () => {
    const file = await sealed(random(100));
    const { header } = await inspect(file);
    assert.equal(header?.length, file.length - 272);
    const rest = file.subarray(header?.length);
    assert.equal((await inspect(file)).entropy, (await inspect(rest)).entropy);
  });

  it('is an age file also where its header is long, up to the bound', async () => {
    const stanza = `-> example.com/x ${'y'.repeat(1000)}\n\n`;
    const mac = `--- ${'A'.repeat(43)}\n`;
    const header = (stanzas: number) => utf8(`age-encryption.org/v1\n${stanza.repeat(stanzas)}${mac}`);
    const payload = random(100);
    for (const pieces of [7, 100_000]) {
      const long = await inspect(join(header(60), payload), pieces);
      assert.deepEqual(long.header, { kind: 'age', length: header(60).length });
      assert.equal(long.entropy, (await inspect(payload)).entropy);
      assert.equal((await inspect(join(header(70), payload), pieces)).header, undefined);
    }
  });

  it('is not counted where nobody asks for its entropy', async () => {
    assert.equal((await inspect(random(100), 100, false)).entropy, undefined);
  });
});

function random(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(randomBytes(length));
}

async function sealed(content: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const stream = await sealPaste(content, { key: random(32), random });
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
