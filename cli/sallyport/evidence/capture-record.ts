/** What a staging directory says about its capture, so that another run can go on with it: `capture.json`. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MEDIA_TYPES, type MediaType } from '../../../src/crypto/sealed.ts';
import { errorCode, usage } from '../../shared/failure.ts';
import { keepFile } from '../../shared/kept.ts';
import { serverUrl } from '../../shared/places.ts';
import type { World } from '../../shared/world.ts';
import { isIncidentId, isStreamId } from './keys-file.ts';
import { recipientFingerprint } from './recipients.ts';
import type { Sharee } from './sharing.ts';

const CAPTURE_FORMAT = 'sallyport-capture/1';

export interface CaptureRecord {
  readonly server: string;
  /** Where viewer links lead; ends in `/`. */
  readonly viewerBase: string;
  readonly username: string | undefined;
  readonly mediaType: MediaType;
  readonly source: string;
  readonly device: string | undefined;
  readonly chunkBytes: number;
  readonly chunkMs: number;
  readonly maxStaging: number;
  readonly leaveOpen: boolean;
  /** age recipients that get the key. */
  readonly recipients: readonly string[];
  /** Those of them who are contacts: their wrapped keys go to the server first. */
  readonly contacts: readonly Sharee[];
  /** The ids of those contacts' keys for which that is done. */
  readonly shared: readonly string[];
  readonly label: string | undefined;
  readonly streamLabel: string | undefined;
  readonly incidentMode: string | undefined;
  /** Seconds; 0 for a link that never ends, undefined for what the server does. */
  readonly viewerSeconds: number | undefined;
  readonly wantsViewer: boolean;
  readonly createdAt: string;
  /** What has been made so far. */
  readonly incidentId: string | undefined;
  readonly streamId: string | undefined;
  readonly viewerTokenId: string | undefined;
  /** Whether the key has been wrapped for the recipients. */
  readonly wrapped: boolean;
}

const FILE = 'capture.json';

/** Writes `capture.json` anew, whole or not at all. */
export async function keepRecord(world: World, directory: string, record: CaptureRecord): Promise<void> {
  const text = JSON.stringify({ format: CAPTURE_FORMAT, ...record }, null, 2);
  await keepFile(world, directory, FILE, `${text}\n`);
}

/** Throws a usage failure where there is none that makes sense. */
export async function readRecord(directory: string): Promise<CaptureRecord> {
  const text = await readFile(join(directory, FILE), 'utf8').catch((error: unknown) => {
    throw usage(`There is no capture to go on with in ${directory} (${FILE}: ${errorCode(error)}).`);
  });
  const record = parsed(text);
  if (record === undefined)
    throw usage(`${join(directory, FILE)} is not one that sallyport capture has written.`);
  return record;
}

function parsed(text: string): CaptureRecord | undefined {
  let json: Partial<Record<string, unknown>>;
  try {
    json = JSON.parse(text) ?? {};
  } catch {
    return undefined;
  }
  const texts = ['server', 'viewerBase', 'source', 'createdAt'];
  const numbers = ['chunkBytes', 'chunkMs', 'maxStaging'];
  const maybe = (name: string, right: (value: string) => boolean): boolean =>
    json[name] === undefined || (typeof json[name] === 'string' && right(json[name]));
  const right =
    json.format === CAPTURE_FORMAT &&
    texts.every((name) => typeof json[name] === 'string') &&
    numbers.every((name) => Number.isSafeInteger(json[name]) && Number(json[name]) > 0) &&
    MEDIA_TYPES.some((type) => type === json.mediaType) &&
    Array.isArray(json.recipients) &&
    json.recipients.every((recipient) => typeof recipient === 'string') &&
    isListOf(json.contacts, isSharee) &&
    isListOf(json.shared, (id) => typeof id === 'string') &&
    maybe('incidentId', isIncidentId) &&
    maybe('streamId', isStreamId);
  if (!right) return undefined;
  const { format: _, ...record } = json;
  serverUrl(String(record.server));
  serverUrl(String(record.viewerBase));
  return { contacts: [], shared: [], ...record } as unknown as CaptureRecord;
}

/** Absent counts as an empty list. */
function isListOf(json: unknown, right: (item: unknown) => boolean): boolean {
  return json === undefined || (Array.isArray(json) && json.every(right));
}

function isSharee(json: unknown): boolean {
  const { kind, name, recipient, fingerprint, ownerId, keyId } = (json ?? {}) as Partial<Sharee>;
  return (
    kind === 'contact' &&
    typeof name === 'string' &&
    typeof recipient === 'string' &&
    fingerprint === recipientFingerprint(recipient) &&
    typeof ownerId === 'string' &&
    typeof keyId === 'string' &&
    /^cpk_[0-9A-Z]{26}$/.test(keyId)
  );
}
