import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MailFailure, type MailFailureReason } from '../../src/core/mail.ts';
import { describeSettings } from '../../src/core/settings.ts';
import { pasteRef } from '../../src/crypto/tokens.ts';
import { adminRoutes } from '../../src/handlers/admin.ts';
import { type House, type HouseOptions, inHouse } from '../support/house.ts';
import { adminAt, type Visitor } from './admin-visitor.ts';

const inside = (options: HouseOptions, use: (who: Visitor, house: House) => Promise<void>) =>
  inHouse(options, async (house) => {
    const { who } = await adminAt(house, 'ada', 'inside');
    await use(who, house);
  });

async function makePaste(house: House, body: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await house.main(new Request('http://main.test/', { method: 'POST', body, headers }));
  assert.equal(response.status, 201);
  return ((await response.json()) as { id: string }).id;
}

async function audited(house: House, action: string): Promise<string[]> {
  const rows = await house.deps.store.audit.list(undefined, 500);
  return rows.filter((row) => row.action === action).map(({ outcome }) => outcome);
}

describe('the overview', () => {
  it('says what each door serves, from the table and the settings', () =>
    inside({ env: { SAFE_URL_PREFIX: '/paste', SAFE_PASTE_POW_DIFFICULTY: '12' } }, async (who) => {
      const { text } = await who.get('/admin');
      for (const { method, path } of adminRoutes) {
        const pattern = path.replace(/:(\w+)/g, '{$1}');
        assert.ok(text.includes(`<code>${method} ${pattern}</code>`), `${method} ${pattern}`);
      }
      for (const words of ['127.0.0.1:8080', '127.0.0.1:8081', '/paste/client', '12 bits', 'no route']) {
        assert.ok(text.includes(words), words);
      }
    }));

  it('says which limits are in force, and which are off', () =>
    inside(
      { env: { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'true', SAFE_MAIN_API_RATE_LIMIT_PASTE_CREATE: '77' } },
      async (who) => {
        const { text } = await who.get('/admin');
        assert.match(text, /<dt>paste create<\/dt>\s*<dd>77<\/dd>/);
        assert.match(text, /<h3>Private door<\/h3>\s*<p>Off\.<\/p>/);
      },
    ));

  it('counts pastes and accounts', () =>
    inside({}, async (who, house) => {
      await makePaste(house, 'one');
      await makePaste(house, 'another', { 'x-burn-after-read': 'true' });
      const { text } = await who.get('/admin');
      assert.match(text, /<dt>Pastes<\/dt>\s*<dd>2<\/dd>/);
      assert.match(text, /<dt>Waiting to burn<\/dt>\s*<dd>1<\/dd>/);
      assert.match(text, /<dt>Active admins<\/dt>\s*<dd>1<\/dd>/);
    }));

  const warns = (name: string, options: HouseOptions, sentence: RegExp, paste = '') =>
    it(`warns of ${name}`, () =>
      inside(options, async (who, house) => {
        if (paste !== '') await makePaste(house, paste);
        const { text } = await who.get('/admin');
        assert.match(/<ul class="warnings">(.*?)<\/ul>/s.exec(text)?.[1] ?? '', sentence);
      }));
  warns('a disk that fills', { ports: { diskFree: async () => 500 * 1024 ** 2 } }, /has 500 MiB left/);
  warns(
    'a quota that fills',
    { env: { SAFE_PASTE_STORAGE_QUOTA: '1000' } },
    /Pastes take 900 bytes of 1000 bytes/,
    'x'.repeat(900),
  );
  warns('mail that is off', {}, /SAFE_EMAIL_BACKEND is none/);
  warns('a secret key that lies in one place', {}, /Keep a copy of the file secret-key/);
  warns('a single admin', {}, /There is one active admin/);
  warns(
    'dangerous settings',
    { env: { SAFE_TRUSTED_PROXIES: '0.0.0.0/0' } },
    /SAFE_TRUSTED_PROXIES trusts every address/,
  );

  it('says how much disk is free, where something can tell', () =>
    inside({ ports: { diskFree: async () => 5 * 1024 ** 3 } }, async (who) => {
      const { text } = await who.get('/admin');
      assert.match(text, /<dt>Free disk<\/dt>\s*<dd>5 GiB<\/dd>/);
      assert.ok(!text.includes('Make room'));
    }));
});

