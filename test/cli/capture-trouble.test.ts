/** What goes wrong while somebody records: networks, sessions, refusals, full disks, curious neighbours. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CHILD_ENV } from '../support/child-env.ts';
import { askMain, type Home, LIMITS_OFF, newHome, newRecorder, type Recorder } from '../support/recorder.ts';
import { rounds, seeded } from '../support/seed.ts';

const CLI = fileURLToPath(new URL('../../cli/sallyport.ts', import.meta.url));
const FFMPEG: string | false =
  spawnSync('ffmpeg', ['-version']).status === 0 ? false : 'ffmpeg is not installed (apt-get install ffmpeg)';

let recorder: Recorder;
let home: Home;
before(async () => {
  recorder = await newRecorder();
  home = recorder.home;
});
after(() => recorder?.stop());

const PIPE = [
  'capture',
  '--json',
  '--no-viewer',
  '--media',
  'audio',
  '--source',
  '-',
  '--chunk-bytes',
  '100',
];
/** Records a file in chunks of so many bytes. */
const filmed = (file: string, chunkBytes: number) => [
  ...['capture', '--json', '--no-viewer', '--media', 'video'],
  ...['--source', `file:${file}`, '--chunk-bytes', String(chunkBytes)],
];
const piece = () => randomBytes(100);
/** A rhythm of the clock, for the soak: what it does to a busy machine is nobody's to foresee. */
const GONE_AT_TIMES = ['--offline-every', '20s', '--offline-for', '1s'];
/** A seed whose first chance loses a request at 35 percent of loss: it is below 0.02. */
const BREAKS_AT_ONCE = 7;

async function bytesBack(directory: string, incident: string, where = home): Promise<Buffer> {
  const args = [
    'open',
    '--from-server',
    incident,
    '--keys',
    `${directory}/keys.json`,
    '--output',
    `${directory}-back`,
  ];
  const [found] = JSON.parse((await where.ok([...args, '--json'])).stdout).streams;
  assert.equal(found.end_proven, true);
  return await readFile(found.file);
}

