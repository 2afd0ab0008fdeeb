/** `sallyport blobs …`: where the bytes of chunks lie, and how they get from one place to the other. */
import type { MigrationStep } from '../../src/core/blob-migration.ts';
import type { BlobCensus, BlobPlace } from '../../src/store/chunk-moves.ts';
import { type Command, CommandFailure, parse, say, tell, UsageError } from './command.ts';
import { perform, settingsFrom } from './operator.ts';

/** A step ends by itself after seconds, but one chunk may be large and its way long. */
const STEP_TIMEOUT_MS = 15 * 60_000;
/** How many of those that could not be moved are named. */
const NAMED = 20;

/** What `--to` takes, and where it leads. */
const PLACES: Readonly<Record<string, BlobPlace>> = { s3: 'objects', libsql: 'database' };
const WORDS: Readonly<Record<BlobPlace, string>> = {
  objects: 'the object store',
  database: 'the database',
};
/** What `--to` would say. */
const WORD_OF: Readonly<Record<BlobPlace, string>> = { objects: 's3', database: 'libsql' };

const WHY: Readonly<Record<MigrationStep['failed'][number]['why'], string>> = {
  missing: 'its bytes are not there',
  damaged: 'its bytes are not those that were uploaded',
  not_stored: 'its copy was read back as something else',
};

type Status = BlobCensus & { readonly new_chunks: BlobPlace };

const sizeOf = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
const counted = (chunks: number): string => (chunks === 1 ? '1 chunk' : `${chunks} chunks`);

const status: Command = {
  words: ['blobs', 'status'],
  usage: 'blobs status [--json]',
  summary: 'Show where the bytes of chunks lie.',
  details: `
How many chunks, and how many bytes, lie in the database and in the object store, where new ones go, and how many
objects no chunk owns: they are being put, or are to be removed.
`,
  async run(args) {
    const parsed = parse(args, {}, 0);
    const found = (await perform(settingsFrom(parsed), 'blobs.status', {})) as Status;
    const { database, objects, looseObjects, new_chunks } = found;
    tell(
      parsed.json,
      { database, object_store: objects, loose_objects: looseObjects, new_chunks: WORD_OF[new_chunks] },
      [
        `database      ${counted(database.chunks)}, ${sizeOf(database.bytes)}`,
        `object store  ${counted(objects.chunks)}, ${sizeOf(objects.bytes)}`,
        `loose objects ${looseObjects}`,
        `New chunks go to ${WORDS[new_chunks]}.`,
      ],
    );
    return 0;
  },
};

const migrate: Command = {
  words: ['blobs', 'migrate'],
  usage: 'blobs migrate --to s3|libsql [--json]',
  summary: 'Move the bytes of all chunks into the object store or the database.',
  details: `
The server goes on working meanwhile, and new chunks have to go there already: set SAFE_BLOB_BACKEND first, keep the
SAFE_S3_ settings, and restart the server. Each chunk is copied, read back, held against its SHA-256 and switched over;
then its old copy is removed. It can be interrupted and run again at any time: what was moved stays moved.

Exit codes: 0 all lie there, 1 some could not be moved or storage failed (run it again), 2 the command line or the
settings are wrong.
`,
  async run(args) {
    const parsed = parse(args, { to: true }, 0);
    const to = PLACES[String(parsed.values.to)];
    if (to === undefined) throw new UsageError('--to takes s3 or libsql.');
    const settings = settingsFrom(parsed);
    const named: MigrationStep['failed'][number][] = [];
    let [moved, bytes, failed] = [0, 0, 0];
    let after: string | undefined;
    do {
      const asked = { to, ...(after !== undefined && { after }) };
      const step = (await perform(settings, 'blobs.migrate', asked, {
        timeoutMs: STEP_TIMEOUT_MS,
      })) as MigrationStep;
      moved += step.moved;
      bytes += step.bytes;
      failed += step.failed.length;
      named.push(...step.failed.slice(0, NAMED - named.length));
      after = step.next;
      if (step.trouble !== undefined) {
        throw new CommandFailure(
          `Storage failed (${step.trouble}). ${counted(moved)} were moved and stay moved; run it again.`,
        );
      }
      if (after !== undefined) say(`${counted(moved)}, ${sizeOf(bytes)} …`);
    } while (after !== undefined);
    for (const { chunkId, why } of named) say(`${chunkId} was not moved: ${WHY[why]}.`);
    if (failed > named.length) say(`${counted(failed)} were not moved in all.`);
    tell(
      parsed.json,
      {
        to: WORD_OF[to],
        moved,
        bytes,
        failed,
        named: named.map(({ chunkId, why }) => ({ chunk_id: chunkId, why })),
      },
      [`Moved ${counted(moved)}, ${sizeOf(bytes)}, into ${WORDS[to]}. Each was read back and verified.`],
    );
    return failed === 0 ? 0 : 1;
  },
};

export const blobCommands: readonly Command[] = [status, migrate];
