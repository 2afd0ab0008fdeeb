/** The parts of a capture, each by itself. */
import assert from 'node:assert/strict';
import { readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ffmpegArguments } from '../../cli/sallyport/evidence/ffmpeg.ts';
import { Journal } from '../../cli/sallyport/evidence/journal.ts';
import { parseKeys, type StreamKey, writeKeys } from '../../cli/sallyport/evidence/keys-file.ts';
import { type Cutting, cutPieces, type Piece } from '../../cli/sallyport/evidence/pieces.ts';
import { seededChance } from '../../cli/sallyport/evidence/seeded.ts';
import { signalOf } from '../../cli/sallyport/evidence/signal-source.ts';
import { parseSource } from '../../cli/sallyport/evidence/sources.ts';
import { Staging } from '../../cli/sallyport/evidence/staging.ts';
import { pauseBefore } from '../../cli/sallyport/evidence/uploader.ts';
import { throughWeather } from '../../cli/sallyport/evidence/weather.ts';
import { Failure } from '../../cli/shared/failure.ts';
import type { Sending } from '../../cli/shared/http.ts';
import { processWorld } from '../../cli/shared/world.ts';
import { MEDIA_TYPES } from '../../src/crypto/sealed.ts';
import { seeded } from '../support/seed.ts';
import { tempDir } from '../support/temp.ts';

const world = processWorld();

/** A clock that a test moves, and what waits for it. */
function handClock() {
  let time = 1000;
  let waiting: { at: number; act: () => void }[] = [];
  return {
    now: () => time,
    after(ms: number, act: () => void) {
      const entry = { at: time + ms, act };
      waiting.push(entry);
      return () => {
        waiting = waiting.filter((one) => one !== entry);
      };
    },
    async pass(ms: number) {
      time += ms;
      const due = waiting.filter(({ at }) => at <= time);
      waiting = waiting.filter(({ at }) => at > time);
      for (const { act } of due) act();
      await settled();
    },
  };
}

/** Resolves when everything that could run without waiting has run. */
const settled = () => new Promise<void>((done) => setImmediate(() => setImmediate(done)));

/** A source that gives what a test hands it. */
function handSource() {
  const queue: (Uint8Array | 'end' | Error)[] = [];
  let wake = (): void => undefined;
  const give = async (what: string | 'end' | Error) => {
    queue.push(what instanceof Error || what === 'end' ? what : Buffer.from(what));
    wake();
    await settled();
  };
  const bytes = (async function* () {
    for (;;) {
      const next = queue.shift();
      if (next === 'end') return;
      if (next instanceof Error) throw next;
      if (next !== undefined) yield next;
      else
        await new Promise<void>((done) => {
          wake = done;
        });
    }
  })();
  return { bytes, give };
}

async function watch(cutting: Partial<Cutting> = {}) {
  const clock = handClock();
  const source = handSource();
  const pieces: string[] = [];
  const whole: Piece[] = [];
  const ended = (async () => {
    for await (const piece of cutPieces(source.bytes, { maxBytes: 4, maxMs: 1000, ...clock, ...cutting })) {
      whole.push(piece);
      pieces.push(`${Buffer.from(piece.bytes).toString()}${piece.final ? '.' : ''}`);
    }
  })();
  ended.catch(() => undefined);
  await settled();
  return { ...source, clock, pieces, whole, ended };
}

