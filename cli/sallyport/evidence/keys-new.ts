/** `sallyport keys new`: a key pair of age, whose private half stays in a file of this machine. */

import { resolve } from 'node:path';
import { usage } from '../../shared/failure.ts';
import { keepNew } from '../../shared/kept.ts';
import type { World } from '../../shared/world.ts';
import { say, tell } from '../command.ts';
import { evidenceCommand } from './evidence-command.ts';
import { type Given, type Option, OUTPUT } from './options.ts';
import { recipientOf, spokenFingerprint } from './recipients.ts';

const OPTIONS: readonly Option[] = [
  { name: 'out', value: 'FILE', help: 'where the private key goes; never over a file that is there' },
  { name: 'pq', help: 'ML-KEM-768 with X25519 (age1pq1…), for age 1.3 and later' },
];

export const keysNewCommand = evidenceCommand({
  words: ['keys', 'new'],
  usage: 'keys new --out FILE [--pq]',
  summary: 'Make a key pair of age for yourself; nothing is sent.',
  details: `
Writes the private key (mode 0600) as age-keygen does, and prints the public one, age1…, to hand out. Whoever has FILE
can open what is wrapped for you. Without it, nobody can: keep a copy where a fire does not reach both.
`,
  options: [['Options', OPTIONS], OUTPUT],
  positionals: [0, 0],
  run: makeKeys,
});

async function makeKeys(world: World, given: Given): Promise<number> {
  const out = given.value('out');
  if (out === undefined || out === '') throw usage('Say where the private key goes: --out FILE.');
  const { generateHybridIdentity, generateX25519Identity, identityToRecipient } = await import(
    'age-encryption'
  );
  const identity = await (given.has('pq') ? generateHybridIdentity() : generateX25519Identity());
  const { recipient, fingerprint, kind } = recipientOf(await identityToRecipient(identity));
  const created = new Date(world.now()).toISOString();
  const file = resolve(world.cwd, out);
  await keepNew(file, `# created: ${created}\n# public key: ${recipient}\n${identity}\n`);
  tell(given.has('json'), { recipient, fingerprint, suite_id: kind, file }, [recipient]);
  if (!given.has('json') && !given.has('quiet')) {
    say(`Fingerprint: ${spokenFingerprint(fingerprint)}`);
    say(`Private key: ${file}. Show it to nobody, send it nowhere.`);
  }
  return 0;
}
