/**
 * Bundles: what an incident holds, as one archive. A bundle is a function of committed rows, so that its length and
 * its tag are known before its first byte, and a download that broke off goes on in the middle.
 */
import { hex, utf8 } from '../crypto/hash.ts';
import type { LiveSession } from '../store/accounts.ts';
import type { Stream } from '../store/incidents.ts';
import type { Bytes, Store } from '../store/store.ts';
import { pieceStream } from './blob-reader.ts';
import { type Custody, custodyOf } from './bundle-custody.ts';
import {
  custodyEntries,
  incidentEntries,
  measureCustody,
  measureIncident,
  measureStream,
  streamEntries,
} from './bundle-entries.ts';
import { bytesPresent } from './bytes-present.ts';
import type { Deps } from './deps.ts';
import { errorFields, Fault } from './faults.ts';
import { ownedBy, requireActive } from './owned.ts';
import { Recent } from './recent.ts';
import { type ZipLayout, type ZipPages, zipLayout, zipRange } from './zip.ts';

export interface Bundle {
  /** What it is saved as. */
  readonly filename: string;
  /** Bytes, exact. */
  readonly length: number;
  /** A strong validator, with its quotes: the same tag means the same bytes. */
  readonly etag: string;
  /**
   * The bytes from `start` to before `end`. Reads nothing else. Errors in the middle, and so never looks complete,
   * when something is not there any more or is not what was uploaded.
   */
  open(start: number, end: number): ReadableStream<Bytes>;
}

/** Changes with the way in which equal rows become bytes. */
const FORMAT = 'sallyport-bundle/1';

/** What the first reading of the rows told. */
interface Plan {
  readonly layout: ZipLayout;
  readonly etag: string;
  readonly pages: ZipPages;
}

/** Plans are kept for the next part of a download: so many entries of a few hundred bytes each. */
const MOST_KEPT = 4096;
const plans = new WeakMap<Store, Recent<Promise<Plan>>>();

/**
 * A plan, made once for all who ask for it at the same time.
 * @param facts all that the rows depend on, as JSON
 */
async function planned(deps: Deps, facts: string, weight: number, make: () => Promise<Plan>): Promise<Plan> {
  const kept = plans.get(deps.store) ?? new Recent<Promise<Plan>>(MOST_KEPT);
  plans.set(deps.store, kept);
  const digest = deps.digest();
  digest.update(utf8(facts));
  const key = hex(await digest.finish());
  const known = kept.get(key);
  if (known !== undefined) return known;
  const plan = make();
  kept.set(key, plan, weight);
  plan.catch(() => kept.forget(key));
  return plan;
}

/** Which proofs a bundle has, for {@link planned}: they follow from these sizes. */
function custodyFacts(custody: Custody | undefined) {
  return (
    custody && [
      custody.checkpoint.size,
      custody.checkpoint.timestamp !== undefined,
      ...custody.earlier.map(({ size }) => size),
    ]
  );
}

/**
 * The manifest names every chunk's digest, the checkpoint the root of every proof, and the directory has all that
 * headers say: that is every byte.
 */
async function planOf(
  deps: Deps,
  manifest: Bytes,
  contents: ZipPages,
  custody: Custody | undefined,
): Promise<Plan> {
  const digest = deps.digest();
  digest.update(utf8(`${FORMAT}\n`));
  digest.update(manifest);
  let pages = contents;
  if (custody !== undefined) {
    const measures = await measureCustody(deps, custody);
    digest.update(measures.leaves.sha256);
    digest.update(measures.consistency.sha256);
    digest.update(utf8(custody.checkpoint.note));
    pages = async function* () {
      yield* contents();
      yield* custodyEntries(deps, custody, measures);
    };
  }
  const layout = await zipLayout(pages, (record) => digest.update(record));
  return { layout, etag: `"${hex(await digest.finish())}"`, pages };
}

/** A name that every file system takes. */
export function bundleName(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9_.-]/g, '_');
  return safe === '' || safe === '.' || safe === '..' ? 'evidence.zip' : safe;
}

type Operation = 'stream_bundle' | 'incident_bundle';

/** Says what went wrong in words of ours: no name, no id. */
function logBroken(deps: Deps, operation: Operation, thrown: unknown): void {
  const missing = thrown instanceof Fault && thrown.kind === 'stream_chunk_file_missing';
  const error_category = missing ? 'not_found' : 'internal';
  deps.log.write('error', 'bundle broken', {
    operation,
    error_category,
    ...(missing ? {} : errorFields(thrown)),
  });
}