describe('cutting a recording', () => {
  it('cuts by size, and marks the last piece although it cannot know which one that is', async () => {
    const { give, pieces, ended } = await watch();
    await give('abcdefghij');
    assert.deepEqual(pieces, ['abcd', 'efgh']);
    await give('kl');
    assert.deepEqual(pieces, ['abcd', 'efgh'], 'a piece of full size is held back until another byte comes');
    await give('m');
    assert.deepEqual(pieces, ['abcd', 'efgh', 'ijkl']);
    await give('end');
    await ended;
    assert.deepEqual(pieces, ['abcd', 'efgh', 'ijkl', 'm.']);
  });

  it('cuts by time, and lets the piece go with the first byte after it', async () => {
    const { give, pieces, whole, clock } = await watch({ maxBytes: 100 });
    await give('ab');
    await clock.pass(999);
    await give('c');
    await clock.pass(1);
    assert.deepEqual(pieces, []);
    await give('d');
    assert.deepEqual(pieces, ['abc']);
    assert.deepEqual([whole[0]?.startedAt, whole[0]?.endedAt], [1000, 2000]);
  });

  it('holds nothing back for longer than a piece lasts, and ends with an empty piece then', async () => {
    const { give, pieces, clock, ended } = await watch({ maxBytes: 100 });
    await give('ab');
    await clock.pass(1000);
    await clock.pass(1000);
    assert.deepEqual(pieces, ['ab'], 'a source that stalls does not keep what it gave in danger');
    await give('end');
    await ended;
    assert.deepEqual(pieces, ['ab', '.']);
  });

  it('says the end of an empty recording, and does not say one of a source that failed', async () => {
    const empty = await watch();
    await empty.give('end');
    await empty.ended;
    assert.deepEqual(empty.pieces, ['.']);
    const failing = await watch();
    await failing.give('abcdef');
    await failing.give(new Error('unplugged'));
    await assert.rejects(failing.ended, /unplugged/);
    assert.deepEqual(failing.pieces, ['abcd', 'ef'], 'what it gave before is kept, as no end');
  });

  it('never ends a piece before it began, whatever the clock does', async () => {
    const { give, whole, clock, ended } = await watch();
    await give('abcd');
    await clock.pass(-500);
    await give('ef');
    await give('end');
    await ended;
    for (const { startedAt, endedAt } of whole) assert.ok(endedAt >= startedAt);
  });
});

describe('the staging directory', () => {
  const facts = {
    startedAt: '2026-01-01T00:00:00.000Z',
    endedAt: '2026-01-01T00:00:01.000Z',
    plainBytes: 5,
    final: false,
  };
  const once = async function* (text: string) {
    yield Buffer.from(text);
  };

  it('keeps a chunk until it is acknowledged, over restarts, for its owner alone', async () => {
    const dir = await tempDir();
    const first = await Staging.open(world, dir.path);
    await first.stage(once('one'), facts);
    await first.stage(once('two'), { ...facts, final: true });
    await first.close();
    const again = await Staging.open(world, dir.path);
    assert.deepEqual([again.nextIndex, again.recordedBytes, again.ended], [3, 10, true]);
    const chunk = again.next() ?? assert.fail('nothing is pending');
    assert.equal(await readFile(join(dir.path, 'chunks', '00000001.sealed'), 'utf8'), 'one');
    assert.equal((await stat(join(dir.path, 'chunks', '00000001.sealed'))).mode & 0o777, 0o600);
    await again.acknowledge(chunk);
    assert.deepEqual(again.pending, { chunks: 1, bytes: 3 });
    await again.close();
    const last = await Staging.open(world, dir.path);
    assert.deepEqual(
      [last.next()?.index, last.acknowledged, last.nextIndex, last.recordedBytes],
      [2, 1, 3, 10],
    );
    await last.close();
    await dir.remove();
  });

  it('finds a chunk whose rename a crash came before, and forgets one that was never stated', async () => {
    const dir = await tempDir();
    const staging = await Staging.open(world, dir.path);
    await staging.stage(once('one'), facts);
    await staging.close();
    const chunks = join(dir.path, 'chunks');
    await rename(join(chunks, '00000001.sealed'), join(chunks, '00000001.sealed.part'));
    await writeFile(join(chunks, '00000002.sealed.part'), 'half of tw');
    const again = await Staging.open(world, dir.path);
    assert.equal(again.nextIndex, 2);
    assert.deepEqual(await readdir(chunks), ['00000001.sealed']);
    assert.ok(await again.isWhole(again.next() ?? assert.fail('nothing is pending')));
    await again.close();
    await dir.remove();
  });

  it('says which chunk is missing when somebody has removed one', async () => {
    const dir = await tempDir();
    const staging = await Staging.open(world, dir.path);
    await staging.stage(once('one'), facts);
    await staging.close();
    await rm(join(dir.path, 'chunks', '00000001.sealed'));
    await assert.rejects(Staging.open(world, dir.path), (error) => {
      assert.ok(error instanceof Failure);
      return error.code === 'chunk_missing';
    });
    await dir.remove();
  });

  it('reads a journal that was cut at any byte as the lines that were whole', async () => {
    const dir = await tempDir();
    const journal = await Journal.open(world, dir.path, 'journal');
    const chunk = { ...facts, sha256: 'ab', bytes: 3 };
    for (const index of [1, 2, 3]) await journal.staged({ ...chunk, index });
    await journal.acknowledged(1);
    await journal.close();
    const path = join(dir.path, 'journal');
    const whole = await readFile(path);
    const ends = [...whole.entries()].filter(([, byte]) => byte === 10).map(([at]) => at + 1);
    for (let length = whole.length; length >= (ends[0] ?? 0); length -= 7) {
      await writeFile(path, whole);
      await truncate(path, length);
      const read = await Journal.open(world, dir.path, 'journal');
      const lines = ends.filter((end) => end <= length).length - 1;
      assert.equal(read.state.lastIndex, Math.min(lines, 3), `cut to ${length} bytes`);
      assert.equal(read.state.acknowledged, lines === 4 ? 1 : 0);
      await read.close();
    }
    await dir.remove();
  });
});

