import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Fault } from '../../src/core/faults.ts';
import { pageOf, pagingOf } from '../../src/core/paging.ts';

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const LENGTHS = { usual: 10, most: 50 };
const paging = (after: string | null, limit: string | null) => pagingOf({ after, limit }, 'str', LENGTHS);

describe('what page is asked for', () => {
  it('is the first one of the usual length unless said otherwise', () => {
    assert.deepEqual(paging(null, null), { after: undefined, limit: 10 });
  });

  it('comes after an id, and is as long as was asked, up to the most', () => {
    for (const [asked, given] of [
      ['1', 1],
      ['50', 50],
      ['51', 50],
      ['0050', 50],
      ['999999999', 50],
      ['9999999999', 50],
      ['9'.repeat(400), 50],
      [`${'0'.repeat(400)}7`, 7],
    ] as const)
      assert.deepEqual(paging(`str_${ULID}`, asked), { after: `str_${ULID}`, limit: given });
  });

  it('has no length that is no positive whole number', () => {
    for (const limit of [
      '',
      '0',
      '00',
      '-1',
      '+1',
      '1.0',
      '1e2',
      ' 1',
      '0x10',
      'all',
      'NaN',
      '١',
      '0'.repeat(400),
    ])
      assert.throws(() => paging(null, limit), new Fault('invalid_limit'), JSON.stringify(limit));
  });

  it('comes after nothing but an id of its kind', () => {
    for (const after of [
      '',
      'str_',
      ULID,
      `inc_${ULID}`,
      `str_${ULID}0`,
      `str_${ULID.toLowerCase()}`,
      "' OR 1=1",
    ])
      assert.throws(() => paging(after, null), new Fault('invalid_cursor'), JSON.stringify(after));
  });
});

describe('a page', () => {
  const things = Array.from({ length: 5 }, (_, i) => ({ id: `str_${i}` }));
  const read = async (after: string | undefined, limit: number) => {
    const from = after === undefined ? 0 : things.findIndex(({ id }) => id === after) + 1;
    return things.slice(from, from + limit);
  };

  it('names what the next one comes after, and the last one names nothing', async () => {
    const first = await pageOf({ after: undefined, limit: 2 }, read);
    assert.deepEqual(first, { items: things.slice(0, 2), next: { after: 'str_1', limit: 2 } });
    const second = await pageOf({ after: 'str_1', limit: 2 }, read);
    assert.deepEqual(second.next, { after: 'str_3', limit: 2 });
    assert.deepEqual(await pageOf({ after: 'str_3', limit: 2 }, read), { items: things.slice(4) });
  });

  it('is the last one also where it is exactly full', async () => {
    assert.deepEqual(await pageOf({ after: undefined, limit: 5 }, read), { items: things });
  });

  it('is empty where nothing is', async () => {
    assert.deepEqual(await pageOf({ after: undefined, limit: 5 }, async () => []), { items: [] });
  });
});
