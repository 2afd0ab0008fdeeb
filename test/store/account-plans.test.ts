/** What the hot and the sweeping statements about accounts cost: the engine's own plan. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hashOf, NOW, sessionId } from '../contract/account-room.ts';
import { costly, watch } from '../support/plans.ts';

it('a session is looked up in one reading batch that scans no table', async () => {
  const { modes, plans } = await watch(({ accounts }) => accounts.liveSession(hashOf(1), NOW));
  assert.deepEqual(modes, ['read']);
  assert.ok(plans.some((line) => line.startsWith('SEARCH s USING INDEX')));
  assert.deepEqual(costly(plans), []);
});

it('a use of a session is one small write, by its id', async () => {
  const { modes, plans } = await watch(({ accounts }) =>
    accounts.touchSession(sessionId(1), { now: NOW, stepMs: 1, idleAt: undefined }),
  );
  assert.deepEqual(modes, ['write']);
  assert.ok(plans.length > 0);
  assert.deepEqual(costly(plans), []);
});

it('the sessions of an account are found and in their order without a scan or a sort', async () => {
  const { modes, plans } = await watch(({ accounts }) => accounts.sessions('acct_1', NOW, 'ses_9', 10));
  assert.deepEqual(modes, ['read']);
  assert.ok(plans.some((line) => line.includes('sessions_of_account')));
  assert.deepEqual(costly(plans), []);
});

it('a sweep scans and sorts no table', async () => {
  const { modes, plans } = await watch(({ accounts }) => accounts.sweep(NOW, 10));
  assert.deepEqual(modes, ['write']);
  assert.ok(plans.length > 8);
  assert.deepEqual(costly(plans), []);
});

it('an account is found by its name without a scan', async () => {
  const { plans } = await watch(({ accounts }) => accounts.byUsername('somebody'));
  assert.ok(plans.length > 0);
  assert.deepEqual(costly(plans), []);
});
