import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { arch, platform } from 'node:process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Argon2Engine, defaultEngine, nodeHasher } from '../../runtime/argon2.ts';
import { nodeDigest } from '../../runtime/digest.ts';
import { Fault } from '../../src/core/faults.ts';
import { hashPassword } from '../../src/crypto/passwords.ts';

const CHEAP = { memoryKiB: 64, iterations: 1, parallelism: 1, length: 32 };
const SALT = new Uint8Array(16).fill(7);
const engines: readonly Argon2Engine[] = defaultEngine() === 'native' ? ['native', 'wasm'] : ['wasm'];
const password = (text: string) => new TextEncoder().encode(text);
const isBusy = (error: unknown) =>
  error instanceof Fault && error.kind === 'service_busy' && error.detail.retryAfterSeconds === 1;

/** The PHC string of one password and salt. Runs under Bun too, so it is a program of its own. */
const program = `
  import { nodeHasher } from '${new URL('../../runtime/argon2.ts', import.meta.url).href}';
  import { hashPassword } from '${new URL('../../src/crypto/passwords.ts', import.meta.url).href}';
  for (const engine of [undefined, 'wasm']) {
    const hasher = nodeHasher({ maxQueued: 1, ...(engine === undefined ? {} : { engine }) });
    console.log(await hashPassword(hasher.argon2id, 'pässword', (n) => new Uint8Array(n).fill(7)));
    await hasher.close();
  }
`;

describe('Argon2id', () => {
  it('gives the same PHC string by every engine, on Node and on Bun', async (t) => {
    const phcs: string[] = [];
    for (const engine of engines) {
      const hasher = nodeHasher({ maxQueued: 1, engine });
      phcs.push(await hashPassword(hasher.argon2id, 'pässword', (n) => new Uint8Array(n).fill(7)));
      await hasher.close();
    }
    const bun = fileURLToPath(
      new URL(`../../node_modules/@oven/bun-${platform}-${arch}/bin/bun`, import.meta.url),
    );
    if (existsSync(bun)) {
      const { stdout } = await promisify(execFile)(bun, ['-e', program]);
      const lines = stdout.trim().split('\n');
      assert.equal(lines.length, 2);
      phcs.push(...lines);
    } else {
      t.diagnostic('there is no Bun for this platform');
    }
    assert.equal(new Set(phcs).size, 1, phcs.join('\n'));
    assert.match(phcs[0] ?? '', /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  for (const engine of engines) {
    it(`by ${engine} answers the same for the same, and keeps jobs apart`, async () => {
      const hasher = nodeHasher({ maxQueued: 8, engine });
      const [a, again, b] = await Promise.all([
        hasher.argon2id(password('a'), SALT, CHEAP),
        hasher.argon2id(password('a'), SALT, CHEAP),
        hasher.argon2id(password('b'), SALT, CHEAP),
      ]);
      assert.deepEqual(a, again);
      assert.notDeepEqual(a, b);
      await hasher.close();
    });

    it(`by ${engine} says that it is busy when the queue is full, and works on afterwards`, async () => {
      const hasher = nodeHasher({ maxQueued: 2, concurrency: 1, engine });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 5 }, (_, i) => hasher.argon2id(password(String(i)), SALT, CHEAP)),
      );
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
      );
      for (const { reason } of refused) assert.ok(isBusy(reason));
      assert.equal((await hasher.argon2id(password('x'), SALT, CHEAP)).length, 32);
      await hasher.close();
    });

    it(`by ${engine} passes a failure on to whom it concerns, and to nobody else`, async () => {
      const hasher = nodeHasher({ maxQueued: 8, concurrency: 1, engine });
      const impossible = { ...CHEAP, memoryKiB: 1 };
      const [bad, good] = await Promise.allSettled([
        hasher.argon2id(password('a'), SALT, impossible),
        hasher.argon2id(password('a'), SALT, CHEAP),
      ]);
      assert.equal(bad?.status, 'rejected');
      assert.equal(good?.status, 'fulfilled');
      await hasher.close();
    });

    it(`by ${engine} leaves nobody waiting when it is closed`, async () => {
      const hasher = nodeHasher({ maxQueued: 8, concurrency: 1, engine });
      const jobs = Promise.allSettled(
        Array.from({ length: 3 }, () => hasher.argon2id(password('a'), SALT, CHEAP)),
      );
      await hasher.close();
      const [, ...waiting] = await jobs;
      for (const outcome of waiting) assert.ok(outcome.status === 'rejected' && isBusy(outcome.reason));
      await assert.rejects(hasher.argon2id(password('a'), SALT, CHEAP), isBusy);
    });
  }
});

describe('the streaming digest', () => {
  it('is SHA-256 of all pieces together', async () => {
    const digest = nodeDigest();
    for (const piece of ['a', '', 'bc']) digest.update(password(piece));
    const result = await digest.finish();
    assert.ok(result.constructor === Uint8Array);
    assert.equal(Buffer.from(result).toString('hex'), createHash('sha256').update('abc').digest('hex'));
  });
});
