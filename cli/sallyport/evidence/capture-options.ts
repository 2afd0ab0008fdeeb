/** What `sallyport capture` can be told, and what that makes. */

import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { INCIDENT_MODES } from '../../../src/core/incidents.ts';
import { MEDIA_TYPES } from '../../../src/crypto/sealed.ts';
import { parseSeconds } from '../../shared/duration.ts';
import { errorCode, Failure, usage } from '../../shared/failure.ts';
import { serverUrl } from '../../shared/places.ts';
import type { World } from '../../shared/world.ts';
import { type CaptureRecord, keepRecord } from './capture-record.ts';
import { isRecipient } from './capture-sharing.ts';
import { CHECKIN_OPTIONS } from './checkins.ts';
import { isIncidentId } from './keys-file.ts';
import {
  byteCount,
  decimal,
  type Given,
  milliseconds,
  type Option,
  type OptionGroup,
  OUTPUT,
  oneOf,
  SERVER,
  wholeNumber,
} from './options.ts';
import { stateFolder } from './session-file.ts';
import type { Weather } from './weather.ts';
import { checkRecipients } from './wrapping.ts';

const RECORDING: readonly Option[] = [
  { name: 'media', value: 'TYPE', help: 'audio, video, location or metadata' },
  {
    name: 'source',
    value: 'SOURCE',
    help: 'file:PATH, - (standard input), signal, ffmpeg:test|microphone|camera|screen',
  },
  { name: 'device', value: 'NAME', help: "ffmpeg's name of the microphone, camera or screen" },
  { name: 'duration', value: 'TIME', help: 'end after this long' },
  { name: 'speed', value: 'FACTOR', help: 'how much faster than the clock a signal is' },
  { name: 'chunk-seconds', value: 'N', help: 'cut a chunk at least this often (default 1)' },
  { name: 'chunk-bytes', value: 'SIZE', help: 'cut a chunk when it has this many bytes (default 960K)' },
];
const INCIDENT: readonly Option[] = [
  { name: 'incident', value: 'ID', help: 'add a stream to this incident instead of beginning one' },
  { name: 'label', value: 'TEXT', help: 'a label for the incident; the server and viewers can read it' },
  { name: 'stream-label', value: 'TEXT', help: 'a label for the stream; so with this one' },
  { name: 'incident-mode', value: 'MODE', help: INCIDENT_MODES.join(', ') },
  {
    name: 'to',
    value: 'WHOM',
    repeatable: true,
    help: 'wrap the key for a contact (sallyport keys register) or for age1…; may be repeated',
  },
  { name: 'viewer-base', value: 'URL', help: 'where viewer links lead (default: the server)' },
  {
    name: 'viewer-expires',
    value: 'TIME',
    help: 'how long the viewer link works, or never (default: as the server says)',
  },
  { name: 'no-viewer', help: 'make no viewer link' },
  { name: 'leave-open', help: 'do not complete the stream at the end' },
];
const STAGING: readonly Option[] = [
  {
    name: 'dir',
    value: 'DIR',
    help: 'keep what is not yet acknowledged here (default: a folder of its own)',
  },
  { name: 'resume', value: 'DIR', help: 'go on with the capture of this directory' },
  { name: 'upload-only', help: 'with --resume: record nothing more, upload, and end the stream' },
  { name: 'max-staging', value: 'SIZE', help: 'keep at most this much (default 4G)' },
  {
    name: 'max-wait',
    value: 'TIME',
    help: 'after the recording, give up when nothing arrives for so long (default 10m)',
  },
  { name: 'until-complete', help: 'never give up' },
];
const REHEARSAL: readonly Option[] = [
  { name: 'latency', value: 'MS', help: 'delay each request and each answer by this on average' },
  { name: 'loss', value: 'PERCENT', help: 'break so many of a hundred requests' },
  { name: 'bandwidth', value: 'SIZE', help: 'send no more than this in a second' },
  { name: 'offline-every', value: 'TIME', help: 'have no network after each such time' },
  { name: 'offline-for', value: 'TIME', help: 'for this long (default 5s)' },
  { name: 'seed', value: 'N', help: 'the same chances again' },
];

export const CAPTURE_OPTIONS: readonly OptionGroup[] = [
  ['What is recorded', RECORDING],
  ['What it is recorded into', INCIDENT],
  ['Keeping it until the server has it', STAGING],
  ['Check-ins', CHECKIN_OPTIONS],
  SERVER,
  ['A bad network, for rehearsals (from the first chunk on)', REHEARSAL],
  OUTPUT,
];

