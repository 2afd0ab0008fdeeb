/** Somebody who may record, at a server that was just started. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Session, throughSockets } from './ask.ts';
import type { BothDoors } from './both-doors.ts';
import { anotherOwner, firstAdmin } from './evidence.ts';
import type { TestServer } from './server.ts';

/** A started server's doors, as the suites for handlers take them. Where there is an admin already, no secret is. */
export async function doorsOf(server: TestServer): Promise<BothDoors> {
  const secret = await readFile(join(server.folder, 'data', 'bootstrap-secret'), 'utf8').catch(() => '');
  return {
    ...throughSockets(server),
    bootstrapSecret: secret.trim(),
    now: Date.now,
    async close() {
      await server.stop();
    },
  };
}

/** An owner at a server that has no admin yet, and another for each further name. */
export async function ownersAt(
  server: TestServer,
  count = 1,
): Promise<{ doors: BothDoors; owners: Session[] }> {
  const doors = await doorsOf(server);
  const boss = await firstAdmin(doors);
  const owners: Session[] = [];
  for (let i = 0; i < count; i += 1) owners.push(await anotherOwner(doors, boss));
  return { doors, owners };
}