describe('pastes on the dashboard', () => {
  it('are listed by size and by age, by refs alone', () =>
    inside({}, async (who, house) => {
      const small = await makePaste(house, 'small');
      house.clock.advance(60_000);
      const large = await makePaste(house, 'large'.repeat(100));
      house.clock.advance(60_000);
      const middle = await makePaste(house, 'middle'.repeat(10));
      const order = (text: string) =>
        [...text.matchAll(/scope="row"><code>([0-9a-f]{32})<\/code>/g)].map(([, ref]) => ref);
      const refs = (ids: string[]) => ids.map(pasteRef);
      for (const [query, expected] of [
        ['', [large, middle, small]],
        ['?order=largest', [large, middle, small]],
        ['?order=oldest', [small, large, middle]],
        ['?order=newest', [middle, large, small]],
        ['?order=nonsense', [large, middle, small]],
      ] as const) {
        const { text } = await who.get(`/admin/pastes${query}`);
        assert.deepEqual(order(text), refs([...expected]), query);
        for (const id of expected) assert.ok(!text.includes(id), 'an id would open the paste');
      }
    }));

  it('are deleted by ref or by id, once confirmed, and the id does not come back', () =>
    inside({}, async (who, house) => {
      for (const how of ['ref', 'id'] as const) {
        const id = await makePaste(house, `deleted by ${how}`);
        await who.get('/admin/pastes');
        const ref = how === 'ref' ? pasteRef(id) : id;
        const question = await who.post('/admin/pastes/delete', { ref });
        assert.equal(question.title, 'Delete this paste?');
        assert.ok(question.text.includes(`name="ref" value="${pasteRef(id)}"`));
        assert.ok(!question.text.includes(id));
        const still = await house.main(new Request(`http://main.test/${id}`));
        assert.equal(still.status, 200, 'asking deletes nothing');
        const done = await who.post('/admin/pastes/delete', { ref, confirm: 'yes' });
        assert.equal(done.location, '/admin/pastes?notice=paste_deleted');
        assert.equal((await house.main(new Request(`http://main.test/${id}`))).status, 404);
        await who.get(done.location ?? '');
      }
      assert.deepEqual(await audited(house, 'paste_delete'), ['ok', 'ok']);
    }));

  it('that are not there are refused beside the field: 404', () =>
    inside({}, async (who) => {
      for (const ref of ['', 'nonsense', '"><script>alert(1)</script>']) {
        const page = await who.post('/admin/pastes/delete', { ref });
        assert.deepEqual([page.status, page.alerts], [404, ['There is no paste with this ref.']]);
        assert.ok(!page.text.includes('<script'));
      }
      const gone = await who.post('/admin/pastes/delete', { ref: '0'.repeat(32), confirm: 'yes' });
      assert.deepEqual([gone.status, gone.alerts], [404, ['There is no paste with this ref.']]);
    }));

  it('that have expired are removed at once, when confirmed', () =>
    inside({}, async (who, house) => {
      await makePaste(house, 'short-lived', { 'x-expiry': '60' });
      house.clock.advance(61_000);
      assert.match((await who.get('/admin/pastes')).text, /Expired now: 1\./);
      const done = await who.confirm('/admin/pastes/cleanup');
      assert.equal(done.location, '/admin/pastes?notice=pastes_cleaned');
      assert.match((await who.get('/admin/pastes')).text, /Expired now: 0\./);
      assert.deepEqual(await audited(house, 'pastes_cleanup'), ['ok']);
    }));
});

