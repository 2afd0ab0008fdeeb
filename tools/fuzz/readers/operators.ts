/** Readers of what an operator's machine holds: lists of passwords, settings files beside the environment, proxies. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { StartError } from '../../../runtime/listener.ts';
import { openPasswordList } from '../../../runtime/password-list.ts';
import { loadSettings } from '../../../runtime/settings.ts';
import { PASSWORD_LEAST_BYTES, PASSWORD_MOST_BYTES } from '../../../src/core/identity.ts';
import { formatProblems, inNetworks, parseSettings } from '../../../src/core/settings.ts';
import { plainAddress } from '../../../src/core/visitor.ts';
import { visitorOf } from '../../../src/handlers/kit/peer.ts';
import { must } from '../target.ts';
import { checkText, inFolder } from './commands.ts';
import { ofText, orRefusedLater, type Reader } from './reader.ts';

/** What is asked for in lists, whether they hold it or not. */
const TRIED = ['password1234', 'correct horse', 'Ünïcode wörd', 'another-one-here', 'p'.repeat(300)] as const;
const sha1 = (text: string) => createHash('sha1').update(text).digest('hex').toUpperCase();
const HASHES = TRIED.map(sha1).sort();
const HASH_LINE = /^([0-9A-Fa-f]{40})(:\d{1,12})?\s*$/;

/** What a list of passwords says, read in another way: all of it at once. */
function holdsPlainly(bytes: Uint8Array, password: string): boolean {
  const fold = (text: string) => text.normalize('NFKC').toLowerCase();
  for (const line of Buffer.from(bytes).toString('latin1').split('\n')) {
    const raw = Buffer.from(line.replace(/\r$/, ''), 'latin1');
    if (raw.length < PASSWORD_LEAST_BYTES || raw.length > PASSWORD_MOST_BYTES) continue;
    if (fold(raw.toString('utf8')) === fold(password)) return true;
  }
  return false;
}

const passwordLists: Reader = {
  name: 'password-lists',
  summary: 'lists of passwords that no account gets, as words and as SHA-1 hashes in their order',
  words: [
    ...HASHES,
    '\n',
    '\r\n',
    ':12\n',
    '\n\n',
    TRIED[0],
    TRIED[2],
    'f'.repeat(40),
    '0'.repeat(40),
    '\xff',
  ],
  seeds: () => [
    `${TRIED.slice(0, 3).join('\n')}\n`,
    TRIED.join('\r\n'),
    `${HASHES.join('\n')}\n`,
    HASHES.map((hash, at) => `${hash}:${at + 1}`).join('\r\n'),
    `${'0'.repeat(40)}:1\n${HASHES[2]}\n${'F'.repeat(40)}:2\n`,
  ],
  async read(bytes) {
    await inFolder(async (folder) => {
      const path = join(folder, 'list');
      await writeFile(path, bytes);
      const list = await orRefusedLater(
        () => openPasswordList(path),
        (thrown) => thrown instanceof StartError && thrown.message.endsWith('.'),
      );
      if (list === undefined) return;
      try {
        const lines = Buffer.from(bytes).toString('latin1').split('\n');
        const hashes = HASH_LINE.test(lines[0] ?? '');
        const held = new Set(lines.map((line) => HASH_LINE.exec(line)?.[1]?.toUpperCase()));
        for (const password of TRIED) {
          const forms = [password.normalize('NFC'), password.normalize('NFC').toLowerCase()];
          const expected = hashes
            ? forms.some((form) => held.has(sha1(form)))
            : holdsPlainly(bytes, password);
          const found = await list.has(password);
          must(found === expected, () => `${password} is ${found ? '' : 'not '}found in it`);
        }
      } finally {
        await list.close();
      }
    });
  },
};

const SECRET = 'zq-a-secret-of-the-fuzzer-zq';
/** Before it stand variables of the environment, a line each; after it the TOML file. */
const FILE_FOLLOWS = '\n---\n';

