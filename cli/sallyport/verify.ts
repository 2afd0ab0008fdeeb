/** `sallyport verify` */

import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { errorCode, usage } from '../shared/failure.ts';
import { printable, spokenBytes } from '../shared/text.ts';
import { type Command, tell } from './command.ts';
import { checkBundle } from './evidence/bundle-check.ts';
import type { BundleReport, StreamReport } from './evidence/bundle-report.ts';
import { ending } from './evidence/ending.ts';
import { decimal, type Given, type Option, optionHelp, readOptions } from './evidence/options.ts';

const OPTIONS: readonly Option[] = [
  {
    name: 'max-gap',
    value: 'SECONDS',
    help: 'a longer time between two chunks is a problem (default: it is told)',
  },
  { name: 'json', help: 'print the report as JSON on standard output' },
];

const DETAILS = `
Reads a bundle as it was downloaded, offline and without a key, and checks that
  - the archive holds exactly what its manifests list, in order, and nothing else;
  - every chunk has the size and the SHA-256 that its manifest names;
  - the chunks of a stream are numbered without a gap, and each was sealed for its incident, stream, kind and place;
  - the last chunk of each stream says that it is the last: without that the end is not proven.
Times are told as the recorder stated them. Whether the chunks open is shown by: sallyport open BUNDLE --keys FILE
${optionHelp([['Options', OPTIONS]])}
Exit codes: 0 everything holds, 1 something does not or is not proven, 2 usage.
`;

export const verifyCommand: Command = {
  words: ['verify'],
  usage: 'verify BUNDLE [--max-gap SECONDS] [--json]',
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
    const report = await checkBundle({ handle, size: facts.size }, { maxGap });
    tell(given.has('json'), jsonOf(report), linesOf(report));
    return report.verdict === 'ok' ? 0 : 1;
  } finally {
    await handle.close();
  }
}

function jsonOf(report: BundleReport) {
  return {
    verdict: report.verdict,
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
    problem_count: report.problemCount,
    problems: report.problems.map(({ code, kind, message, streamId, chunkIndex }) => ({
      code,
      kind,
      message,
      ...(streamId !== undefined && { stream_id: streamId }),
      ...(chunkIndex !== undefined && { chunk_index: chunkIndex }),
    })),
    custody: { entries: report.custody.map(({ name }) => name), checked: false },
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

function linesOf(report: BundleReport): string[] {
  const { bundle, incidentId, streams, problems, problemCount, custody, verdict } = report;
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
    ...(custody.length === 0
      ? []
      : [`Proofs of custody: ${custody.length} entries, not checked by this command.`]),
    VERDICTS[verdict],
  ];
}
