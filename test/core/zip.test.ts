import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nodeCrc32 } from '../../runtime/digest.ts';
import { type ZipEntry, type ZipLayout, zipLayout, zipRange } from '../../src/core/zip.ts';
import { centralHeader, dosTime, endRecords, localHeader } from '../../src/core/zip-records.ts';
import type { Bytes } from '../../src/store/store.ts';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

interface Opened {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

/** An entry that tells what was read of it, in pieces of `piece` bytes. */
function entryOf(name: string, content: Bytes, opened: Opened[] = [], piece = 7): ZipEntry {
  return {
    name,
    size: content.length,
    crc32: nodeCrc32(content, 0),
    modifiedAt: AT,
    async *open(offset, length) {
      opened.push({ name, offset, length });
      for (let at = offset; at < offset + length; at += piece)
        yield content.slice(at, Math.min(at + piece, offset + length));
    },
  };
}

/** An entry of any size whose bytes nobody may ask for. */
const closed = (name: string, size: number): ZipEntry => ({
  name,
  size,
  crc32: 0x01020304,
  modifiedAt: AT,
  open() {
    throw new Error('outside of the range');
  },
});

const paged = (entries: readonly ZipEntry[], page = 2) =>
  async function* () {
    for (let at = 0; at < entries.length; at += page) yield entries.slice(at, at + page);
  };

async function range(entries: readonly ZipEntry[], layout: ZipLayout, start: number, end: number) {
  const parts: Uint8Array[] = [];
  for await (const piece of zipRange(paged(entries), layout, start, end)) {
    assert.ok(piece.length > 0, 'an empty piece');
    parts.push(piece);
  }
  return Buffer.concat(parts);
}

async function whole(entries: readonly ZipEntry[]) {
  const layout = await zipLayout(paged(entries));
  return { layout, bytes: await range(entries, layout, 0, layout.length) };
}

const text = (value: string) => new TextEncoder().encode(value);

describe('records of an archive', () => {
  it('say what the specification asks for, byte by byte', () => {
    const entry = { name: 'a/ü', size: 5, crc32: 0xdeadbeef, modifiedAt: AT };
    // 2026-01-02 03:04:05: date (46 << 9) | (1 << 5) | 2, time (3 << 11) | (4 << 5) | 2.
    const shared = '0008' + '0000' + '8218' + '225c' + 'efbeadde' + '05000000' + '05000000' + '0400' + '0000';
    const name = Buffer.from('a/ü').toString('hex');
    assert.equal(Buffer.from(localHeader(entry)).toString('hex'), `504b0304${'0a00'}${shared}${name}`);
    assert.equal(
      Buffer.from(centralHeader(entry, 0x11223344)).toString('hex'),
      `504b0102${'2d03'}${'0a00'}${shared}${'0000'.repeat(3)}${'00008081'}${'44332211'}${name}`,
    );
    assert.equal(
      Buffer.from(endRecords({ entries: 3, offset: 0x1000, length: 0x200 })).toString('hex'),
      `504b0506${'0000'.repeat(2)}${'0300'.repeat(2)}${'00020000'}${'00100000'}${'0000'}`,
    );
  });

  it('hold times in UTC, two seconds fine, within what MS-DOS can say', () => {
    const seen = (ms: number) => {
      const { time, date } = dosTime(ms);
      return [(date >> 9) + 1980, (date >> 5) & 15, date & 31, time >> 11, (time >> 5) & 63, (time & 31) * 2];
    };
    assert.deepEqual(seen(AT), [2026, 1, 2, 3, 4, 4]);
    assert.deepEqual(seen(Date.UTC(1999, 11, 31, 23, 59, 59)), [1999, 12, 31, 23, 59, 58]);
    for (const early of [0, -1, Date.UTC(1979, 11, 31)]) assert.deepEqual(seen(early), [1980, 1, 1, 0, 0, 0]);
    for (const late of [Date.UTC(2108, 0, 1), Date.UTC(9999, 0, 1)])
      assert.deepEqual(seen(late), [2107, 12, 31, 23, 59, 58]);
  });

  it('take to ZIP64 for what does not fit, and for nothing else', () => {
    const entry = (size: number) => ({ name: 'x', size, crc32: 0, modifiedAt: AT });
    const extras = (header: Uint8Array) =>
      Buffer.from(header.subarray(header.indexOf(0x78) + 1)).toString('hex');
    assert.equal(extras(localHeader(entry(0xffff_fffe))), '');
    assert.equal(extras(localHeader(entry(0xffff_ffff))), `01001000${'ffffffff00000000'.repeat(2)}`);
    assert.equal(extras(centralHeader(entry(1), 0xffff_fffe)), '');
    assert.equal(extras(centralHeader(entry(1), 0xffff_ffff)), '01000800ffffffff00000000');
    assert.equal(
      extras(centralHeader(entry(2 ** 33), 2 ** 34)),
      `01001800${'0000000002000000'.repeat(2)}0000000004000000`,
    );
    const end = (entries: number, offset: number, length: number) =>
      endRecords({ entries, offset, length }).length;
    assert.equal(end(65_534, 0xffff_fffe, 0xffff_fffe), 22);
    assert.deepEqual([end(65_535, 1, 1), end(1, 0xffff_ffff, 1), end(1, 1, 0xffff_ffff)], [98, 98, 98]);
  });
});

describe('an archive of entries', () => {
  const contents = ['', 'a', 'zwölf', 'x'.repeat(40), '\0'.repeat(33), 'the end'].map(text);
  const small = (opened?: Opened[]) => contents.map((bytes, i) => entryOf(`folder/${i}.enc`, bytes, opened));

  it('is as long as was said before, and the same each time', async () => {
    const once = await whole(small());
    assert.equal(once.bytes.length, once.layout.length);
    assert.deepEqual((await whole(small())).bytes, once.bytes);
  });

  it('of nothing is an empty archive', async () => {
    const { bytes } = await whole([]);
    assert.equal(bytes.toString('hex'), `504b0506${'00'.repeat(18)}`);
  });

  it('gives every range of its bytes', async () => {
    const entries = small();
    const { layout, bytes } = await whole(entries);
    for (let start = 0; start <= bytes.length; start += 1) {
      for (let end = start; end <= bytes.length; end += Math.max(1, (end - start) >> 1))
        assert.ok(
          (await range(entries, layout, start, end)).equals(bytes.subarray(start, end)),
          `${start}-${end}`,
        );
      assert.ok(
        (await range(entries, layout, start, bytes.length)).equals(bytes.subarray(start)),
        `${start}-`,
      );
    }
  });

  it('gives any range of any entries, and opens nothing outside of it', async () => {
    const entry = fc.record({
      name: fc.string({ minLength: 1 }),
      content: fc.uint8Array({ maxLength: 200_000 }),
    });
    const property = fc.asyncProperty(
      fc.array(entry, { maxLength: 8 }),
      fc.nat(),
      fc.nat(),
      async (described, a, b) => {
        const opened: Opened[] = [];
        const entries = described.map(({ name, content }, i) =>
          entryOf(`${i}${name}`, new Uint8Array(content), opened, 50_000),
        );
        const { layout, bytes } = await whole(entries);
        const [start = 0, end = 0] = [a % (bytes.length + 1), b % (bytes.length + 1)].sort((x, y) => x - y);
        opened.length = 0;
        assert.ok((await range(entries, layout, start, end)).equals(bytes.subarray(start, end)));
        let at = 0;
        for (const [i, { name, size }] of entries.entries()) {
          const data = at + localHeader(entries[i] ?? closed('', 0)).length;
          const from = Math.max(0, start - data);
          const length = Math.min(size, end - data) - from;
          const expected = length > 0 ? [{ name, offset: from, length }] : [];
          assert.deepEqual(
            opened.filter((one) => one.name === name),
            expected,
          );
          at = data + size;
        }
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  it('of many gigabytes gives the headers between them without a look at their bytes', async () => {
    const sizes = [5 * 2 ** 30, 10, 3 * 2 ** 40, 20];
    const entries = sizes.map((size, i) => closed(`${i}`, size));
    const layout = await zipLayout(paged(entries));
    let at = 0;
    const directory: Uint8Array[] = [];
    for (const [i, entry] of entries.entries()) {
      const header = localHeader(entry);
      assert.deepEqual(await range(entries, layout, at, at + header.length), Buffer.from(header), `${i}`);
      directory.push(centralHeader(entry, at));
      at += header.length + entry.size;
    }
    assert.equal(layout.directory.offset, at);
    const end = await range(entries, layout, at, layout.length);
    assert.deepEqual(end, Buffer.concat([...directory, endRecords(layout.directory)]));
  });

  it('breaks off when an entry has more or fewer bytes than was said', async () => {
    for (const [said, is] of [
      [10, 9],
      [10, 11],
      [10, 0],
    ] as const) {
      const honest = entryOf('x', new Uint8Array(is));
      const entries = [{ ...honest, size: said, open: () => honest.open(0, is) }, entryOf('y', text('y'))];
      await assert.rejects(whole(entries), /not as long/, `${is} in place of ${said}`);
    }
  });

  it('breaks off when its entries are others than it was planned with', async () => {
    const layout = await zipLayout(paged(small()));
    await assert.rejects(range(small().slice(1), layout, 0, layout.length), /have changed/);
    await assert.rejects(
      range([...small(), entryOf('more', text('x'))], layout, 0, layout.length),
      /have changed/,
    );
  });

  it('refuses a range that it does not have', async () => {
    const entries = small();
    const { layout } = await whole(entries);
    for (const [start, end] of [
      [-1, 3],
      [4, 3],
      [0, layout.length + 1],
      [Number.NaN, 3],
    ] as const)
      await assert.rejects(range(entries, layout, start, end), RangeError, `${start}-${end}`);
  });
});
