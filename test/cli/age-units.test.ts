/** What is not read to its end, because it need not have one. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { generateX25519Identity } from 'age-encryption';
import { ageOpener } from '../../cli/shared/age.ts';
import { Failure } from '../../cli/shared/failure.ts';
import { processWorld, type World } from '../../cli/shared/world.ts';

const MIB = 1024 * 1024;

/** Beginnings that go on for as long as somebody reads. */
function endless(first: string, rest: string) {
  const seen = { bytes: 0 };
  async function* pieces() {
    yield new Uint8Array(Buffer.from(first));
    const piece = new Uint8Array(Buffer.from(rest.repeat(Math.ceil(65_536 / rest.length))));
    for (; seen.bytes < 64 * MIB; seen.bytes += piece.length) yield piece;
  }
  return { seen, pieces: pieces() };
}

const worldWith = (stdin: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): World => ({
  ...processWorld(),
  stdin: Readable.from(stdin),
});

describe('an age file from a stranger', () => {
  it('is given up when its header does not end', async () => {
    const identity = await generateX25519Identity();
    const opener = await ageOpener(worldWith([Buffer.from(identity)]), ['-']);
    const stanza = `-> X25519 ${'A'.repeat(43)}\n${'A'.repeat(43)}\n`;
    for (const rest of [stanza, 'A'.repeat(64)]) {
      const { pieces, seen } = endless('age-encryption.org/v1\n', rest);
      await assert.rejects(opener(pieces), { name: 'Failure', code: 'age_corrupt' });
      assert.ok(seen.bytes < 2 * MIB, `${seen.bytes} bytes were read`);
    }
  });

  it('is not opened with a file of identities that does not end', async () => {
    const { pieces, seen } = endless('# a comment\n', '# another\n');
    await assert.rejects(ageOpener(worldWith(pieces), ['-']), Failure);
    assert.ok(seen.bytes < 2 * MIB, `${seen.bytes} bytes were read`);
    if (process.platform !== 'win32')
      await assert.rejects(ageOpener(processWorld(), ['/dev/zero']), { code: 'usage', message: /too long/ });
  });
});
