/** Each way to open both doors, opened once for all suites of a process that ask for no settings of their own. */
import { after } from 'node:test';
import { WEB } from './ask.ts';
import { everyTarget } from './both-doors.ts';
import { oneForAll } from './one-for-all.ts';

/** What the suites of evidence ask for, together: no limits, nothing that works by itself. */
export const EVIDENCE = {
  ...WEB,
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_PAGE: '0',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_DOWNLOAD: '0',
  SAFE_DELETION_WORKER_INTERVAL: '0',
};

export const sharedTargets = everyTarget.map((target) => oneForAll(target, EVIDENCE));

after(async () => {
  for (const target of sharedTargets) await target.end();
});
