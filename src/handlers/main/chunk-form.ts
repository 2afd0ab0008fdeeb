/** How a chunk arrives: as a form whose file part is staged while it comes in, or as a plain body with headers. */
import { type ChunkMarks, chunkIntake } from '../../core/chunk-commit.ts';
import { type RawChunkFields, wholeNumber } from '../../core/chunk-fields.ts';
import type { Deps } from '../../core/deps.ts';
import { Fault } from '../../core/faults.ts';
import { discardAfter, type Received, type Receiver, receiver } from '../../core/receive.ts';
import type { Bytes } from '../../store/store.ts';
import { bodyOf } from '../kit/body.ts';
import { type FormEvent, formEvents } from '../kit/multipart.ts';
import { boundaryOf, type PartHead } from '../kit/part-head.ts';

/** What the rest of a form may take besides the file. */
const FORM_MOST_BYTES = 1024 * 1024;
const FIELD_MOST_BYTES = 64 * 1024;

const REQUIRED = ['stream_id', 'chunk_index', 'media_type', 'started_at', 'ended_at', 'sha256_hex'] as const;
const FIELDS = [...REQUIRED, 'original_filename'] as const;
type FieldName = (typeof FIELDS)[number];

export interface ChunkForm {
  readonly fields: RawChunkFields;
  readonly received: Received<ChunkMarks>;
}

const badField = (message: string) => new Fault('invalid_field', { message });

/** One text field while it arrives. */
class FieldText {
  readonly name: FieldName;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #size = 0;
  #text = '';

  constructor(name: FieldName, { charset = 'utf-8' }: PartHead) {
    this.name = name;
    if (charset !== 'utf-8' && charset !== 'us-ascii') throw this.#notText();
  }

  push(bytes: Bytes): void {
    this.#size += bytes.length;
    if (this.#size > FIELD_MOST_BYTES) throw badField(`the form field ${this.name} is too long`);
    this.#text += this.#decoded(() => this.#decoder.decode(bytes, { stream: true }));
  }

  finish(): string {
    return this.#text + this.#decoded(() => this.#decoder.decode());
  }

  #decoded(step: () => string): string {
    try {
      return step();
    } catch {
      throw this.#notText();
    }
  }

  #notText = () => badField(`the form field ${this.name} must be UTF-8 text`);
}

/** A form while it arrives. No name may come twice, so that no form has more parts than there are names. */
class FormIntake {
  readonly #deps: Deps;
  readonly #texts = new Map<FieldName, FieldText>();
  #current: FieldText | Receiver<ChunkMarks> | undefined;
  #file: Receiver<ChunkMarks> | undefined;
  #filename: string | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async take(event: FormEvent): Promise<void> {
    if (event.kind === 'part') this.#begin(event.head);
    else if (this.#current instanceof FieldText) this.#current.push(event.bytes);
    else await this.#current?.take(event.bytes);
  }

  async finish(): Promise<ChunkForm> {
    if (this.#file === undefined) throw new Fault('missing_file');
    const missing = REQUIRED.find((name) => !this.#texts.has(name));
    if (missing !== undefined) throw badField(`the form field ${missing} is missing`);
    const text = (name: FieldName) => this.#texts.get(name)?.finish();
    const fields: RawChunkFields = {
      streamId: text('stream_id') ?? '',
      chunkIndex: wholeNumber(text('chunk_index') ?? ''),
      mediaType: text('media_type'),
      startedAt: text('started_at'),
      endedAt: text('ended_at'),
      sha256: text('sha256_hex'),
      originalFilename: text('original_filename'),
      partFilename: this.#filename,
    };
    return { fields, received: await this.#file.finish() };
  }

  async discard(): Promise<void> {
    await this.#file?.discard();
  }

  #begin(head: PartHead): void {
    if (head.name === 'file') {
      if (this.#file !== undefined) throw new Fault('duplicate_file');
      this.#file = receiver(this.#deps, chunkIntake(this.#deps));
      this.#filename = head.filename;
      this.#current = this.#file;
      return;
    }
    const name = FIELDS.find((known) => known === head.name);
    if (name === undefined) throw badField('the form has a field that is not known');
    if (this.#texts.has(name)) throw badField(`the form field ${name} is repeated`);
    const text = new FieldText(name, head);
    this.#texts.set(name, text);
    this.#current = text;
  }
}

async function* atMost(chunks: AsyncIterable<Bytes>, limit: number): AsyncGenerator<Bytes> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limit) throw new Fault('upload_too_large');
    yield chunk;
  }
}

/**
 * Reads a form to its end. Whatever throws, nothing of it stays.
 * @throws Fault `invalid_multipart`, `duplicate_file`, `missing_file`, `invalid_field`, `upload_too_large`,
 *   `upload_staging_quota_exceeded`, `request_timeout`, `request_aborted`
 */
export async function readChunkForm(request: Request, deps: Deps): Promise<ChunkForm> {
  const boundary = boundaryOf(request.headers.get('content-type'));
  const limit = deps.settings.uploads.maxBytes + FORM_MOST_BYTES;
  const source = bodyOf(request, deps);
  if ((source.declaredLength ?? 0) > limit) throw new Fault('upload_too_large');
  const intake = new FormIntake(deps);
  try {
    for await (const event of formEvents(atMost(source.chunks(), limit), boundary)) await intake.take(event);
    return await intake.finish();
  } catch (error) {
    await discardAfter(deps, error, intake);
    throw error;
  }
}
