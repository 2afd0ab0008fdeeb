/** `sallyport verify` */

import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { errorCode, Failure, usage } from '../shared/failure.ts';
import { printable, spokenBytes } from '../shared/text.ts';
import { type Command, tell } from './command.ts';
import type { ArchiveFile } from './evidence/archive.ts';
import { checkBundle } from './evidence/bundle-check.ts';
import type { BundleReport, Problem, StreamReport } from './evidence/bundle-report.ts';
import { type Custody, readCustody } from './evidence/custody.ts';
import { type CustodyReport, checkCustody, type Knowledge } from './evidence/custody-check.ts';
import { knowledgeOf } from './evidence/custody-knowledge.ts';
import { ending } from './evidence/ending.ts';
import { decimal, type Given, type Option, optionHelp, readOptions } from './evidence/options.ts';

const OPTIONS: readonly Option[] = [
  {
    name: 'max-gap',
    value: 'SECONDS',
    help: 'a longer time between two chunks is a problem (default: it is told)',
  },
  { name: 'key', value: 'KEY', help: 'the verifier key that the operator has published, or a file with it' },
  {
    name: 'earlier',
    value: 'FILE',
    repeatable: true,
    help: 'an earlier bundle, or an earlier checkpoint: the log must continue it (needs --key for a checkpoint)',
  },
  {
    name: 'consistency',
    value: 'FILE',
    repeatable: true,
    help: 'proofs by the operator (sallyport log consistency) for an --earlier that no bundle can prove',
  },
  {
    name: 'receipts',
    value: 'FILE',
    repeatable: true,
    help: 'receipts that capture has kept: the log must hold what each promises',
  },
  { name: 'timestamp-ca', value: 'FILE', help: 'certificates (PEM) that a timestamp must lead to' },
  { name: 'json', help: 'print the report as JSON on standard output' },
];

const DETAILS = `
Reads a bundle as it was downloaded, offline and without a key, and checks that
  - the archive holds exactly what its manifests list, in order, and nothing else;
  - every chunk has the size and the SHA-256 that its manifest names;
  - the chunks of a stream are numbered without a gap, and each was sealed for its incident, stream, kind and place;
  - the last chunk of each stream says that it is the last: without that the end is not proven;
  - where the bundle carries proofs: each chunk is a leaf of the tree that the server has signed, with the digest and
    times of the manifest, and that tree continues every earlier bundle, checkpoint and receipt that is given.
Times are told as the recorder stated them. Whether the chunks open is shown by: sallyport open BUNDLE --keys FILE
${optionHelp([['Options', OPTIONS]])}
Exit codes: 0 everything holds, 1 something does not or is not proven, 2 usage.
`;

export const verifyCommand: Command = {
  words: ['verify'],
  usage: 'verify BUNDLE [--key KEY] [--earlier FILE]… [--receipts FILE]… [--json]',
  summary: 'Check a bundle offline: nothing missing, nothing added, nothing changed.',
  details: DETAILS,
  run: (args) => ending(args, () => verify(readOptions(args, OPTIONS, [1, 1]))),
};

async function verify(given: Given): Promise<number> {
  const maxGap = decimal(given, 'max-gap', 0, 1e9);
  const path = resolve(given.positionals[0] ?? '');
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw usage(`${path} cannot be read (${errorCode(error)}).`);
  });
  try {
    const facts = await handle.stat();
    if (!facts.isFile()) throw usage(`${path} is not a file. Name a bundle as it was downloaded.`);
    const file = { handle, size: facts.size };
    const report = await checkBundle(file, { maxGap });
    const custody = await custodyReport(file, report, await knowledgeOf(given));
    const verdict = verdictOf(report.verdict, custody.problems);
    tell(given.has('json'), jsonOf(report, custody, verdict), linesOf(report, custody, verdict));
    return verdict === 'ok' ? 0 : 1;
  } finally {
    await handle.close();
  }
}

type Verdict = BundleReport['verdict'];

/** The worst of what was found. */
function verdictOf(found: Verdict, problems: readonly Problem[]): Verdict {
  if (found === 'failed' || problems.some(({ kind }) => kind === 'failed')) return 'failed';
  return problems.length > 0 ? 'not_proven' : found;
}

/** Holds the bundle against the log, as far as it could be read. */
async function custodyReport(
  file: ArchiveFile,
  report: BundleReport,
  knowledge: Knowledge,
): Promise<CustodyReport> {
  let custody: Custody | undefined;
  try {
    custody = await readCustody(file, report.custody);
    return await checkCustody(custody, report.manifests, knowledge);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { code, message } = error;
    return { state: 'checked', problems: [{ code, kind: 'failed', message }] };
  }
}

const instant = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());

