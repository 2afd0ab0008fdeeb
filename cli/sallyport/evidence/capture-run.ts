/** The recording itself: source, seal and upload side by side, until all is done or as much as can be. */

import { EXIT_CODES, Failure } from '../../shared/failure.ts';
import type { World } from '../../shared/world.ts';
import type { CaptureRecord } from './capture-record.ts';
import type { Ahead } from './capture-sharing.ts';
import { type CheckinPlan, checkInRepeatedly } from './checkins.ts';
import type { StreamPlace } from './chunk-upload.ts';
import { completeStream } from './completing.ts';
import { CUT_SHORT, exitCodeOf, LOGIN_NEEDED } from './ending.ts';
import type { Happening, Teller } from './events.ts';
import type { Login } from './login.ts';
import { type RecordEnd, type Recorder, recorderOf } from './recorder.ts';
import type { Chance } from './seeded.ts';
import { openRecording, type RecordingSource, type SourcePlan, type SourceWish } from './sources.ts';
import type { Staging } from './staging.ts';
import { type UploadEnd, uploadStaged } from './uploader.ts';

export interface CapturePlan {
  readonly world: World;
  readonly teller: Teller;
  readonly login: Login;
  readonly staging: Staging;
  readonly record: CaptureRecord;
  readonly place: StreamPlace;
  readonly key: Uint8Array;
  readonly chance: Chance;
  readonly checkins: CheckinPlan | undefined;
  readonly resumed: boolean;
  /** Undefined: nothing more is recorded. */
  readonly wish: SourceWish | undefined;
  readonly sourcePlan: SourcePlan;
  readonly maxWaitMs: number;
  /** Keys that are brought before chunks are. */
  readonly ahead: Ahead;
}

/** Answers the exit code. What is not on the server by then is in the staging directory. */
export async function runCapture(plan: CapturePlan): Promise<number> {
  const { staging, teller, login, place } = plan;
  const tell = (happening: Happening): void =>
    teller.tell(happening, {
      sealed: staging.nextIndex - 1,
      acknowledged: staging.acknowledged,
      pendingChunks: staging.pending.chunks,
      pendingBytes: staging.pending.bytes,
    });
  if (!staging.completed) tell({ event: 'recording', directory: staging.directory, resumed: plan.resumed });
  const source = sourceOf(plan);
  const interrupt = onInterrupts(source, plan);
  const stopCheckins = plan.checkins && checkInRepeatedly(login, place.incidentId, plan.checkins, tell);
  try {
    const exit = await both(plan, source, tell, interrupt);
    const { acknowledged, pending, directory, receipts } = staging;
    tell({
      ...({ event: 'ended', exit, directory, acknowledged, pending: pending.chunks } as const),
      ...{ receipts: receipts.count, receipts_file: receipts.path },
    });
    return exit;
  } finally {
    stopCheckins?.();
    interrupt.forget();
  }
}

/** What is still to be recorded: nothing once the end is sealed; nothing but the end where only uploads are wanted. */
function sourceOf({ world, staging, wish, sourcePlan }: CapturePlan): RecordingSource | undefined {
  if (staging.ended) return undefined;
  if (wish !== undefined) return openRecording(world, wish, sourcePlan);
  return { live: false, bytes: (async function* (): AsyncGenerator<Uint8Array> {})(), stop: () => undefined };
}

/** Records and uploads at once. */
async function both(
  plan: CapturePlan,
  source: RecordingSource | undefined,
  tell: (happening: Happening) => void,
  interrupts: Interrupts,
): Promise<number> {
  const { world, staging, login, place, record, key, chance } = plan;
  let recorded = source === undefined;
  let uploaded = false;
  const recorder: Recorder | undefined =
    source &&
    recorderOf(source, {
      world,
      staging,
      place,
      key,
      cutting: {
        maxBytes: record.chunkBytes,
        maxMs: record.chunkMs,
        now: world.now,
        after(ms, act) {
          const timer = setTimeout(act, ms);
          return () => clearTimeout(timer);
        },
      },
      maxStaging: record.maxStaging,
      uploadsOver: () => uploaded,
      tell,
    });
  const recording: Promise<RecordEnd | Failure> = (recorder?.run() ?? Promise.resolve('ended' as const)).then(
    (end) => end,
    (error: unknown) => {
      if (error instanceof Failure) return error;
      throw error;
    },
  );
  const over = recording.finally(() => {
    recorded = true;
    interrupts.recordingOver();
    if (recorder !== undefined) tell({ event: 'recording_ended' });
    staging.ring();
  });
  const uploading = uploadStaged(
    {
      world,
      login,
      staging,
      place,
      chance,
      maxWaitMs: plan.maxWaitMs,
      isRecording: () => !recorded && recorder?.isRecording() === true,
      resumed: plan.resumed,
      interrupt: interrupts.now,
      tell,
      ahead: plan.ahead,
    },
    () => recorded,
  ).finally(() => {
    uploaded = true;
    staging.ring();
  });
  const [recordEnd, uploadEnd] = await Promise.all([over, uploading]);
  return await concluded(plan, recordEnd, uploadEnd, tell);
}

/** Completes the stream where that can be done, and says how it all went. */
async function concluded(
  plan: CapturePlan,
  recordEnd: RecordEnd | Failure,
  uploadEnd: UploadEnd,
  tell: (happening: Happening) => void,
): Promise<number> {
  const { staging, login, place, record, teller } = plan;
  if (recordEnd instanceof Failure) {
    teller.say(recordEnd.message);
    teller.say('The stream is not ended. --resume records on; --resume with --upload-only ends it.');
    return exitCodeOf(recordEnd);
  }
  switch (uploadEnd.kind) {
    case 'login':
      return LOGIN_NEEDED;
    case 'refused':
      return EXIT_CODES.refused;
    case 'network':
      teller.say(`Given up: ${uploadEnd.reason}`);
      return EXIT_CODES.network;
    case 'done':
      break;
  }
  const count = staging.nextIndex - 1;
  if (!record.leaveOpen && !staging.completed) {
    try {
      await completeStream(login, place.incidentId, place.streamId, count);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      teller.say(`All chunks are on the server, but the stream is not completed: ${error.message}`);
      return exitCodeOf(error);
    }
    await staging.complete();
    tell({ event: 'completed', chunk_count: count });
  }
  if (plan.ahead.refused) {
    teller.say(
      'Everything is on the server, but not the wrapped key of everybody. Look with: sallyport keys list',
    );
    return EXIT_CODES.refused;
  }
  return recordEnd === 'full' ? CUT_SHORT : 0;
}

interface Interrupts {
  /** As if somebody had pressed Ctrl-C. */
  now(): void;
  /** From here on, the first one leaves. */
  recordingOver(): void;
  forget(): void;
}

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const;

/** The first Ctrl-C ends the recording, the second one everything. */
function onInterrupts(source: RecordingSource | undefined, { teller, staging }: CapturePlan): Interrupts {
  let ending = source === undefined;
  const act = (code: number): void => {
    if (!ending) {
      ending = true;
      teller.say('Ending the recording. Once more, and the rest stays in the staging directory.');
      source?.stop();
      return;
    }
    teller.say(`Left. Go on with: sallyport capture --resume ${staging.directory}`);
    // The directory is in order at any moment, and a lock that is left behind is taken over.
    process.exit(code);
  };
  const handlers = SIGNALS.map(([signal, code]) => [signal, () => act(code)] as const);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return {
    now: () => act(130),
    recordingOver() {
      ending = true;
    },
    forget() {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    },
  };
}