describe('the keys file', () => {
  const key: StreamKey = {
    incidentId: 'inc_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    streamId: 'str_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    mediaType: 'audio',
    key: new Uint8Array(32).fill(7),
  };

  it('comes back as it was written', () => {
    assert.deepEqual(parseKeys(writeKeys([key])), [key]);
  });

  it('is refused when anything in it is wrong, without a word of what is in it', () => {
    const text = writeKeys([key]);
    const secret = /"key": "([^"]+)"/.exec(text)?.[1] ?? '';
    for (const wrong of [
      text.slice(0, -5),
      text.replace('sallyport-keys/1', 'sallyport-keys/2'),
      text.replace('inc_', 'ink_'),
      text.replace('audio', 'smell'),
      text.replace(secret, secret.slice(1)),
      text.replace(secret, `${secret.slice(0, -1)}=`),
      '[]',
      'null',
    ]) {
      assert.throws(
        () => parseKeys(wrong),
        (error) => {
          assert.ok(error instanceof Failure);
          assert.ok(!error.message.includes(secret.slice(5, 20)));
          return error.kind === 'usage';
        },
      );
    }
  });
});

describe('a bad network that is rehearsed', () => {
  const weather = { latencyMs: 0, lossPercent: 50, bytesPerSecond: undefined, offline: undefined };
  const body = () => ({
    length: 4,
    pieces: (async function* () {
      yield Buffer.from('ab');
      yield Buffer.from('cd');
    })(),
  });
  const sending = (): Sending => ({
    method: 'PUT',
    url: new URL('http://127.0.0.1/'),
    headers: {},
    body: body(),
  });

  /** Sends a number of requests, and tells which got through and which were seen by the server. */
  async function story(seed: number) {
    let seen = 0;
    const clock = { now: () => 0, sleep: async () => undefined };
    const through = throughWeather(
      async ({ body: sent }) => {
        for (let next = await sent?.pieces.next(); next?.done === false; next = await sent?.pieces.next());
        seen += 1;
        return {
          status: 200,
          header: () => undefined,
          body: (async function* () {})(),
          close: () => undefined,
        };
      },
      weather,
      clock,
      seededChance(seed),
    );
    const outcomes: string[] = [];
    for (let i = 0; i < 60; i += 1) {
      await through(sending()).then(
        () => outcomes.push('ok'),
        (error: unknown) =>
          outcomes.push(error instanceof Failure && error.passing ? error.message : 'defect'),
      );
    }
    return { outcomes, seen };
  }

  it('is the same for the same seed, and breaks requests at every stage', async () => {
    const one = await story(1);
    assert.deepEqual(await story(1), one);
    assert.notDeepEqual((await story(2)).outcomes, one.outcomes);
    assert.equal(new Set(one.outcomes).size, 4, 'whole, lost before, lost within, answer lost');
    const ok = one.outcomes.filter((outcome) => outcome === 'ok').length;
    assert.ok(one.seen > ok, 'some requests arrive although their answer is lost');
    assert.ok(ok > 10 && ok < 50);
  });

  it('is gone for a while in the rhythm that is asked for', async () => {
    let time = 0;
    const clock = { now: () => time, sleep: async () => undefined };
    const through = throughWeather(
      async () => ({
        status: 200,
        header: () => undefined,
        body: (async function* () {})(),
        close: () => undefined,
      }),
      { ...weather, lossPercent: 0, offline: { everyMs: 1000, forMs: 500 } },
      clock,
      seededChance(1),
    );
    const at = async (ms: number) => {
      time = ms;
      return await through(sending()).then(
        () => 'up',
        () => 'down',
      );
    };
    assert.deepEqual(
      [await at(0), await at(999), await at(1000), await at(1499), await at(1500), await at(2600)],
      ['up', 'up', 'down', 'down', 'up', 'down'],
    );
  });
});

