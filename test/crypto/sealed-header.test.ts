import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAX_PREFIX_BYTES, parseSealedHeader, writeSealedHeader } from '../../src/crypto/sealed-header.ts';
import { goodVectors } from '../../tools/format-good.ts';
import { code } from './sealed-helpers.ts';

describe('a server that looks at the header', () => {
  const vectors = goodVectors();

  test('reads it from the first bytes of a body, however much follows', () => {
    for (const { vector, file, head, salt } of vectors.values()) {
      const whole = parseSealedHeader(file);
      assert.deepEqual(parseSealedHeader(file.subarray(0, MAX_PREFIX_BYTES)), whole);
      assert.equal(whole.headerLength, head.length, vector.id);
      assert.deepEqual(Buffer.from(whole.header.salt), salt, vector.id);
    }
  });

  test('is told to read on at every length before the header ends, and at none after', () => {
    for (const id of ['paste-1', 'paste-password-1', 'chunk-1', 'header-longest']) {
      const made = vectors.get(id);
      assert.ok(made);
      for (let length = 0; length < made.head.length; length++) {
        assert.throws(
          () => parseSealedHeader(made.file.subarray(0, length)),
          code('truncated_header'),
          `${id} ${length}`,
        );
      }
      assert.equal(parseSealedHeader(made.file.subarray(0, made.head.length)).headerLength, made.head.length);
    }
  });

  test('learns at the first wrong byte that a body is not sealed', () => {
    assert.throws(() => parseSealedHeader(Buffer.from('x')), code('bad_magic'));
    assert.throws(() => parseSealedHeader(Buffer.from('sallyport-sealed/2')), code('bad_magic'));
    assert.throws(
      () => parseSealedHeader(Buffer.from('sallyport-sealed/1\n\0\0\x10\x01')),
      code('bad_length'),
    );
  });

  test('may be handed a part of a larger buffer', () => {
    const made = vectors.get('chunk-1');
    assert.ok(made);
    const larger = Buffer.concat([Buffer.from('abc'), made.file]);
    assert.deepEqual(parseSealedHeader(larger.subarray(3)), parseSealedHeader(made.file));
  });

  test('gets the same header from what our writer wrote', () => {
    for (const { vector, file, head } of vectors.values()) {
      const { header } = parseSealedHeader(file);
      const written = writeSealedHeader(header);
      assert.deepEqual(parseSealedHeader(written).header, header);
      if (!vector.id.includes('header-')) assert.deepEqual(Buffer.from(written), head, vector.id);
    }
  });
});
