/** `sallyport share`, and `capture --to` with contacts, as processes against a running server. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Decrypter, generateHybridIdentity, identityToRecipient } from 'age-encryption';
import { parseKeys } from '../../cli/sallyport/evidence/keys-file.ts';
import {
  contactIn,
  fingerprintOf,
  type HomeContact,
  keyPair,
  registered,
  sql,
  substitute,
} from '../support/contacts.ts';
import { askMain, type Home, LIMITS_OFF, newRecorder, type Recorder } from '../support/recorder.ts';
import { startServer } from '../support/server.ts';

const AGE: string | false =
  spawnSync('age', ['--version']).status === 0 ? false : 'age is not installed (apt-get install age)';
const FFMPEG: string | false =
  spawnSync('ffprobe', ['-version']).status === 0 && spawnSync('ffmpeg', ['-version']).status === 0
    ? false
    : 'ffmpeg and ffprobe are not installed (apt-get install ffmpeg)';

let recorder: Recorder;
let home: Home;
let anna: HomeContact;
before(async () => {
  recorder = await newRecorder();
  home = recorder.home;
  anna = await contactIn(home, 'anna');
});
after(() => recorder.stop());

const codeIn = (stderr: string) => JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error.code;
const list = async (incident: string, what: 'wrapped-keys' | 'sharing-grants') => {
  const { body } = await askMain(recorder.server, `/v1/incidents/${incident}/${what}`, recorder.token);
  return body[what.replace('-', '_')] as Readonly<Record<string, string>>[];
};
const made = (incident: string, what: 'wrapped_keys' | 'sharing_grants') =>
  sql(recorder.server, `SELECT id FROM ${what} WHERE incident_id = ?`, incident).length;
const share = (incident: string, directory: string, ...more: string[]) =>
  home.run(['share', incident, '--keys', `${directory}/keys.json`, '--json', ...more]);

/** A recording of some bytes in a directory of the home. */
async function recorded(directory: string, film: Uint8Array = randomBytes(3000), ...more: string[]) {
  await home.write(`${directory}.film`, film);
  const words = ['capture', '--json', '--no-viewer', '--media', 'video', '--chunk-bytes', '1000'];
  const ran = await home.ok([...words, '--source', `file:${directory}.film`, '--dir', directory, ...more]);
  const { incident_id: incident, stream_id: stream } =
    ran.events.find(({ event }) => event === 'stream') ?? assert.fail('no stream was made');
  return { incident: String(incident), stream: String(stream), ran };
}

async function opensWith(key: Readonly<Record<string, string>> | undefined, identity: string) {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return parseKeys(
    await decrypter.decrypt(Buffer.from(key?.wrapped_key_ciphertext ?? '', 'base64url'), 'text'),
  );
}