function custodyJson({ problems: _, timestamp, keptFrom, keptTo, ...custody }: CustodyReport) {
  return {
    state: custody.state,
    key: custody.key ?? null,
    key_trusted: custody.keyTrusted ?? false,
    tree_size: custody.treeSize ?? null,
    chunks_proven: custody.chunksProven ?? 0,
    kept_from: instant(keptFrom) ?? null,
    kept_to: instant(keptTo) ?? null,
    receipts_met: custody.receiptsMet ?? null,
    timestamp:
      timestamp === undefined ? null : { time: instant(timestamp.time) ?? null, trusted: timestamp.trusted },
  };
}

function jsonOf(report: BundleReport, custody: CustodyReport, verdict: Verdict) {
  return {
    verdict,
    bundle: report.bundle ?? null,
    incident_id: report.incidentId ?? null,
    streams: report.streams.map((stream) => ({
      stream_id: stream.streamId,
      media_type: stream.mediaType,
      ...(stream.label !== undefined && { label: stream.label }),
      chunk_count: stream.chunkCount,
      total_bytes: stream.totalBytes,
      started_at: stream.startedAt,
      ended_at: stream.endedAt,
      end_proven: stream.endProven,
      gap_count: stream.gapCount,
      gaps: stream.gaps.map(({ afterIndex, seconds }) => ({ after_index: afterIndex, seconds })),
    })),
    problem_count: report.problemCount + custody.problems.length,
    problems: [...report.problems, ...custody.problems].map(
      ({ code, kind, message, streamId, chunkIndex }) => ({
        code,
        kind,
        message,
        ...(streamId !== undefined && { stream_id: streamId }),
        ...(chunkIndex !== undefined && { chunk_index: chunkIndex }),
      }),
    ),
    custody: custodyJson(custody),
  };
}

const VERDICTS: Readonly<Record<BundleReport['verdict'], string>> = {
  ok: 'Everything holds: nothing is missing, nothing was added, and nothing was changed since the manifest was made.',
  not_proven: 'Not proven: what is there holds, but not all that a whole recording would show.',
  failed: 'FAILED: this is not what was recorded, or not all of it.',
};
const FEW = 10;

function streamLines(stream: StreamReport): string[] {
  const { streamId, mediaType, label, chunkCount, totalBytes, startedAt, endedAt, gaps, gapCount } = stream;
  const named = label === undefined ? '' : ` "${printable(label, 80)}"`;
  const told = gaps
    .slice(0, FEW)
    .map(({ afterIndex, seconds }) =>
      seconds > 0
        ? `  nothing for ${seconds} s after chunk ${afterIndex}`
        : `  chunk ${afterIndex} and the next one overlap by ${-seconds} s`,
    );
  return [
    `${streamId} ${mediaType}${named}: ${chunkCount} chunks, ${spokenBytes(totalBytes)}, ${startedAt} to ${endedAt}; ` +
      (stream.endProven ? 'end proven' : 'end not proven'),
    ...told,
    ...(gapCount > told.length ? [`  and ${gapCount - told.length} more gaps or overlaps`] : []),
  ];
}

function custodyLines(custody: CustodyReport): string[] {
  const { state, key, keyTrusted, treeSize, chunksProven, keptFrom, keptTo, receiptsMet, timestamp } =
    custody;
  if (state === 'absent')
    return ['No proofs of custody: no checkpoint covered these chunks when it was made.'];
  if (key === undefined) return [];
  const signed = keyTrusted
    ? 'signed by the key that was given'
    : `signed by ${key}: compare it with the key that the operator has published, or give that with --key`;
  const stamped = timestamp?.time === undefined ? undefined : instant(timestamp.time);
  return [
    `Proofs of custody: ${chunksProven} chunks in a log of ${treeSize} entries, ${signed}.`,
    ...(keptFrom === undefined
      ? []
      : [`  taken in from ${instant(keptFrom)} to ${instant(keptTo)}, by the server's clock`]),
    ...(stamped === undefined
      ? []
      : [`  timestamped ${stamped}${timestamp?.trusted ? '' : '; give --timestamp-ca to check by whom'}`]),
    ...(receiptsMet === undefined ? [] : [`  ${receiptsMet} receipts are met`]),
  ];
}

function linesOf(report: BundleReport, proofs: CustodyReport, verdict: Verdict): string[] {
  const { bundle, incidentId, streams } = report;
  const problems = [...report.problems, ...proofs.problems];
  const problemCount = report.problemCount + proofs.problems.length;
  const what = bundle === 'incident' ? `Incident ${incidentId}` : `A stream of incident ${incidentId}`;
  const found = problems.slice(0, FEW).map(({ message, streamId }) => {
    const where = streams.length > 1 && streamId !== undefined ? `${streamId}: ` : '';
    return `Problem: ${where}${message}`;
  });
  return [
    ...(bundle === undefined ? [] : [what]),
    ...streams.flatMap(streamLines),
    ...found,
    ...(problemCount > found.length ? [`and ${problemCount - found.length} more problems`] : []),
    ...custodyLines(proofs),
    VERDICTS[verdict],
  ];
}
