import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { isId, newId } from '../../src/core/ids.ts';

const at = (now: number, random = (length: number) => new Uint8Array(randomBytes(length))) => ({
  now: () => now,
  random,
});

describe('a new id', () => {
  it('is its prefix and a ULID of the given time', () => {
    // An example of the ULID specification.
    assert.match(newId('acct', at(1_469_918_176_385)), /^acct_01ARYZ6S41[0-9A-HJKMNP-TV-Z]{16}$/);
    assert.match(newId('sf', at(2 ** 48 - 1)), /^sf_7ZZZZZZZZZ/);
  });

  it('takes the time it is given, even the first there is', () => {
    assert.match(newId('ses', at(0)), /^ses_0{10}/);
  });

  it('takes its chance from the given source alone', () => {
    const source = () => Uint8Array.from({ length: 16 }, (_, i) => i * 16);
    assert.equal(newId('ses', at(0, source)), newId('ses', at(0, source)));
    assert.equal(
      newId(
        'ses',
        at(0, (n) => new Uint8Array(n)),
      ),
      `ses_${'0'.repeat(26)}`,
    );
    assert.equal(
      newId(
        'ses',
        at(0, (n) => new Uint8Array(n).fill(255)),
      ),
      `ses_0000000000${'Z'.repeat(16)}`,
    );
  });

  it('has every character in every random place equally often', () => {
    const seen = Array.from({ length: 16 }, () => new Map<string, number>());
    // Each byte value once in each place: then each of 32 characters comes eight times.
    for (let value = 0; value < 256; value += 1) {
      const id = newId(
        'sf',
        at(0, (n) => new Uint8Array(n).fill(value)),
      ).slice(-16);
      for (const [place, counts] of seen.entries()) {
        const character = id[place] ?? '';
        counts.set(character, (counts.get(character) ?? 0) + 1);
      }
    }
    for (const counts of seen) {
      assert.equal(counts.size, 32);
      assert([...counts.values()].every((count) => count === 8));
    }
  });

  it('sorts after every older one, as text', () => {
    const times = [0, 1, 31, 32, 1023, 1024, 1_700_000_000_000, 1_700_000_000_001, 2 ** 48 - 1];
    const ids = times.map((time) => newId('inc', at(time)));
    assert.deepEqual(ids.toSorted(), ids);
  });

  it('is not made of a clock or a source that cannot be right', () => {
    for (const time of [-1, Number.NaN, 1.5, 2 ** 48]) assert.throws(() => newId('acct', at(time)));
    assert.throws(
      () =>
        newId(
          'acct',
          at(0, () => new Uint8Array(15)),
        ),
      RangeError,
    );
  });
});

describe('whether a text is an id', () => {
  const id = newId('acct', at(1_700_000_000_000));

  it('it is what newId makes', () => assert(isId('acct', id)));

  for (const [what, text] of [
    ['nothing', ''],
    ['its prefix alone', 'acct_'],
    ['lower case', id.toLowerCase()],
    ['another prefix', id.replace('acct', 'ses')],
    ['a prefix that begins alike', id.replace('acct', 'acc')],
    ['one character more', `${id}0`],
    ['one less', id.slice(0, -1)],
    ['a line break behind it', `${id}\n`],
    ['a space before it', ` ${id}`],
    ['a letter that base32 leaves out', `${id.slice(0, -1)}U`],
    ['a time beyond 48 bits', id.replace('acct_0', 'acct_8')],
    ['a path', `acct_../${id.slice(8)}`],
  ] as const) {
    it(`${what} is none`, () => assert.equal(isId('acct', text), false));
  }

  it('a shorter prefix does not take a longer one', () => {
    assert.equal(isId('sf', newId('sfc', at(0))), false);
  });
});
