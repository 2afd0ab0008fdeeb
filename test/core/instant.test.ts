import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseInstant } from '../../src/core/instant.ts';
import { seeded } from '../support/seed.ts';

const text = (given: string) => parseInstant(given)?.text;

describe('moments in requests', () => {
  it('keep their nanoseconds and lose trailing zeros', () => {
    assert.equal(text('2026-11-03T10:20:30.123456789Z'), '2026-11-03T10:20:30.123456789Z');
    assert.equal(text('2026-11-03T10:20:30.120000000Z'), '2026-11-03T10:20:30.12Z');
    assert.equal(text('2026-11-03T10:20:30.000Z'), '2026-11-03T10:20:30Z');
    assert.equal(text('2026-11-03T10:20:30Z'), '2026-11-03T10:20:30Z');
  });

  it('are turned into UTC from any offset', () => {
    assert.equal(text('2026-01-01T00:30:00.5+01:00'), '2025-12-31T23:30:00.5Z');
    assert.equal(text('2025-12-31T23:30:00-01:30'), '2026-01-01T01:00:00Z');
    assert.equal(text('2026-01-01T00:00:00-00:00'), '2026-01-01T00:00:00Z');
    assert.equal(text('2026-01-01T00:00:00+23:59'), '2025-12-31T00:01:00Z');
    assert.equal(text('2026-01-01t00:00:00z'), '2026-01-01T00:00:00Z');
  });

  it('know their nanoseconds since the epoch, also before it', () => {
    assert.equal(parseInstant('1970-01-01T00:00:00.000000001Z')?.epochNs, 1n);
    assert.equal(parseInstant('1969-12-31T23:59:59.999999999Z')?.epochNs, -1n);
    assert.equal(parseInstant('2026-11-03T10:20:30.5Z')?.epochNs, 1793701230500000000n);
    assert.equal(parseInstant('0001-01-01T00:00:00Z')?.epochNs, -62135596800000000000n);
  });

  it('follow the calendar', () => {
    assert.equal(text('2024-02-29T00:00:00Z'), '2024-02-29T00:00:00Z');
    assert.equal(text('2000-02-29T00:00:00Z'), '2000-02-29T00:00:00Z');
    for (const day of ['2026-02-29', '1900-02-29', '2026-04-31', '2026-13-01', '2026-00-01', '2026-01-00']) {
      assert.equal(text(`${day}T00:00:00Z`), undefined, day);
    }
  });

  it('are refused in every other spelling', () => {
    for (const wrong of [
      '',
      'now',
      '1793701230',
      '2026-11-03',
      '2026-11-03T10:20:30',
      '2026-11-03 10:20:30Z',
      '2026-11-03T10:20Z',
      '2026-11-03T10:20:30.Z',
      '2026-11-03T10:20:30,5Z',
      '2026-11-03T10:20:30.1234567890Z',
      '2026-11-03T10:20:30+0100',
      '2026-11-03T10:20:30+01',
      '2026-11-03T10:20:30+24:00',
      '2026-11-03T10:20:30+01:60',
      '2026-11-03T24:00:00Z',
      '2026-11-03T10:60:00Z',
      '2026-12-31T23:59:60Z',
      ' 2026-11-03T10:20:30Z',
      '2026-11-03T10:20:30Z\n',
      '2026-11-03T10:20:30Zulu',
      '+002026-11-03T10:20:30Z',
      '２０２６-11-03T10:20:30Z',
      '0000-01-01T00:00:00+01:00',
      '9999-12-31T23:59:59-01:00',
    ]) {
      assert.equal(parseInstant(wrong), undefined, JSON.stringify(wrong));
    }
  });

  it('are the same moment and the same text whatever offset they were written with', (t) => {
    const moment = fc.record({
      ms: fc.integer({ min: -60_000_000_000_000, max: 250_000_000_000_000 }),
      ns: fc.integer({ min: 0, max: 999_999 }),
      offset: fc.integer({ min: -1439, max: 1439 }),
    });
    fc.assert(
      fc.property(moment, ({ ms, ns, offset }) => {
        const local = new Date(ms + offset * 60_000).toISOString().slice(0, -1);
        const minutes = Math.abs(offset);
        const two = (value: number) => String(value).padStart(2, '0');
        const zone = `${offset < 0 ? '-' : '+'}${two(Math.trunc(minutes / 60))}:${two(minutes % 60)}`;
        const parsed = parseInstant(`${local}${String(ns).padStart(6, '0')}${zone}`);
        assert.equal(parsed?.epochNs, BigInt(ms) * 1_000_000n + BigInt(ns));
        assert.deepEqual(parseInstant(parsed?.text ?? ''), parsed);
      }),
      { seed: seeded(t).below(2 ** 31) },
    );
  });
});
