/** docs/asvs.md against the numbers of ASVS 5.0.0 (levels 1 and 2), and against the files that it names. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, it } from 'node:test';

const root = join(import.meta.dirname, '..', '..');

/** Sections, and how many requirements of levels 1 and 2 each has: they are its first ones, without a gap. */
const SECTIONS = `
  1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 4.1:3 4.2:1 4.3:2 4.4:4
  5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2
  8.1:2 8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 11.2:3 11.3:3
  11.4:4 11.5:1 11.6:1 12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4 14.3:3 15.1:3 15.2:3
  15.3:7 16.1:1 16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2`;

const STATES = ['met', 'partly', 'not met', 'not shown', 'does not apply'];

let text = '';
/** Number, own words, state, and how it is shown. */
let rows: string[][] = [];
before(async () => {
  text = await readFile(join(root, 'docs', 'asvs.md'), 'utf8');
  rows = [...text.matchAll(/^\| (\d+\.\d+\.\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map((row) =>
    row.slice(1),
  );
});

it('has each requirement once, in the order of the standard', () => {
  const numbers = SECTIONS.trim()
    .split(/\s+/)
    .flatMap((section) => {
      const [name = '', count = ''] = section.split(':');
      return Array.from({ length: Number(count) }, (_, i) => `${name}.${i + 1}`);
    });
  assert.equal(numbers.length, 253);
  assert.deepEqual(
    rows.map(([number]) => number),
    numbers,
  );
});

it('says of each how it stands, and tells at its head of all that is not met', () => {
  const [head = ''] = text.split('\n## V1 ');
  for (const [number = '', , state = ''] of rows) {
    assert.ok(STATES.includes(state), `${number} is "${state}"`);
    const told = new RegExp(
      `^\\| (?:[\\d., ]*, )?${number.replaceAll('.', '\\.')}(?:,[\\d., ]*)? \\|`,
      'm',
    ).test(head);
    assert.equal(told, !['met', 'does not apply'].includes(state), `${number}, ${state}`);
  }
});

it('names files that are there', () => {
  const files = text.match(/(?<=`)(?:test|docs|src|runtime|cli|deploy)\/[^`]+(?=`)/g) ?? [];
  assert.ok(files.length > 150);
  for (const file of files) assert.ok(existsSync(join(root, file)), file);
});
