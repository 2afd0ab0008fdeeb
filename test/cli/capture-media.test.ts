/** What is recorded plays: signals, and what ffmpeg records, from finished streams and from those that are not. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseKeys } from '../../cli/sallyport/evidence/keys-file.ts';
import {
  askMain,
  type Home,
  newRecorder,
  openedIn,
  placeOf,
  type Recorder,
  textOf,
} from '../support/recorder.ts';

const FFMPEG: string | false =
  spawnSync('ffprobe', ['-version']).status === 0 && spawnSync('ffmpeg', ['-version']).status === 0
    ? false
    : 'ffmpeg and ffprobe are not installed (apt-get install ffmpeg)';

let recorder: Recorder;
let home: Home;
const opened = (args: readonly string[], code = 0) => openedIn(home, args, code);
before(async () => {
  recorder = await newRecorder();
  home = recorder.home;
});
after(() => recorder.stop());

/** What ffprobe finds: codecs, and the seconds they last. */
function probed(file: string): { readonly codecs: string[]; readonly seconds: number } {
  const words = '-v error -of json -show_streams -show_entries packet=pts_time'.split(' ');
  const { stdout, stderr } = spawnSync('ffprobe', [...words, file], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  assert.equal(stderr, '');
  const { streams, packets } = JSON.parse(stdout);
  const times = packets
    .map((packet: { pts_time: string }) => Number(packet.pts_time))
    .filter(Number.isFinite);
  return {
    codecs: streams.map((stream: { codec_name: string }) => stream.codec_name),
    seconds: Math.max(...times) - Math.min(...times),
  };
}

describe('media', () => {
  for (const [media, codec] of [
    ['audio', 'pcm_s16le'],
    ['video', 'rawvideo'],
  ] as const) {
    it(`a generated signal is ${media} that a player reads`, { skip: FFMPEG }, async () => {
      const args = [
        '--media',
        media,
        '--source',
        'signal',
        '--duration',
        '3s',
        '--speed',
        '20',
        '--no-viewer',
      ];
      await home.ok(['capture', '--json', ...args, '--dir', `signal-${media}`]);
      const keys = `signal-${media}/keys.json`;
      const [key] = parseKeys(await textOf(join(home.work, keys)));
      const incident = key?.incidentId ?? '';
      const { file } = await opened(['--from-server', incident, '--keys', keys, '--output', 'signals']);
      assert.deepEqual(probed(file).codecs, [codec]);
    });
  }

  it('ffmpeg’s test picture plays from a stream that was never finished', { skip: FFMPEG }, async () => {
    const running = home.start([
      ...[
        'capture',
        '--json',
        '--media',
        'video',
        '--source',
        'ffmpeg:test',
        '--no-viewer',
        '--dir',
        'broken-off',
      ],
    ]);
    await running.event('acknowledged', 3);
    running.child.kill('SIGKILL');
    const { incident, stream } = placeOf((await running.ended).events);
    const args = ['--from-server', incident, stream, '--keys', 'broken-off/keys.json', '--output', 'played'];
    const found = await opened(args);
    assert.equal(found.end_proven, false);
    const { codecs, seconds } = probed(found.file);
    assert.deepEqual(codecs, ['h264']);
    assert.ok(seconds > 1);
    // It goes on as the same stream, which then plays from its beginning to its new end.
    const more = home.start(['capture', '--json', '--resume', 'broken-off']);
    await more.event('acknowledged', 3);
    more.child.kill('SIGINT');
    const ran = await more.ended;
    assert.equal(ran.code, 0, ran.stderr);
    const whole = await opened([...args.slice(0, -1), 'played-whole']);
    assert.equal(whole.end_proven, true);
    assert.deepEqual(probed(whole.file).codecs, ['h264']);
    assert.ok(probed(whole.file).seconds > seconds);
  });

  it('ffmpeg’s test tone is audio, and Ctrl-C ends it in order', { skip: FFMPEG }, async () => {
    const running = home.start([
      ...['capture', '--json', '--media', 'audio', '--source', 'ffmpeg:test', '--no-viewer', '--dir', 'tone'],
    ]);
    await running.event('acknowledged');
    running.child.kill('SIGINT');
    const ran = await running.ended;
    assert.equal(ran.code, 0, ran.stderr);
    const { incident } = placeOf(ran.events);
    const { file, end_proven: proven } = await opened([
      '--from-server',
      incident,
      '--keys',
      'tone/keys.json',
      '--output',
      'tones',
    ]);
    assert.equal(proven, true);
    assert.deepEqual(probed(file).codecs, ['aac']);
    // The chunk times tell of no hole that was not there.
    const { body: chunks } = await askMain(
      recorder.server,
      `/v1/incidents/${incident}/chunks`,
      recorder.token,
    );
    for (const [at, chunk] of chunks.entries())
      if (at > 0) assert.equal(chunk.started_at, chunks[at - 1].ended_at);
  });

  it('an ffmpeg that cannot record is told in its own words, and the stream stays open', {
    skip: FFMPEG,
  }, async () => {
    const ran = await home.run([
      ...['capture', '--media', 'video', '--source', 'ffmpeg:camera', '--device', '/dev/no-such-camera'],
      ...['--no-viewer', '--dir', 'camera'],
    ]);
    if (process.platform === 'linux') assert.equal(ran.code, 1);
    assert.match(ran.stderr, /ffmpeg ended by itself: .*no-such-camera/);
    const ended = await home.ok(['capture', '--resume', 'camera', '--upload-only', '--json']);
    assert.equal(ended.events.at(-2)?.event, 'completed');
  });
});
