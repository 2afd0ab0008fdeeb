/** Both doors of a Sallyport that has no admin yet: called as functions, or of a real server on a runtime. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throughSockets } from './ask.ts';
import { BOOTSTRAP_SECRET, type House, openHouse, USUAL_HASHER } from './house.ts';
import { type RuntimeName, runtimes, startServer } from './server.ts';

export interface BothDoors extends Pick<House, 'main' | 'admin'> {
  readonly bootstrapSecret: string;
  /** Milliseconds since the epoch, as the server counts them. */
  now(): number;
  close(): Promise<void>;
}

/** A way to open them, for suites that run against each. */
export interface BothDoorsTarget {
  readonly name: string;
  /** @param settings `SAFE_…` */
  open(settings: Readonly<Record<string, string>>): Promise<BothDoors>;
}

const handlers: BothDoorsTarget = {
  name: 'the handlers',
  async open(env) {
    const { main, admin, clock, close } = await openHouse({ env, ports: { hasher: USUAL_HASHER } });
    return { main, admin, close, now: clock.now, bootstrapSecret: BOOTSTRAP_SECRET };
  },
};

function server(runtime: RuntimeName): BothDoorsTarget {
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

/** The handlers, and the servers that this machine can start. */
export const everyTarget: readonly BothDoorsTarget[] = [handlers, ...runtimes.map(server)];
