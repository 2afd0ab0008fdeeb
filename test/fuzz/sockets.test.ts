/** A little of what `npm run fuzz -- sockets-node sockets-bun` does, with the same connections each day. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sockets } from '../../tools/fuzz/targets.ts';
import { rounds, seeded } from '../support/seed.ts';

const CONNECTIONS = rounds(64);

describe('connections that break every rule of HTTP', () => {
  for (const target of sockets) {
    it(`${target.name}: the server lives, answers the next, and gives back what it held`, async (t) => {
      const seed = seeded(t).below(2 ** 31);
      const budget = { seed, more: (done: number) => done < CONNECTIONS, progress: () => {} };
      const { find } = await target.fuzz(budget);
      assert.equal(find, undefined, JSON.stringify(find));
    });
  }
});
