import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Fault, type FaultKind } from '../../src/core/faults.ts';
import {
  idempotencyKey,
  passwordInHeader,
  pasteOptions,
  type RawPasteOptions,
} from '../../src/core/paste-options.ts';
import { parseSettings } from '../../src/core/settings.ts';

const parsed = parseSettings({ env: { SAFE_PASTE_MAX_EXPIRY: '1000s', SAFE_PASTE_DEFAULT_EXPIRY: '100s' } });
assert.ok(parsed.ok);
const { settings } = parsed;

const isFault = (kind: FaultKind) => (thrown: unknown) => thrown instanceof Fault && thrown.kind === kind;
const refused = (raw: RawPasteOptions, kind: FaultKind) =>
  assert.throws(() => pasteOptions(raw, settings), isFault(kind), JSON.stringify(raw));

/** RFC 8187 with as little encoding as it allows: attr-char stays, everything else is percent-encoded. */
function encode(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const plain = /[A-Za-z0-9!#$&+.^_`|~-]/;
  let encoded = "UTF-8''";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    encoded += plain.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`;
  }
  return encoded;
}

describe('options of a paste', () => {
  it('are none when nothing was given, so that nothing is changed', () => {
    assert.deepEqual(pasteOptions({}, settings), {});
    const absent = { expiry: undefined, burn: undefined, password: undefined, accessHash: undefined };
    assert.deepEqual(pasteOptions(absent, settings), {});
  });

  it('take an expiry as text or number, capped at the maximum', () => {
    for (const expiry of ['1', 1, '999', 999, '1000', 1000]) {
      assert.deepEqual(pasteOptions({ expiry }, settings), { expirySeconds: Number(expiry) });
    }
    for (const expiry of ['1001', 1001, '999999999999999', 2 ** 60, 1e21, '9'.repeat(400)]) {
      assert.deepEqual(pasteOptions({ expiry }, settings), { expirySeconds: 1000 });
    }
  });

  it('take no expiry that is anything but a positive whole number', () => {
    for (const expiry of [
      '0',
      '',
      ' 1',
      '1 ',
      '+1',
      '-1',
      '1.0',
      '1e2',
      '\u0661',
      '1\n',
      'Infinity',
      'NaN',
    ]) {
      refused({ expiry }, 'invalid_expiry');
    }
    for (const expiry of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      refused({ expiry }, 'invalid_expiry');
    }
  });

  it('take burn in six words, in any case, and as a boolean', () => {
    for (const burn of ['true', '1', 'yes', 'TRUE', 'Yes', true]) {
      assert.deepEqual(pasteOptions({ burn }, settings), { burn: true });
    }
    for (const burn of ['false', '0', 'no', 'FALSE', 'No', false]) {
      assert.deepEqual(pasteOptions({ burn }, settings), { burn: false });
    }
  });

  it('take no other word for burn, the names that every object has included', () => {
    for (const burn of ['', 'on', ' true', 'toString', 'constructor', '__proto__', 'hasOwnProperty']) {
      refused({ burn }, 'invalid_burn');
    }
  });

  it('take a password of 1 to 1024 bytes of well-formed text', () => {
    for (const password of ['x', ' ', '\0', 'é'.repeat(512), 'p'.repeat(1024), '🔑'.repeat(256)]) {
      assert.deepEqual(pasteOptions({ password }, settings), { access: { kind: 'password', password } });
    }
    for (const password of ['', 'p'.repeat(1025), `${'é'.repeat(512)}x`, '\ud800', 'a\udc00']) {
      refused({ password }, 'invalid_password');
    }
  });

  it('take an access hash in lower-case hexadecimal, alone', () => {
    const accessHash = '0123456789abcdef'.repeat(4);
    assert.deepEqual(pasteOptions({ accessHash }, settings), {
      access: { kind: 'proof', sha256: accessHash },
    });
    for (const bad of [
      '',
      accessHash.slice(1),
      `${accessHash}0`,
      accessHash.toUpperCase(),
      `${accessHash}\n`,
    ]) {
      refused({ accessHash: bad }, 'invalid_access_hash');
    }
    refused({ accessHash, password: 'x' }, 'invalid_access_hash');
  });
});

describe('a password in a header', () => {
  it('is itself when it is visible ASCII with inner spaces', () => {
    const visible = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((c) => String.fromCharCode(c)),
    });
    fc.assert(
      fc.property(visible, visible, (a, b) => {
        const password = `x${a}  ${b}x`;
        assert.equal(passwordInHeader(password), password);
      }),
    );
  });

  it('is any well-formed text in RFC 8187 form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 250 }), (password) => {
        assert.equal(passwordInHeader(encode(password)), password);
      }),
    );
  });

  it('is any well-formed text in the form that encodeURIComponent makes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 }), (password) => {
        const encoded = encodeURIComponent(password).replace(
          /['()*]/g,
          (c) => `%${c.charCodeAt(0).toString(16)}`,
        );
        assert.equal(passwordInHeader(`utf-8''${encoded}`), password);
      }),
    );
  });

  it('has a charset in any case and percent-encoding in any case', () => {
    for (const header of ["UTF-8''%C3%A9", "utf-8''%c3%a9", "Utf-8''%C3%a9"]) {
      assert.equal(passwordInHeader(header), 'é');
    }
  });

  it('means itself with another charset or a language, which RFC 8187 would allow elsewhere', () => {
    for (const header of ["iso-8859-1''%e9", "UTF-8'en'x", "utf8''x"]) {
      assert.equal(passwordInHeader(header), header);
    }
  });

  it('is none with outer spaces, control characters or bytes above ASCII', () => {
    for (const header of ['', ' ', ' x', 'x ', 'a\tb', 'a\0b', 'a\x7fb', 'é', 'x\u00ff', '密']) {
      assert.equal(passwordInHeader(header), undefined, JSON.stringify(header));
    }
  });

  it('is none in RFC 8187 form that is broken, empty or too long', () => {
    const broken = [
      "UTF-8''",
      "UTF-8''%",
      "UTF-8''%4",
      "UTF-8''%4g",
      "UTF-8''%ff",
      "UTF-8''%c0%80",
      "UTF-8''%ed%a0%80",
    ];
    for (const header of [...broken, "UTF-8''a b", "UTF-8''a'b", "UTF-8''é", encode('p'.repeat(1025))]) {
      assert.equal(passwordInHeader(header), undefined, header.slice(0, 30));
    }
  });

  it('is at most 1024 bytes, counted after decoding', () => {
    assert.equal(passwordInHeader(encode('é'.repeat(512))), 'é'.repeat(512));
    assert.equal(passwordInHeader(encode('é'.repeat(513))), undefined);
    assert.equal(passwordInHeader('p'.repeat(1024)), 'p'.repeat(1024));
    assert.equal(passwordInHeader('p'.repeat(1025)), undefined);
  });
});

describe('an Idempotency-Key', () => {
  it('is 16 to 255 visible ASCII characters', () => {
    const all = String.fromCharCode(...Array.from({ length: 0x7e - 0x20 }, (_, i) => 0x21 + i));
    for (const key of ['k'.repeat(16), 'k'.repeat(255), all]) assert.equal(idempotencyKey(key), key);
    const bad = ['', 'k'.repeat(15), 'k'.repeat(256), 'k k'.repeat(8), `${'k'.repeat(20)}\n`, 'é'.repeat(20)];
    for (const key of [...bad, `${'k'.repeat(20)}\x7f`]) {
      assert.throws(() => idempotencyKey(key), isFault('invalid_idempotency_key'), JSON.stringify(key));
    }
  });
});
