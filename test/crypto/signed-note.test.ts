/** Signed notes against the example of the specification's own Go package, and against OpenSSL's Ed25519. */
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  openNote,
  parseSignerKey,
  parseVerifierKey,
  readCheckpoint,
  signerKey,
  signerOf,
  signNote,
  splitNote,
  verifierKey,
  writeCheckpoint,
} from '../../src/crypto/signed-note.ts';

/** The example of golang.org/x/mod/sumdb/note: published, and good for nothing else. */
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const SAID =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n" +
  '\n' +
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

const seed = new Uint8Array(32).fill(5);

describe('signed notes', () => {
  it('reads a note that another implementation signed', async () => {
    const verifier = parseVerifierKey(PETER);
    assert.ok(verifier);
    assert.equal(verifierKey(verifier), PETER);
    assert.match((await openNote(SAID, verifier)) ?? '', /^If you think/);
    for (const wrong of [
      SAID.replace('answer', 'Answer'),
      SAID.replace('ZJku', 'ZJkv'),
      SAID.replace('— P', '- P'),
      SAID.slice(0, -1),
      SAID.replace('\n\n', '\n'),
      `${SAID}x`,
      SAID.replace('If', 'I\u0000f'),
    ]) {
      assert.equal(await openNote(wrong, verifier), undefined, JSON.stringify(wrong));
    }
  });

  it('signs what OpenSSL verifies, under a name and a key that go together', async () => {
    const signer = await signerOf('vault.example/log', seed);
    const note = await signNote('one line\n', signer);
    assert.equal(await openNote(note, signer), 'one line\n');
    const { signatures } = splitNote(note) ?? { signatures: [] };
    const signature = signatures[0]?.tagged.slice(4) ?? new Uint8Array();
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(signer.publicKey).toString('base64url') },
      format: 'jwk',
    });
    assert.ok(verify(null, Buffer.from('one line\n'), key, signature));

    const other = await signerOf('vault.example/log', new Uint8Array(32).fill(6));
    assert.equal(await openNote(note, other), undefined);
    const renamed = await signerOf('vault.example/other', seed);
    assert.equal(await openNote(note, renamed), undefined);
  });

  it('finds its own signature among those of others', async () => {
    const mine = await signerOf('mine', seed);
    const theirs = await signerOf('theirs', new Uint8Array(32).fill(6));
    const both = `${await signNote('text\n', theirs)}${(await signNote('text\n', mine)).split('\n\n')[1]}`;
    assert.equal(await openNote(both, mine), 'text\n');
    assert.equal(await openNote(both, theirs), 'text\n');
  });

  it('refuses to sign what could be read in two ways', async () => {
    const signer = await signerOf('mine', seed);
    for (const text of ['', 'no end', '\n', 'a\tb\n', 'a\r\n', 'a\u007fb\n']) {
      await assert.rejects(signNote(text, signer), RangeError, JSON.stringify(text));
    }
    for (const name of ['', 'a b', 'a+b', 'a\nb', 'x'.repeat(201)]) {
      await assert.rejects(signerOf(name, seed), RangeError, JSON.stringify(name));
    }
  });

  it('takes no verifier key that contradicts itself', () => {
    for (const text of [
      '',
      PETER.replace('c74f', 'c74e'),
      PETER.replace('Peter', 'peter'),
      `${PETER}A`,
      'a+b+c',
    ])
      assert.equal(parseVerifierKey(text), undefined, text);
  });

  it('keeps a private key in the form of the Go package', async () => {
    const published = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
    const peter = await parseSignerKey(published);
    assert.ok(peter);
    assert.equal(verifierKey(peter), PETER);
    const text = await signerKey('vault.example/log', seed);
    assert.deepEqual(
      (await parseSignerKey(text))?.publicKey,
      (await signerOf('vault.example/log', seed)).publicKey,
    );
    for (const wrong of ['', text.replace('vault', 'fault'), text.slice(8), `${text}A`, PETER]) {
      assert.equal(await parseSignerKey(wrong), undefined);
    }
  });

  it('writes checkpoints as logs publish them, and reads no others', () => {
    const rootHash = new Uint8Array(32).fill(9);
    const text = writeCheckpoint({ origin: 'vault.example/log', size: 7, rootHash });
    assert.equal(text, `vault.example/log\n7\n${Buffer.from(rootHash).toString('base64')}\n`);
    assert.deepEqual(readCheckpoint(text), { origin: 'vault.example/log', size: 7, rootHash });
    assert.ok(readCheckpoint(`${text}an extension\n`));
    for (const wrong of [
      '',
      text.replace('\n7', '\n07'),
      text.replace('\n7', '\n-7'),
      text.replace('CQ', 'C'),
      `\n${text}`,
    ])
      assert.equal(readCheckpoint(wrong), undefined, JSON.stringify(wrong));
  });
});
