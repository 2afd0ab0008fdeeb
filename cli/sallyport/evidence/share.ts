/** `sallyport share` */

import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { parseSeconds } from '../../shared/duration.ts';
import { usage } from '../../shared/failure.ts';
import { keepNew } from '../../shared/kept.ts';
import type { World } from '../../shared/world.ts';
import { say, tell } from '../command.ts';
import { type KnownKey, keyName } from './contacts-file.ts';
import { evidenceCommand } from './evidence-command.ts';
import { requireRecord } from './key-records.ts';
import { isIncidentId, isStreamId, type StreamKey } from './keys-file.ts';
import { requireConfirmed, requireKnown } from './keys-options.ts';
import { KEYS_OPTIONS, keysFrom } from './keys-reading.ts';
import { type Given, type Option, OUTPUT, SERVER } from './options.ts';
import { accountAt, connected } from './session-commands.ts';
import { shareGuide } from './share-guide.ts';
import { type Share, shareWith } from './sharing.ts';
import { wrapKeys } from './wrapping.ts';

const OPTIONS: readonly Option[] = [
  { name: 'contact', value: 'NAME', repeatable: true, help: 'with whom, as in sallyport keys register' },
  { name: 'stream', value: 'ID', help: 'this stream alone (default: all whose keys are there)' },
  { name: 'expires', value: 'TIME', help: 'the server gives nothing out after this long: 30d' },
  ...KEYS_OPTIONS,
  {
    name: 'out',
    value: 'FILE.age',
    help: 'write the wrapped keys for the contact as well, with a guide in FILE.txt',
  },
];

const DETAILS = `
Lets contacts open recordings: makes a grant, wraps the key of each stream for the contact's public key, and brings it
to the server. The key is the one that was confirmed on this machine. When the server has another, nothing is wrapped,
for nobody, and the exit code is 1. It can be repeated; what is there already stays.

The server gives wrapped keys to you alone. Hand them on yourself: --out writes them, for one contact, as a file that
their private key opens, with a page for them that says how.

  sallyport share inc_… --contact anna --keys DIR/keys.json --out for-anna.age
`;

export const shareCommand = evidenceCommand({
  words: ['share'],
  usage: 'share INCIDENT --contact NAME… --keys FILE [OPTIONS]',
  summary: 'Wrap the keys of an incident for contacts.',
  details: DETAILS,
  options: [['Options', OPTIONS], SERVER, OUTPUT],
  positionals: [1, 1],
  run: share,
});

async function share(world: World, given: Given): Promise<number> {
  const wish = wishIn(world, given);
  const names = [...new Set(given.values('contact').map(keyName))];
  if (names.length === 0) throw usage('Say with whom: --contact NAME.');
  const files = await filesIn(world, given, names.length);
  const keys = (await keysFrom(world, given)).filter(
    ({ incidentId, streamId }) =>
      incidentId === wish.incidentId && (wish.streamId === undefined || streamId === wish.streamId),
  );
  if (keys.length === 0) throw usage('The keys file has no key of this incident, or of this stream.');

  const { service, login } = await connected(world, given);
  const account = await accountAt(service, login);
  const contacts: KnownKey[] = [];
  for (const name of names)
    contacts.push(requireConfirmed(await requireKnown(world, account, { kind: 'contact', name })));
  // All of them before the first: one exchanged key is a reason to trust this server with nothing.
  for (const contact of contacts) await requireRecord(login.asked, contact);
  const shares = [];
  for (const contact of contacts) {
    const grantId = await shareWith(login.asked, wish, keys, contact);
    shares.push({ contact: contact.name, fingerprint: contact.fingerprint, grant_id: grantId });
  }
  const [contact] = contacts;
  if (files !== undefined && contact !== undefined)
    await handOut(files, contact, service.base.href, wish.incidentId, keys);

  const streams = keys.map(({ streamId }) => streamId);
  tell(
    given.has('json'),
    { incident_id: wish.incidentId, streams, shares, file: files?.age ?? null, guide: files?.guide ?? null },
    files === undefined ? [] : [files.age],
  );
  if (given.has('json') || given.has('quiet')) return 0;
  for (const { contact: name } of shares)
    say(
      `${name}: the keys of ${streams.length === 1 ? 'one stream' : `${streams.length} streams`} are wrapped.`,
    );
  if (files !== undefined) say(`Send both: ${files.age} and ${files.guide}.`);
  return 0;
}

function wishIn(world: World, given: Given): Share {
  const [incidentId = ''] = given.positionals;
  if (!isIncidentId(incidentId)) throw usage('Name the incident, inc_….');
  const streamId = given.value('stream');
  if (streamId !== undefined && !isStreamId(streamId)) throw usage('--stream is the id of a stream, str_….');
  const expires = given.value('expires');
  const seconds = expires === undefined ? undefined : parseSeconds(expires, '--expires');
  const until = seconds === undefined ? undefined : world.now() + seconds * 1000;
  if (until !== undefined && !(until < 8.64e15)) throw usage('--expires is too far away.');
  return { incidentId, streamId, expiresAt: until === undefined ? undefined : new Date(until).toISOString() };
}

interface Files {
  readonly age: string;
  readonly guide: string;
}

/** Where `--out` leads; neither may be there. Throws usage failures. */
async function filesIn(world: World, given: Given, contacts: number): Promise<Files | undefined> {
  const out = given.value('out');
  if (out === undefined) return undefined;
  if (contacts !== 1) throw usage('--out is for one contact; run it once for each.');
  if (!/[^/\\]\.age$/.test(out)) throw usage('--out names a file that ends in .age.');
  const age = resolve(world.cwd, out);
  const files = { age, guide: age.replace(/age$/, 'txt') };
  for (const path of [files.age, files.guide]) {
    const there = await stat(path).catch(() => undefined);
    if (there !== undefined) throw usage(`${path} is there already.`);
  }
  return files;
}

async function handOut(
  { age, guide }: Files,
  { recipient }: KnownKey,
  server: string,
  incidentId: string,
  keys: readonly StreamKey[],
): Promise<void> {
  await keepNew(age, await wrapKeys(keys, recipient));
  await keepNew(guide, shareGuide(basename(age), recipient, server, incidentId, keys));
}
