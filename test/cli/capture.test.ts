/** `sallyport capture` as a process against a running server: what it promises to somebody who records. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseKeys } from '../../cli/sallyport/evidence/keys-file.ts';
import {
  askMain,
  type Home,
  newHome,
  newRecorder,
  openedIn,
  placeOf,
  type Recorder,
  textOf,
} from '../support/recorder.ts';

const AGE: string | false =
  spawnSync('age', ['--version']).status === 0 ? false : 'age is not installed (apt-get install age)';

let recorder: Recorder;
let home: Home;
const opened = (args: readonly string[], code = 0, where = home) => openedIn(where, args, code);
before(async () => {
  recorder = await newRecorder();
  home = recorder.home;
});
after(() => recorder.stop());

const FROM = (name: string) => ['capture', '--json', '--media', 'video', '--source', `file:${name}`];

describe('a recording', () => {
  it('goes from a file to the server and back, whole, with its end proven', async () => {
    const film = randomBytes(300_000);
    await home.write('film', film);
    const ran = await home.ok([...FROM('film'), '--dir', 'whole', '--chunk-bytes', '64K']);
    const { incident, stream } = placeOf(ran.events);
    const names = ran.events.map(({ event }) => event);
    assert.equal(names.filter((name) => name === 'acknowledged').length, 5);
    assert.deepEqual(names.slice(-2), ['completed', 'ended']);
    const listed = await askMain(
      recorder.server,
      `/v1/incidents/${incident}/streams/${stream}`,
      recorder.token,
    );
    assert.deepEqual([listed.body.stream.status, listed.body.stream.expected_chunk_count], ['complete', 5]);

    const bundle = await fetch(
      `${recorder.server.main}/v1/incidents/${incident}/streams/${stream}/download`,
      {
        headers: { authorization: `Bearer ${recorder.token}` },
      },
    );
    await home.write('bundle.zip', new Uint8Array(await bundle.arrayBuffer()));
    const found = await opened(['bundle.zip', '--keys', 'whole/keys.json', '--output', 'back']);
    assert.equal(found.end_proven, true);
    assert.ok(film.equals(await readFile(found.file)));
    assert.equal((await stat(found.file)).mode & 0o777, 0o600);
    // Nothing that is there is written over.
    const again = await home.run(['open', 'bundle.zip', '--keys', 'whole/keys.json', '--output', 'back']);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /is there already/);
  });

  it('leaves nothing in its directory but facts, the key and the link, for its owner alone', async () => {
    await home.write('film', randomBytes(1000));
    await home.ok([...FROM('film'), '--dir', 'tidy']);
    const directory = join(home.work, 'tidy');
    const names = (await readdir(directory)).filter((name) => name !== 'receipts.jsonl');
    assert.deepEqual(names.sort(), ['capture.json', 'chunks', 'journal.jsonl', 'keys.json', 'viewer-link']);
    assert.deepEqual(await readdir(join(directory, 'chunks')), []);
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    for (const name of ['capture.json', 'journal.jsonl', 'keys.json', 'viewer-link'])
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600, name);
  });

  it('has a viewer link, shown once, that works without an account', async () => {
    await home.write('film', randomBytes(1000));
    const ran = await home.ok(['capture', '--media', 'video', '--source', 'file:film', '--dir', 'link']);
    const link = ran.stdout.trim();
    assert.match(link, new RegExp(`^${recorder.server.main}/i/[A-Za-z0-9_-]{43}$`));
    assert.equal((ran.stdout + ran.stderr).split(link).length, 2);
    assert.equal((await textOf(join(home.work, 'link', 'viewer-link'))).trim(), link);
    const seen = await (await fetch(`${link}/data`)).json();
    assert.equal((seen as { completed_streams: unknown[] }).completed_streams.length, 1);
    const again = await home.ok(['capture', '--resume', 'link']);
    assert.ok(!(again.stdout + again.stderr).includes(link), 'not shown again');
  });

  it('of nothing is one empty chunk that says that it is the last', async () => {
    await home.write('nothing', '');
    await home.ok([...FROM('nothing'), '--dir', 'empty', '--no-viewer']);
    const { incidentId } = JSON.parse(await textOf(join(home.work, 'empty', 'capture.json')));
    const found = await opened([
      '--from-server',
      incidentId,
      '--keys',
      'empty/keys.json',
      '--output',
      'empty-out',
    ]);
    assert.deepEqual([found.chunk_count, found.byte_count, found.end_proven], [1, 0, true]);
  });

  it('joins an incident that is there, and checks in while it goes on', async () => {
    await home.write('film', randomBytes(1000));
    const first = placeOf((await home.ok([...FROM('film'), '--no-viewer'])).events);
    const running = home.start(
      [
        ...[
          'capture',
          '--json',
          '--media',
          'location',
          '--source',
          '-',
          '--no-viewer',
          '--incident',
          first.incident,
        ],
        ...[
          '--checkin-every',
          '1h',
          '--battery',
          '41',
          '--latitude',
          '52.5',
          '--longitude',
          '13.25',
          '--accuracy',
          '7',
        ],
      ],
      'pipe',
    );
    await running.event('checked_in');
    running.child.stdin?.end('{"here":true}\n');
    const ran = await running.ended;
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(placeOf(ran.events).incident, first.incident);
    const token = await askMain(
      recorder.server,
      `/v1/incidents/${first.incident}/incident-tokens`,
      recorder.token,
      {},
    );
    const seen = await askMain(recorder.server, `/i/${token.body.token}/data`);
    const { device_battery_percent: battery, latitude, accuracy_meters: accuracy } = seen.body.latest_checkin;
    assert.deepEqual([battery, latitude, accuracy, seen.body.streams.length], [41, 52.5, 7, 2]);
  });
});

describe('the key of a stream', () => {
  it('is wrapped for each contact before the first chunk leaves, and age opens it', {
    skip: AGE,
  }, async () => {
    const identities = ['one', 'two'].map((name) => {
      const made = spawnSync('age-keygen', ['-o', join(home.work, `${name}.identity`)], { encoding: 'utf8' });
      return /age1\w+/.exec(made.stderr)?.[0] ?? assert.fail(made.stderr);
    });
    const film = randomBytes(5000);
    await home.write('film', film);
    const to = identities.flatMap((recipient) => ['--to', recipient]);
    const ran = await home.ok([...FROM('film'), '--no-viewer', '--dir', 'wrapped', ...to]);
    const order = ran.events.map(({ event }) => event);
    assert.ok(order.lastIndexOf('key_wrapped') < order.indexOf('sealed'));
    const files = ran.events.flatMap(({ event, file }) => (event === 'key_wrapped' ? [file as string] : []));
    assert.equal(files.length, 2);
    for (const [at, name] of ['one', 'two'].entries()) {
      const file = files[at] ?? '';
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      const plain = spawnSync('age', ['-d', '-i', `${name}.identity`, file], {
        cwd: home.work,
        encoding: 'utf8',
      });
      assert.equal(plain.status, 0, plain.stderr);
      assert.equal(plain.stdout, await textOf(join(home.work, 'wrapped', 'keys.json')));
      const wrong = spawnSync('age', ['-d', '-i', `${['two', 'one'][at]}.identity`, file], {
        cwd: home.work,
      });
      assert.notEqual(wrong.status, 0);
      const { incident } = placeOf(ran.events);
      const args = [
        '--from-server',
        incident,
        '--keys',
        file,
        '--identity',
        `${name}.identity`,
        '--output',
        name,
      ];
      assert.ok(film.equals(await readFile((await opened(args)).file)));
    }
  });

  it('is wrapped for a hybrid recipient too, and nothing is begun for what is no recipient', async () => {
    const { generateHybridIdentity, identityToRecipient } = await import('age-encryption');
    const identity = await generateHybridIdentity();
    await home.write('hybrid.identity', `${identity}\n`, 0o600);
    await home.write('film', randomBytes(100));
    const recipient = await identityToRecipient(identity);
    const ran = await home.ok([...FROM('film'), '--no-viewer', '--dir', 'hybrid', '--to', recipient]);
    const { file } =
      ran.events.find(({ event }) => event === 'key_wrapped') ?? assert.fail('no key was wrapped');
    const { incident } = placeOf(ran.events);
    await opened([
      '--from-server',
      incident,
      '--keys',
      file,
      '--identity',
      'hybrid.identity',
      '--output',
      'hybrids',
    ]);

    const refused = await home.run([...FROM('film'), '--dir', 'nobody', '--to', `${recipient}x`]);
    assert.equal(refused.code, 2);
    await assert.rejects(stat(join(home.work, 'nobody')));
  });

  it('opens nothing when it is another one, and the file that holds none is told from one that is damaged', async () => {
    await home.write('film', randomBytes(1000));
    const { incident } = placeOf((await home.ok([...FROM('film'), '--no-viewer', '--dir', 'locked'])).events);
    const text = await textOf(join(home.work, 'locked', 'keys.json'));
    const key = parseKeys(text)[0]?.key ?? assert.fail('there is no key');
    const other = text.replace(Buffer.from(key).toString('base64url'), randomBytes(32).toString('base64url'));
    await home.write('other.json', other);
    const wrong = await opened(['--from-server', incident, '--keys', 'other.json', '--output', 'wrong'], 4);
    assert.deepEqual([wrong.file, wrong.chunk_count], [null, 0]);
    assert.match(wrong.damaged_chunks[0].why, /key/);
    assert.deepEqual(await readdir(join(home.work, 'wrong')), []);

    await home.write('none.json', '{"format":"sallyport-keys/1","streams":[]}');
    const none = await home.run(['open', '--from-server', incident, '--keys', 'none.json']);
    assert.equal(none.code, 4);
    assert.match(none.stderr, /has no key for this stream/);
    await home.write('torn.json', text.slice(0, 80));
    assert.equal((await home.run(['open', '--from-server', incident, '--keys', 'torn.json'])).code, 2);
  });
});

describe('a stream that its recorder left behind', () => {
  it('is completed or failed from another machine, and its chunks are read in any state', async () => {
    const elsewhere = await newHome({ SALLYPORT_SERVER: recorder.server.main });
    await recorder.keepIn(elsewhere);
    for (const verb of ['complete', 'fail'] as const) {
      const film = randomBytes(3000);
      const running = home.start(
        [
          ...[
            'capture',
            '--json',
            '--media',
            'audio',
            '--source',
            '-',
            '--no-viewer',
            '--dir',
            `left-${verb}`,
          ],
          '--chunk-bytes',
          '1000',
        ],
        'pipe',
      );
      running.child.stdin?.write(film);
      await running.event('acknowledged', 2);
      running.child.kill('SIGKILL');
      const { incident, stream } = placeOf((await running.ended).events);
      const ended = await elsewhere.ok(['stream', verb, incident, stream, '--json']);
      assert.equal(JSON.parse(ended.stdout).stream.status, verb === 'complete' ? 'complete' : 'failed');
      await elsewhere.write('keys.json', await textOf(join(home.work, `left-${verb}`, 'keys.json')));
      const args = ['--from-server', incident, stream, '--keys', 'keys.json', '--output', verb];
      const found = await opened(args, 0, elsewhere);
      assert.equal(found.end_proven, false, 'somebody else’s word is no proof of the end');
      const bytes = await readFile(found.file);
      assert.ok(bytes.length >= 2000 && film.subarray(0, bytes.length).equals(bytes));
      // The recorder comes back: its stream takes nothing more, and what it holds is not lost.
      const back = await home.run(['capture', '--resume', `left-${verb}`, '--upload-only', '--json']);
      assert.equal(back.code, 1);
      assert.equal(back.events.find(({ event }) => event === 'upload_refused')?.code, 'stream_not_open');
      const rest = await home.run([
        'open',
        `left-${verb}`,
        '--keys',
        `left-${verb}/keys.json`,
        '--allow-gaps',
        '--output',
        `rest-${verb}`,
      ]);
      assert.equal(rest.code, 0, rest.stderr);
    }
    await elsewhere.remove();
  });

  it('is not completed with another number of chunks, nor by somebody else', async () => {
    await home.write('film', randomBytes(100));
    const { incident, stream } = placeOf(
      (await home.ok([...FROM('film'), '--no-viewer', '--leave-open'])).events,
    );
    const short = await home.run(['stream', 'complete', incident, stream, '--expected', '2']);
    assert.equal(short.code, 1);
    assert.match(short.stderr, /does not have that many chunks/);
    const stranger = await newHome({ SALLYPORT_SERVER: recorder.server.main });
    const nobody = await stranger.run(['stream', 'complete', incident, stream]);
    assert.equal(nobody.code, 2, 'nobody said who they are');
    await stranger.remove();
    await home.ok(['stream', 'complete', incident, stream]);
    await home.ok(['stream', 'complete', incident, stream, '--expected', '1'], 0);
  });
});

it('teaches: --help of each command, and a sentence for each thing that is wrong', async () => {
  for (const command of ['capture', 'open', 'stream complete', 'stream fail', 'login', 'logout']) {
    const { stdout } = await home.ok([...command.split(' '), '--help']);
    assert.match(stdout, new RegExp(`^Usage: sallyport ${command}`));
    assert.match(stdout, /Exit codes: 0 done/);
  }
  await writeFile(join(home.work, 'film'), 'x');
  for (const [line, sentence] of [
    ['capture', /Say what to record/],
    ['capture --media smell --source signal', /--media is one of/],
    ['capture --media audio --source nothing', /--source is file:PATH/],
    ['capture --media audio --source file:nowhere', /cannot be read \(ENOENT\)/],
    ['capture --media location --source ffmpeg:test', /records audio and video/],
    ['capture --resume nowhere', /no capture to go on with/],
    ['capture --media video --source file:film --chunk-bytes 1T', /--chunk-bytes is a size/],
    ['open film', /--keys/],
    ['open nowhere --keys film', /not JSON/],
    ['stream complete inc_1 str_1', /Name the incident/],
    ['capture --passwort geheim', /Unknown option '--passwort'/],
  ] as const) {
    const ran = await home.run(line.split(' '));
    assert.equal(ran.code, 2, `${line}: ${ran.stderr}`);
    assert.match(ran.stderr, sentence);
    assert.doesNotMatch(ran.stderr, /\n\s+at /);
  }
});
