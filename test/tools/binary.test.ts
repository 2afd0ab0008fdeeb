/** The executables of one file, where there is nothing but them. Building one is what takes most of the time here. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CLIENT_SHA256_HEX } from '../../src/generated/client.ts';
import { bundleProgram, findAddon } from '../../tools/binary/bundle.ts';
import { buildBinary } from '../../tools/build-binary.ts';
import { type Jail, openJail } from '../support/jail.ts';
import { runtimes } from '../support/server.ts';

const root = join(import.meta.dirname, '..', '..');
const FREE_PORTS = { SAFE_MAIN_BIND_ADDRS: '127.0.0.1:0', SAFE_ADMIN_BIND_ADDRS: '127.0.0.1:0' };

/** Starts both doors and resolves when they are open. */
async function serve(jail: Jail) {
  const child = jail.start(['serve'], FREE_PORTS);
  const exited = once(child, 'close');
  let said = '';
  const ready = new Promise<void>((done) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (/^Ready\./m.test(said)) done();
    });
  });
  child.stdout?.resume();
  await Promise.race([ready, exited]);
  const door = (name: string) => new RegExp(`^${name} +(\\S+)$`, 'm').exec(said)?.[1] ?? assert.fail(said);
  return { child, exited, main: door('main'), admin: door('admin') };
}

for (const runtime of runtimes) {
  describe(`the executable with ${runtime}`, () => {
    let folder: string;
    let executable: string;
    let jail: Jail;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sallyport-binary-test-'));
      executable = join(folder, 'sallyport');
      await buildBinary(runtime, executable);
      const { path } = await findAddon(root);
      jail = await openJail({ executable, loads: [path], proc: runtime === 'bun' });
    });
    after(async () => {
      await jail?.remove();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    });

    it('serves both doors in an empty directory, without Node on the machine, and ends well', async () => {
      // What a folder holds must not change what is started there.
      await writeFile(join(jail.folder, '.env'), 'SAFE_URL_PREFIX=/from-a-file\n');
      await writeFile(join(jail.folder, 'bunfig.toml'), 'preload = ["./evil.js"]\n');
      const { child, exited, main, admin } = await serve(jail);
      try {
        const body = new Uint8Array(2_000_000).map((_, at) => at % 251);
        const made = await fetch(`${main}/`, { method: 'POST', body });
        assert.equal(made.status, 201);
        const { id } = (await made.json()) as { id: string };
        const read = await fetch(`${main}/${id}/raw`);
        assert.ok(Buffer.from(await read.arrayBuffer()).equals(body));
        const client = Buffer.from(await (await fetch(`${main}/client`)).arrayBuffer());
        assert.equal(createHash('sha256').update(client).digest('hex'), CLIENT_SHA256_HEX);
        const dashboard = await fetch(`${admin}/admin`, { redirect: 'manual' });
        assert.ok(dashboard.status < 400, `the dashboard: ${dashboard.status}`);
        await dashboard.arrayBuffer();
        // Beside the server: its commands, a password hash, a thread that copies the database.
        const account = await jail.run(['account', 'create', 'somebody', '--generate']);
        assert.equal(account.code, 0, account.said);
        const doctor = await jail.run(['doctor', '--json']);
        assert.equal(doctor.code, 0, doctor.out + doctor.said);
        const backup = await jail.run(['backup', 'a.tar']);
        assert.equal(backup.code, 0, backup.said);
      } finally {
        child.kill('SIGTERM');
      }
      assert.deepEqual(await exited, [0, null]);
      const restored = await jail.run(['restore', 'a.tar'], { SAFE_DATA_DIR: 'restored' });
      assert.equal(restored.code, 0, restored.said);
      assert.equal((await stat(join(jail.folder, 'data'))).mode & 0o777, 0o700);
      // Also where no temporary folder is, the database engine leaves nothing behind. A runtime may have made the
      // folder for itself; then nothing lies in it.
      const strays = (await jail.strays()).filter((name) => !['.env', 'bunfig.toml'].includes(name));
      if (strays.includes('tmp')) assert.deepEqual(await readdir(join(jail.folder, 'tmp')), []);
      assert.deepEqual(
        strays.filter((name) => name !== 'tmp'),
        ['a.tar', 'data', 'restored'],
      );
    });

    it('holds the whole command', async () => {
      const { code, out } = await jail.run(['--help']);
      assert.equal(code, 0);
      for (const word of ['serve', 'capture', 'verify', 'backup', 'restore', 'doctor'])
        assert.match(out, new RegExp(`^ {2}${word}\\b`, 'm'));
      assert.equal((await jail.run(['--version'])).out, '0.1.0\n');
      assert.equal((await jail.run(['no-such-command'])).code, 2);
      assert.equal((await jail.run([])).code, 2);
    });

    it('comes with the licences of what is in it', async () => {
      const text = await readFile(`${executable}.licences.txt`, 'utf8');
      for (const name of ['libsql', 'pino', 'valibot', 'hash-wasm', runtime === 'node' ? 'Node.js' : 'bun'])
        assert.ok(text.includes(name), name);
    });

    it('refuses a database engine that was changed', async () => {
      const addon = await readFile((await findAddon(root)).path);
      const whole = await readFile(executable);
      const marker = addon.subarray(addon.length >> 1, (addon.length >> 1) + 64);
      const place = whole.indexOf(marker);
      assert.ok(place > 0, 'the addon was not found in the executable');
      const put = async (bytes: Uint8Array) => {
        const file = await open(executable, 'r+');
        await file.write(bytes, 0, 1, place).finally(() => file.close());
      };
      await put(Buffer.from([(marker[0] ?? 0) ^ 1]));
      try {
        const { code, said } = await jail.run(['serve'], FREE_PORTS);
        assert.equal(code, 1, said);
        assert.doesNotMatch(said, /Ready/);
      } finally {
        await put(marker);
      }
    });
  });
}

describe('the bundle of the program', () => {
  it('names no folder of this machine', async () => {
    const { script } = await bundleProgram(root, await findAddon(root));
    assert.ok(!script.includes(root), 'a path of this machine is in it');
    assert.doesNotMatch(script, /import\.meta/);
  });
});
