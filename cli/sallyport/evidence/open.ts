/** `sallyport open` */

import { mkdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EXIT_CODES, errorCode, Failure, usage } from '../../shared/failure.ts';
import { spokenBytes } from '../../shared/text.ts';
import type { World } from '../../shared/world.ts';
import { say, tell } from '../command.ts';
import { evidenceCommand } from './evidence-command.ts';
import { isIncidentId, isStreamId } from './keys-file.ts';
import { KEYS_OPTIONS, keysFrom } from './keys-reading.ts';
import { bundleChunks, chunksOnServer, type FoundChunk, looseChunks } from './open-chunks.ts';
import { byStream, type OpenedStream, openStream } from './opening.ts';
import { type Given, type Option, OUTPUT, SERVER } from './options.ts';
import { connected } from './session-commands.ts';

const OPTIONS: readonly Option[] = [
  ...KEYS_OPTIONS,
  { name: 'output', value: 'DIR', help: 'where to write the recordings (default: here)' },
  { name: 'allow-gaps', help: 'go on behind chunks that are missing or do not open' },
  { name: 'from-server', help: 'fetch the chunks of INCIDENT, or of one STREAM of it, finished or not' },
];

const DETAILS = `
Decrypts recordings to files that players read, one for each stream, mode 0600. BUNDLE is a bundle as it was
downloaded, or a folder with sealed chunks in it: an unpacked bundle, or the staging directory of a capture. Several
are taken together. What is not proven is said: a stream without its last chunk has no proven end, and what lies
behind a missing chunk is written only with --allow-gaps.

  sallyport open incident_….zip --keys keys.json
  sallyport open incident_….zip --keys my-copy.age --identity identity.txt
  sallyport open --from-server INCIDENT STREAM --keys keys.json
`;

export const openCommand = evidenceCommand({
  words: ['open'],
  usage: 'open BUNDLE… --keys FILE [OPTIONS]',
  summary: 'Decrypt recordings from bundles, folders or the server.',
  details: DETAILS,
  options: [['Options', OPTIONS], ['The server, with --from-server', SERVER[1]], OUTPUT],
  positionals: [1, 100],
  run: openRecordings,
});

async function openRecordings(world: World, given: Given): Promise<number> {
  const keys = await keysFrom(world, given);
  const chunks = given.has('from-server')
    ? await fromServer(world, given)
    : (await Promise.all(given.positionals.map((path) => chunksAt(resolve(world.cwd, path))))).flat();
  if (chunks.length === 0) throw new Failure('refused', 'no_chunks', 'There are no sealed chunks here.');
  const folder = resolve(world.cwd, given.value('output') ?? '.');
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw usage(`The output folder cannot be made (${errorCode(error)}).`);
  });
  const plan = { world, folder, allowGaps: given.has('allow-gaps') };
  const opened: OpenedStream[] = [];
  const locked: string[] = [];
  for (const [streamId, found] of byStream(chunks)) {
    const key = keys.find((candidate) => candidate.streamId === streamId);
    if (key === undefined) locked.push(streamId);
    else opened.push(await openStream(plan, key, found));
  }
  report(given, opened, locked);
  return exitOf(opened, locked, plan.allowGaps);
}

async function chunksAt(path: string): Promise<readonly FoundChunk[]> {
  const facts = await stat(path).catch((error: unknown) => {
    throw usage(`${path} cannot be read (${errorCode(error)}).`);
  });
  return facts.isDirectory() ? await looseChunks(path) : await bundleChunks(path);
}

async function fromServer(world: World, given: Given): Promise<readonly FoundChunk[]> {
  const [incident = '', stream, more] = given.positionals;
  if (!isIncidentId(incident) || (stream !== undefined && !isStreamId(stream)) || more !== undefined)
    throw usage(
      'With --from-server, name the incident (inc_…) and, where one is wanted, the stream (str_…).',
    );
  const { login } = await connected(world, given);
  return await chunksOnServer(login, incident, stream);
}

function report(given: Given, opened: readonly OpenedStream[], locked: readonly string[]): void {
  const json = opened.map((stream) => ({
    incident_id: stream.incidentId,
    stream_id: stream.streamId,
    media_type: stream.mediaType,
    file: stream.file ?? null,
    chunk_count: stream.chunks,
    byte_count: stream.bytes,
    end_proven: stream.endProven,
    missing_chunks: stream.missing,
    damaged_chunks: stream.damaged,
    stopped_at_gap: stream.stopped,
  }));
  const files = opened.flatMap(({ file }) => (file === undefined ? [] : [file]));
  tell(given.has('json'), { streams: json, without_key: locked }, files);
  if (given.has('json') || given.has('quiet')) return;
  for (const stream of opened) for (const line of words(stream)) say(line);
  for (const streamId of locked) say(`${streamId}: the keys file has no key for this stream.`);
}

function words(stream: OpenedStream): readonly string[] {
  const { streamId, chunks, bytes, endProven, missing, damaged, stopped } = stream;
  const shown = missing.slice(0, 10).join(', ') + (missing.length > 10 ? ', …' : '');
  return [
    `${streamId}: ${chunks} chunks, ${spokenBytes(bytes)}; ${endProven ? 'whole, its end is proven' : 'end not proven'}.`,
    ...damaged.slice(0, 10).map(({ index, why }) => `  Chunk ${index} does not open. ${why}`),
    ...(missing.length === 0 ? [] : [`  Missing or not usable: ${shown}.`]),
    ...(stopped ? ['  What follows was left out; --allow-gaps writes it too.'] : []),
  ];
}

function exitOf(opened: readonly OpenedStream[], locked: readonly string[], allowGaps: boolean): number {
  const nothing = opened.every(({ file }) => file === undefined);
  if (nothing || locked.length > 0) return EXIT_CODES.decryption;
  if (allowGaps) return 0;
  if (opened.some(({ damaged }) => damaged.length > 0)) return EXIT_CODES.decryption;
  return opened.some(({ missing }) => missing.length > 0) ? EXIT_CODES.refused : 0;
}