const settingsFiles = ofText({
  name: 'settings-files',
  summary: 'a settings file beside the environment, with secrets that no refusal may say',
  words: [
    ...['SAFE_PASTE_MAX_BYTES=', 'SAFE_SECRET_KEY=', 'SAFE_SECRET_KEY_FILE=secret', 'SAFE_PROXY_SECRET='],
    ...[
      'SAFE_SMTP_PASSWORD=',
      'SAFE_WEBHOOK_SECRETS=',
      'SAFE_METRICS_TOKEN=',
      'SAFE_TRUSTED_PROXIES=',
      SECRET,
    ],
    ...[
      '[server]\n',
      '[paste]\n',
      '[[paste]]\n',
      'proxy_secret = "',
      '"""',
      '\\u001b[2J',
      '\x1b[2J',
      '\u202e',
    ],
    ...['__proto__', 'constructor', '= {', '= [', FILE_FOLLOWS, '1979-05-27', 'true', '[paste.', '.'],
  ],
  seeds: () => [
    `SAFE_PROXY_SECRET=${SECRET}\nSAFE_TRUSTED_PROXIES=10.0.0.0/8${FILE_FOLLOWS}[paste]\ndefault_expiry = "5d"\n`,
    `SAFE_SECRET_KEY=${SECRET}${FILE_FOLLOWS}[server]\nurl_prefix = "/vault"\nproxy_secret = "${SECRET}"\n`,
    `SAFE_SMTP_PASSWORD=${SECRET}\nSAFE_EMAIL_BACKEND=smtp\nSAFE_METRICS_TOKEN=${SECRET}${FILE_FOLLOWS}`,
    `SAFE_WEBHOOK_SECRETS=whsec_${SECRET}\nSAFE_WEBHOOK_URL=https://user:${SECRET}@hook.example${FILE_FOLLOWS}`,
    `SAFE_SECRET_KEY_FILE=secret${FILE_FOLLOWS}[rate_limits.main_api]\nenabled = 1\n`,
  ],
  async readText(text) {
    const [before = '', ...after] = text.split(FILE_FOLLOWS);
    // Devices have no end, or wait for somebody.
    const file = after.join(FILE_FOLLOWS).replaceAll('/dev', '/def').replaceAll('/proc', '/prod');
    const env: Record<string, string> = {};
    for (const line of before.replaceAll('/dev', '/def').replaceAll('/proc', '/prod').split('\n')) {
      const [, name, value = ''] = /^(SAFE_[A-Z0-9_]{1,60})=([^\0]*)$/.exec(line) ?? [];
      if (name !== undefined) env[name] = value;
    }
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'sallyport.toml'), file);
      await writeFile(join(folder, 'secret'), SECRET);
      const loaded = loadSettings({ env, folder, places: ['./sallyport.toml'] });
      const told = loaded.ok ? JSON.stringify(loaded.settings.inForce) : formatProblems(loaded.problems);
      must(loaded.ok || told !== '', () => 'refused without a reason');
      if (!loaded.ok) checkText({ out: told, said: '' });
      // Where it stands in the place of a name, or of what is no secret, it is one no longer.
      const secret = Object.entries(env).filter(([, value]) => value.includes(SECRET));
      const meant = secret.every(([name]) => /_(SECRET|SECRET_KEY|PASSWORD|TOKEN|SECRETS)$/.test(name));
      if (meant && !file.includes(SECRET)) must(!told.includes(SECRET), () => `it says a secret: ${told}`);
    });
  },
});

const parsed = parseSettings({
  env: { SAFE_TRUSTED_PROXIES: '127.0.0.0/8, 10.0.0.0/8, fd00::/8', SAFE_PROXY_SECRET: SECRET },
});
const STRANGER = '203.0.113.99';

const visitors = ofText({
  name: 'visitors',
  summary: 'X-Forwarded-For, X-Forwarded-Proto and client certificates, as proxies and strangers send them',
  words: [
    ...[
      'X-Forwarded-For: ',
      'X-Forwarded-Proto: https',
      `X-Proxy-Secret: ${SECRET}`,
      'X-SSL-Client-SHA256: ',
    ],
    ...['X-SSL-Client-SHA1: ', 'X-Real-IP: 1.2.3.4', 'Forwarded: for=1.2.3.4', '10.0.0.1', ', ', '[::1]:80'],
    ...['::ffff:10.0.0.1', '%eth0', '\n', 'ab'.repeat(32), 'AB:'.repeat(19), 'unknown', '1.2.3.4:80'],
  ],
  seeds: () => [
    `127.0.0.1\nX-Forwarded-For: ${STRANGER}, 10.0.0.1`,
    `::ffff:10.1.2.3\nX-Forwarded-For: 8.8.8.8\nX-Forwarded-Proto: https`,
    `fd00::1\nX-Proxy-Secret: ${SECRET}\nX-SSL-Client-SHA256: ${'ab'.repeat(32)}`,
    `9.9.9.9\nX-Proxy-Secret: ${SECRET}\nX-SSL-Client-SHA1: ${'AB:'.repeat(19)}AB`,
    `9.9.9.9\nX-Forwarded-For: 10.0.0.1\nX-Proxy-Secret: guess\nX-SSL-Client-SHA256: ${'ab'.repeat(32)}`,
  ],
  readText(text) {
    must(parsed.ok, () => 'the settings do not hold');
    const { settings } = parsed;
    const [address = '', ...lines] = text.split('\n');
    const headers = new Headers();
    for (const line of lines) {
      const colon = line.indexOf(':');
      try {
        headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
      } catch {
        // No client can send it.
      }
    }
    const of = (given: Headers) =>
      visitorOf(new Request('http://a.test/', { headers: given }), { address }, settings);
    const seen = of(headers);
    const socket = plainAddress(address);
    must(seen.address === 'unknown' || isIP(seen.address) !== 0, () => `somebody comes from ${seen.address}`);
    const trusted = socket !== undefined && inNetworks(settings.trustedProxies, socket);
    if (!trusted) {
      must(seen.address === (socket ?? 'unknown'), () => `${address} is taken for ${seen.address}`);
      must(!seen.secure, () => 'a stranger says that the way was encrypted');
    }
    // What stands to the left of a stranger, the stranger wrote.
    if (trusted && !inNetworks(settings.trustedProxies, seen.address)) {
      const more = new Headers(headers);
      more.set('x-forwarded-for', `198.51.100.7, ${headers.get('x-forwarded-for')}`);
      const again = of(more).address;
      must(again === seen.address, () => `${again} was said by whoever is at ${seen.address}`);
    }
    const { owner } = seen;
    if (owner === undefined) return;
    must(headers.get('x-proxy-secret') === SECRET, () => 'a certificate of whoever does not know the secret');
    must(/^(sha1:[0-9a-f]{40}|[0-9a-f]{64})$/.test(owner), () => `a certificate ${owner}`);
  },
});

export const operatorReaders: readonly Reader[] = [passwordLists, settingsFiles, visitors];
