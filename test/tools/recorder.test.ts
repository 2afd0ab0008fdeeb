import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LIMITS_OFF, newRecorder } from '../support/recorder.ts';

it('a recorder that cannot be made fails at once and leaves no server behind', async () => {
  const settings = {
    ...LIMITS_OFF,
    SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'true',
    SAFE_MAIN_API_RATE_LIMIT_AUTH_EMAIL_VERIFY: '1',
  };
  await assert.rejects(newRecorder(settings), /429/);
  assert.ok(!process.getActiveResourcesInfo().includes('ProcessWrap'));
});
