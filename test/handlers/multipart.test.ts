/** The reader of forms: what it gives out does not depend on how a body is cut into pieces, and malformed is malformed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { rounds, seeded } from '../support/seed.ts';
import { BOUNDARY, END, part } from '../support/uploads.ts';
import { form, lines, outcome, type Part, read } from './forms.ts';

describe('a form', () => {
  const whole = form(
    part('name="one"', 'first'),
    part('name="file"; filename="a b.opus"', `-${BOUNDARY}\r\n--a-boundary-of-a-tesT\r\n-- \r\r\n\n--`),
    part('name="empty"', ''),
    part('name="three"', '\r\n\r\n--\r\n', 'Content-Type: text/plain; charset="UTF-8"'),
  );
  const expected: Part[] = [
    { name: 'one', data: 'first' },
    { name: 'file', filename: 'a b.opus', data: `-${BOUNDARY}\r\n--a-boundary-of-a-tesT\r\n-- \r\r\n\n--` },
    { name: 'empty', data: '' },
    { name: 'three', charset: 'utf-8', data: '\r\n\r\n--\r\n' },
  ];

  it('is read part by part', async () => {
    assert.deepEqual(await read(whole), expected);
  });

  it('is the same cut in two at every offset, and byte by byte', async () => {
    for (let cut = 1; cut < whole.length; cut += 1) {
      let next = cut;
      const sizes = () => {
        const size = next;
        next = whole.length;
        return size;
      };
      assert.deepEqual(await read(whole, sizes), expected, `cut at ${cut}`);
    }
    assert.deepEqual(await read(whole, () => 1), expected);
  });

  it('ends nowhere but at its end', async () => {
    const least = whole.length - '\r\n'.length;
    for (let end = 0; end < least; end += 1)
      assert.equal(await outcome(whole.subarray(0, end)), 'invalid_multipart', `cut off at ${end}`);
    assert.deepEqual(await read(whole.subarray(0, least)), expected, 'without the last line end');
  });

  it('may have a preamble and an epilogue, of any length, which nobody reads', async () => {
    const junk = Buffer.alloc(300_000, `--${BOUNDARY.slice(0, -1)}\r\n`);
    const around = Buffer.concat([junk, Buffer.from('\r\n'), whole, junk, whole]);
    assert.deepEqual(await read(around), expected);
    assert.deepEqual(await read(around, () => 997), expected);
  });

  it('may pad its delimiters, and leave its file nameless', async () => {
    const padded = Buffer.from(
      lines(
        `--${BOUNDARY} \t`,
        'content-disposition:form-data;name=file',
        '',
        'x',
        `--${BOUNDARY}-- \t`,
        'and so on',
      ),
    );
    assert.deepEqual(await read(padded), [{ name: 'file', data: 'x' }]);
  });
});

describe('what stands between boundaries', () => {
  for (const [what, body] of [
    ['nothing at all', ''],
    ['text without a boundary', 'hello'],
    ['a boundary alone', `--${BOUNDARY}`],
    ['the end of a form, once more of it', `--${BOUNDARY}-`],
    ['two boundaries in a row', lines(`--${BOUNDARY}`, `--${BOUNDARY}--`, '')],
    [
      'a boundary with text on its line',
      lines(`--${BOUNDARY}x`, 'Content-Disposition: form-data; name=a', '', ''),
    ],
    [
      'line feeds for line ends',
      `--${BOUNDARY}\nContent-Disposition: form-data; name="a"\n\nx\n--${BOUNDARY}--\n`,
    ],
    [
      'a nested form whose boundary begins like ours',
      form(part('name="a"', `x\r\n--${BOUNDARY}-inner\r\ny`)),
    ],
    ['an end with text on its line', form(part('name="a"', `x\r\n--${BOUNDARY}--inner\r\ny`))],
  ] as const) {
    it(`${what} is malformed`, async () => {
      assert.equal(await outcome(body), 'invalid_multipart');
      assert.equal(await outcome(body, () => 1), 'invalid_multipart');
    });
  }

  it('an empty form has no parts', async () => {
    assert.deepEqual(await read(END), []);
  });

  it('a nested form with a boundary of its own is data', async () => {
    const nested = lines('--inner', 'Content-Disposition: form-data; name="evil"', '', 'x', '--inner--');
    assert.deepEqual(
      await read(form(part('name="a"', nested, 'Content-Type: multipart/mixed; boundary=inner'))),
      [{ name: 'a', data: nested }],
    );
  });
});

describe('random forms', () => {
  const near = fc.constantFrom(
    '\r',
    '\n',
    '\r\n',
    '-',
    '--',
    `--${BOUNDARY}`,
    `\r\n--${BOUNDARY.slice(0, 5)}`,
    'x',
  );
  const data = fc
    .array(
      fc.oneof(
        near,
        fc.uint8Array({ maxLength: 40 }).map((b) => Buffer.from(b).toString('latin1')),
      ),
      {
        maxLength: 12,
      },
    )
    .map((texts) => texts.join(''))
    // Data that holds a delimiter is not what it says it is, and one at its very start joins the head's last line end.
    .filter((text) => !`\r\n${text}`.includes(`\r\n--${BOUNDARY}`));

  it('come out as they went in, however they are cut', async (t) => {
    const given = fc.array(
      fc.record({ name: fc.stringMatching(/^[a-z_]{1,12}$/), data }, { noNullPrototype: true }),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(
        given,
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
        async (parts, cuts) => {
          const body = form(...parts.map((p) => part(`name="${p.name}"`, Buffer.from(p.data, 'latin1'))));
          let i = 0;
          const found = await read(body, () => cuts[i++ % cuts.length] ?? 1);
          assert.deepEqual(found, parts);
        },
      ),
      { seed: seeded(t).below(2 ** 31), numRuns: rounds(300) },
    );
  });

  it('with bytes changed come to the same however they are cut, and throw nothing unexpected', async (t) => {
    const base = form(part('name="a"; filename="b"', 'x\r\n--y'), part('name="c"', '\r\n'));
    const change = fc.record({
      at: fc.nat({ max: base.length }),
      cut: fc.nat({ max: 12 }),
      put: fc.oneof(near, fc.constantFrom('"', ';', ':', ' ', '\0', '\\', '\u00e9', `\r\n--${BOUNDARY}--`)),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        async (changes, cuts) => {
          let body: Buffer = base;
          for (const { at, cut, put } of changes)
            body = Buffer.concat([body.subarray(0, at), Buffer.from(put), body.subarray(at + cut)]);
          let i = 0;
          const cutUp = await outcome(body, () => cuts[i++ % cuts.length] ?? 1);
          assert.deepEqual(cutUp, await outcome(body));
        },
      ),
      { seed: seeded(t).below(2 ** 31), numRuns: rounds(500) },
    );
  });
});
