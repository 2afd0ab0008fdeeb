/** One range of bytes, by RFC 9110 §14. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Fault } from '../../src/core/faults.ts';
import { byteRange, rangedAnswer } from '../../src/handlers/kit/range.ts';
import { seeded } from '../support/seed.ts';

describe('a range', () => {
  for (const [header, expected] of [
    ['bytes=0-0', [0, 1]],
    ['bytes=0-9', [0, 10]],
    ['bytes=0-99', [0, 10]],
    ['bytes=3-', [3, 10]],
    ['bytes=9-', [9, 10]],
    ['bytes=-1', [9, 10]],
    ['bytes=-10', [0, 10]],
    ['bytes=-999', [0, 10]],
    ['Bytes=2-3', [2, 4]],
    ['bytes= 2-3 ', [2, 4]],
    ['bytes=,2-3,', [2, 4]],
    ['bytes=002-003', [2, 4]],
    [`bytes=1-${'9'.repeat(400)}`, [1, 10]],
  ] as const) {
    it(`${header.slice(0, 20)} of ten bytes is ${expected}`, () => {
      const [start, end] = expected;
      assert.deepEqual(byteRange(header, 10), { start, end });
    });
  }

  for (const header of ['bytes=10-', 'bytes=10-20', 'bytes=-0', `bytes=${'9'.repeat(400)}-`]) {
    it(`${header.slice(0, 20)} of ten bytes cannot be satisfied`, () => {
      assert.equal(byteRange(header, 10), 'unsatisfiable');
    });
  }

  for (const header of [
    null,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=2-1',
    'bytes=a-b',
    'bytes=1-2-3',
    'bytes=--1',
    'bytes=+1-2',
    'bytes=1.0-2',
    'bytes=1-2x',
    'bytes=0x1-2',
    'bytes 0-1',
    'items=0-1',
    'bytes=0-1,3-4',
    'bytes=0-1, -1',
    'bytes=１-２',
  ]) {
    it(`${JSON.stringify(header)} is passed over`, () => {
      assert.equal(byteRange(header, 10), 'whole');
    });
  }

  it('of nothing is never satisfied', () => {
    for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1'])
      assert.equal(byteRange(header, 0), 'unsatisfiable');
  });

  it('never leaves what is there, whatever is asked for', (t) => {
    fc.assert(
      fc.property(fc.stringMatching(/^bytes=[-0-9, ]{0,12}$/), fc.nat({ max: 50 }), (header, length) => {
        const found = byteRange(header, length);
        if (typeof found === 'string') return;
        assert.ok(0 <= found.start && found.start < found.end && found.end <= length, JSON.stringify(found));
      }),
      { seed: seeded(t).below(2 ** 31), numRuns: 1000 },
    );
  });
});

describe('an answer with ranges', () => {
  const etag = '"a-strong-tag"';
  const asked = (headers: Record<string, string>, method = 'GET') =>
    rangedAnswer(new Request('http://127.0.0.1/', { method, headers }), { length: 10, etag });
  const standing = { 'accept-ranges': 'bytes', etag };

  it('is a part, or the whole', () => {
    const part = { status: 206, headers: { ...standing, 'content-range': 'bytes 2-4/10' }, start: 2, end: 5 };
    const whole = { status: 200, headers: standing, start: 0, end: 10 };
    assert.deepEqual(asked({ range: 'bytes=2-4' }), part);
    assert.deepEqual(asked({}), whole);
    assert.deepEqual(asked({ range: 'bytes=0-1,2-3' }), whole);
    assert.deepEqual(asked({ range: 'bytes=2-4' }, 'HEAD'), whole);
    assert.deepEqual(asked({ range: 'bytes=10-' }, 'HEAD'), whole);
  });

  it('counts If-Range only with the very same strong tag', () => {
    const range = 'bytes=2-4';
    assert.equal(asked({ range, 'if-range': etag }).status, 206);
    for (const other of ['"another"', `W/${etag}`, 'a-strong-tag', 'Wed, 21 Oct 2026 07:28:00 GMT', '*', ''])
      assert.equal(asked({ range, 'if-range': other }).status, 200, other);
    assert.equal(asked({ range: 'bytes=10-', 'if-range': '"another"' }).status, 200);
  });

  it('that cannot be satisfied tells how long the whole is', () => {
    assert.throws(
      () => asked({ range: 'bytes=10-' }),
      (error) =>
        error instanceof Fault && error.kind === 'range_not_satisfiable' && error.detail.totalBytes === 10,
    );
  });
});