async function* watched(
  deps: Deps,
  operation: Operation,
  pieces: AsyncIterable<Bytes>,
): AsyncGenerator<Bytes, void, void> {
  try {
    yield* pieces;
  } catch (thrown) {
    logBroken(deps, operation, thrown);
    throw thrown;
  }
}

function bundle(deps: Deps, operation: Operation, name: string, { layout, etag, pages }: Plan): Bundle {
  return {
    filename: bundleName(name),
    length: layout.length,
    etag,
    open: (start, end) => pieceStream(watched(deps, operation, zipRange(pages, layout, start, end))),
  };
}

/** @throws Fault `stream_chunk_file_missing` */
async function requireBytes(deps: Deps, streams: readonly Stream[]): Promise<void> {
  for (const stream of streams) {
    if (stream.chunkCount !== stream.expectedChunkCount || !(await bytesPresent(deps, stream)))
      throw new Fault('stream_chunk_file_missing');
  }
}

/**
 * A complete stream, of an incident that the caller may see.
 * @throws Fault `incident_deleting` once the incident is not active any more, `stream_not_found`,
 *   `stream_not_complete`, and `internal_error` when bytes are missing, which is then logged as `not_found`
 */
export async function streamBundle(deps: Deps, incidentId: string, streamId: string): Promise<Bundle> {
  const stream = await deps.store.bundles.stream(incidentId, streamId);
  if (typeof stream === 'string') throw new Fault(stream);
  if (stream.status !== 'complete') throw new Fault('stream_not_complete');
  try {
    await requireBytes(deps, [stream]);
    const custody = await custodyOf(deps, [stream]);
    const facts = JSON.stringify(['stream', stream, custodyFacts(custody)]);
    const plan = await planned(deps, facts, 1, async () => {
      const manifest = await measureStream(deps, stream);
      return planOf(deps, manifest.sha256, () => streamEntries(deps, stream, manifest, ''), custody);
    });
    return bundle(deps, 'stream_bundle', `incident_${incidentId}_${stream.mediaType}_${stream.id}.zip`, plan);
  } catch (thrown) {
    throw await refusal(deps, incidentId, 'stream_bundle', thrown);
  }
}

/**
 * All complete streams of an incident that the caller may see, and how it stands.
 * @throws Fault `incident_deleting` once the incident is not active any more, `incident_bundle_inconsistent` when one
 *   of them cannot be had whole
 */
export async function incidentBundle(deps: Deps, incidentId: string): Promise<Bundle> {
  const contents = await deps.store.bundles.contents(incidentId);
  if (contents === undefined) throw new Fault('incident_deleting');
  const { streams } = contents;
  try {
    await requireBytes(deps, streams);
    const custody = await custodyOf(deps, streams);
    const facts = JSON.stringify(['incident', contents, custodyFacts(custody)]);
    const plan = await planned(deps, facts, 1 + streams.length, async () => {
      const measures = await measureIncident(deps, contents);
      const pages = () => incidentEntries(deps, contents, measures);
      return planOf(deps, measures.manifest.sha256, pages, custody);
    });
    return bundle(deps, 'incident_bundle', `incident_${incidentId}_evidence.zip`, plan);
  } catch (thrown) {
    throw await refusal(deps, incidentId, 'incident_bundle', thrown);
  }
}

/** What to say when something is missing: that it is being deleted, if that is why. */
async function refusal(
  deps: Deps,
  incidentId: string,
  operation: Operation,
  thrown: unknown,
): Promise<unknown> {
  if (!(thrown instanceof Fault)) return thrown;
  if ((await deps.store.bundles.contents(incidentId)) === undefined) return new Fault('incident_deleting');
  logBroken(deps, operation, thrown);
  return new Fault(operation === 'stream_bundle' ? 'internal_error' : 'incident_bundle_inconsistent');
}

/** As {@link streamBundle}, for the owner. @throws Fault also `incident_not_found` */
export async function ownStreamBundle(
  deps: Deps,
  live: LiveSession,
  incidentId: string,
  streamId: string,
): Promise<Bundle> {
  await requireActive(deps, ownedBy(live, incidentId));
  return streamBundle(deps, incidentId, streamId);
}

/** As {@link incidentBundle}, for the owner. @throws Fault also `incident_not_found` */
export async function ownIncidentBundle(deps: Deps, live: LiveSession, incidentId: string): Promise<Bundle> {
  await requireActive(deps, ownedBy(live, incidentId));
  return incidentBundle(deps, incidentId);
}