describe('sharing an incident', () => {
  it('brings one wrapped key for each stream and contact, which that contact opens and nobody else', async () => {
    const ben = await contactIn(home, 'ben');
    const first = await recorded('both');
    const second = await recorded('both-2', randomBytes(100), '--incident', first.incident);
    const keys = ['--keys', 'both-2/keys.json', '--contact', 'anna', '--contact', 'ben'];
    const ran = await share(first.incident, 'both', ...keys);
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(JSON.parse(ran.stdout).streams, [first.stream, second.stream]);
    const wrapped = await list(first.incident, 'wrapped-keys');
    assert.equal(wrapped.length, 4);
    for (const [contact, other] of [
      [anna, ben],
      [ben, anna],
    ] as const) {
      const theirs = wrapped.filter(({ contact_public_key_id: id }) => id === contact.keyId);
      assert.deepEqual(theirs.map(({ stream_id: id }) => id).sort(), [first.stream, second.stream].sort());
      for (const key of theirs) {
        const opened = await opensWith(key, contact.identity);
        assert.deepEqual(
          opened.map(({ streamId }) => streamId),
          [key.stream_id],
        );
        await assert.rejects(opensWith(key, other.identity));
      }
    }
  });

  it('repeated, and for a stream alone, adds nothing that is there', async () => {
    const { incident, stream } = await recorded('twice');
    for (const more of [[], [], ['--stream', stream], ['--stream', stream]])
      assert.equal((await share(incident, 'twice', '--contact', 'anna', ...more)).code, 0);
    const grants = await list(incident, 'sharing-grants');
    assert.deepEqual(
      grants.map(({ stream_id: id }) => id),
      [undefined, stream],
    );
    assert.equal(made(incident, 'wrapped_keys'), 2);
  });

  it('ends when it is to end', async () => {
    const { incident } = await recorded('ending');
    const ran = await share(incident, 'ending', '--contact', 'anna', '--expires', '30d');
    assert.equal(ran.code, 0, ran.stderr);
    const [grant] = await list(incident, 'sharing-grants');
    const days = (Date.parse(grant?.expires_at ?? '') - Date.parse(grant?.created_at ?? '')) / 86_400_000;
    assert.ok(days > 29.9 && days < 30.1, String(days));
  });

  it('of what is not there, or to whom is not known, is refused', async () => {
    const { incident } = await recorded('wrong');
    const { incident: other } = await recorded('wrong-2');
    assert.equal((await share(incident, 'wrong')).code, 2, 'nobody');
    assert.equal((await share(incident, 'wrong', '--contact', 'nobody-here')).code, 2);
    assert.equal((await share(other, 'wrong', '--contact', 'anna')).code, 2, 'a key of another incident');
    assert.equal((await share('inc_nonsense', 'wrong', '--contact', 'anna')).code, 2);
    assert.equal((await share(incident, 'wrong', '--contact', 'anna', '--expires', 'soon')).code, 2);
    const unsure = await keyPair();
    await home.run(['keys', 'register', '--contact', 'unsure', unsure.recipient]);
    const ran = await share(incident, 'wrong', '--contact', 'anna', '--contact', 'unsure');
    assert.deepEqual([ran.code, codeIn(ran.stderr)], [1, 'contact_not_confirmed']);
    assert.equal(made(incident, 'sharing_grants'), 0);
  });
});

describe('a server that puts another key in the place of a contact’s', () => {
  it('gets nothing wrapped, for nobody, and is told of', async () => {
    const [carla, dora] = [await contactIn(home, 'carla'), await contactIn(home, 'dora')];
    const { incident } = await recorded('attacked');
    const mallory = await keyPair();
    substitute(recorder.server, dora.keyId, mallory);
    const both = ['--contact', 'carla', '--contact', 'dora', '--out', 'dora.age'];
    const ran = await share(incident, 'attacked', ...both.slice(0, 4));
    assert.deepEqual([ran.code, codeIn(ran.stderr)], [1, 'contact_key_changed']);
    assert.match(ran.stderr, /dora is not the one that was confirmed/);
    assert.deepEqual([made(incident, 'sharing_grants'), made(incident, 'wrapped_keys')], [0, 0]);
    const out = await share(incident, 'attacked', ...both.slice(2));
    assert.equal(out.code, 1);
    await assert.rejects(stat(join(home.work, 'dora.age')));
    // The half of a substitution: the key alone, and the fingerprint alone.
    for (const [column, value] of [
      ['public_key', mallory.recipient],
      ['fingerprint', mallory.fingerprint],
    ] as const) {
      const statement = `UPDATE contact_keys SET ${column} = ? WHERE id = ? RETURNING id`;
      const right = column === 'public_key' ? carla.recipient : carla.fingerprint;
      sql(recorder.server, statement, value, carla.keyId);
      assert.equal((await share(incident, 'attacked', '--contact', 'carla')).code, 1, column);
      sql(recorder.server, statement, right, carla.keyId);
    }
    assert.equal((await share(incident, 'attacked', '--contact', 'carla')).code, 0);
    const [key] = await list(incident, 'wrapped-keys');
    assert.equal((await opensWith(key, carla.identity)).length, 1);
  });

  it('cannot do it by a next version either', async () => {
    const emma = await contactIn(home, 'emma');
    const { incident } = await recorded('versions');
    const mallory = await keyPair();
    const { status } = await askMain(recorder.server, '/v1/contact-public-keys', recorder.token, {
      contact_id: emma.contactId,
      wrapping_algorithm: 'age-v1',
      public_key: mallory.recipient,
      public_key_fingerprint: mallory.fingerprint,
      key_state: 'active',
    });
    assert.equal(status, 201);
    const ran = await share(incident, 'versions', '--contact', 'emma');
    assert.deepEqual([ran.code, codeIn(ran.stderr)], [1, 'contact_key_ended']);
    assert.equal(made(incident, 'wrapped_keys'), 0);
    assert.equal((await home.run(['keys', 'list'])).code, 1);
  });
});