// Most of what these tests take is waiting: for networks that come back, and for what is recorded.
describe('while somebody records', { concurrency: 3 }, () => {
  describe('a bad network', () => {
    it('of any seed delays a recording and takes nothing of it away', async (t) => {
      const random = seeded(t);
      const film = randomBytes(30_000);
      await home.write('film', film);
      let waited = 0;
      for (let round = 0; round < rounds(2); round += 1) {
        const directory = `rehearsed-${round}`;
        // What breaks is the seed's choice alone; a network that is gone by the clock could be so at each of six tries.
        const weather = ['--loss', '35', '--latency', '3', ...(rounds(1) > 1 ? GONE_AT_TIMES : [])];
        // One of a hundred seeds breaks nothing: the first is one that breaks the first request.
        const seed = String(round === 0 ? BREAKS_AT_ONCE : random.below(2 ** 31));
        const ran = await home.ok([
          ...filmed('film', 6000),
          ...['--dir', directory, '--bandwidth', '200K', ...weather, '--seed', seed],
        ]);
        const names = ran.events.map(({ event }) => event);
        waited += names.filter((name) => name === 'waiting').length;
        const { incident_id: incident } = ran.events.find(({ event }) => event === 'stream') ?? assert.fail();
        assert.ok(film.equals(await bytesBack(directory, incident)));
      }
      assert.ok(waited > 0, 'nothing was rehearsed');
    });

    it('that does not come back leaves everything in staging, and the exit code says that it was the network', async () => {
      const other = await newRecorder();
      const running = other.home.start([...PIPE, '--dir', 'gone', '--max-wait', '1s'], 'pipe');
      const said = piece();
      running.child.stdin?.write(said);
      await running.event('recording');
      other.server.kill('SIGKILL');
      await other.server.exited;
      running.child.stdin?.end(said);
      const ran = await running.ended;
      assert.equal(ran.code, 3, ran.stderr);
      assert.ok(ran.events.at(-1)?.pending >= 1);
      // What is here can be opened here, whatever becomes of the server.
      const found = await other.home.run([
        'open',
        'gone',
        '--keys',
        'gone/keys.json',
        '--allow-gaps',
        '--json',
      ]);
      assert.equal(found.code, 0, found.stderr);
      await other.stop();
    });
  });

  describe('a session', () => {
    const revoke = (from: Recorder) => {
      const args = [CLI, 'account', 'revoke-sessions', from.username];
      const { status } = spawnSync(process.execPath, args, {
        cwd: from.server.folder,
        env: CHILD_ENV,
      });
      assert.equal(status, 0);
    };

    it('that is revoked in the middle keeps staging; the next run logs in and finishes', async () => {
      const other = await newRecorder();
      const running = other.home.start([...PIPE, '--dir', 'revoked'], 'pipe');
      const said = [piece(), piece(), piece(), piece()];
      running.child.stdin?.write(Buffer.concat(said.slice(0, 2)));
      await running.event('acknowledged');
      revoke(other);
      running.child.stdin?.write(said[2]);
      await running.event('login_needed');
      running.child.stdin?.end(said[3]);
      const ran = await running.ended;
      assert.equal(ran.code, 5, ran.stderr);
      assert.equal(ran.events.at(-1)?.exit, 5);
      const unable = await other.home.run(['capture', '--resume', 'revoked', '--json']);
      assert.deepEqual([unable.code, JSON.parse(unable.stderr).error.code], [5, 'login_needed']);

      await other.home.write('code', `${other.code()}\n`, 0o600);
      const secrets = ['--password-file', 'password', '--totp-file', 'code'];
      const wrong = await other.home.run(['login', '--user', other.username, '--password-file', 'code']);
      assert.equal(wrong.code, 1);
      assert.match(wrong.stderr, /The user name or the password is wrong/);
      const resumed = await other.home.ok(['capture', '--json', '--resume', 'revoked', ...secrets]);
      const { incident_id: incident } =
        resumed.events.find(({ event }) => event === 'stream') ?? assert.fail();
      assert.ok(Buffer.concat(said).equals(await bytesBack('revoked', incident, other.home)));
      await other.stop();
    });

    it('that somebody opens meanwhile is taken over by the recording that goes on', async () => {
      const other = await newRecorder();
      const running = other.home.start([...PIPE, '--dir', 'taken'], 'pipe');
      running.child.stdin?.write(Buffer.concat([piece(), piece()]));
      await running.event('acknowledged');
      revoke(other);
      running.child.stdin?.write(piece());
      await running.event('login_needed');
      await other.home.write('code', `${other.code()}\n`, 0o600);
      const login = ['login', '--user', other.username, '--password-file', 'password', '--totp-file', 'code'];
      assert.equal((await other.home.ok(login)).stdout, `Logged in as ${other.username}.\n`);
      await running.event('logged_in');
      running.child.stdin?.end(piece());
      const ran = await running.ended;
      assert.equal(ran.code, 0, ran.stderr);
      await other.home.ok(['logout']);
      const after = await other.home.run(['capture', '--resume', 'taken', '--json']);
      assert.equal(after.code, 5, 'the session is gone');
      await other.stop();
    });
  });

  describe('a refusal that is final', () => {
    it('of a closed incident keeps what is recorded, goes on recording, and says what to do', async () => {
      const running = home.start([...PIPE, '--dir', 'closed'], 'pipe');
      const said = [piece(), piece(), piece(), piece()];
      running.child.stdin?.write(Buffer.concat(said.slice(0, 2)));
      await running.event('acknowledged');
      const { incident_id: incident } = await running.event('stream');
      await askMain(recorder.server, `/v1/incidents/${incident}/close`, recorder.token, {});
      running.child.stdin?.write(said[2]);
      const refused = await running.event('upload_refused');
      assert.equal(refused.code, 'incident_closed');
      assert.match(refused.message, /new incident/);
      running.child.stdin?.end(said[3]);
      const ran = await running.ended;
      assert.equal(ran.code, 1);
      assert.equal(ran.events.at(-1)?.acknowledged + ran.events.at(-1)?.pending, 4);
      const local = await home.ok([
        'open',
        'closed',
        '--keys',
        'closed/keys.json',
        '--allow-gaps',
        '--json',
        '--output',
        'closed-out',
      ]);
      const [found] = JSON.parse(local.stdout).streams;
      const rest = Buffer.concat(said).subarray(ran.events.at(-1)?.acknowledged * 100);
      assert.ok(rest.equals(await readFile(found.file)));
    });

    it('of a full account is told, and the same directory goes on when there is room', async () => {
      const other = await newRecorder({ ...LIMITS_OFF, SAFE_ACCOUNT_DEFAULT_BLOB_QUOTA_BYTES: '20K' });
      await other.home.write('film', randomBytes(60_000));
      const ran = await other.home.run([...filmed('film', 6000), ...['--dir', 'full']]);
      assert.equal(ran.code, 1);
      const refused = ran.events.find(({ event }) => event === 'upload_refused');
      assert.equal(refused?.code, 'account_storage_quota_exceeded');
      assert.deepEqual([ran.events.at(-1)?.acknowledged, ran.events.at(-1)?.pending], [3, 7]);
      await other.stop();
    });
  });

  describe('the staging directory', () => {
    it('that is full ends a live recording, which says so; what was recorded is uploaded', {
      skip: FFMPEG,
    }, async () => {
      const other = await newRecorder();
      const running = other.home.start([
        ...['capture', '--json', '--no-viewer', '--media', 'video', '--source', 'ffmpeg:test'],
        ...['--chunk-seconds', '0.5', '--dir', 'brim', '--max-staging', '30K'],
      ]);
      await running.event('recording');
      // It takes nothing until there is no room left, however long that takes.
      other.server.kill('SIGSTOP');
      await running.event('staging_full');
      other.server.kill('SIGCONT');
      const ran = await running.ended;
      assert.equal(ran.code, 6, ran.stderr);
      const names = ran.events.map(({ event }) => event);
      assert.equal(names.filter((name) => name === 'staging_full').length, 1);
      assert.deepEqual(names.slice(-2), ['completed', 'ended']);
      await other.stop();
    });

    it('that is full makes a file wait, and never holds more than it may', async () => {
      const film = randomBytes(100_000);
      await home.write('long', film);
      const ran = await home.ok([...filmed('long', 5000), ...['--dir', 'bounded', '--max-staging', '12000']]);
      let most = 0;
      let waiting = 0;
      for (const { event } of ran.events) {
        if (event === 'sealed') waiting += 1;
        if (event === 'acknowledged') waiting -= 1;
        most = Math.max(most, waiting);
      }
      assert.ok(most <= 3, `${most} chunks of 5 kB were kept at once`);
      const { incident_id: incident } = ran.events.find(({ event }) => event === 'stream') ?? assert.fail();
      assert.ok(film.equals(await bytesBack('bounded', incident)));
    });
  });

  it('Ctrl-C ends in order; a second one leaves the rest for later', async () => {
    const running = home.start([...PIPE, '--dir', 'interrupted', '--latency', '600000'], 'pipe');
    running.child.stdin?.write(Buffer.concat([piece(), piece(), piece()]));
    await running.event('sealed', 2);
    running.child.kill('SIGINT');
    await running.event('recording_ended');
    running.child.kill('SIGINT');
    const ran = await running.ended;
    assert.equal(ran.code, 130);
    const resumed = await home.ok(['capture', '--json', '--resume', 'interrupted']);
    const { incident_id: incident } = resumed.events.find(({ event }) => event === 'stream') ?? assert.fail();
    assert.equal((await bytesBack('interrupted', incident)).length, 300);
  });

  describe('somebody who looks over its shoulder', () => {
    const PATTERN = 'the words that were spoken and that nobody else may read; ';

    /** Every file below a folder, as bytes. */
    async function everything(folder: string): Promise<readonly (readonly [string, Buffer])[]> {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      return await Promise.all(files.map(async (file) => [file, await readFile(file)] as const));
    }

    it('finds no word of the recording on the disk, and the key in one file alone', async () => {
      const other = await newHome({ SALLYPORT_SERVER: recorder.server.main, TMPDIR: '' });
      await recorder.keepIn(other);
      const running = other.start(
        [...PIPE.slice(0, -1), '2000', '--dir', 'seen', '--latency', '600000'],
        'pipe',
      );
      running.child.stdin?.write(PATTERN.repeat(200));
      await running.event('sealed', 4);
      running.child.kill('SIGKILL');
      await running.ended;
      const key: string = JSON.parse(await readFile(join(other.work, 'seen', 'keys.json'), 'utf8')).streams[0]
        .key;
      const raw = Buffer.from(key, 'base64url');
      const files = await everything(other.path);
      assert.ok(files.filter(([name]) => name.includes('/chunks/')).length >= 4);
      for (const [name, bytes] of files) {
        assert.ok(!bytes.includes('nobody else may read'), `${name} holds plaintext`);
        if (!name.endsWith('/keys.json'))
          assert.ok(!bytes.includes(key) && !bytes.includes(raw), `${name} holds the key`);
        if (!name.includes('/sessions/'))
          assert.ok(!bytes.includes(recorder.token), `${name} holds the session`);
      }
      await other.remove();
    });

    it('finds no secret in the arguments and the environment, nor in those of ffmpeg', {
      skip: FFMPEG || process.platform !== 'linux',
    }, async () => {
      await home.write('secret-place', 'x');
      const other = await newHome({
        SALLYPORT_SERVER: recorder.server.main,
        SALLYPORT_PASSWORD_FILE: 'secret-place',
      });
      await recorder.keepIn(other);
      const running = other.start([
        ...['capture', '--json', '--media', 'audio', '--source', 'ffmpeg:test', '--dir', 'watched'],
      ]);
      const { link } = await running.event('viewer_link');
      await running.event('acknowledged');
      const key: string = JSON.parse(await readFile(join(other.work, 'watched', 'keys.json'), 'utf8'))
        .streams[0].key;
      const pid = running.child.pid ?? 0;
      const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'))
        .trim()
        .split(' ')
        .filter(Boolean);
      assert.equal(children.length, 1, 'ffmpeg is its one child');
      for (const process of [String(pid), ...children]) {
        for (const name of ['cmdline', 'environ']) {
          const text = await readFile(`/proc/${process}/${name}`, 'utf8');
          for (const secret of [key, recorder.token, link.split('/').at(-1)])
            assert.ok(!text.includes(secret));
          if (process !== String(pid)) assert.ok(!text.includes('SALLYPORT'), 'nothing of ours is handed on');
        }
      }
      running.child.kill('SIGINT');
      const ran = await running.ended;
      assert.equal(ran.code, 0, ran.stderr);
      await other.remove();
    });
  });
});
