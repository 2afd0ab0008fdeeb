/**
 * Chunks of 8 MiB, as a part of what a bare server does with the same bytes: uploads against one that hashes and
 * writes a file with one fdatasync each, a bundle's download against one that streams a file of its length.
 *
 *     node bench/chunks.ts
 */
import { createHash } from 'node:crypto';
import { answers, credentials, post } from '../test/support/ask.ts';
import { newIncident, newStream } from '../test/support/evidence.ts';
import { incidentBundlePath } from '../test/support/recordings.ts';
import { startServer } from '../test/support/server.ts';
import { ownersAt } from '../test/support/server-owner.ts';
import { ENDED, putPath, STARTED } from '../test/support/uploads.ts';
import { type Wire, wire } from './lib/load.ts';
import { contest, type Side } from './lib/ratio.ts';
import { unopenable } from './lib/sealed.ts';
import { LIMITS_OFF, startBare } from './lib/servers.ts';

const SIZE = 8 * 1024 * 1024;
/** Chunks in a round: two for each connection. */
const COUNT = 32;
/** Downloads in a round: one for each connection. */
const DOWNLOADS = 16;
/** Chunks in the bundle that is downloaded. */
const IN_BUNDLE = 8;

const FILLER = Buffer.alloc(SIZE, 'sealed');

/** Bytes that count as sealed for a place, though nobody could open them. */
function chunkFor(incidentId: string, streamId: string, index: number): Buffer {
  const header = unopenable({ incidentId, streamId, index });
  return Buffer.concat([header, FILLER.subarray(header.length)]);
}

const settings = {
  ...LIMITS_OFF,
  SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: '4G',
  SAFE_ACCOUNT_DEFAULT_BLOB_QUOTA_BYTES: '1000G',
};
await using server = await startServer({ settings });
const { doors, owners } = await ownersAt(server);
const [as] = owners;
if (as === undefined) throw new Error('nobody may record');
const headers = await credentials(doors, as);
const incidentId = await newIncident(doors, as);

function upload(streamId: string, index: number): Wire {
  const bytes = chunkFor(incidentId, streamId, index);
  const digest = createHash('sha256').update(bytes).digest('base64');
  return wire(
    'PUT',
    putPath({ incidentId, streamId, index }),
    {
      ...headers,
      'x-media-type': 'audio',
      'x-started-at': STARTED,
      'x-ended-at': ENDED,
      'content-digest': `sha-256=:${digest}:`,
    },
    bytes,
  );
}

const ours: Side = {
  url: server.main,
  status: 201,
  async requests() {
    const streamId = await newStream(doors, as, incidentId);
    return Array.from({ length: COUNT }, (_, i) => upload(streamId, i + 1));
  },
};
{
  await using keep = await startBare('keep');
  const theirs: Side = {
    url: keep.url,
    status: 201,
    requests: () => Array.from({ length: COUNT }, () => wire('POST', '/', {}, FILLER)),
  };
  const against = 'a bare server that hashes and syncs a file';
  await contest({ name: 'chunks of 8 MiB, upload', against, goal: 0.5 }, ours, theirs);
}

const another = await newIncident(doors, as);
const streamId = await newStream(doors, as, another);
for (let index = 1; index <= IN_BUNDLE; index += 1) {
  const bytes = chunkFor(another, streamId, index);
  const digest = createHash('sha256').update(bytes).digest('base64');
  const stated = { 'x-media-type': 'audio', 'x-started-at': STARTED, 'x-ended-at': ENDED };
  const response = await fetch(`${server.main}${putPath({ incidentId: another, streamId, index })}`, {
    method: 'PUT',
    headers: { ...headers, ...stated, 'content-digest': `sha-256=:${digest}:` },
    body: bytes as BodyInit,
  });
  if (response.status !== 201) throw new Error(await response.text());
}
const complete = `/v1/incidents/${another}/streams/${streamId}/complete`;
answers(await post(doors, complete, as, { expected_chunk_count: IN_BUNDLE }), 200);
const path = incidentBundlePath(another);
const head = await fetch(`${server.main}${path}`, { method: 'HEAD', headers });
const length = head.headers.get('content-length');
await using file = await startBare('file');
const downloads = (url: string, request: () => Wire): Side => ({
  url,
  status: 200,
  requests: () => Array.from({ length: DOWNLOADS }, request),
});
await contest(
  { name: 'bundles of 64 MiB, download', against: 'a bare server that streams a file', goal: 0.6 },
  downloads(server.main, () => wire('GET', path, headers)),
  downloads(file.url, () => wire('GET', `/?bytes=${length}`)),
);
