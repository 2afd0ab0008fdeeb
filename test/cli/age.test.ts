/** Pastes for age recipients, opened by us and by Debian's age. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { type Fpaste, installFpaste } from '../support/fpaste.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let fpaste: Fpaste;

before(async () => {
  server = await startServer();
  fpaste = await installFpaste(server.main);
});

after(async () => {
  await fpaste?.remove();
  await server?.stop();
});

for (const [kind, generate] of [
  ['age1…', generateX25519Identity],
  ['age1pq1…', generateHybridIdentity],
] as const) {
  test(`a paste to ${kind} opens with the identity, from a file or standard input, and with no other`, async () => {
    const identity = await generate();
    const content = randomBytes(200_000);
    await fpaste.write('identity.txt', `# created: today\n# public key: x\n${identity}\n`);
    await fpaste.write('other.txt', await generate());
    await fpaste.write('content.bin', content);
    const link = await fpaste.ok(['create', '--to', await identityToRecipient(identity), 'content.bin']);
    assert.doesNotMatch(link, /#/);
    assert.deepEqual((await fpaste.run(['get', '-i', 'identity.txt', link])).bytes, content);
    assert.deepEqual(
      (await fpaste.run(['get', '-i', 'other.txt', '-i', 'identity.txt', link])).bytes,
      content,
    );
    assert.deepEqual((await fpaste.run(['get', '-i', '-', link], { input: identity })).bytes, content);
    const other = await fpaste.run(['get', '-i', 'other.txt', link]);
    assert.equal(other.code, 4);
    assert.match(other.stderr, /None of the identities/);
    const none = await fpaste.run(['get', link]);
    assert.equal(none.code, 2);
    await fpaste.write('new.txt', 'new content');
    await fpaste.ok(['update', link, 'new.txt', '--to', await identityToRecipient(identity)]);
    assert.equal(await fpaste.ok(['get', '-i', 'identity.txt', link]), 'new content');
    assert.equal((await fpaste.run(['update', link, 'new.txt'])).code, 2);
  });
}

test("Debian's age opens what was encrypted to several", {
  skip: spawnSync('age', ['--version']).status === 0 ? false : 'age is not installed',
}, async () => {
  const [one, two] = [await generateX25519Identity(), await generateX25519Identity()];
  const content = randomBytes(70_000);
  const recipients = ['--to', await identityToRecipient(one), '--to', await identityToRecipient(two)];
  const { raw } = JSON.parse(await fpaste.ok(['create', '--json', ...recipients], { input: content }));
  const sealed = Buffer.from(await (await fetch(raw)).arrayBuffer());
  for (const identity of [one, two]) {
    const path = await fpaste.write('identity.txt', `${identity}\n`);
    assert.deepEqual(spawnSync('age', ['--decrypt', '-i', path], { input: sealed }).stdout, content);
  }
});

test('a wrong recipient or identity is a usage error that does not repeat it', async () => {
  const secret = (await generateX25519Identity()).toLowerCase();
  for (const args of [['create', '--to', secret]]) {
    const { code, stderr } = await fpaste.run(args, { input: 'x' });
    assert.equal(code, 2);
    assert.ok(!stderr.includes(secret));
  }
  await fpaste.write('identity.txt', '# only a comment\n');
  assert.equal((await fpaste.run(['get', '-i', 'identity.txt', '0'.repeat(26)])).code, 2);
});
