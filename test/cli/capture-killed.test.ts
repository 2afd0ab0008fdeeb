/** A recorder that is killed at any moment loses nothing that it had written. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { askMain, newRecorder, type Recorder, type Running } from '../support/recorder.ts';
import { rounds, type Seeded, seeded } from '../support/seed.ts';

const ROUNDS = rounds(5);
const KILLS = 3;
const BYTES = 60_000;
const CHUNK = 1000;

let recorder: Recorder;
before(async () => {
  recorder = await newRecorder();
});
after(() => recorder.stop());

/** Events after which the process may be killed, from its set-up to its end. */
const MOMENTS = [
  'incident',
  'stream',
  'recording',
  'sealed',
  'acknowledged',
  'sealed',
  'acknowledged',
] as const;

/** Kills it at a moment of chance, and a few turns of the event loop later. Answers the event, if it came. */
async function killedSomewhere(running: Running, random: Seeded): Promise<string> {
  const moment = MOMENTS[random.below(MOMENTS.length)] ?? 'sealed';
  const several = moment === 'sealed' || moment === 'acknowledged';
  const count = several ? 1 + random.below(BYTES / CHUNK - 1) : 1;
  const turns = random.below(20);
  try {
    await running.event(moment, count);
    for (let turn = 0; turn < turns; turn += 1) await new Promise((done) => setImmediate(done));
  } catch {
    return 'it had ended before';
  }
  running.child.kill('SIGKILL');
  return `${moment} ${count}, ${turns} turns later`;
}

it(`goes on where it was killed, ${ROUNDS} recordings of ${BYTES / CHUNK} chunks, ${KILLS} kills each`, async (t) => {
  const random = seeded(t);
  const { home, server, token } = recorder;
  for (let round = 0; round < ROUNDS; round += 1) {
    const film = Buffer.from(Array.from({ length: BYTES }, () => random.below(256)));
    await home.write(`film-${round}`, film);
    const directory = `killed-${round}`;
    let args = [
      '--media',
      'video',
      '--source',
      `file:film-${round}`,
      '--dir',
      directory,
      '--chunk-bytes',
      `${CHUNK}`,
    ];
    const story: string[] = [];
    const acknowledged = new Set<number>();
    for (let kill = 0; kill <= KILLS; kill += 1) {
      const running = home.start(['capture', '--json', '--no-viewer', ...args]);
      if (kill < KILLS) story.push(await killedSomewhere(running, random));
      const ran = await running.ended;
      for (const { event, chunk_index: index } of ran.events)
        if (event === 'acknowledged') acknowledged.add(index);
      if (kill === KILLS)
        assert.equal(ran.code, 0, `round ${round}: ${story.join('; ')}: ${ran.stdout}${ran.stderr}`);
      args = ['--resume', directory];
    }
    const { incidentId, streamId } = JSON.parse(
      await readFile(join(home.work, directory, 'capture.json'), 'utf8'),
    );
    const told = `round ${round}: ${story.join('; ')}`;
    const { body: chunks } = await askMain(server, `/v1/incidents/${incidentId}/chunks`, token);
    assert.equal(chunks.length, BYTES / CHUNK, told);
    for (const index of acknowledged)
      assert.ok(
        chunks.some((chunk: { chunk_index: number }) => chunk.chunk_index === index),
        told,
      );
    const { body: stream } = await askMain(server, `/v1/incidents/${incidentId}/streams/${streamId}`, token);
    assert.equal(stream.stream.status, 'complete', told);
    assert.deepEqual(await readdir(join(home.work, directory, 'chunks')), [], told);
    const args2 = [
      'open',
      '--from-server',
      incidentId,
      '--keys',
      `${directory}/keys.json`,
      '--output',
      `out-${round}`,
    ];
    const [found] = JSON.parse((await home.ok([...args2, '--json'])).stdout).streams;
    assert.equal(found.end_proven, true, told);
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    assert.equal(digest(await readFile(found.file)), digest(film), told);
  }
});

it('a pipe that was killed keeps every piece that was sealed, and its end is said by the next run', async (t) => {
  const random = seeded(t);
  const { home } = recorder;
  for (let round = 0; round < rounds(3); round += 1) {
    const directory = `pipe-${round}`;
    const running = home.start(
      [
        ...['capture', '--json', '--no-viewer', '--media', 'audio', '--source', '-', '--dir', directory],
        '--chunk-bytes',
        '100',
      ],
      'pipe',
    );
    const said = Buffer.from(Array.from({ length: 5000 }, () => random.below(256)));
    running.child.stdin?.write(said);
    await running.event('sealed', 1 + random.below(48));
    running.child.kill('SIGKILL');
    const { events } = await running.ended;
    const sealed = events.filter(({ event }) => event === 'sealed').length;
    const ran = await home.ok(['capture', '--json', '--resume', directory, '--upload-only']);
    const { incident_id: incident } = ran.events.find(({ event }) => event === 'stream') ?? assert.fail();
    const args = [
      'open',
      '--from-server',
      incident,
      '--keys',
      `${directory}/keys.json`,
      '--output',
      directory,
    ];
    const [found] = JSON.parse(
      (await home.ok([...args.slice(0, -1), `out-${directory}`, '--json'])).stdout,
    ).streams;
    const back = await readFile(found.file);
    assert.ok(back.length >= sealed * 100, `${sealed} pieces were sealed, ${back.length} bytes are there`);
    assert.ok(said.subarray(0, back.length).equals(back));
    assert.equal(found.end_proven, true);
  }
});

it('one directory is used by one process at a time', async () => {
  const { home } = recorder;
  const running = home.start(
    ['capture', '--json', '--no-viewer', '--media', 'audio', '--source', '-', '--dir', 'one'],
    'pipe',
  );
  await running.event('recording');
  const second = await home.run(['capture', '--json', '--resume', 'one', '--upload-only']);
  assert.equal(second.code, 1);
  assert.equal(JSON.parse(second.stderr).error.code, 'in_use');
  running.child.stdin?.end();
  assert.equal((await running.ended).code, 0);
});
