/**
 * Prints how long reads of a 1 KiB paste take at a real server on Node, while nothing else happens and while 200
 * logins run in parallel, limits off. Goal: the 99th percentile stays within three times that of an idle server.
 *
 *     node bench/logins.ts
 */
import { randomBytes } from 'node:crypto';
import { startServer } from '../test/support/server.ts';
import { keep, quantile } from './lib/results.ts';

const LOGINS = 200;
const READERS = 4;
const IDLE_READS = 2000;

const server = await startServer({ settings: { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false' } });
try {
  const made = await fetch(`${server.main}/`, { method: 'POST', body: randomBytes(1024) });
  const { id } = (await made.json()) as { id: string };

  /** Milliseconds of each read, while `go` says so. */
  async function reads(go: (done: number) => boolean): Promise<number[]> {
    const times: number[] = [];
    await Promise.all(
      Array.from({ length: READERS }, async () => {
        while (go(times.length)) {
          const start = performance.now();
          const answer = await fetch(`${server.main}/${id}/raw`);
          await answer.arrayBuffer();
          if (answer.status !== 200) throw new Error(`a read was answered with ${answer.status}`);
          times.push(performance.now() - start);
        }
      }),
    );
    return times.sort((a, b) => a - b);
  }
  const show = (name: string, sorted: readonly number[]) => {
    const [half, most] = [quantile(sorted, 0.5), quantile(sorted, 0.99)];
    console.log(
      `${name.padEnd(24)} ${String(sorted.length).padStart(6)} reads  p50 ${half.toFixed(2)} ms  p99 ${most.toFixed(2)} ms`,
    );
    return { median: half, p99: most };
  };

  await reads((done) => done < 500); // warm
  const idle = show('idle', await reads((done) => done < IDLE_READS));

  let logging = true;
  // Each tries a name of its own, so that nobody is slowed down for guessing; a name that nobody has costs the same.
  const logins = Promise.all(
    Array.from({ length: LOGINS }, async (_, i) => {
      const body = JSON.stringify({ username: `nobody-${i}`, password: 'a passphrase for the bench' });
      for (let busy = true; busy; ) {
        const answer = await fetch(`${server.main}/v1/auth/login`, { method: 'POST', body });
        await answer.arrayBuffer();
        // Beyond the bound of its queue the server says so; a client comes again.
        busy = answer.status === 503;
        if (busy) await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }),
  );
  const started = performance.now();
  logins.finally(() => {
    logging = false;
  });
  const loaded = show(`during ${LOGINS} logins`, await reads(() => logging));
  await logins;
  const seconds = (performance.now() - started) / 1000;
  console.log(`${(LOGINS / seconds).toFixed(1)} logins/s`);
  await keep({
    name: `reads of 1 KiB during ${LOGINS} logins, p99`,
    against: 'that when idle',
    value: loaded.p99 / idle.p99,
    unit: '',
    atMost: 3,
    ...loaded,
  });
} finally {
  await server.stop();
}
