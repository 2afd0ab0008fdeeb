import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throughSockets } from '../support/ask.ts';
import { BOOTSTRAP_SECRET, openHouse } from '../support/house.ts';
import { type RuntimeName, runtimes, startServer } from '../support/server.ts';
import { type AccountTarget, accountSuite } from './accounts.ts';

const handlers: AccountTarget = {
  name: 'the handlers',
  async open(env) {
    const { main, admin, clock, close } = await openHouse({ env });
    return { main, admin, close, now: clock.now, bootstrapSecret: BOOTSTRAP_SECRET };
  },
};

function server(runtime: RuntimeName): AccountTarget {
  return {
    name: `the server on ${runtime === 'node' ? 'Node' : 'Bun'}`,
    async open(settings) {
      const { main, admin, folder, stop } = await startServer({ runtime, settings });
      const secret = await readFile(join(folder, 'data', 'bootstrap-secret'), 'utf8');
      return {
        ...throughSockets({ main, admin }),
        now: Date.now,
        bootstrapSecret: secret.trim(),
        async close() {
          await stop();
        },
      };
    },
  };
}

accountSuite(handlers);
for (const runtime of runtimes) accountSuite(server(runtime));