describe('a contact’s key that was revoked', () => {
  it('on the server or here gets nothing wrapped any more', async () => {
    const { incident } = await recorded('revoked');
    const there = await contactIn(home, 'revoked-there');
    const path = `/v1/contact-public-keys/${there.keyId}/revoke`;
    assert.equal((await askMain(recorder.server, path, recorder.token, {})).status, 200);
    await contactIn(home, 'revoked-here');
    await home.ok(['keys', 'revoke', '--contact', 'revoked-here']);
    for (const name of [there.name, 'revoked-here']) {
      const ran = await share(incident, 'revoked', '--contact', name);
      assert.deepEqual([ran.code, codeIn(ran.stderr)], [1, 'contact_key_ended']);
    }
    assert.equal(made(incident, 'sharing_grants'), 0);
  });
});

describe('what is handed to a contact', () => {
  it('opens with Debian’s age, and with it sallyport plays what ffmpeg recorded', {
    skip: AGE || FFMPEG,
  }, async () => {
    const film = join(home.work, 'test.ts');
    const words = '-v error -f lavfi -i testsrc=duration=2:size=64x48:rate=10 -f mpegts -y';
    assert.equal(spawnSync('ffmpeg', [...words.split(' '), film]).status, 0);
    const { incident, stream } = await recorded('played', await readFile(film));
    const ran = await share(incident, 'played', '--contact', 'anna', '--out', 'for-anna.age');
    assert.equal(ran.code, 0, ran.stderr);
    const { file, guide } = JSON.parse(ran.stdout);
    for (const path of [file, guide]) assert.equal((await stat(path)).mode & 0o777, 0o600);

    const out = spawnSync('age', ['-d', '-i', anna.file, file], { cwd: home.work, encoding: 'utf8' });
    assert.equal(out.status, 0, out.stderr);
    // What the server keeps opens to the same.
    const [kept] = await list(incident, 'wrapped-keys');
    const input = Buffer.from(kept?.wrapped_key_ciphertext ?? '', 'base64url');
    const same = spawnSync('age', ['-d', '-i', anna.file], { cwd: home.work, input, encoding: 'utf8' });
    assert.equal(same.stdout, out.stdout);

    await home.write('unwrapped.json', out.stdout, 0o600);
    const bundle = await fetch(
      `${recorder.server.main}/v1/incidents/${incident}/streams/${stream}/download`,
      { headers: { authorization: `Bearer ${recorder.token}` } },
    );
    await home.write('bundle.zip', new Uint8Array(await bundle.arrayBuffer()));
    const opened = await home.ok(['open', 'bundle.zip', '--keys', 'unwrapped.json', '--output', 'plays']);
    const probed = spawnSync('ffprobe', ['-v', 'error', '-show_streams', opened.stdout.trim()], {
      encoding: 'utf8',
    });
    assert.match(probed.stdout, /codec_type=video/);
    assert.equal(probed.stderr, '');

    const page = await readFile(guide, 'utf8');
    const { recipient, identity } = anna;
    assert.ok(page.replaceAll(/\s/g, '').includes(fingerprintOf(recipient)), 'whom it is for');
    for (const part of [incident, stream, 'age -d -i', 'sallyport verify', 'sallyport open', 'for-anna.age'])
      assert.ok(page.includes(part), part);
    const key = parseKeys(out.stdout)[0]?.key ?? assert.fail('no key');
    for (const secret of [identity, Buffer.from(key).toString('base64url'), 'anna', recorder.username])
      assert.ok(!page.replace('for-anna.age', '').replaceAll('for-anna', '').includes(secret), 'a secret');
    assert.ok(page.split('\n').length < 75 && page.split('\n').every((line) => line.length <= 88));
  });

  it('is for one contact, and never goes over a file that is there', async () => {
    const { incident } = await recorded('handing');
    const out = ['--contact', 'anna', '--out', 'handed.age'];
    assert.equal((await share(incident, 'handing', ...out, '--contact', 'ben')).code, 2);
    assert.equal((await share(incident, 'handing', '--contact', 'anna', '--out', 'handed')).code, 2);
    await home.write('handed.txt', 'mine');
    assert.equal((await share(incident, 'handing', ...out)).code, 2);
    assert.equal(await readFile(join(home.work, 'handed.txt'), 'utf8'), 'mine');
    assert.equal(made(incident, 'sharing_grants'), 0, 'nothing was begun');
  });

  it('is hybrid for a hybrid key', async () => {
    const identity = await generateHybridIdentity();
    const recipient = await identityToRecipient(identity);
    await registered(home, 'hybrid', { identity, recipient, fingerprint: fingerprintOf(recipient) });
    const { incident } = await recorded('hybrid');
    assert.equal((await share(incident, 'hybrid', '--contact', 'hybrid', '--out', 'pq.age')).code, 0);
    const [kept] = await list(incident, 'wrapped-keys');
    assert.equal((await opensWith(kept, identity)).length, 1);
    assert.match(await readFile(join(home.work, 'pq.txt'), 'utf8'), /version 1\.3 or later/);
  });
});

