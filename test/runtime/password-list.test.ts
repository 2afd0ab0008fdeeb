/** Lists of passwords in files: as they are, and as sorted SHA-1 hashes. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { StartError } from '../../runtime/listener.ts';
import { openPasswordList, passwordListWhenAsked } from '../../runtime/password-list.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-passwords-'));
});
after(() => rm(folder, { recursive: true }));

let files = 0;
async function fileOf(text: string | Uint8Array): Promise<string> {
  files += 1;
  const path = join(folder, `list-${files}`);
  await writeFile(path, text);
  return path;
}

/** Which of these a list has. */
async function has(path: string, passwords: readonly string[]): Promise<boolean[]> {
  const list = await openPasswordList(path);
  try {
    return await Promise.all(passwords.map((password) => list.has(password)));
  } finally {
    await list.close();
  }
}

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex').toUpperCase();
const refused = (words: RegExp) => (thrown: unknown) =>
  thrown instanceof StartError && words.test(thrown.message);

describe('a list of passwords', () => {
  it('knows its lines, however they end, in any case and spelling, and nothing else', async () => {
    const path = await fileOf(
      'short\npassword1234\r\nCorrect Horse Battery\n\nünlikely-words\n12345678901234',
    );
    assert.deepEqual(
      await has(path, [
        ...['password1234', 'PassWord1234', 'correct horse battery', '12345678901234'],
        ...['u\u0308nlikely-words', 'password12345', 'password123', 'short', ''],
      ]),
      [...[true, true, true, true, true], ...[false, false, false, false]],
    );
  });

  it('is found whole across the pieces that it is read in, and over lines that are far too long', async () => {
    const lines = Array.from({ length: 60_000 }, (_, n) => `a common password ${n}`);
    lines.splice(100, 0, 'x'.repeat(900_000), 'right after the long one');
    const path = await fileOf(lines.join('\n'));
    const some = [0, 1, 12_345, 33_333, 59_999].map((n) => `a common password ${n}`);
    assert.deepEqual(await has(path, [...some, 'right after the long one', 'a common password 60000']), [
      ...some.map(() => true),
      ...[true, false],
    ]);
  });

  it('takes bytes that are no UTF-8 for a line like others', async () => {
    const path = await fileOf(new Uint8Array([...Buffer.from('caf'), 0xe9, ...Buffer.from('-au-lait-99\n')]));
    assert.deepEqual(await has(path, ['cafe-au-lait-99']), [false]);
  });

  it('is refused in words where it has nothing to say, is no file, or is not there', async () => {
    await assert.rejects(openPasswordList(await fileOf('short\n')), refused(/none of 12 bytes/));
    await assert.rejects(openPasswordList(await fileOf('')), refused(/none of 12 bytes/));
    await assert.rejects(openPasswordList(folder), refused(/not a file|cannot be read/));
    await assert.rejects(openPasswordList(join(folder, 'nowhere')), refused(/SAFE_PASSWORD_LIST/));
  });
});

describe('a list of SHA-1 hashes', () => {
  const known = Array.from({ length: 400 }, (_, n) => `breached password ${n}`);
  const sorted = (count: (n: number) => string) => known.map((one, n) => `${sha1(one)}${count(n)}`).sort();

  for (const [what, text] of [
    ['with counts', () => `${sorted((n) => `:${n * 977}`).join('\n')}\n`],
    ['with counts and CRLF', () => sorted((n) => `:${n + 1}`).join('\r\n')],
    [
      'without counts, in lower case',
      () =>
        sorted(() => '')
          .join('\n')
          .toLowerCase(),
    ],
  ] as const) {
    it(`${what}, knows every one of them and no other`, async () => {
      const path = await fileOf(text());
      const others = known.map((one) => `${one}!`);
      assert.deepEqual(new Set(await has(path, known)), new Set([true]));
      assert.deepEqual(new Set(await has(path, others)), new Set([false]));
      assert.deepEqual(await has(path, ['Breached PASSWORD 17']), [true]);
    });
  }

  it('of one or two lines is one as well', async () => {
    const one = await fileOf(sha1('the only password'));
    assert.deepEqual(await has(one, ['the only password', 'another password']), [true, false]);
    const two = await fileOf(`${['first password', 'second password'].map(sha1).sort().join('\n')}\n\n`);
    assert.deepEqual(await has(two, ['first password', 'second password', 'third password']), [
      true,
      true,
      false,
    ]);
  });

  it('out of order, or with other lines in it, is refused in words', async () => {
    const lines = sorted(() => '');
    await assert.rejects(openPasswordList(await fileOf(lines.toReversed().join('\n'))), refused(/Sort it/));
    const byCount = known.map(sha1).join('\n');
    await assert.rejects(openPasswordList(await fileOf(byCount)), refused(/Sort it/));
    const mixed = [...lines.slice(0, 5), ...known].join('\n');
    await assert.rejects(openPasswordList(await fileOf(mixed)), refused(/one hash a line/));
    const long = `${lines[0]}\n${'x'.repeat(5000)}`;
    await assert.rejects(openPasswordList(await fileOf(long)), refused(/one hash a line/));
  });
});

it('a list that waits to be asked says then what is wrong with it, and closes either way', async () => {
  const missing = passwordListWhenAsked(join(folder, 'nowhere'));
  await assert.rejects(missing.has('password1234'), refused(/cannot be read/));
  await missing.close();
  const unasked = passwordListWhenAsked(join(folder, 'nowhere'));
  await unasked.close();
  const there = passwordListWhenAsked(await fileOf(sha1('password1234')));
  assert.equal(await there.has('password1234'), true);
  await there.close();
});
