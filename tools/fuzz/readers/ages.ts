/** Files, identities and recipients of age, as commands are given them. */
import { Readable } from 'node:stream';
import { recipientOf } from '../../../cli/sallyport/evidence/recipients.ts';
import { ageEncrypt, ageOpener } from '../../../cli/shared/age.ts';
import { Failure } from '../../../cli/shared/failure.ts';
import { processWorld, type World } from '../../../cli/shared/world.ts';
import { chanceOf } from '../chance.ts';
import { must } from '../target.ts';
import { ofText, orRefused, orRefusedLater, type Reader } from './reader.ts';

interface Made {
  readonly identities: readonly [string, string];
  readonly recipients: readonly string[];
  /** To one, to the other, and to both. */
  readonly files: readonly Uint8Array[];
}

const CONTENT = new Uint8Array(70_000).map((_, at) => at % 251);

async function* once(bytes: Uint8Array) {
  yield bytes;
}

async function whole(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

let made: Promise<Made> | undefined;
const ages = () => {
  made ??= (async () => {
    const age = await import('age-encryption');
    const identities = [await age.generateX25519Identity(), await age.generateHybridIdentity()] as const;
    const recipients = await Promise.all(identities.map((one) => age.identityToRecipient(one)));
    const [first = '', second = ''] = recipients;
    const files = [[first], [second], [first, second]].map(async (to, at) => {
      const content = at === 2 ? CONTENT : CONTENT.subarray(0, 100);
      return whole((await ageEncrypt(once(content), content.length, to)).pieces);
    });
    return { identities, recipients, files: await Promise.all(files) };
  })();
  return made;
};

const isFailure = (thrown: unknown): boolean =>
  thrown instanceof Failure && ['usage', 'decryption', 'refused'].includes(thrown.kind);

const worldWith = (text: string): World => ({
  ...processWorld(),
  stdin: Readable.from([Buffer.from(text)]),
});

const files: Reader = {
  name: 'age-files',
  summary: 'age files, opened with the identities that they were made for',
  words: ['age-encryption.org/v1\n', '-> ', '-> X25519 ', '-> scrypt ', '--- ', '\n', '\r\n', 'A'.repeat(64)],
  seeds: async () => {
    const { files: right } = await ages();
    const armored = Buffer.from(right[0] ?? []).toString('base64');
    return [...right, `-----BEGIN AGE ENCRYPTED FILE-----\n${armored}\n-----END AGE ENCRYPTED FILE-----\n`];
  },
  async read(bytes) {
    const { identities, files: right } = await ages();
    const open = await ageOpener(worldWith(identities.join('\n')), ['-']);
    const chance = chanceOf(bytes.length);
    async function* pieces() {
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + 1 + chance.below(chance.once(3) ? 40 : 40_000));
        yield bytes.slice(at, end);
        at = end;
      }
    }
    const opened = await orRefusedLater(async () => whole(await open(pieces())), isFailure);
    const original = right.findIndex((one) => Buffer.compare(one, bytes) === 0);
    if (original >= 0) must(opened !== undefined, () => 'a right file is refused');
    if (opened === undefined) return;
    must(original >= 0, () => 'a file opens that nobody encrypted');
    must(
      Buffer.compare(opened, CONTENT.subarray(0, opened.length)) === 0 && opened.length >= 100,
      () => 'a file opens as something else',
    );
  },
};

const identityFiles = ofText({
  name: 'age-identities',
  summary: 'files of age identities, and recipients, as people hand them over',
  words: [
    ...['AGE-SECRET-KEY-1', 'AGE-SECRET-KEY-PQ-1', 'age1', 'age1pq1', '# ', '\n', '\r\n', 'ssh-ed25519 AAAA'],
    ...['-----BEGIN OPENSSH PRIVATE KEY-----', 'q', 'Q', '\ufeff', '\0', ' '],
  ],
  seeds: async () => {
    const { identities, recipients } = await ages();
    return [...identities, ...recipients, `# made today\n${identities.join('\n')}\n`];
  },
  async readText(text) {
    const { identities, recipients } = await ages();
    const refuses = (thrown: unknown): boolean => {
      if (!isFailure(thrown) || !(thrown instanceof Failure)) return false;
      const secrets = identities.map((one) => one.slice(-40));
      const said = thrown.message.toUpperCase();
      return !secrets.some((secret) => said.includes(secret)) && !said.includes('AGE-SECRET-KEY-1Q');
    };
    await orRefusedLater(() => ageOpener(worldWith(text), ['-']), refuses);
    const recipient = orRefused(() => recipientOf(text), refuses);
    if (recipient === undefined) return;
    must(recipient.recipient === text.trim(), () => 'another recipient than was given');
    // A point that is no good key encrypts to nobody; it is refused then, in words.
    await orRefusedLater(() => ageEncrypt(once(CONTENT), undefined, [recipient.recipient]), isFailure);
    if (text.length < 100 && recipients.includes(text)) must(recipient.kind !== undefined, () => 'no kind');
  },
});

export const ageReaders: readonly Reader[] = [files, identityFiles];
