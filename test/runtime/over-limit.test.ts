import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldBackMs } from '../../runtime/over-limit.ts';

test('only who is over a limit waits for the answer, and longer where a body is on its way', () => {
  for (const status of [200, 201, 204, 304, 400, 401, 404, 413, 500, 503])
    for (const sending of [false, true]) assert.equal(heldBackMs(status, sending), 0, `${status}`);
  assert.ok(heldBackMs(429, false) > 0);
  assert.ok(heldBackMs(429, true) > heldBackMs(429, false));
  // Less than what Retry-After can say: a second.
  assert.ok(heldBackMs(429, true) < 1000);
});
