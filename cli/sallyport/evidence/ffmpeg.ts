/**
 * `ffmpeg` as a recorder. It writes MPEG transport streams: they can be cut anywhere and joined again, play without
 * their end, and go on after a break, which is what a recording in an emergency needs more than small files.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Failure, usage } from '../../shared/failure.ts';
import { printable } from '../../shared/text.ts';
import type { World } from '../../shared/world.ts';
import type { RecordingSource } from './sources.ts';

export const FFMPEG_INPUTS = ['test', 'microphone', 'camera', 'screen'] as const;
export type FfmpegInput = (typeof FFMPEG_INPUTS)[number];

export interface FfmpegWish {
  readonly input: FfmpegInput;
  readonly media: 'audio' | 'video';
  /** The system's name of the microphone, camera or screen; undefined for its usual one. */
  readonly device: string | undefined;
  /** Seconds that this stream has been recorded for, by earlier runs: its time goes on from there. */
  readonly offsetSeconds: number;
}

const WORDS_KEPT = 2000;
/** An ffmpeg that was asked to end and does not is ended. */
const PATIENCE_MS = 5000;

/** The arguments of ffmpeg. Throws a usage failure for what this platform has no usual device for. */
export function ffmpegArguments(wish: FfmpegWish, platform: string, display: string | undefined): string[] {
  return [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin'],
    ...inputOf(wish, platform, display),
    ...(wish.media === 'audio'
      ? ['-vn', '-c:a', 'aac', '-b:a', '64k', '-ac', '1']
      : ['-an', '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency'].concat(
          // A key frame every second or two, so that a piece from the middle plays soon.
          ['-pix_fmt', 'yuv420p', '-g', '30', '-b:v', '1500k'],
        )),
    ...['-output_ts_offset', wish.offsetSeconds.toFixed(3), '-muxdelay', '0', '-muxpreload', '0'],
    ...['-flush_packets', '1', '-f', 'mpegts', 'pipe:1'],
  ];
}

function inputOf({ input, media, device }: FfmpegWish, platform: string, display: string | undefined) {
  if (input === 'test') {
    const picture = media === 'video';
    return ['-re', '-f', 'lavfi', '-i', picture ? 'testsrc2=size=320x240:rate=15' : 'sine=frequency=440'];
  }
  if ((input === 'microphone') !== (media === 'audio'))
    throw usage(
      `ffmpeg:${input} records ${input === 'microphone' ? 'audio' : 'video'}: say so with --media.`,
    );
  if (platform === 'linux') {
    if (input === 'microphone') return ['-f', 'alsa', '-i', device ?? 'default'];
    if (input === 'camera') return ['-f', 'v4l2', '-i', device ?? '/dev/video0'];
    const screen = device ?? display;
    if (screen === undefined) throw usage('There is no screen to record: DISPLAY is not set. Use --device.');
    return ['-f', 'x11grab', '-framerate', '15', '-i', screen];
  }
  if (platform === 'darwin') {
    const usual = { microphone: ':0', camera: '0', screen: 'Capture screen 0' }[input];
    return ['-f', 'avfoundation', '-framerate', '30', '-i', device ?? usual];
  }
  if (platform === 'win32' && input === 'screen')
    return ['-f', 'gdigrab', '-framerate', '15', '-i', device ?? 'desktop'];
  if (device === undefined)
    throw usage(
      'Name the device: --device "audio=…" or "video=…" (ffmpeg -list_devices true -f dshow -i dummy).',
    );
  return ['-f', 'dshow', '-i', device];
}

/** Starts ffmpeg and records what it writes. */
export function ffmpegSource(world: World, wish: FfmpegWish): RecordingSource {
  const args = ffmpegArguments(wish, world.platform, world.env.DISPLAY);
  let child: ChildProcess | undefined;
  let stopping = false;
  let patience: NodeJS.Timeout | undefined;
  return {
    live: true,
    stop() {
      stopping = true;
      child?.kill('SIGINT');
      patience ??= setTimeout(() => child?.kill('SIGKILL'), PATIENCE_MS);
      patience.unref();
    },
    bytes: (async function* () {
      if (stopping) return;
      const recorder = spawn('ffmpeg', args, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: withoutOurs(world.env),
      });
      child = recorder;
      let words = '';
      recorder.stderr.setEncoding('utf8').on('data', (text: string) => {
        words = (words + text).slice(-WORDS_KEPT);
      });
      const ended = Promise.race([
        once(recorder, 'close').then(([code]) => ({ code: code as number | null })),
        once(recorder, 'error').then(() => 'missing' as const),
      ]);
      ended.catch(() => undefined);
      try {
        yield* recorder.stdout as AsyncIterable<Uint8Array>;
        const end = await ended;
        if (end === 'missing')
          throw usage('There is no program ffmpeg. Install it (apt install ffmpeg, brew install ffmpeg).');
        if (!stopping && end.code !== 0) throw ffmpegFailed(words);
      } finally {
        clearTimeout(patience);
        if (recorder.exitCode === null && recorder.signalCode === null) recorder.kill('SIGKILL');
      }
    })(),
  };
}

/** ffmpeg is somebody else's program: nothing of ours is handed to it. */
function withoutOurs(env: World['env']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(SALLYPORT|SAFE|FPASTE)_/.test(name)));
}

function ffmpegFailed(words: string): Failure {
  const last = words.trim().split('\n').at(-1) ?? '';
  return new Failure('refused', 'source_failed', `ffmpeg ended by itself: ${printable(last, 200)}`);
}
