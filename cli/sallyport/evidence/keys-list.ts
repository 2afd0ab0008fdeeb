/** `sallyport keys list`: the keys that this machine knows, held against those that the server has. */

import { EXIT_CODES } from '../../shared/failure.ts';
import type { World } from '../../shared/world.ts';
import { say, tell } from '../command.ts';
import { type KeyKind, type KnownKey, knownKeys } from './contacts-file.ts';
import { evidenceCommand } from './evidence-command.ts';
import { isSameKey, type KeyRecord, listRecords } from './key-records.ts';
import { type Given, OUTPUT, SERVER } from './options.ts';
import { spokenFingerprint } from './recipients.ts';
import { accountAt, connected } from './session-commands.ts';

const KINDS: readonly KeyKind[] = ['contact', 'own'];

export const keysListCommand = evidenceCommand({
  words: ['keys', 'list'],
  usage: 'keys list [OPTIONS]',
  summary: 'Show the public keys of this machine, and whether the server still has the same.',
  details: `
Exits with 1 when the server has another key than this machine, or lost one. Keys that only the server knows are
counted: another machine of yours may have registered them. Nothing is wrapped for those from here.
`,
  options: [SERVER, OUTPUT],
  positionals: [0, 0],
  run: list,
});

interface Row {
  readonly key: KnownKey;
  /** The server's word for it, or that it has another key there. */
  readonly state: string;
  readonly changed: boolean;
}

async function list(world: World, given: Given): Promise<number> {
  const { service, login } = await connected(world, given);
  const known = await knownKeys(world, await accountAt(service, login));
  const rows: Row[] = [];
  let elsewhere = 0;
  for (const kind of KINDS) {
    const records = await listRecords(login.asked, kind);
    const here = known.filter((key) => key.kind === kind);
    rows.push(...here.map((key) => rowOf(key, records)));
    const owners = new Set(here.map(({ ownerId }) => ownerId));
    elsewhere += records.filter(({ state, ownerId }) => state === 'active' && !owners.has(ownerId)).length;
  }
  const json = rows.map(({ key, state, changed }) => ({
    ...{ kind: key.kind, name: key.name, recipient: key.recipient, fingerprint: key.fingerprint },
    ...{ confirmed_at: key.confirmedAt ?? null, ended: key.ended ?? null, server_state: state, changed },
    ...{ owner_id: key.ownerId, key_id: key.keyId },
  }));
  tell(given.has('json'), { keys: json, unknown_here: elsewhere }, rows.map(line));
  if (elsewhere > 0 && !given.has('json') && !given.has('quiet'))
    say(`The server has ${elsewhere} more active, not confirmed on this machine.`);
  return rows.some(({ changed }) => changed) ? EXIT_CODES.refused : 0;
}

function rowOf(key: KnownKey, records: readonly KeyRecord[]): Row {
  const record = records.find(({ keyId }) => keyId === key.keyId);
  // Another key in use beside ours, for somebody who can have only one.
  const rival = records.some(
    ({ ownerId, keyId, state }) => ownerId === key.ownerId && keyId !== key.keyId && state === 'active',
  );
  if (record === undefined) return { key, state: 'gone', changed: true };
  const changed = !isSameKey(record, key) || rival;
  return { key, state: record.state, changed };
}

function line({ key, state, changed }: Row): string {
  const own = key.kind === 'own' ? ' (own)' : '';
  const here = key.ended ?? (key.confirmedAt === undefined ? 'not confirmed' : 'confirmed');
  const alarm = changed ? '; ANOTHER KEY IS ON THE SERVER' : '';
  return `${key.name}${own}: ${here}, on the server ${state}${alarm}\n  ${spokenFingerprint(key.fingerprint)}`;
}