describe('settings on the dashboard', () => {
  const secrets = {
    SAFE_PROXY_SECRET: 'a-secret-of-the-proxy-for-tests',
    SAFE_METRICS_TOKEN: 'a-token-for-metrics-for-tests',
  };

  it('are all shown with where they come from, and secrets only as set', () =>
    inside({ env: { ...secrets, SAFE_URL_PREFIX: '/paste' } }, async (who, house) => {
      const { status, text } = await who.get('/admin/settings');
      assert.equal(status, 200);
      for (const { name } of describeSettings(house.deps.settings)) {
        assert.ok(text.includes(`<code>${name}</code>`), name);
      }
      assert.match(text, /<code>SAFE_URL_PREFIX<\/code>.*?\/paste.*?environment/s);
      assert.match(text, /<code>SAFE_PROXY_SECRET<\/code><\/th><td[^>]*><span class="badge good">set</);
      for (const secret of Object.values(secrets)) assert.ok(!text.includes(secret));
    }));
});

describe('the test message', () => {
  const env = {
    SAFE_EMAIL_BACKEND: 'smtp',
    SAFE_SMTP_HOST: 'mail.example.org',
    SAFE_SMTP_FROM: 'sallyport@example.org',
  };

  it('goes to the address that is typed', () =>
    inside({ env }, async (who, house) => {
      const done = await who.post('/admin/test-mail', { email: ' Ada@Example.org ' });
      assert.equal(done.location, '/admin/settings?notice=test_mail_sent');
      assert.deepEqual(
        house.mail.map(({ to, subject }) => [to, subject]),
        [['ada@example.org', 'Sallyport test message']],
      );
      assert.deepEqual(await audited(house, 'test_mail'), ['ok']);
      assert.match((await who.get(done.location ?? '')).notice ?? '', /^The mail server has taken/);
    }));

  it('goes to the admin’s own address where none is typed', () =>
    inside({ env }, async (who, house) => {
      await who.post('/admin/second-factor/email/challenge', { email: 'own@example.org' });
      const code = house.mail.at(-1)?.text.split('\n')[2] ?? '';
      await who.post('/admin/second-factor/email/verify', { code });
      assert.match((await who.get('/admin/settings')).text, /Leave it empty to use own@example\.org\./);
      await who.post('/admin/test-mail', { email: '' });
      assert.equal(house.mail.at(-1)?.to, 'own@example.org');
    }));

  for (const [name, email, sentence] of [
    ['no address, where the account has none', '', 'Your account has no address. Type one.'],
    ['what is no address', 'ada', 'This is not one e-mail address.'],
    ['two addresses', 'a@example.org,b@example.org', 'This is not one e-mail address.'],
    ['a line break', 'a@example.org\r\nBcc: b@example.org', 'This is not one e-mail address.'],
  ] as const) {
    it(`is refused for ${name}: 400`, () =>
      inside({ env }, async (who, house) => {
        const page = await who.post('/admin/test-mail', { email });
        assert.deepEqual([page.status, page.alerts], [400, [sentence]]);
        assert.ok(page.text.includes('id="test-mail-email-error" role="alert"'));
        assert.equal(house.mail.length, 0);
      }));
  }

  const reasons: readonly MailFailureReason[] = [
    ...(['disabled', 'busy', 'invalid_message', 'unreachable', 'timeout', 'tls_failed'] as const),
    ...(['login_refused', 'sender_refused', 'recipient_refused', 'message_refused'] as const),
    ...(['deferred', 'protocol'] as const),
  ];
  it('says in a sentence why it failed, a different one for each cause, and audits the cause', async () => {
    const sentences = new Set<string>();
    for (const reason of reasons) {
      const mailer = { send: () => Promise.reject(new MailFailure(reason)) };
      await inside({ env, ports: { mailer } }, async (who, house) => {
        const page = await who.post('/admin/test-mail', { email: 'ada@example.org' });
        assert.equal(page.status, 503, reason);
        assert.ok(page.text.includes('value="ada@example.org"'), 'it needs no typing again');
        sentences.add(page.alerts[0] ?? '');
        assert.deepEqual(await audited(house, 'test_mail'), [reason]);
        const rows = await house.deps.store.audit.list(undefined, 500);
        assert.ok(!JSON.stringify(rows).includes('example.org'), 'no address in the audit');
      });
    }
    assert.equal(sentences.size, reasons.length);
  });
});
