import { it } from 'node:test';
import { runtimes } from '../support/server.ts';
import { serverTarget } from '../support/server-door.ts';
import { pasteSuite } from './pastes.ts';
import { socketSuite } from './sockets.ts';

if (runtimes.includes('bun')) {
  const target = serverTarget('bun');
  pasteSuite(target);
  socketSuite(target);
} else {
  it('pastes by the server on Bun', { skip: 'npm has no Bun for this platform' }, () => {});
}
