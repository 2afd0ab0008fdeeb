/** What is written down of an answer that streams. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { anyone, mainRoute, noParams } from '../../src/handlers/kit/route.ts';
import { serve } from '../../src/handlers/kit/serve.ts';
import { inHouse } from '../support/house.ts';

/** A route whose body brings a byte at once, and `next` when that is there. */
const slowly = (next: Promise<Uint8Array<ArrayBuffer>>) =>
  mainRoute({
    id: 'test.slowly',
    method: 'GET',
    path: '/slowly',
    limit: 'paste_read',
    gate: anyone,
    params: noParams,
    summary: '',
    answers: {},
    faults: [],
    reply: async () => {
      const pieces = [Promise.resolve(new Uint8Array(1)), next];
      const open = () =>
        new ReadableStream<Uint8Array<ArrayBuffer>>(
          {
            async pull(controller) {
              controller.enqueue((await pieces.shift()) ?? new Uint8Array(1));
            },
          },
          { highWaterMark: 0 },
        );
      return { status: 200, headers: {}, body: { length: 2, open } };
    },
  });

for (const [how, settle] of [
  ['comes', ({ resolve }) => resolve(new Uint8Array(1))],
  ['fails', ({ reject }) => reject(new RangeError('of the storage'))],
] satisfies [string, (next: PromiseWithResolvers<Uint8Array<ArrayBuffer>>) => void][])
  it(`a download whose client leaves is told of once, also where what it waited for ${how} afterwards`, () =>
    inHouse({}, async (house) => {
      const next = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
      const observed: unknown[] = [];
      const metrics = { ...house.deps.metrics, observe: (...seen: unknown[]) => observed.push(seen) };
      const door = serve('main', [slowly(next.promise)], { ...house.deps, metrics });
      const { body } = await door(new Request('http://door.test/slowly'));
      const reader = body?.getReader() ?? assert.fail('no body');
      await reader.read();
      const waiting = reader.read();
      // Whoever reads is asked for the next piece in a later turn of the loop at the latest.
      await new Promise((resolve) => setImmediate(resolve));
      await reader.cancel();
      settle(next);
      await waiting;
      await new Promise((resolve) => setImmediate(resolve));
      const told = house.log.filter(({ msg }) => msg === 'request');
      assert.deepEqual(
        told.map(({ bytes, broken }) => [bytes, broken]),
        [[1, 'Fault']],
      );
      assert.equal(observed.length, 1);
    }));
