/** A main door behind the socket of a real server process. */
import type { Target } from './door.ts';
import { httpDoor } from './http-door.ts';
import { type RuntimeName, startServer } from './server.ts';

/** The server on a runtime, a process for each door that is opened. */
export function serverTarget(runtime: RuntimeName): Target {
  return {
    name: `the server on ${runtime === 'node' ? 'Node' : 'Bun'}`,
    async open(settings) {
      const server = await startServer({ runtime, settings });
      const door = httpDoor(
        server.main,
        settings.SAFE_URL_PREFIX ?? '',
        settings.SAFE_PUBLIC_ORIGIN ?? server.main,
      );
      return {
        ...door,
        async close() {
          await door.close();
          await server.stop();
        },
      };
    },
  };
}
