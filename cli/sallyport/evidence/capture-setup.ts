/**
 * What must be there before the first chunk: incident, stream, the stream's key, its copies for other people, and
 * the viewer link. Each step is written down as it is taken, so that a run that was cut short goes on with the next.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newKey } from '../../../src/crypto/sealed.ts';
import { Failure } from '../../shared/failure.ts';
import { keepFile } from '../../shared/kept.ts';
import type { World } from '../../shared/world.ts';
import { type CaptureRecord, keepRecord } from './capture-record.ts';
import type { StreamPlace } from './chunk-upload.ts';
import type { Happening } from './events.ts';
import { isIncidentId, isStreamId, parseKeys, type StreamKey, writeKeys } from './keys-file.ts';
import type { Login } from './login.ts';
import { membersOf, nonsense, objectIn, textIn } from './service.ts';
import { wrapFor } from './wrapping.ts';

export interface Prepared {
  readonly record: CaptureRecord;
  readonly place: StreamPlace;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

interface Preparing {
  readonly world: World;
  readonly login: Login;
  readonly directory: string;
  readonly tell: (happening: Happening) => void;
}

/** Files in a staging directory. */
const KEYS_FILE = 'keys.json';
const LINK_FILE = 'viewer-link';

/** Makes whatever the server and the directory lack yet: incident, stream, key, wrapped keys, link. Can be done again after a crash. */
export async function prepare(preparing: Preparing, begun: CaptureRecord): Promise<Prepared> {
  const { world, login, directory } = preparing;
  let record: CaptureRecord = { ...begun, username: login.username() ?? begun.username };
  const note = async (made: Partial<CaptureRecord>): Promise<void> => {
    record = { ...record, ...made };
    await keepRecord(world, directory, record);
  };
  const incidentId = record.incidentId ?? (await makeIncident(preparing, record));
  if (record.incidentId === undefined) await note({ incidentId });
  else preparing.tell({ event: 'incident_joined', incident_id: incidentId });
  const made = record.streamId === undefined;
  const streamId = record.streamId ?? (await makeStream(preparing, record, incidentId));
  if (made) await note({ streamId });
  preparing.tell({ event: 'stream', incident_id: incidentId, stream_id: streamId });
  const place = { incidentId, streamId, mediaType: record.mediaType };
  const key = await streamKey(world, directory, place);
  if (!record.wrapped) {
    for (const file of await wrapFor(world, directory, key, record.recipients))
      preparing.tell({ event: 'key_wrapped', file });
    await note({ wrapped: true });
  }
  if (record.wantsViewer && record.viewerTokenId === undefined)
    await note({ viewerTokenId: await makeViewerLink(preparing, record, incidentId) });
  return { record, place, key: key.key };
}

async function makeIncident({ login, tell }: Preparing, record: CaptureRecord): Promise<string> {
  const json = {
    ...(record.label !== undefined && { client_label: record.label }),
    ...(record.incidentMode !== undefined && { incident_mode: record.incidentMode }),
  };
  const made = objectIn(await login.asked({ method: 'POST', path: 'v1/incidents', json }));
  const id = made.incident_id;
  if (typeof id !== 'string' || !isIncidentId(id)) throw nonsense();
  tell({ event: 'incident', incident_id: id });
  return id;
}

async function makeStream({ login }: Preparing, record: CaptureRecord, incidentId: string): Promise<string> {
  const json = {
    media_type: record.mediaType,
    ...(record.streamLabel !== undefined && { label: record.streamLabel }),
  };
  const path = `v1/incidents/${incidentId}/streams`;
  const { id } = membersOf(objectIn(await login.asked({ method: 'POST', path, json })).stream);
  if (typeof id !== 'string' || !isStreamId(id)) throw nonsense();
  return id;
}

/** The stream's key: the one that is kept, or a new one that is kept before it is used. */
async function streamKey(world: World, directory: string, place: StreamPlace): Promise<StreamKey> {
  const text = await readFile(join(directory, KEYS_FILE), 'utf8').catch(() => undefined);
  if (text !== undefined) {
    const kept = parseKeys(text).find(
      ({ incidentId, streamId }) => incidentId === place.incidentId && streamId === place.streamId,
    );
    if (kept !== undefined) return kept;
    throw new Failure(
      'refused',
      'key_missing',
      `${join(directory, KEYS_FILE)} does not hold the key of this stream. Put the right file back.`,
    );
  }
  const key: StreamKey = { ...place, key: newKey((count) => world.random(count)) };
  await keepFile(world, directory, KEYS_FILE, writeKeys([key]));
  return key;
}

async function makeViewerLink(
  { world, login, directory, tell }: Preparing,
  record: CaptureRecord,
  incidentId: string,
): Promise<string> {
  const seconds = record.viewerSeconds;
  const until = seconds === 0 ? null : new Date(world.now() + (seconds ?? 0) * 1000).toISOString();
  const json = seconds === undefined ? {} : { expires_at: until };
  const path = `v1/incidents/${incidentId}/incident-tokens`;
  const made = objectIn(await login.asked({ method: 'POST', path, json }));
  const token = textIn(made, 'token', /^[A-Za-z0-9_-]{43}$/);
  const id = textIn(made, 'token_id', /^itk_[0-9A-Z]{26}$/);
  const link = new URL(`i/${token}`, record.viewerBase).href;
  const file = await keepFile(world, directory, LINK_FILE, `${link}\n`);
  tell({ event: 'viewer_link', link, file });
  return id;
}