describe('capture --to a contact', () => {
  const order = (events: readonly { readonly event: string }[]) => events.map(({ event }) => event);

  it('has the wrapped key on the server before the first chunk, and a copy beside the directory', async () => {
    const plain = await keyPair();
    const to = ['--to', 'anna', '--to', plain.recipient];
    const { incident, stream, ran } = await recorded('to-anna', randomBytes(5000), ...to);
    const names = order(ran.events);
    assert.ok(names.indexOf('key_shared') < names.indexOf('acknowledged') && names.includes('key_shared'));
    assert.equal(names.filter((name) => name === 'key_shared').length, 1, 'a plain recipient is no contact');
    assert.equal(names.filter((name) => name === 'key_wrapped').length, 2);
    const wrapped = await list(incident, 'wrapped-keys');
    assert.equal(wrapped.length, 1);
    const [key] = await opensWith(wrapped[0], anna.identity);
    assert.equal(key?.streamId, stream);
    const [first] = sql(
      recorder.server,
      'SELECT min(created_at) AS chunk, (SELECT created_at FROM wrapped_keys WHERE incident_id = ?1) AS wrapped FROM chunks WHERE incident_id = ?1',
      incident,
    );
    assert.ok(Number(first?.wrapped) <= Number(first?.chunk));
    // Resumed, it is not brought again.
    await home.ok(['capture', '--resume', 'to-anna', '--json']);
    assert.equal(made(incident, 'wrapped_keys'), 1);
  });

  it('means the contact when their confirmed recipient is given', async () => {
    const { incident } = await recorded('to-recipient', randomBytes(10), '--to', anna.recipient);
    assert.equal(made(incident, 'wrapped_keys'), 1);
  });

  it('begins nothing for a name that is unknown or not confirmed', async () => {
    await home.write('film', randomBytes(10));
    await home.run(['keys', 'register', '--contact', 'doubtful', (await keyPair()).recipient]);
    for (const [name, code] of [
      ['nobody at all', 2],
      ['doubtful', 1],
    ] as const) {
      const words = ['capture', '--json', '--media', 'video', '--source', 'file:film', '--to', name];
      const ran = await home.run([...words, '--dir', 'not-begun']);
      assert.equal(ran.code, code, ran.stderr);
      await assert.rejects(stat(join(home.work, 'not-begun')));
    }
  });

  it('keeps recording when the key was exchanged, wraps nothing for it there, and exits with 1', async () => {
    const frank = await contactIn(home, 'frank');
    const mallory = await keyPair();
    substitute(recorder.server, frank.keyId, mallory);
    await home.write('film', randomBytes(3000));
    const words = ['capture', '--json', '--no-viewer', '--media', 'video', '--source', 'file:film'];
    const ran = await home.run([...words, '--dir', 'frank', '--to', 'anna', '--to', 'frank']);
    assert.equal(ran.code, 1, ran.stderr);
    const refused = ran.events.find(({ event }) => event === 'sharing_refused');
    assert.deepEqual([refused?.contact, refused?.code], ['frank', 'contact_key_changed']);
    assert.ok(order(ran.events).includes('completed'), 'the evidence is on the server');
    const { incident_id: incident } = ran.events.find(({ event }) => event === 'stream') ?? {};
    const wrapped = await list(incident, 'wrapped-keys');
    assert.deepEqual(
      wrapped.map(({ contact_public_key_id: id }) => id),
      [anna.keyId],
    );
    // The copy here is for the key that was confirmed.
    const file = ran.events.filter(({ event }) => event === 'key_wrapped').at(-1)?.file;
    const decrypter = new Decrypter();
    decrypter.addIdentity(frank.identity);
    assert.equal(parseKeys(await decrypter.decrypt(await readFile(file), 'text')).length, 1);
  });

  it('through a bad network shares first all the same, once', async () => {
    const bad = ['--loss', '40', '--latency', '2', '--seed', '7', '--to', 'anna'];
    const { incident, ran } = await recorded('to-weather', randomBytes(8000), ...bad);
    const names = order(ran.events);
    assert.ok(names.includes('waiting'), 'the network was bad');
    assert.ok(names.indexOf('key_shared') < names.indexOf('acknowledged'));
    assert.deepEqual([made(incident, 'sharing_grants'), made(incident, 'wrapped_keys')], [1, 1]);
  });

  it('without a server keeps staging, and shares before the first chunk when it is back', async () => {
    const other = await newRecorder();
    const gina = await contactIn(other.home, 'gina');
    const words = ['capture', '--json', '--no-viewer', '--media', 'audio', '--source', '-', '--dir', 'off'];
    const running = other.home.start(
      [...words, '--chunk-bytes', '100', '--to', 'gina', '--until-complete'],
      'pipe',
    );
    await running.event('recording');
    other.server.kill('SIGKILL');
    await other.server.exited;
    running.child.stdin?.write(randomBytes(350));
    await running.event('sealed', 3);
    await running.event('waiting');
    const { port } = new URL(other.server.main);
    const settings = { ...LIMITS_OFF, SAFE_MAIN_BIND_ADDRS: `127.0.0.1:${port}` };
    const back = await startServer({ folder: other.server.folder, settings });
    running.child.stdin?.end();
    const ran = await running.ended;
    assert.equal(ran.code, 0, ran.stderr);
    const names = order(ran.events);
    assert.ok(names.indexOf('waiting') < names.indexOf('key_shared'));
    assert.ok(names.indexOf('key_shared') < names.indexOf('acknowledged'));
    const rows = sql(back, 'SELECT contact_key_id AS id FROM wrapped_keys');
    assert.deepEqual(
      rows.map(({ id }) => id),
      [gina.keyId],
    );
    await back.stop();
    await other.stop();
  });
});

