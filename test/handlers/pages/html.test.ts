import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accountPage } from '../../../src/handlers/pages/account.ts';
import { form } from '../../../src/handlers/pages/forms.ts';
import { html, trusted } from '../../../src/handlers/pages/html.ts';
import { page } from '../../../src/handlers/pages/layout.ts';
import { noticeOf } from '../../../src/handlers/pages/notices.ts';
import { bytes, counted, duration, moment, table } from '../../../src/handlers/pages/parts.ts';
import { pastesPage } from '../../../src/handlers/pages/pastes.ts';
import type { Account } from '../../../src/store/accounts.ts';

/** Texts that would act if one of them reached a page as it is. */
const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'><svg onload=alert(1)>",
  '</title><script>alert(1)</script>',
  '" autofocus onfocus="alert(1)',
  '&lt;script&gt;',
  '</textarea><iframe srcdoc=x>',
];

const acts = (markup: string) =>
  /<script|<img|<iframe|<svg onload|<\/title><\w|" autofocus onfocus="/.exec(markup)?.[0];

describe('the html template', () => {
  it('escapes the five characters, in text and in quoted attributes', () => {
    assert.equal(
      String(html`<p title="${`<>&"'`}">${`<>&"'`}</p>`),
      '<p title="&lt;&gt;&amp;&quot;&#39;">&lt;&gt;&amp;&quot;&#39;</p>',
    );
  });

  it('takes its own markup as it is, once', () => {
    assert.equal(String(html`<b>${html`<i>${'<'}</i>`}</b>`), '<b><i>&lt;</i></b>');
    assert.equal(String(html`${[html`<i></i>`, '<', 3, undefined, false]}`), '<i></i>&lt;3');
    assert.equal(String(html`${trusted('<hr>')}`), '<hr>');
  });

  it('writes nothing for what is absent, and 0 for 0', () => {
    assert.equal(String(html`a${undefined}b${false}c${0}d${''}`), 'abc0d');
  });

  it('is not deceived by a value that looks like markup of ours', () => {
    const forged = JSON.parse('{"toString":"<script>","markup":"<script>","html":"<script>"}') as never;
    assert.throws(() => html`${forged}`);
    const inherits = Object.create(null) as never;
    assert.throws(() => html`${inherits}`);
  });

  it('leaves no hostile text able to act', () => {
    for (const text of HOSTILE) {
      const markup = String(html`<p title="${text}">${text}</p>`);
      assert.equal(acts(markup), undefined, markup);
      assert.equal(markup.split('"').length, 3, 'the attribute ends where it did');
    }
  });
});

describe('pages', () => {
  const viewer = { username: '"><script>', csrf: 'a'.repeat(64), inside: true };

  it('escape whatever comes from a form, a store or a setting', () => {
    for (const text of HOSTILE) {
      const account: Account = {
        ...{ id: text, username: text, email: text },
        ...({ state: 'active', setup: 'complete', role: 'user' } as const),
        ...{ createdAt: 0, updatedAt: 0, passwordChangedAt: 0 },
      };
      const paste = {
        ...{ ref: text, size: 1, mimeType: text, sealed: false, burn: false, protected: false, owner: text },
        ...{ createdAt: 0, expiresAt: 0 },
      };
      const trouble = { form: 'change-role', field: 'role', sentence: text };
      const pages = [
        page({ title: text, viewer, notice: text, content: text }),
        accountPage({ viewer, account, own: false, notice: text, trouble }),
        pastesPage({ viewer, order: 'largest', pastes: [paste], count: 1, expiredPending: 0 }),
        String(form({ id: 'f', action: text, hidden: { [text]: text }, button: text, about: text })),
        String(table({ caption: text, columns: [text, text], rows: [[text, text]], empty: '' })),
      ];
      for (const markup of pages) assert.equal(acts(markup), undefined, text);
    }
  });

  it('have one first heading, a language, a title, landmarks and a way past the header', () => {
    const markup = page({ title: 'Overview', viewer, content: 'text' });
    assert.equal(markup.split('<h1>').length, 2);
    for (const part of [
      '<html lang="en">',
      '<title>Overview · Sallyport</title>',
      '<header>',
      '<main id="content"',
      '<footer>',
      '<nav aria-label',
      'class="skip" href="#content"',
    ]) {
      assert.ok(markup.includes(part), part);
    }
  });
});

describe('notices', () => {
  it('come from the closed set, whatever an address says', () => {
    assert.match(noticeOf('http://x/admin?notice=paste_deleted') ?? '', /deleted/);
    for (const code of ['constructor', '__proto__', 'hasOwnProperty', 'x', '']) {
      assert.equal(noticeOf(`http://x/admin?notice=${code}`), undefined);
    }
    assert.equal(noticeOf('http://x/admin'), undefined);
  });
});

describe('numbers and times', () => {
  it('are told in units that people use', () => {
    assert.deepEqual([0, 1, 1023, 1024, 1536, 10 * 1024, 5 * 1024 ** 3].map(bytes), [
      '0 bytes',
      '1 byte',
      '1023 bytes',
      '1 KiB',
      '1.5 KiB',
      '10 KiB',
      '5 GiB',
    ]);
    assert.deepEqual(
      [1, 2, 1000].map((n) => counted(n, 'route')),
      ['1 route', '2 routes', '1,000 routes'],
    );
    assert.deepEqual([5, 1000, 60_000, 7_200_000].map(duration), [
      'less than a second',
      '1 second',
      '1 minute',
      '2 hours',
    ]);
    assert.equal(
      String(moment(Date.UTC(2026, 0, 2, 3, 4, 5, 6))),
      '<time datetime="2026-01-02T03:04:05.006Z">2026-01-02 03:04 UTC</time>',
    );
  });
});
