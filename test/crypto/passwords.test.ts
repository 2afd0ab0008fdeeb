import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeHasher } from '../../runtime/argon2.ts';
import {
  type Argon2id,
  hashPassword,
  needsRehash,
  parsePhc,
  verifyPassword,
} from '../../src/crypto/passwords.ts';

const { argon2id } = nodeHasher({ maxQueued: 64 });
const salted = (length: number) => new Uint8Array(length).fill(7);
const SALT = 'c29tZXNhbHRzb21lc2FsdA';
const HASH = 'A'.repeat(43);
const phc = (parameters: string, salt = SALT, hash = HASH) => `$argon2id$v=19$${parameters}$${salt}$${hash}`;

describe('a password at rest', () => {
  it('is an Argon2id PHC string that tells the right password from others', async () => {
    const stored = await hashPassword(argon2id, 'correct horse', salted);
    assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    assert.equal(await verifyPassword(argon2id, stored, 'correct horse'), true);
    for (const wrong of ['', 'correct horsf', 'correct horse ', 'Correct horse', 'correct  horse']) {
      assert.equal(await verifyPassword(argon2id, stored, wrong), false, wrong);
    }
  });

  it('is the same in either spelling of a composed letter, and in no other respect folded', async () => {
    const stored = await hashPassword(argon2id, 'caf\u00e9', salted);
    assert.equal(await verifyPassword(argon2id, stored, 'cafe\u0301'), true);
    assert.equal(await verifyPassword(argon2id, stored, 'cafe'), false);
    // NFKC would make these one.
    const ligature = await hashPassword(argon2id, '\ufb01sh', salted);
    assert.equal(await verifyPassword(argon2id, ligature, 'fish'), false);
  });

  it('is never empty, not even where it is one NUL', async () => {
    await assert.rejects(hashPassword(argon2id, '', salted), RangeError);
    const stored = await hashPassword(argon2id, '\0', salted);
    assert.equal(await verifyPassword(argon2id, stored, ''), false);
    const wasm = nodeHasher({ maxQueued: 1, engine: 'wasm' });
    assert.equal(await verifyPassword(wasm.argon2id, stored, ''), false);
    await wasm.close();
  });

  it('has a salt of its own', async () => {
    let turn = 0;
    const random = (length: number) => new Uint8Array(length).fill(turn++);
    const one = await hashPassword(argon2id, 'x', random);
    assert.notEqual(await hashPassword(argon2id, 'x', random), one);
  });

  it('verifies strings that other Argon2 programs wrote', async () => {
    // The reference implementation's own test: echo -n password | argon2 somesalt -id -t 2 -m 8 -p 1 …
    const stored = '$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc';
    assert.equal(await verifyPassword(argon2id, stored, 'password'), true);
    assert.equal(await verifyPassword(argon2id, stored, 'differentpassword'), false);
  });

  it('is hashed anew when it cost less than new ones do', async () => {
    assert.equal(needsRehash(await hashPassword(argon2id, 'x', salted)), false);
    assert.equal(needsRehash(phc('m=19456,t=2,p=1')), false);
    assert.equal(needsRehash(phc('m=65536,t=3,p=4')), false);
    assert.equal(needsRehash(phc('m=19455,t=2,p=1')), true);
    assert.equal(needsRehash(phc('m=19456,t=1,p=1')), true);
    assert.equal(needsRehash(phc('m=19456,t=2,p=1', 'c29tZXNhbHQ')), true);
    assert.equal(needsRehash(phc('m=19456,t=2,p=1', SALT, 'A'.repeat(22))), true);
  });
});

describe('a PHC string', () => {
  it('is read strictly', () => {
    assert.deepEqual(parsePhc(phc('m=19456,t=2,p=1'))?.cost, {
      memoryKiB: 19456,
      iterations: 2,
      parallelism: 1,
      length: 32,
    });
    const good = phc('m=19456,t=2,p=1');
    const bad = [
      '',
      `${good}\n`,
      ` ${good}`,
      good.replace('argon2id', 'argon2i'),
      good.replace('v=19', 'v=16'),
      good.replace('$v=19', ''),
      phc('t=2,m=19456,p=1'),
      phc('m=19456,t=2'),
      phc('m=019456,t=2,p=1'),
      phc('m=19456,t=2,p=1,x=1'),
      phc('m=-1,t=2,p=1'),
      phc('m=1e4,t=2,p=1'),
      phc('m=19456,t=2,p=1', `${SALT}==`),
      phc('m=19456,t=2,p=1', `${SALT.slice(0, -1)}B`),
      phc('m=19456,t=2,p=1', SALT, `${'A'.repeat(42)}-`),
      phc('m=19456,t=2,p=1', SALT, ''),
    ];
    for (const text of bad) assert.equal(parsePhc(text), undefined, text);
  });

  it('is refused where it would cost too much, or less than Argon2 can do', () => {
    const beyond = [
      phc('m=262145,t=2,p=1'),
      phc('m=9999999,t=2,p=1'),
      phc('m=19456,t=17,p=1'),
      phc('m=19456,t=2,p=17'),
      phc('m=7,t=2,p=1'),
      phc('m=15,t=2,p=2'),
      phc('m=19456,t=2,p=1', 'AAAAAAAAAA'),
      phc('m=19456,t=2,p=1', 'A'.repeat(87)),
      phc('m=19456,t=2,p=1', SALT, 'A'.repeat(20)),
      phc('m=19456,t=2,p=1', SALT, 'A'.repeat(87)),
      phc('m=19456,t=2,p=1', 'A'.repeat(300)),
    ];
    for (const text of beyond) assert.equal(parsePhc(text), undefined, text);
  });

  it('that is damaged is an error, not a wrong password, and the error does not show it', async () => {
    const never: Argon2id = () => assert.fail('must not be asked');
    const shown = (error: unknown) =>
      error instanceof TypeError && /malformed/.test(error.message) && !error.message.includes('argon2id');
    await assert.rejects(verifyPassword(never, phc('m=1,t=1,p=1'), 'x'), shown);
    assert.throws(() => needsRehash('$argon2id$'), shown);
  });
});