/** The bundle of a stream, once a checkpoint covers it: the server signs one every few seconds. */
async function bundleWithProofs(incident: string, stream: string): Promise<Uint8Array> {
  for (;;) {
    const url = `${recorder.server.main}/v1/incidents/${incident}/streams/${stream}/download`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${recorder.token}` } });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (bytes.includes('custody/')) return bytes;
    await new Promise((done) => setTimeout(done, 200));
  }
}

describe('receipts', () => {
  it('are kept for each chunk, for the owner alone, and verify holds the server to them', async () => {
    const { incident, stream, ran } = await recorded('signed', randomBytes(3500));
    const { receipts, receipts_file: file } = ran.events.at(-1) ?? assert.fail('no end');
    assert.deepEqual([receipts, file], [4, join(home.work, 'signed', 'receipts.jsonl')]);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const lines = (await readFile(file, 'utf8')).split('\n');
    assert.equal(lines.pop(), '');
    for (const line of lines) {
      assert.match(JSON.parse(line), /^sallyport-receipt\/1\n/);
      assert.ok(JSON.parse(line).includes(incident));
    }
    assert.equal(new Set(lines).size, 4);
    const said = await home.ok(['capture', '--resume', 'signed']);
    assert.match(said.stderr, /signed for 4 chunks: .*receipts\.jsonl/);

    await home.write('signed.zip', await bundleWithProofs(incident, stream));
    const words = ['verify', 'signed.zip', '--json', '--receipts'];
    const met = JSON.parse((await home.ok([...words, 'signed/receipts.jsonl'])).stdout);
    assert.deepEqual([met.verdict, met.custody.receipts_met], ['ok', 4]);
  });

  it('survive a crash in the middle of a line', async () => {
    const { Receipts } = await import('../../cli/sallyport/evidence/receipts.ts');
    const folder = join(home.work, 'torn');
    await home.ok(['capture', '--json', '--no-viewer', '--media', 'audio', '--source', '-', '--dir', 'torn']);
    await home.write('torn/receipts.jsonl', '"one"\n"tw');
    const receipts = await Receipts.open(folder);
    assert.equal(receipts.count, 1);
    await receipts.keep('three\nlines');
    await receipts.keep('four');
    await receipts.close();
    assert.equal(await readFile(receipts.path, 'utf8'), '"one"\n"three\\nlines"\n"four"\n');
  });
});

describe('nothing secret', () => {
  it('stands in the log, on standard output, in the database or in what the directory says', async () => {
    const { incident } = await recorded('secrecy', randomBytes(2000), '--to', 'anna');
    const keys = parseKeys(await readFile(join(home.work, 'secrecy', 'keys.json'), 'utf8'));
    const key = keys[0]?.key ?? assert.fail('no key');
    const ran = await share(incident, 'secrecy', '--contact', 'anna', '--out', 'secrecy.age');
    const places = new Map<string, Buffer>([
      ['the log', Buffer.from(recorder.server.log() + recorder.server.said())],
      ['the output', Buffer.from(ran.stdout + ran.stderr)],
      ['capture.json', await readFile(join(home.work, 'secrecy', 'capture.json'))],
    ]);
    const data = join(recorder.server.folder, 'data');
    for (const entry of await readdir(data, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) places.set(entry.name, await readFile(join(entry.parentPath, entry.name)));
    const bytes = Buffer.from(key);
    const secrets = [bytes, bytes.toString('base64url'), bytes.toString('hex'), anna.identity];
    for (const [place, content] of places)
      for (const secret of secrets) assert.ok(!content.includes(secret), place);
    for (const name of ['anna', 'frank', 'hybrid'])
      assert.ok(!places.get('the log')?.includes(name), 'what contacts are called stays here');
  });
});
