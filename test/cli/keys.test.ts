/** `sallyport keys` as a process against a running server. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { identityToRecipient } from 'age-encryption';
import { fingerprintOf, keyPair, registered, substitute } from '../support/contacts.ts';
import { askMain, type Home, newHome, newRecorder, type Recorder } from '../support/recorder.ts';
import { NO_TERMINAL, openTerminal } from '../support/terminal.ts';

const AGE: string | false =
  spawnSync('age', ['--version']).status === 0 ? false : 'age is not installed (apt-get install age)';
const CLI = join(import.meta.dirname, '..', '..', 'cli', 'sallyport.ts');
const PRIVATE = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`;

let recorder: Recorder;
let home: Home;
before(async () => {
  recorder = await newRecorder();
  home = recorder.home;
});
after(() => recorder.stop());

const ask = (path: string) => askMain(recorder.server, path, recorder.token);
const contactKey = async (id: string) =>
  (await ask(`/v1/contact-public-keys/${id}`)).body.contact_public_key as Record<string, string>;
const codeIn = (stderr: string) => JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error.code;
const register = (name: string, recipient: string, ...more: string[]) =>
  home.run(['keys', 'register', '--contact', name, recipient, '--json', ...more]);

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const contactsFolder = (of: Home) => join(of.path, '.local', 'state', 'sallyport', 'contacts');

describe('a new key', () => {
  it('is a file for its owner alone, which age reads, and prints what may be handed out', {
    skip: AGE,
  }, async () => {
    const made = JSON.parse((await home.ok(['keys', 'new', '--out', 'mine', '--json'])).stdout);
    assert.equal(made.fingerprint, fingerprintOf(made.recipient));
    assert.equal(made.suite_id, 'x25519');
    assert.equal((await stat(made.file)).mode & 0o777, 0o600);
    const { stdout } = spawnSync('age-keygen', ['-y', made.file], { encoding: 'utf8' });
    assert.equal(stdout.trim(), made.recipient);
  });

  it('is hybrid where that is wanted', async () => {
    const { stdout } = await home.ok(['keys', 'new', '--pq', '--out', 'hybrid']);
    const recipient = stdout.trim();
    assert.match(recipient, /^age1pq1[0-9a-z]{1952}$/);
    const text = await readFile(join(home.work, 'hybrid'), 'utf8');
    const identity = /^AGE-SECRET-KEY-PQ-1\w+$/m.exec(text)?.[0] ?? assert.fail('no identity');
    assert.equal(await identityToRecipient(identity), recipient);
  });

  it('is not shown, needs no server, and never goes over a file that is there', async () => {
    const lonely = await newHome({ SALLYPORT_SERVER: 'http://127.0.0.1:1' });
    const ran = await lonely.ok(['keys', 'new', '--out', 'mine']);
    const before = await readFile(join(lonely.work, 'mine'), 'utf8');
    assert.ok(!(ran.stdout + ran.stderr).includes('SECRET'));
    const again = await lonely.run(['keys', 'new', '--out', 'mine']);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /is there already/);
    assert.equal(await readFile(join(lonely.work, 'mine'), 'utf8'), before);
    assert.equal((await lonely.run(['keys', 'new', '--out', 'no/such/folder'])).code, 2);
    assert.equal((await lonely.run(['keys', 'new'])).code, 2);
    await lonely.remove();
  });
});

describe("a contact's key", () => {
  it('is active once its fingerprint is confirmed, kept here for its owner alone, and its name stays here', async () => {
    const pair = await keyPair();
    const { keyId } = await registered(home, 'anna-unlikely-name', pair);
    const record = await contactKey(keyId);
    assert.deepEqual([record.key_state, record.public_key], ['active', pair.recipient]);
    assert.ok(!JSON.stringify(record).includes('anna'));
    const files = await filesUnder(contactsFolder(home));
    const holding = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    const at = holding.findIndex((text) => text.includes(pair.recipient));
    assert.equal((await stat(files[at] ?? '')).mode & 0o777, 0o600);
    assert.ok(holding[at]?.includes(pair.fingerprint));
    assert.ok(!recorder.server.log().includes('anna-unlikely'));
  });

  it('accepts the fingerprint as people write it, all of it', async () => {
    const { recipient, fingerprint } = await keyPair();
    const spoken = fingerprint
      .toUpperCase()
      .replace(/(..)(?=.)/g, '$1:')
      .replace(/(.{12})/g, '$1 ');
    assert.equal((await register('spoken', recipient, '--fingerprint', spoken)).code, 0);
    const short = await register('short', recipient, '--fingerprint', fingerprint.slice(0, 60));
    assert.deepEqual([short.code, codeIn(short.stderr)], [1, 'fingerprint_differs']);
  });

  it('with another fingerprint is not sent and not kept', async () => {
    const before = await ask('/v1/contact-public-keys');
    const files = await filesUnder(contactsFolder(home));
    const pair = await keyPair();
    const ran = await register('mallory', pair.recipient, '--fingerprint', (await keyPair()).fingerprint);
    assert.deepEqual([ran.code, codeIn(ran.stderr)], [1, 'fingerprint_differs']);
    assert.deepEqual(await ask('/v1/contact-public-keys'), before);
    assert.deepEqual(await filesUnder(contactsFolder(home)), files);
  });

  it('stays pending without a confirmation, and becomes active with one, as one record', async () => {
    const { recipient, fingerprint } = await keyPair();
    const pending = await register('later', recipient);
    assert.deepEqual([pending.code, codeIn(pending.stderr)], [1, 'not_confirmed']);
    assert.ok(pending.stderr.includes(fingerprint.slice(0, 4)), 'the fingerprint is shown');
    const { key } = JSON.parse(pending.stdout);
    assert.equal((await contactKey(key.key_id)).key_state, 'pending_verification');
    const confirmed = await register('later', recipient, '--fingerprint', fingerprint);
    assert.equal(JSON.parse(confirmed.stdout).key.key_id, key.key_id);
    assert.equal((await contactKey(key.key_id)).key_state, 'active');
  });

  it('is confirmed on the terminal by typing what its owner reads out', { skip: NO_TERMINAL }, async () => {
    const { recipient, fingerprint } = await keyPair();
    const words = [process.execPath, CLI, 'keys', 'register', '--contact', 'typed', recipient];
    const env = { PATH: process.env.PATH, HOME: home.path, SALLYPORT_SERVER: recorder.server.main };
    const terminal = openTerminal(words, { cwd: home.work, env });
    await terminal.until('type it (empty: later): ');
    terminal.type(`${'0'.repeat(64)}\n`);
    await terminal.until('That is not the same.');
    await terminal.until('type it (empty: later): ');
    terminal.type(`${fingerprint}\n`);
    assert.equal(await terminal.exit, 0, terminal.screen());
    assert.match(terminal.screen(), /typed: active/);
    const { keys } = JSON.parse((await home.run(['keys', 'list', '--json'])).stdout);
    const key = keys.find(({ name }: { name: string }) => name === 'typed');
    assert.deepEqual([key.server_state, key.fingerprint], ['active', fingerprint]);
  });

  it('that a first attempt has brought without hearing of it is found again, not brought twice', async () => {
    const { recipient, fingerprint } = await keyPair();
    const made = await askMain(recorder.server, '/v1/contact-public-keys', recorder.token, {
      wrapping_algorithm: 'age-v1',
      public_key: recipient,
      public_key_fingerprint: fingerprint,
    });
    const { keyId } = await registered(home, 'found', { identity: '', recipient, fingerprint });
    assert.equal(keyId, made.body.contact_public_key.public_key_id);
  });

  it('comes through a pipe as well, and only as a recipient', async () => {
    const { recipient, fingerprint } = await keyPair();
    const words = ['keys', 'register', '--contact', 'piped', '-', '--fingerprint', fingerprint];
    assert.equal((await home.run(words, `${recipient}\n`)).code, 0);
    for (const wrong of [recipient.toUpperCase(), `${recipient}q`, 'age1', '', 'x'.repeat(5000)])
      assert.equal((await home.run(words, wrong)).code, 2, wrong.slice(0, 20));
  });

  it('is not exchanged by registering another under the same name, but by rotating', async () => {
    const [first, second] = [await keyPair(), await keyPair()];
    const old = await registered(home, 'rotating', first);
    const again = await register('rotating', second.recipient, '--fingerprint', second.fingerprint);
    assert.equal(again.code, 2);
    const rotate = ['keys', 'rotate', '--contact', 'rotating', second.recipient, '--json'];
    const unsure = await home.run(rotate);
    assert.deepEqual([unsure.code, codeIn(unsure.stderr)], [1, 'not_confirmed']);
    assert.equal((await contactKey(old.keyId)).key_state, 'active', 'nothing was changed');
    const { key } = JSON.parse((await home.ok([...rotate, '--fingerprint', second.fingerprint])).stdout);
    assert.equal(key.owner_id, old.contactId);
    assert.deepEqual(
      [(await contactKey(old.keyId)).key_state, (await contactKey(key.key_id)).key_state],
      ['replaced', 'active'],
    );
  });

  it('that is lost or revoked ends here and there, and has a next one', async () => {
    for (const [verb, state] of [
      ['lost', 'lost'],
      ['revoke', 'revoked'],
    ] as const) {
      const old = await registered(home, `ended-${verb}`, await keyPair());
      await home.ok(['keys', verb, '--contact', `ended-${verb}`]);
      await home.ok(['keys', verb, '--contact', `ended-${verb}`]);
      assert.equal((await contactKey(old.keyId)).key_state, state);
      const next = await keyPair();
      const words = ['keys', 'rotate', '--contact', `ended-${verb}`, next.recipient];
      const ran = await home.ok([...words, '--fingerprint', next.fingerprint, '--json']);
      const { key } = JSON.parse(ran.stdout);
      assert.deepEqual([key.owner_id, (await contactKey(key.key_id)).key_state], [old.contactId, 'active']);
    }
    assert.equal((await home.run(['keys', 'lost', '--contact', 'nobody'])).code, 2);
  });
});

describe("the account's own key", () => {
  it('is registered, rotated and given up as a device of the account', async () => {
    const [first, second, third] = [await keyPair(), await keyPair(), await keyPair()];
    const own = async (verb: string, { recipient, fingerprint }: typeof first) => {
      const words = ['keys', verb, '--own', recipient, '--fingerprint', fingerprint, '--json'];
      const { key } = JSON.parse((await home.ok(words)).stdout);
      const { body } = await ask(`/v1/account-recipient-keys/${key.key_id}`);
      return body.account_recipient_key;
    };
    const made = await own('register', first);
    assert.deepEqual(
      [made.recipient_type, made.key_state, made.suite_id, made.version],
      ['device', 'active', 'x25519', 1],
    );
    assert.ok(!JSON.stringify(made).includes('this-device'));
    const rotated = await own('rotate', second);
    assert.deepEqual([rotated.recipient_id, rotated.version], [made.recipient_id, 2]);
    await home.ok(['keys', 'lost', '--own']);
    const renewed = await own('rotate', third);
    assert.deepEqual([renewed.key_state, renewed.version], ['active', 1]);
    assert.notEqual(renewed.recipient_id, made.recipient_id);
    const other = await keyPair();
    const clash = await register('this-device', other.recipient, '--fingerprint', other.fingerprint);
    assert.equal(clash.code, 2, 'a name means one key');
  });
});

describe('the list', () => {
  it('says which keys are the same here and there, and exits with 1 when one was exchanged', async () => {
    const other = await newRecorder();
    const [anna, ben] = [await keyPair(), await keyPair()];
    const { keyId } = await registered(other.home, 'anna', anna);
    await registered(other.home, 'ben', ben);
    const quiet = await other.home.ok(['keys', 'list']);
    assert.match(quiet.stdout, /^anna: confirmed, on the server active$/m);
    assert.ok(quiet.stdout.includes(anna.fingerprint.slice(0, 4)));
    substitute(other.server, keyId, await keyPair());
    const alarm = await other.home.run(['keys', 'list', '--json']);
    assert.equal(alarm.code, 1);
    const changed = JSON.parse(alarm.stdout).keys.map((key: { name: string; changed: boolean }) => [
      key.name,
      key.changed,
    ]);
    assert.deepEqual(changed, [
      ['anna', true],
      ['ben', false],
    ]);
    await other.stop();
  });
});

describe('a private key', () => {
  it('given by mistake is refused wherever it stands, and neither sent nor shown nor kept', async () => {
    const at: readonly (readonly string[])[] = [
      ['keys', 'register', '--contact', 'oops', PRIVATE],
      ['keys', 'register', '--contact', PRIVATE, (await keyPair()).recipient],
      ['keys', 'register', '--contact', 'oops', 'age1…', '--label', PRIVATE.toLowerCase()],
      ['keys', 'rotate', '--own', PRIVATE.replaceAll('-', '\u2011')],
      ['keys', 'register', '--own', '--fingerprint', PRIVATE, 'age1…'],
      ['keys', 'new', '--out', PRIVATE],
      ['share', PRIVATE],
      ['capture', '--media', 'audio', '--source', 'signal', '--to', PRIVATE],
      ['capture', `--${PRIVATE}`],
      ['open', '--identity', PRIVATE, 'x'],
    ];
    for (const words of at) {
      const ran = await home.run(words);
      assert.equal(ran.code, 2, words.join(' ').slice(0, 40));
      assert.match(ran.stderr, /This is a private key/);
      assert.ok(!/Q{20}/i.test(ran.stdout + ran.stderr), words.join(' ').slice(0, 40));
    }
    const piped = await home.run(['keys', 'register', '--contact', 'oops', '-'], `${PRIVATE}\n`);
    assert.deepEqual([piped.code, /Q{20}/.test(piped.stderr)], [2, false]);
    const words = ['keys', 'register', '--contact', 'oops', (await keyPair()).recipient];
    assert.equal((await home.run([...words, '--label', 'my private key'])).code, 2);
    for (const file of await filesUnder(home.path))
      assert.ok(!/Q{20}/i.test(await readFile(file, 'latin1')), file);
    assert.ok(!/Q{20}/i.test(recorder.server.log() + recorder.server.said()));
  });
});

describe('what is kept here', () => {
  it('that was changed is not believed', async () => {
    const other = await newHome({ SALLYPORT_SERVER: recorder.server.main });
    await recorder.keepIn(other);
    const [anna, mallory] = [await keyPair(), await keyPair()];
    await registered(other, 'anna', anna);
    const [file = ''] = await filesUnder(contactsFolder(other));
    const relative = file.slice(other.work.length - 'work'.length);
    const text = await readFile(file, 'utf8');
    await other.write(`../${relative}`, text.replace(anna.recipient, mallory.recipient), 0o600);
    const ran = await other.run(['keys', 'list', '--json']);
    assert.deepEqual([ran.code, codeIn(ran.stderr)], [1, 'contacts_damaged']);
    await other.remove();
  });
});
