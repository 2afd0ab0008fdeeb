import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Parsed,
  parseBase64,
  parseBoolean,
  parseBytes,
  parseDecimal,
  parseDuration,
  parseInteger,
  parseList,
  parseText,
  parseToken,
} from '../../src/core/settings-parse.ts';

function value<T>(parsed: Parsed<T>): T | 'refused' {
  return parsed.ok ? parsed.value : 'refused';
}

test('a duration is read as Go writes it, with d for days', () => {
  const wanted: Record<string, number> = {
    '0': 0,
    '0s': 0,
    '12h': 43_200_000,
    '1m30s': 90_000,
    '30d': 2_592_000_000,
    '1d12h': 129_600_000,
    '1.5h': 5_400_000,
    '.5s': 500,
    '1.s': 1000,
    '100ms': 100,
    '2000us': 2,
    '2000µs': 2,
    '2000μs': 2,
    '3000000ns': 3,
  };
  for (const [text, milliseconds] of Object.entries(wanted)) {
    assert.equal(value(parseDuration(text)), milliseconds, text);
  }
});

test('a positive duration never becomes 0, which would mean "off"', () => {
  assert.equal(value(parseDuration('1ns')), 1);
  assert.equal(value(parseDuration('0.0000001ms')), 1);
  assert.equal(value(parseDuration('1500us')), 2);
});

test('what is no duration is refused', () => {
  const strange = [
    '',
    ' ',
    '5',
    '-5s',
    '+5s',
    's',
    '.s',
    '1 h',
    '1H',
    '1w',
    '1h-1m',
    '1e3s',
    '١s',
    'NaN',
    '101y',
    '999999999999d',
    'h1',
    '1h ',
  ];
  for (const text of [...strange, '1'.repeat(500)]) assert.equal(value(parseDuration(text)), 'refused', text);
});

test('any sum of whole units is that many milliseconds', () => {
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const part = fc.tuple(fc.nat(9999), fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const text = parts.map(([count, unit]) => `${count}${unit}`).join('');
      const total = parts.reduce((sum, [count, unit]) => sum + count * units[unit], 0);
      assert.equal(value(parseDuration(text)), total > 36_525 * units.d ? 'refused' : total);
    }),
  );
});

test('a byte size has binary units, in any case', () => {
  const wanted: Record<string, number> = {
    '1': 1,
    '12B': 12,
    '1K': 1024,
    '1kb': 1024,
    '1KiB': 1024,
    '3MiB': 3_145_728,
    '250MB': 262_144_000,
    '10GB': 10_737_418_240,
    '1.5G': 1_610_612_736,
    '0.001K': 1,
    '5 GB': 5_368_709_120,
    '9007199254740991': Number.MAX_SAFE_INTEGER,
  };
  for (const [text, bytes] of Object.entries(wanted)) assert.equal(value(parseBytes(text)), bytes, text);
});

test('what is no positive byte size is refused', () => {
  const strange = [
    '',
    '0',
    '0GB',
    '-1',
    '1.5',
    '0.5B',
    '0.0001K',
    '1TB',
    '1Ki',
    'KB',
    '1 0',
    '1e3',
    '0x10',
    '1,5GB',
    '9007199254740992',
    '9999999999GB',
    'Infinity',
  ];
  for (const text of strange) assert.equal(value(parseBytes(text)), 'refused', text);
});

test('a whole number of any unit is exact', () => {
  const units = { '': 1, B: 1, K: 1024, MB: 1024 ** 2, GiB: 1024 ** 3 };
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
      (count, unit) => {
        assert.equal(value(parseBytes(`${count}${unit}`)), count * units[unit]);
      },
    ),
  );
});

test('numbers keep to their bounds and to plain decimal digits', () => {
  assert.equal(value(parseInteger('32', 0, 32)), 32);
  assert.equal(value(parseInteger('0', 0, 32)), 0);
  for (const text of ['33', '-1', '1.0', '1e1', '0x1', '', ' 1', '١'])
    assert.equal(value(parseInteger(text, 0, 32)), 'refused', text);
  assert.equal(value(parseDecimal('7.2', 0, 8)), 7.2);
  for (const text of ['8.1', '-0.1', '.5', '7.', '1e0', 'NaN', ''])
    assert.equal(value(parseDecimal(text, 0, 8)), 'refused', text);
});

test('true and false have few spellings', () => {
  for (const text of ['true', 'TRUE', '1', 'yes', 'on']) assert.equal(value(parseBoolean(text)), true, text);
  for (const text of ['false', 'False', '0', 'no', 'off'])
    assert.equal(value(parseBoolean(text)), false, text);
  for (const text of ['', 'maybe', '2', 'truee', 'null'])
    assert.equal(value(parseBoolean(text)), 'refused', text);
});

test('a list has no empty entries and no end of them', () => {
  const item = (text: string): Parsed<string> => parseText(text, 10);
  assert.deepEqual(value(parseList('a, b ,c', item)), ['a', 'b', 'c']);
  for (const text of ['', ',', 'a,', ',a', 'a,,b', 'a, ,b', 'a,'.repeat(300)])
    assert.equal(value(parseList(text, item)), 'refused', text);
});

test('base64 is standard and canonical', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64');
      const [padded, bare] = [parseBase64(text), parseBase64(text.replaceAll('=', ''))];
      assert.ok(padded.ok && bare.ok);
      assert.deepEqual([...padded.value], [...bytes]);
      assert.deepEqual([...bare.value], [...bytes]);
    }),
  );
  for (const text of ['', '=', 'A', 'AAAAA', 'AB==', 'AA=', 'AA===', 'A A=', 'AA-_', 'AA\n=', 'AA==AA==']) {
    assert.equal(value(parseBase64(text)), 'refused', text);
  }
});

test('secrets for headers are visible ASCII, and text has no control characters', () => {
  assert.equal(value(parseToken('a!~', 10)), 'a!~');
  for (const text of ['', 'a b', 'a\n', 'é', 'x'.repeat(11)])
    assert.equal(value(parseToken(text, 10)), 'refused', text);
  assert.equal(value(parseText('é b', 10)), 'é b');
  for (const text of ['', 'a\nb', 'a\0', '\u0085', '\u2028', 'x'.repeat(11)])
    assert.equal(value(parseText(text, 10)), 'refused', text);
});

test('no parser throws, or repeats what it refused', () => {
  const parsers = [
    parseDuration,
    parseBytes,
    parseBoolean,
    parseBase64,
    (text: string) => parseInteger(text, 0, 5),
    (text: string) => parseDecimal(text, 0, 5),
    (text: string) => parseToken(text, 5),
    (text: string) => parseText(text, 5),
    (text: string) => parseList(text, (entry) => parseInteger(entry, 0, 5)),
  ];
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary-ascii', minLength: 4, maxLength: 40 }),
      fc.constantFrom(...parsers),
      (noise, parse) => {
        const parsed = parse(`${noise}\u0001canary`);
        assert.ok(!parsed.ok && !parsed.wrong.includes('canary'));
      },
    ),
  );
});
