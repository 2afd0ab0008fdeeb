/** `sallyport verify`, given bundles and what was kept from before, all of it from strangers. */
import { verifyCommand } from '../../../cli/sallyport/verify.ts';
import { must } from '../target.ts';
import { type Bundles, bundlesOf } from './bundle-seeds.ts';
import { checkEnd, checkText, type Ended, run as runCommand, withFiles } from './commands.ts';
import { entriesIn, writtenEntries } from './entries.ts';
import { ofText, type Reader } from './reader.ts';

interface Report {
  readonly verdict: string;
  readonly problem_count: number;
  readonly custody?: {
    readonly timestamp: { readonly time: string | null; readonly trusted: boolean } | null;
  };
  readonly problems: readonly { readonly code: string; readonly message: string }[];
}

let made: Promise<Bundles> | undefined;
/** Made once: nothing in them is changed. */
export const bundles = () => {
  made ??= bundlesOf();
  return made;
};

/** Runs `sallyport verify`. */
export const verify = (args: readonly string[]) => runCommand(verifyCommand, args);

/** The report, and that it is one. @param codes those that the documentation names for such input */
export function reportOf(ended: Ended, codes: readonly number[]): Report | undefined {
  checkEnd(ended, codes);
  const { code, out } = ended;
  if (out === '') {
    must(code !== 0, () => `it ends with ${code} and says nothing`);
    return undefined;
  }
  const report = JSON.parse(out) as Report;
  const { verdict, problems, problem_count: count } = report;
  must(['ok', 'not_proven', 'failed'].includes(verdict), () => `the verdict is ${verdict}`);
  must((verdict === 'ok') === (code === 0), () => `${verdict} ends with ${code}`);
  must((verdict === 'ok') === (count === 0), () => `${verdict} has ${count} problems`);
  must(problems.length <= Math.min(count, 200), () => `${problems.length} of ${count} problems are told`);
  for (const problem of problems)
    must(/^[a-z0-9_]+$/.test(problem.code), () => `a problem is called ${JSON.stringify(problem.code)}`);
  return report;
}

/** Both ways to be told, of one bundle. */
async function verified(bytes: Uint8Array, options: (paths: readonly string[]) => readonly string[]) {
  const { receipts, first } = await bundles();
  return withFiles([bytes, receipts, first], async (paths) => {
    const args = [paths[0] ?? '', ...options(paths)];
    const told = await verify(args);
    checkText(told);
    const report = reportOf(await verify(['--json', ...args]), [0, 1]);
    must(report !== undefined, () => 'a bundle has no report');
    must((told.code === 0) === (report.verdict === 'ok'), () => 'it is told in two ways');
    return report;
  });
}

const WORDS = [
  'PK\x01\x02',
  'PK\x03\x04',
  'PK\x05\x06',
  'PK\x06\x06',
  'PK\x06\x07',
  '\xff\xff\xff\xff',
  '\xff\xff',
  'manifest.json',
  'custody/checkpoint',
  '../',
  '"chunk_count":',
  '"chunks":[',
  '\x1b[2J',
];

const asDownloaded: Reader = {
  name: 'bundles',
  summary: 'bundles as sallyport verify reads them: the archive, byte by byte',
  words: WORDS,
  seeds: async () => (await bundles()).whole,
  async read(bytes) {
    const { verdict } = await verified(bytes, () => []);
    const original = (await bundles()).whole.some((one) => Buffer.compare(one, bytes) === 0);
    must((verdict === 'ok') === original, () => `${verdict}, and ${original ? 'whole' : 'changed'}`);
  },
};

const packed: Reader = {
  name: 'bundle-entries',
  summary: 'bundles whose entries were changed and packed again, with receipts, an earlier bundle and a key',
  words: [
    ...['\n=== manifest.json\n', '\n=== custody/leaves.jsonl\n', '"index":', '"proof":[', '"proof":["'],
    ...[
      '{"size":',
      '"sha256_hex":"',
      '\n',
      'at=13:',
      '9007199254740993',
      '"streams":[',
      '"label":"\\u001b[2J"',
    ],
  ],
  seeds: async () => (await bundles()).entries.map(writtenEntries),
  async read(bytes) {
    const { pack } = await import('../../../test/support/archives.ts');
    const { chunks, key } = await bundles();
    const entries = [...entriesIn(bytes)];
    // Longer names are none that a writer of archives could write.
    if (entries.some(({ name }) => name.length > 1000)) return;
    const archive = await pack(entries);
    await verified(archive, () => []);
    const { verdict } = await verified(archive, ([, receipts = '', first = '']) => [
      ...['--key', key, '--receipts', receipts, '--earlier', first],
    ]);
    if (verdict !== 'ok') return;
    // Whoever packs a bundle again can leave out a stream, and cannot change, add or leave out one of its chunks.
    const streams = new Map<string, number>();
    for (const { name, bytes: content } of entries) {
      if (!name.endsWith('.enc')) continue;
      const chunk = chunks.find((one) => Buffer.compare(one.bytes, content) === 0);
      must(chunk !== undefined, () => `"${name}" was never recorded`);
      streams.set(chunk.stream, (streams.get(chunk.stream) ?? 0) + 1);
    }
    for (const [stream, count] of streams) {
      const all = chunks.filter((one) => one.stream === stream).length;
      must(count === all, () => `${stream} had ${all} chunks and has ${count}`);
    }
  },
};

const OPTIONS = ['key', 'earlier', 'receipts', 'consistency', 'timestamp-ca', 'max-gap'] as const;

const knowledge = ofText({
  name: 'verify-options',
  summary: 'what sallyport verify is given besides: keys, receipts, earlier checkpoints and proofs',
  words: [
    '"',
    '\\n',
    '— ',
    '+',
    '{"size":',
    '"to":',
    '"proof":[]',
    '-----BEGIN CERTIFICATE-----',
    'PK',
    '1e999',
  ],
  seeds: async () => {
    const { key, receipts, checkpoint } = await bundles();
    return [
      `key\n${key}\n`,
      `receipts\n${Buffer.from(receipts).toString()}`,
      `earlier\n${checkpoint}`,
      `consistency\n{"size":1,"to":7,"proof":["${'A'.repeat(43)}="]}\n`,
      `timestamp-ca\n-----BEGIN CERTIFICATE-----\n${'MIIB'.repeat(20)}\n-----END CERTIFICATE-----\n`,
      'max-gap\n5',
    ];
  },
  async readText(text) {
    const { key, first } = await bundles();
    const [named = '', ...rest] = text.split('\n');
    const option = OPTIONS.find((one) => one === named) ?? OPTIONS[text.length % OPTIONS.length] ?? 'key';
    const content = rest.join('\n');
    await withFiles([first, new TextEncoder().encode(content)], async ([bundle = '', file = '']) => {
      // An argument cannot have U+0000, and is a line.
      const given = option === 'max-gap' ? (content.replaceAll('\0', '').split('\n')[0] ?? '') : file;
      const trusted = option === 'key' ? [] : ['--key', key];
      reportOf(await verify(['--json', bundle, ...trusted, `--${option}=${given}`]), [0, 1, 2]);
    });
  },
});

export const bundleReaders: readonly Reader[] = [asDownloaded, packed, knowledge];
