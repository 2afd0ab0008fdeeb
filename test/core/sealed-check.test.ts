import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { Encrypter } from 'age-encryption';
import { inspector } from '../../src/core/inspect.ts';
import { expectedEntropy, measuredEntropy, sealedEnough } from '../../src/core/sealed-check.ts';
import { parseAgeHeader } from '../../src/crypto/age-header.ts';
import { sealPaste } from '../../src/crypto/sealed.ts';

const RECOMMENDED = 7.2;
const utf8 = (text: string) => new TextEncoder().encode(text);
const random = (length: number) => Uint8Array.from(randomBytes(length));
const join = (...parts: readonly Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));

async function passes(body: Uint8Array, minimum = RECOMMENDED): Promise<boolean> {
  const inspect = inspector({ measureEntropy: true });
  inspect.update(body);
  return sealedEnough(await inspect.finish(), minimum);
}

function counted(bytes: Uint8Array): Uint32Array {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
  return counts;
}

async function sealedFile(content: Uint8Array): Promise<Uint8Array> {
  const stream = await sealPaste(content, { key: random(32), random });
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function ageFile(content: Uint8Array): Promise<{ file: Uint8Array; header: Uint8Array }> {
  const encrypter = new Encrypter();
  encrypter.setPassphrase('not a real one');
  encrypter.setScryptWorkFactor(2);
  const file = await encrypter.encrypt(content);
  return { file, header: file.subarray(0, parseAgeHeader(file)?.length ?? 0) };
}

const TEXTS: readonly (readonly [string, string])[] = [
  ['English', 'It was the best of times, it was the worst of times, it was the age of wisdom. '],
  ['German', 'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. '],
  ['Japanese', 'いろはにほへと ちりぬるを わかよたれそ つねならむ うゐのおくやま '],
  ['source code', 'export const f = (x: number): number => { if (x > 3) return x << 2; return 0x7f; };\n'],
  ['JSON', '{"id":"01H8","size":48213,"tags":["a","b"],"at":"2026-11-01T12:00:00Z","ok":true},'],
];

describe('where pastes must be sealed', () => {
  it('random bytes pass at every length from 64', () => {
    for (let length = 64; length <= 4096; length += 1) {
      const draws = length < 512 ? 24 : 3;
      for (let i = 0; i < draws; i += 1) {
        const entropy = measuredEntropy(counted(random(length)));
        const evidence = { size: length, utf8: false, header: undefined, entropy };
        assert.ok(sealedEnough(evidence, RECOMMENDED), `${length} bytes`);
      }
    }
  });

  it('64 random bytes pass by a margin of several standard deviations', () => {
    // Exactly 1.5 in 1,000,000,000 fall below 7.2 at 64 bytes, fewer at every greater length. Of so few draws
    // not one falls below 7.25, unless the scale is wrong.
    const expected = expectedEntropy(64);
    let sum = 0;
    const draws = 20_000;
    for (let i = 0; i < draws; i += 1) {
      const scaled = (measuredEntropy(counted(random(64))) * 8) / expected;
      assert.ok(scaled > 7.25);
      sum += scaled;
    }
    assert.ok(Math.abs(sum / draws - 8) < 0.01);
  });

  it('fewer than 64 bytes without a header are refused', async () => {
    assert.equal(await passes(random(63)), false);
    assert.equal(await passes(random(1)), false);
    assert.equal(await passes(join(random(64).fill(0xff, 0, 1))), true);
  });

  for (const [name, sample] of TEXTS) {
    it(`${name} fails at every length, even where hardly anything is asked for`, async () => {
      const text = utf8(sample.repeat(20));
      for (const length of [1, 63, 64, 65, 100, 272, 500, 1000]) {
        let end = length;
        // Not in the middle of a character.
        while (((text[end] ?? 0) & 0xc0) === 0x80) end += 1;
        assert.equal(await passes(text.subarray(0, end), 0.1), false, `${end} bytes`);
      }
    });
  }

  it('base64 and hexadecimal of random bytes fail at every length', async () => {
    for (const length of [48, 64, 300, 4096, 100_000]) {
      for (const encoding of ['base64', 'hex'] as const) {
        assert.equal(await passes(utf8(randomBytes(length).toString(encoding))), false);
      }
    }
  });

  it('text in an encoding other than UTF-8 fails too', async () => {
    const sample = 'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. ';
    for (const repeat of [1, 2, 5, 50]) {
      assert.equal(await passes(Uint8Array.from(Buffer.from(sample.repeat(repeat), 'latin1'))), false);
      assert.equal(
        await passes(Uint8Array.from(Buffer.from(`\ufeff${sample.repeat(repeat)}`, 'utf16le'))),
        false,
      );
    }
  });

  it('sealed pastes and age files of any content pass', async () => {
    for (const content of [utf8(''), utf8('a'), utf8('a'.repeat(1000)), random(100_000)]) {
      assert.equal(await passes(await sealedFile(content)), true);
      assert.equal(await passes((await ageFile(content)).file), true);
    }
  });

  it('a header followed by plain text fails', async () => {
    const sealed = (await sealedFile(utf8('x'))).slice(0, -272);
    const { header } = await ageFile(utf8('x'));
    for (const [, sample] of TEXTS) {
      for (const repeat of [4, 20, 1000]) {
        assert.equal(await passes(join(sealed, utf8(sample.repeat(repeat)))), false);
        assert.equal(await passes(join(header, utf8(sample.repeat(repeat)))), false);
      }
      // With a nonce in front, so that it is no text.
      assert.equal(await passes(join(header, random(16), utf8(sample.repeat(4)))), false);
    }
  });

  it('a header with less behind it than its format always has fails', async () => {
    const file = await sealedFile(utf8('x'));
    const sealed = file.slice(0, -272);
    assert.equal(await passes(join(sealed, random(272))), true);
    assert.equal(await passes(join(sealed, random(271))), false);
    assert.equal(await passes(sealed), false);
    assert.equal(await passes(sealed.slice(0, -32)), false);
    const { header } = await ageFile(utf8('x'));
    const notText = random(32).fill(0xff, 0, 1);
    assert.equal(await passes(join(header, notText)), true);
    assert.equal(await passes(join(header, notText.subarray(0, 31))), false);
    assert.equal(await passes(header), false);
  });

  it('a short remainder after a header is not judged, a longer one is', async () => {
    const { header } = await ageFile(utf8('x'));
    assert.equal(await passes(join(header, new Uint8Array(63).fill(0xff))), true);
    assert.equal(await passes(join(header, new Uint8Array(64).fill(0xff))), false);
  });

  it('a header that is not to the letter counts for nothing', async () => {
    const { header } = await ageFile(utf8('x'));
    const broken = utf8(new TextDecoder().decode(header).replace('--- ', '---  '));
    // After a header to the letter, so short a remainder is not judged.
    const remainder = new Uint8Array(40).fill(0xff);
    assert.equal(await passes(join(header, remainder)), true);
    assert.equal(await passes(join(broken, remainder)), false);
  });

  it('compressed files pass, which is as far as a heuristic goes', async () => {
    let text = '';
    for (let i = 0; i < 20_000; i += 1) text += `${(i * 7919) % 104_729} ${Math.sin(i).toString(36)}\n`;
    assert.equal(await passes(Uint8Array.from(gzipSync(text))), true);
    assert.equal(await passes(Uint8Array.from(brotliCompressSync(text))), true);
  });

  it('zeros, and bytes that merely count up, are judged by their frequencies alone', async () => {
    assert.equal(await passes(new Uint8Array(1000).fill(0xff)), false);
    assert.equal(await passes(Uint8Array.from({ length: 512 }, (_, i) => i)), true);
  });

  it('a body whose entropy was not measured is an error in the program, not a pass', () => {
    const evidence = { size: 100, utf8: false, header: undefined, entropy: undefined };
    assert.throws(() => sealedEnough(evidence, RECOMMENDED), TypeError);
  });
});

describe('the expected entropy of random bytes', () => {
  it('is what short bodies have on average, worked out by hand', () => {
    assert.equal(expectedEntropy(0), 0);
    assert.equal(expectedEntropy(1), 0);
    // Two bytes differ in 255 of 256 cases, which is one bit each.
    assert.ok(Math.abs(expectedEntropy(2) - 255 / 256) < 1e-12);
    // Three: all different log2 3; two alike log2 3 − 2/3; all alike 0.
    const three = ((255 * 254) / 65536) * Math.log2(3) + ((3 * 255) / 65536) * (Math.log2(3) - 2 / 3);
    assert.ok(Math.abs(expectedEntropy(3) - three) < 1e-12);
  });

  it('is what is measured on average', () => {
    for (const [length, draws] of [
      [64, 4000],
      [272, 2000],
      [5000, 200],
      [40_000, 50],
    ] as const) {
      let sum = 0;
      for (let i = 0; i < draws; i += 1) sum += measuredEntropy(counted(random(length)));
      assert.ok(Math.abs(sum / draws - expectedEntropy(length)) < 0.01, String(length));
    }
  });

  it('rises with the length, towards 8, without a step where the sum gives way to the series', () => {
    let last = 0;
    for (let length = 2; length < 20_000; length += 1) {
      const expected = expectedEntropy(length);
      assert.ok(expected > last && expected < 8);
      if (length > 16_000) assert.ok(expected - last < 2e-6);
      last = expected;
    }
    assert.ok(8 - expectedEntropy(2 ** 31) < 1e-6);
  });
});
