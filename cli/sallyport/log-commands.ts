/** `sallyport log …`: the log's key, its newest checkpoint, and proofs for people who kept an older one. */
import { type Command, CommandFailure, type Parsed, parse, tell, UsageError } from './command.ts';
import { adoptKey } from './log-adopt-key.ts';
import { perform, settingsFrom } from './operator.ts';

/** What the server says of its log. */
interface State {
  readonly verifier_key: string | null;
  readonly entries: number;
  readonly checkpoint: {
    readonly size: number;
    readonly note: string;
    readonly [more: string]: unknown;
  } | null;
}

interface Proof {
  readonly index: number;
  readonly leaf: string;
  readonly size: number;
  readonly proof: readonly string[];
}

const asked = (parsed: Parsed, name: string, args: object = {}) => perform(settingsFrom(parsed), name, args);
const state = async (parsed: Parsed) => (await asked(parsed, 'log')) as State;

/** A whole number as it was typed. */
function whole(text: string | undefined): number {
  if (text === undefined || !/^\d{1,15}$/.test(text))
    throw new UsageError('A size or an index is a whole number.');
  return Number(text);
}

const key: Command = {
  words: ['log', 'key'],
  usage: 'log key [--json]',
  summary: 'Show the key that checkpoints, bundles and receipts are checked with.',
  details: `
Publish it where people find it without this server: sallyport verify takes it with --key.
`,
  async run(args) {
    const parsed = parse(args, {}, 0);
    const { verifier_key } = await state(parsed);
    if (verifier_key === null)
      throw new CommandFailure('Nothing is signed yet: the key is made at the first start of the server.');
    tell(parsed.json, { verifier_key }, [verifier_key]);
    return 0;
  },
};

const checkpoint: Command = {
  words: ['log', 'checkpoint'],
  usage: 'log checkpoint [--json]',
  summary: 'Show the newest checkpoint, signed, as it is published.',
  details: `
A C2SP checkpoint: the name of the log, how many entries it has, the root of their tree, and the signature. Whoever
keeps it can hold every later bundle against it: sallyport verify BUNDLE --key KEY --earlier FILE
`,
  async run(args) {
    const parsed = parse(args, {}, 0);
    const { checkpoint: latest } = await state(parsed);
    if (latest === null)
      throw new CommandFailure(
        'There is no checkpoint yet. A running server signs one within ten seconds of the first entry.',
      );
    tell(parsed.json, latest, latest.note.split('\n').slice(0, -1));
    return 0;
  },
};

const consistency: Command = {
  words: ['log', 'consistency'],
  usage: 'log consistency FROM TO',
  summary: 'Prove that the log of TO entries continues that of FROM entries.',
  details: `
FROM and TO are sizes of checkpoints, as sallyport verify names them when a bundle cannot prove this by itself. Prints
a line of JSON, which people give to: sallyport verify BUNDLE --earlier FILE --consistency FILE
`,
  async run(args) {
    const parsed = parse(args, {}, 2);
    const [from, to] = parsed.positionals;
    const proof = await asked(parsed, 'log.consistency', { from: whole(from), to: whole(to) });
    process.stdout.write(`${JSON.stringify(proof)}\n`);
    return 0;
  },
};

const proof: Command = {
  words: ['log', 'proof'],
  usage: 'log proof INDEX [--json]',
  summary: 'Show an entry of the log, and the proof that the newest checkpoint covers it.',
  details: `
INDEX counts from 0. The hashes are standard base64, from the entry's neighbour up to the root (RFC 6962, 2.1.1).
`,
  async run(args) {
    const parsed = parse(args, {}, 1);
    const found = (await asked(parsed, 'log.proof', { index: whole(parsed.positionals[0]) })) as Proof;
    tell(parsed.json, found, [
      ...found.leaf.split('\n').slice(0, -1),
      '',
      `Entry ${found.index} of ${found.size}:`,
      ...found.proof,
    ]);
    return 0;
  },
};

export const logCommands: readonly Command[] = [key, checkpoint, consistency, proof, adoptKey];
