/** `Upload-Metadata` of tus 1.0 (its section Creation): what a form of a chunk says in its fields. */
import type { RawChunkFields } from '../../core/chunk-fields.ts';
import { wholeNumber } from '../../core/chunk-fields.ts';
import { Fault } from '../../core/faults.ts';
import { decodePaddedBase64 } from '../../crypto/base64.ts';

const MOST_BYTES = 4096;

const REQUIRED = ['stream_id', 'chunk_index', 'media_type', 'started_at', 'ended_at', 'sha256_hex'] as const;
/** `filename` is what clients of tus call it; it counts where nothing better was said. */
const KEYS: readonly string[] = [...REQUIRED, 'original_filename', 'filename'];

const bad = (message: string) => new Fault('invalid_field', { message });

function textOf(name: string, encoded: string): string {
  const bytes = decodePaddedBase64(encoded);
  if (bytes === undefined) throw bad(`the Upload-Metadata value of ${name} must be Base64`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad(`the Upload-Metadata value of ${name} must be UTF-8 text`);
  }
}

/** The values by their keys. @throws Fault `invalid_field` */
function pairsIn(header: string): ReadonlyMap<string, string> {
  // It is sent back in answers: nothing but visible characters and spaces, and not without bound.
  if (header.length > MOST_BYTES || !/^[\x20-\x7e]*$/.test(header))
    throw bad(`Upload-Metadata must be ASCII of at most ${MOST_BYTES} bytes`);
  const values = new Map<string, string>();
  for (const pair of header === '' ? [] : header.split(',')) {
    const [key = '', encoded = '', ...rest] = pair.trim().split(' ');
    if (!KEYS.includes(key) || rest.length > 0)
      throw bad('Upload-Metadata has a key that is not known, or is malformed');
    if (values.has(key)) throw bad(`the Upload-Metadata key ${key} is repeated`);
    values.set(key, textOf(key, encoded));
  }
  return values;
}

/** What the header says of a chunk, checked no further. @throws Fault `invalid_field` */
export function metadataFields(header: string | null): RawChunkFields {
  const values = pairsIn(header ?? '');
  const missing = REQUIRED.find((key) => !values.has(key));
  if (missing !== undefined) throw bad(`the Upload-Metadata key ${missing} is missing`);
  return {
    streamId: values.get('stream_id') ?? '',
    chunkIndex: wholeNumber(values.get('chunk_index') ?? ''),
    mediaType: values.get('media_type'),
    startedAt: values.get('started_at'),
    endedAt: values.get('ended_at'),
    sha256: values.get('sha256_hex'),
    originalFilename: values.get('original_filename'),
    partFilename: values.get('filename'),
  };
}
