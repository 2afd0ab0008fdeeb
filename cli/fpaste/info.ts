/** `fpaste info`: what the server takes. */

import { spokenSeconds } from '../shared/duration.ts';
import { printable, spokenBytes } from '../shared/text.ts';
import { fetchInfo } from './server.ts';
import type { Session } from './session.ts';

export async function info(session: Session): Promise<void> {
  const { out, settings, route } = session;
  const server = await fetchInfo(session, settings.server);
  if (out.json)
    return await out.printJson({ server: settings.server.href, ...(server.json as Record<string, unknown>) });
  const rows: readonly (readonly [string, string])[] = [
    ['Server', `${settings.server.href} (version ${printable(server.version, 40)})`],
    ['Uploads', server.create === 'anyone' ? 'anyone' : 'with a client certificate only'],
    [
      'Largest',
      `${spokenBytes(server.maxBytesAnonymous)}, with a client certificate ${spokenBytes(server.maxBytesIdentified)}`,
    ],
    [
      'Kept',
      `${spokenSeconds(server.defaultExpirySeconds)} unless asked otherwise, ${spokenSeconds(server.maxExpirySeconds)} at most`,
    ],
    ['Sealed', server.minEntropy > 0 ? 'only sealed pastes are taken' : 'not demanded'],
    ['Proof of work', server.powRequired ? `${server.powDifficulty} bits` : 'none'],
    ['Certificate', route.client === undefined ? 'none is shown' : 'a client certificate is shown'],
    ['Fingerprint', route.fingerprint === undefined ? 'not pinned' : 'pinned'],
    ['Configuration', settings.configFile],
  ];
  for (const [name, value] of rows) await out.print(`${`${name}:`.padEnd(15)}${value}\n`);
}
