/** Requests that take long are marked in the log. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inHouse, ORIGIN } from '../support/house.ts';

/** What the log says of a create whose body takes so many milliseconds. */
async function marked(env: Record<string, string>, ms: number): Promise<unknown> {
  let mark: unknown;
  await inHouse({ env }, async (house) => {
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        house.clock.advance(ms);
        controller.enqueue(new TextEncoder().encode('slowly'));
        controller.close();
      },
    });
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    const answer = await house.main(new Request(`${ORIGIN}/`, init));
    assert.equal(answer.status, 201);
    const [line] = house.log;
    assert.equal(line?.duration_ms, ms);
    mark = line?.slow;
  });
  return mark;
}

describe('a request that takes long', () => {
  it('is marked as slow from the set time on, and not before', async () => {
    assert.equal(await marked({ SAFE_SLOW_REQUEST: '2s' }, 1999), undefined);
    assert.equal(await marked({ SAFE_SLOW_REQUEST: '2s' }, 2000), true);
    assert.equal(await marked({}, 9999), undefined);
    assert.equal(await marked({}, 10_000), true);
  });

  it('is never marked where that is turned off', async () => {
    assert.equal(await marked({ SAFE_SLOW_REQUEST: '0' }, 25_000), undefined);
  });
});
