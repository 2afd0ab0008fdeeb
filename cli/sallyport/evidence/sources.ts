/** What is recorded: a file, standard input, a generated signal, or ffmpeg. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { MediaType } from '../../../src/crypto/sealed.ts';
import { errorCode, usage } from '../../shared/failure.ts';
import type { World } from '../../shared/world.ts';
import { FFMPEG_INPUTS, type FfmpegInput, ffmpegArguments, ffmpegSource } from './ffmpeg.ts';
import { signalOf } from './signal-source.ts';

export interface RecordingSource {
  /** It happens now: who does not take it loses it. Others wait. */
  readonly live: boolean;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Ends it in order; what it still has comes. */
  stop(): void;
}

/** What `--source` names. */
export type SourceWish =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'stdin' }
  | { readonly kind: 'signal' }
  | { readonly kind: 'ffmpeg'; readonly input: FfmpegInput };

/** Where a recording goes on, and how long it may take. */
export interface SourcePlan {
  readonly media: MediaType;
  readonly device: string | undefined;
  /** Bytes that earlier runs have recorded: files and signals go on behind them. */
  readonly recordedBytes: number;
  /** Seconds since the stream began. */
  readonly offsetSeconds: number;
  /** Seconds; undefined for until it ends by itself or is ended. */
  readonly duration: number | undefined;
  /** How much faster than the clock a signal is. */
  readonly speed: number;
}

/** The wish behind a text. Paths are made absolute: the recording may go on from another folder. */
export function parseSource(text: string, cwd: string): SourceWish {
  if (text === '-') return { kind: 'stdin' };
  if (text === 'signal') return { kind: 'signal' };
  const [, scheme, rest = ''] = /^(file|ffmpeg):(.+)$/.exec(text) ?? [];
  if (scheme === 'file') return { kind: 'file', path: resolve(cwd, rest) };
  const input = FFMPEG_INPUTS.find((name) => scheme === 'ffmpeg' && name === rest);
  if (input !== undefined) return { kind: 'ffmpeg', input };
  throw usage(
    '--source is file:PATH, - (standard input), signal, ffmpeg:test, ffmpeg:microphone, ffmpeg:camera or ffmpeg:screen.',
  );
}

/** Finds out, before anything is created, whether a source can be recorded at all. */
export async function checkSource(world: World, wish: SourceWish, plan: SourcePlan): Promise<void> {
  if (wish.kind === 'file') {
    const facts = await stat(wish.path).catch((error: unknown) => {
      throw usage(`The file to record cannot be read (${errorCode(error)}).`);
    });
    if (!facts.isFile()) throw usage('The file to record is not a regular file. Use - and a pipe.');
  }
  if (wish.kind === 'ffmpeg')
    ffmpegArguments(
      { ...plan, media: playable(plan.media), input: wish.input },
      world.platform,
      world.env.DISPLAY,
    );
}

/** The source that was wished for, which ends by itself after `plan.duration` seconds where one is given. */
export function openRecording(world: World, wish: SourceWish, plan: SourcePlan): RecordingSource {
  const source = recordingOf(world, wish, plan);
  // A signal counts its bytes, so that every rehearsal of a length is the same.
  if (plan.duration === undefined || wish.kind === 'signal') return source;
  const timer = setTimeout(() => source.stop(), plan.duration * 1000);
  timer.unref();
  return source;
}

function recordingOf(world: World, wish: SourceWish, plan: SourcePlan): RecordingSource {
  switch (wish.kind) {
    case 'ffmpeg':
      return ffmpegSource(world, { ...plan, media: playable(plan.media), input: wish.input });
    case 'file':
      return stoppable(fileFrom(wish.path, plan.recordedBytes));
    case 'stdin':
      return stoppable(world.stdin as AsyncIterable<Uint8Array>);
    case 'signal':
      return stoppable(signalBytes(world, plan));
  }
}

function playable(media: MediaType): 'audio' | 'video' {
  if (media === 'audio' || media === 'video') return media;
  throw usage(`ffmpeg records audio and video, not ${media}.`);
}

async function* fileFrom(path: string, start: number): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { start, highWaterMark: 64 * 1024 });
  } catch (error) {
    throw usage(`The file that is recorded cannot be read any more (${errorCode(error)}).`);
  }
}

const TICK_MS = 50;

/** The signal from where it was left, at the pace of the clock. */
async function* signalBytes(world: World, plan: SourcePlan): AsyncGenerator<Uint8Array> {
  const signal = signalOf(plan.media);
  const end = Math.floor((plan.duration ?? Number.POSITIVE_INFINITY) * signal.bytesPerSecond);
  const began = world.now();
  const from = plan.recordedBytes;
  for (let at = from; at < end; ) {
    await world.sleep(TICK_MS);
    const due = from + Math.floor(((world.now() - began) / 1000) * signal.bytesPerSecond * plan.speed);
    // Never more at once than fits: a machine that slept has much to catch up with.
    const to = Math.min(end, due, at + 1024 * 1024);
    if (to > at) yield signal.slice(at, to);
    at = Math.max(at, to);
  }
}

/** A source that ends as soon as it is told to. */
function stoppable(bytes: AsyncIterable<Uint8Array>): RecordingSource {
  const iterator = bytes[Symbol.asyncIterator]();
  let stopped = false;
  let wake = (): void => undefined;
  // Not Promise.race: each race would leave something hanging on the one promise that lives to the end.
  const unlessStopped = (step: Promise<IteratorResult<Uint8Array>>): Promise<Uint8Array | undefined> =>
    new Promise((done, fail) => {
      wake = () => done(undefined);
      step.then(({ done: ended, value }) => done(ended === true ? undefined : value), fail);
    });
  return {
    live: false,
    stop() {
      stopped = true;
      wake();
    },
    bytes: (async function* () {
      try {
        while (!stopped) {
          const piece = await unlessStopped(iterator.next());
          if (piece === undefined) return;
          yield piece;
        }
      } finally {
        // Not waited for: a read that is under way would have to end first.
        void iterator.return?.()?.then(undefined, () => undefined);
      }
    })(),
  };
}
