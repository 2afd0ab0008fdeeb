import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Recent } from '../../src/core/recent.ts';

it('what was not asked for longest goes first, when there is no more room', () => {
  const recent = new Recent<number>(10);
  recent.set('a', 1, 4);
  recent.set('b', 2, 4);
  assert.equal(recent.get('a'), 1);
  recent.set('c', 3, 4);
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => recent.get(key)),
    [1, undefined, 3],
  );
  recent.set('d', 4, 1);
  assert.deepEqual(
    ['a', 'c', 'd'].map((key) => recent.get(key)),
    [1, 3, 4],
  );
});

it('what is too heavy is not kept, and drives nothing out but what it replaces', () => {
  const recent = new Recent<number>(10);
  recent.set('a', 1, 5);
  recent.set('b', 2, 5);
  recent.set('a', 3, 11);
  assert.deepEqual([recent.get('a'), recent.get('b')], [undefined, 2]);
  recent.set('c', 4, 5);
  assert.deepEqual([recent.get('b'), recent.get('c')], [2, 4]);
});

it('what is forgotten makes room', () => {
  const recent = new Recent<number>(2);
  recent.set('a', 1, 2);
  recent.forget('a');
  recent.forget('unknown');
  recent.set('b', 2, 1);
  recent.set('c', 3, 1);
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => recent.get(key)),
    [undefined, 2, 3],
  );
});