const DEFAULT_CHUNK_BYTES = 960 * 1024;
const LARGEST_CHUNK_BYTES = 64 * 1024 * 1024;
const DEFAULT_STAGING = 4 * 2 ** 30;
const DEFAULT_WAIT_MS = 600_000;
const DEFAULT_OFFLINE_MS = 5000;

/** The capture that the options begin. Nothing is made yet. Throws usage failures. */
export async function newRecord(world: World, given: Given, base: URL): Promise<CaptureRecord> {
  const mediaType = oneOf(given, 'media', MEDIA_TYPES);
  const source = given.value('source');
  if (mediaType === undefined || source === undefined)
    throw usage('Say what to record: --media audio|video|location|metadata --source SOURCE.');
  const incidentId = given.value('incident');
  if (incidentId !== undefined && !isIncidentId(incidentId))
    throw usage('--incident is the id of an incident, inc_….');
  const recipients = given.values('to').map((recipient) => recipient.trim());
  await checkRecipients(recipients.filter(isRecipient));
  const expires = given.value('viewer-expires');
  const seconds = expires === 'never' ? 0 : undefined;
  return {
    server: base.href,
    viewerBase: serverUrl(given.value('viewer-base') ?? base.href).href,
    username: undefined,
    mediaType,
    source,
    device: given.value('device'),
    chunkBytes: byteCount(given, 'chunk-bytes', 1, LARGEST_CHUNK_BYTES) ?? DEFAULT_CHUNK_BYTES,
    chunkMs: Math.round((decimal(given, 'chunk-seconds', 0.1, 3600) ?? 1) * 1000),
    maxStaging: byteCount(given, 'max-staging', 1, Number.MAX_SAFE_INTEGER) ?? DEFAULT_STAGING,
    leaveOpen: given.has('leave-open'),
    // What is no recipient is a name; who that is depends on the account.
    recipients: [...new Set(recipients)],
    contacts: [],
    shared: [],
    label: given.value('label'),
    streamLabel: given.value('stream-label'),
    incidentMode: oneOf(given, 'incident-mode', INCIDENT_MODES),
    viewerSeconds: seconds ?? (expires === undefined ? undefined : parseSeconds(expires, '--viewer-expires')),
    wantsViewer: !given.has('no-viewer'),
    createdAt: new Date(world.now()).toISOString(),
    incidentId,
    streamId: undefined,
    viewerTokenId: undefined,
    wrapped: false,
  };
}

/** Makes the staging directory of a new capture. Throws a usage failure when it is in use already. */
export async function makeDirectory(world: World, given: Given, record: CaptureRecord): Promise<string> {
  const stamp = record.createdAt.slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  const unique = Buffer.from(world.random(3)).toString('hex');
  const directory =
    given.value('dir') === undefined
      ? join(stateFolder(world), 'captures', `${stamp}-${unique}`)
      : resolve(world.cwd, given.value('dir') ?? '');
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if ((await readdir(directory)).length > 0)
      throw usage(`${directory} is not empty. Take another --dir, or go on with it: --resume ${directory}`);
    await keepRecord(world, directory, record);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw usage(`The staging directory ${directory} cannot be written (${errorCode(error)}).`);
  }
  return directory;
}

/** Milliseconds of patience once nothing is recorded any more. */
export function maxWaitMs(given: Given): number {
  return given.has('until-complete')
    ? Number.POSITIVE_INFINITY
    : (milliseconds(given, 'max-wait') ?? DEFAULT_WAIT_MS);
}

/** The weather that is rehearsed, or undefined. */
export function weatherIn(given: Given): Weather | undefined {
  if (!['latency', 'loss', 'bandwidth', 'offline-every'].some((name) => given.has(name))) return undefined;
  const everyMs = milliseconds(given, 'offline-every');
  return {
    latencyMs: wholeNumber(given, 'latency', 0, 600_000) ?? 0,
    lossPercent: decimal(given, 'loss', 0, 99) ?? 0,
    bytesPerSecond: byteCount(given, 'bandwidth', 1, Number.MAX_SAFE_INTEGER),
    offline:
      everyMs === undefined
        ? undefined
        : { everyMs, forMs: milliseconds(given, 'offline-for') ?? DEFAULT_OFFLINE_MS },
  };
}
