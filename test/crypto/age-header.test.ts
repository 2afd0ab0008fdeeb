import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  Encrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from 'age-encryption';
import fc from 'fast-check';
import { AGE_MAGIC, MAX_AGE_HEADER_BYTES, parseAgeHeader } from '../../src/crypto/age-header.ts';

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
const types = (bytes: Uint8Array) => parseAgeHeader(bytes)?.stanzas.map(({ type }) => type);

const SHARE = 'O6DLx/wDIawpUC978NSPjYvrfDtJVnZApXKp4FMPHCY';
const BODY = '3aKjozt9agh7jGmvOKvR4iax41Wl4zj95MKK4X9JuWc';
const MAC = 'HK2NmOBN9Dpq0Gw6xMCuhFcQlQLvZ/wQUi/2scLG75s';
const stanza = `-> X25519 ${SHARE}\n${BODY}\n`;
const good = `${AGE_MAGIC}${stanza}--- ${MAC}\n`;

describe('an age header', () => {
  it('of a file for one person or several is read, and its length is where the payload begins', async () => {
    const encrypter = new Encrypter();
    for (let i = 0; i < 3; i += 1) {
      encrypter.addRecipient(await identityToRecipient(await generateX25519Identity()));
    }
    const file = await encrypter.encrypt('hello');
    assert.deepEqual(types(file), ['X25519', 'X25519', 'X25519']);
    // Nonce and one chunk: 16 bytes, then the text and its tag.
    assert.equal(file.length - (parseAgeHeader(file)?.length ?? 0), 16 + 5 + 16);
  });

  it('for a post-quantum recipient is read, its arguments included', async () => {
    const encrypter = new Encrypter();
    encrypter.addRecipient(await identityToRecipient(await generateHybridIdentity()));
    const header = parseAgeHeader(await encrypter.encrypt('hello'));
    assert.deepEqual(
      header?.stanzas.map(({ type, args, body }) => [type, args.length, body.length]),
      [['mlkem768x25519', 1, 32]],
    );
  });

  it('for a passphrase is told by its type', async () => {
    const encrypter = new Encrypter();
    encrypter.setPassphrase('not a real one');
    encrypter.setScryptWorkFactor(2);
    assert.deepEqual(types(await encrypter.encrypt('hello')), ['scrypt']);
  });

  it('is read to the letter of its grammar', () => {
    assert.deepEqual(parseAgeHeader(bytesOf(`${good}payload`)), {
      stanzas: [{ type: 'X25519', args: [SHARE], body: Uint8Array.from(Buffer.from(BODY, 'base64')) }],
      length: good.length,
    });
    const line = 'A'.repeat(64);
    const bodies = ['\n', `${line}\n\n`, `${line}\n${line}\nAAAA\n`, 'AA\n'];
    for (const body of bodies) {
      assert.ok(parseAgeHeader(bytesOf(`${AGE_MAGIC}-> x\n${body}--- ${MAC}\n`)), JSON.stringify(body));
    }
  });

  it('is refused in every other spelling', () => {
    const line = 'A'.repeat(64);
    const bad: readonly string[] = [
      '',
      AGE_MAGIC,
      good.replace('v1', 'v2'),
      good.replace('v1\n', 'v1\r\n'),
      good.replaceAll('\n', '\r\n'),
      ` ${good}`,
      `${AGE_MAGIC}--- ${MAC}\n`,
      good.replace('--- ', '---'),
      good.replace('--- ', '---  '),
      good.replace(MAC, `${MAC}=`),
      good.replace(MAC, MAC.slice(1)),
      good.replace(MAC, `${MAC.slice(0, -1)}t`),
      good.replace(`${MAC}\n`, `${MAC} \n`),
      good.replace('-> X', '->X'),
      good.replace('-> X', '->  X'),
      good.replace('-> X', '- X'),
      good.replace(`X25519 ${SHARE}`, ''),
      good.replace(SHARE, `${SHARE} `),
      good.replace(SHARE, `${SHARE}\t`),
      good.replace(SHARE, `${SHARE}\xe9`),
      good.replace(SHARE, `${SHARE}\0`),
      good.replace(BODY, `${BODY}=`),
      good.replace(BODY, `${BODY.slice(0, -1)}d`),
      good.replace(BODY, BODY.replace('3', '-')),
      good.replace(BODY, `${BODY} `),
      good.replace(BODY, `${line}A`),
      // A full line must be followed by a shorter one.
      good.replace(BODY, line),
      good.replace(`${BODY}\n`, ''),
      good.replace(stanza, `${stanza}\n`),
    ];
    for (const text of bad) assert.equal(parseAgeHeader(bytesOf(text)), undefined, JSON.stringify(text));
  });

  it('that is cut off anywhere is none', () => {
    for (let length = 0; length < good.length; length += 1) {
      assert.equal(parseAgeHeader(bytesOf(good.slice(0, length))), undefined);
    }
  });

  it('may be as long as the bound, and no longer', () => {
    const end = `\n\n--- ${MAC}\n`;
    const sized = (length: number) =>
      `${AGE_MAGIC}-> x ${'y'.repeat(length - AGE_MAGIC.length - 5 - end.length)}${end}`;
    assert.equal(parseAgeHeader(bytesOf(sized(MAX_AGE_HEADER_BYTES)))?.length, MAX_AGE_HEADER_BYTES);
    assert.equal(parseAgeHeader(bytesOf(sized(MAX_AGE_HEADER_BYTES + 1))), undefined);
  });

  it('never throws, whatever follows the version line', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('-', '>', ' ', 'A', '/', '\n', '\0') }), (rest) => {
        const bytes = bytesOf(AGE_MAGIC + rest);
        const header = parseAgeHeader(bytes);
        assert.ok(header === undefined || header.length <= bytes.length);
      }),
    );
  });
});