it('waits longer after each failure, never in one rhythm, and never less than the server asks for', () => {
  const chance = seededChance(3);
  const pauses = Array.from({ length: 12 }, (_, count) => pauseBefore(count + 1, undefined, chance));
  assert.ok((pauses[0] ?? 0) < 1000);
  for (const pause of pauses) assert.ok(pause <= 6250);
  assert.equal(new Set(pauses).size, 12);
  assert.equal(pauseBefore(1, 60_000, chance), 60_000);
});

it('makes the same signal from any offset', (t) => {
  const random = seeded(t);
  for (const media of MEDIA_TYPES) {
    const signal = signalOf(media);
    const whole = Buffer.from(signal.slice(0, 40_000));
    for (let round = 0; round < 20; round += 1) {
      const from = random.below(39_000);
      const to = from + 1 + random.below(1000);
      assert.ok(whole.subarray(from, to).equals(signal.slice(from, to)), `${media} ${from} to ${to}`);
    }
  }
});

it('names sources, and refuses what it does not know', () => {
  assert.deepEqual(parseSource('file:film', '/home/me'), { kind: 'file', path: '/home/me/film' });
  assert.deepEqual(parseSource('-', '/'), { kind: 'stdin' });
  assert.deepEqual(parseSource('ffmpeg:screen', '/'), { kind: 'ffmpeg', input: 'screen' });
  for (const text of ['film', 'ffmpeg:', 'ffmpeg:kitchen', 'file:', 'http://x/', ''])
    assert.throws(() => parseSource(text, '/'), Failure);
});

it('asks ffmpeg for what each platform has, in a container that can be cut anywhere', () => {
  const wish = { device: undefined, offsetSeconds: 0 } as const;
  const arguments_ = (
    input: 'test' | 'microphone' | 'camera' | 'screen',
    media: 'audio' | 'video',
    platform: string,
  ) => ffmpegArguments({ ...wish, input, media }, platform, ':0').join(' ');
  assert.match(arguments_('microphone', 'audio', 'linux'), /-f alsa -i default .*-f mpegts pipe:1$/);
  assert.match(arguments_('camera', 'video', 'linux'), /-f v4l2 -i \/dev\/video0 /);
  assert.match(arguments_('screen', 'video', 'linux'), /-f x11grab .*-i :0 /);
  assert.match(arguments_('screen', 'video', 'darwin'), /-f avfoundation /);
  assert.throws(() => arguments_('microphone', 'audio', 'win32'), /--device/);
  assert.throws(() => arguments_('camera', 'audio', 'linux'), /--media/);
});
