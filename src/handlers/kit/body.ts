/** Request bodies: streams with a patience, and small JSON documents with a bound. */
import type { Deps } from '../../core/deps.ts';
import { Fault, type FaultKind } from '../../core/faults.ts';
import type { ByteSource } from '../../core/source.ts';
import type { Bytes } from '../../store/store.ts';

/** A body that brings nothing for so long is given up: a slow sender keeps a stage and a connection busy. */
export const BODY_PATIENCE_MS = 30_000;
/**
 * What a body must bring on average, in bytes a second, once that patience is over: whoever drips a byte now and
 * then would keep the same things busy without ever stalling.
 */
export const BODY_LEAST_RATE = 4096;

function declaredLength(request: Request): number | undefined {
  const header = request.headers.get('content-length');
  return header !== null && /^\d+$/.test(header) ? Number(header) : undefined;
}

/** What reading a body needs of the house: the clocks that tell a slow sender. */
export type Timing = Pick<Deps, 'after' | 'elapsed'>;

/** The body of a request, a piece at a time. */
export interface Pieces {
  /** What has arrived and was not taken yet; undefined: nothing, or nothing any more. */
  take(): Bytes | undefined;
  /**
   * Whether there is something to take, or will be; false: all of it was taken. A promise only where that is not
   * known yet. Throws, or rejects, when there will be no more although the body has not ended.
   */
  more(): boolean | Promise<boolean>;
  /** Lets go of what is left. */
  leave(): void;
}

/**
 * Where a runtime's request offers its body without a stream around it: for what most bodies hold, making a web
 * stream and reading it costs more than all else that is done with them.
 */
export const PIECES = Symbol('pieces');

/** A request as some runtimes make it. */
interface Offering {
  readonly [PIECES]?: () => Pieces | undefined;
}

/** The pieces of a web stream. */
function streamed(stream: ReadableStream<Bytes>): Pieces {
  const reader = stream.getReader();
  let held: Bytes | undefined;
  return {
    take() {
      const piece = held;
      held = undefined;
      return piece;
    },
    async more() {
      const step = await reader.read();
      held = step.value;
      return !step.done;
    },
    leave: () => void reader.cancel().catch(() => {}),
  };
}

function piecesOf(request: Request): Pieces | undefined {
  const offered = (request as Offering)[PIECES]?.();
  if (offered !== undefined || request.body === null) return offered;
  return streamed(request.body as ReadableStream<Bytes>);
}

/**
 * Whether there is more of a body.
 *
 * The wait for it is a promise of its own. Were each read raced against one promise for the whole body, every piece
 * would stay in memory until that one settles: on Bun its list of reactions holds what each race came to.
 * @throws Fault `request_timeout` when nothing comes for {@link BODY_PATIENCE_MS}, `request_aborted` when the
 *   body breaks off
 */
async function moreOf(pieces: Pieces, deps: Timing): Promise<boolean> {
  let stop = () => {};
  try {
    const more = pieces.more();
    if (typeof more === 'boolean') return more;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    stop = deps.after(BODY_PATIENCE_MS, () => reject(new Fault('request_timeout')));
    more.then(resolve, reject);
    return await promise;
  } catch (error) {
    throw error instanceof Fault ? error : new Fault('request_aborted');
  } finally {
    stop();
  }
}

async function* read(request: Request, deps: Timing): AsyncGenerator<Bytes> {
  const pieces = piecesOf(request);
  if (pieces === undefined) return;
  let ended = false;
  const started = deps.elapsed();
  let bytes = 0;
  try {
    for (;;) {
      const piece = pieces.take();
      if (piece === undefined) {
        if (await moreOf(pieces, deps)) continue;
        ended = true;
        return;
      }
      bytes += piece.length;
      const allowed = BODY_PATIENCE_MS + (bytes / BODY_LEAST_RATE) * 1000;
      if (deps.elapsed() - started > allowed) throw new Fault('request_timeout');
      if (piece.length > 0) yield piece;
    }
  } finally {
    // Whoever stops early lets go of the body; the adapter then ends the connection in an orderly way.
    if (!ended) pieces.leave();
  }
}

/** The request's body, read once, as it arrives. */
export function bodyOf(request: Request, deps: Timing): ByteSource {
  const length = declaredLength(request);
  return { ...(length !== undefined && { declaredLength: length }), chunks: () => read(request, deps) };
}

/** All bytes of a source, at most `limit`; one more throws `tooLarge`, before it is kept. */
export async function collect(source: ByteSource, limit: number, tooLarge: FaultKind): Promise<Bytes> {
  if ((source.declaredLength ?? 0) > limit) throw new Fault(tooLarge);
  const parts: Bytes[] = [];
  let size = 0;
  for await (const chunk of source.chunks()) {
    size += chunk.length;
    if (size > limit) throw new Fault(tooLarge);
    parts.push(chunk);
  }
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Parses a JSON document that must be one object. @throws Fault `invalid_json`, which never echoes the text. */
export function parseJsonObject(bytes: Bytes): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new Fault('invalid_json');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Fault('invalid_json');
  return value as Record<string, unknown>;
}

export const JSON_BODY_LIMIT = 64 * 1024;

/** What {@link readFields} refuses. */
export const JSON_FAULTS: readonly FaultKind[] = [
  'invalid_json',
  'request_too_large',
  'request_timeout',
  'request_aborted',
];

const jsonText = (request: Request, deps: Timing): Promise<Bytes> =>
  collect(bodyOf(request, deps), JSON_BODY_LIMIT, 'request_too_large');

/** A small JSON document, unchecked. @throws Fault one of {@link JSON_FAULTS} */
export async function readObject(request: Request, deps: Timing): Promise<Readonly<Record<string, unknown>>> {
  return parseJsonObject(await jsonText(request, deps));
}

/** The members of a route's document, as far as they are there. */
type Fields<Name extends string> = Readonly<Partial<Record<Name, unknown>>>;

function fieldsIn<Name extends string>(bytes: Uint8Array<ArrayBuffer>, names: readonly Name[]): Fields<Name> {
  const document = parseJsonObject(bytes);
  const known: readonly string[] = names;
  if (!Object.keys(document).every((name) => known.includes(name))) throw new Fault('invalid_json');
  return document as Partial<Record<Name, unknown>>;
}

/**
 * The members of a small JSON document, unchecked but for their names.
 * @throws Fault `request_too_large`, `invalid_json` also for a member that the route does not know and for no body
 */
export async function readFields<Name extends string>(
  request: Request,
  deps: Timing,
  names: readonly Name[],
): Promise<Fields<Name>> {
  return fieldsIn(await jsonText(request, deps), names);
}

/**
 * As {@link readFields}, for a route that needs none of them: no body counts as `{}`.
 * @throws Fault `request_too_large`, `invalid_json`
 */
export async function readOptionalFields<Name extends string>(
  request: Request,
  deps: Timing,
  names: readonly Name[],
): Promise<Fields<Name>> {
  const bytes = await jsonText(request, deps);
  return bytes.length === 0 ? ({} as Partial<Record<Name, unknown>>) : fieldsIn(bytes, names);
}
