import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  factorCodeMail,
  MailFailure,
  mailFailureReason,
  noMailer,
  parseEmail,
  testMail,
  verificationMail,
} from '../../src/core/mail.ts';

const TO = 'reader@inbox.example';

describe('an address', () => {
  for (const [text, address] of [
    ['reader@inbox.example', 'reader@inbox.example'],
    ['  Reader@Inbox.Example \n', 'reader@inbox.example'],
    ['first.last+tag@sub.inbox.example', 'first.last+tag@sub.inbox.example'],
    ["o'brien@inbox.example", "o'brien@inbox.example"],
    ['_under-score_@inbox.example', '_under-score_@inbox.example'],
    ['a@b.example', 'a@b.example'],
    ['reader@localhost', 'reader@localhost'],
    ['reader@xn--bcher-kva.example', 'reader@xn--bcher-kva.example'],
    ['reader@4you.example', 'reader@4you.example'],
    [`${'l'.repeat(64)}@inbox.example`, `${'l'.repeat(64)}@inbox.example`],
    [`a@${'d'.repeat(63)}.example`, `a@${'d'.repeat(63)}.example`],
  ] as const) {
    it(`${JSON.stringify(text)} is taken`, () => assert.equal(parseEmail(text), address));
  }

  for (const text of [
    '',
    ' ',
    'reader',
    '@inbox.example',
    'reader@',
    'reader@@inbox.example',
    'a@b@inbox.example',
    'reader @inbox.example',
    'reader@inbox .example',
    'Reader <reader@inbox.example>',
    '<reader@inbox.example>',
    'reader@inbox.example (Reader)',
    'reader@inbox.example, other@inbox.example',
    'reader@inbox.example;other@inbox.example',
    'reader@inbox.example\nBcc: other@inbox.example',
    'reader@inbox.example\r\nBcc: other@inbox.example',
    'rea\r\nder@inbox.example',
    'reader@inbox.example\0',
    'reader\u2028@inbox.example',
    '"quoted local"@inbox.example',
    '"quoted"@inbox.example',
    'back\\slash@inbox.example',
    '.reader@inbox.example',
    'reader.@inbox.example',
    'rea..der@inbox.example',
    '-f@inbox.example',
    'other%inbox.example@relay.example',
    'relay!other@inbox.example',
    '|program@inbox.example',
    '`id`@inbox.example',
    'reader@[192.0.2.1]',
    'reader@192.0.2.1',
    'reader@1',
    'reader@inbox..example',
    'reader@.inbox.example',
    'reader@inbox.example.',
    'reader@-inbox.example',
    'reader@inbox-.example',
    'reader@in_box.example',
    'reäder@inbox.example',
    'reader@bücher.example',
    // Letters that become ASCII in lower case: the Kelvin sign is a k, and dotted capital I begins with an i.
    'reader@inbox.example\u212a',
    '\u212areader@inbox.example',
    `${'l'.repeat(65)}@inbox.example`,
    `a@${'d'.repeat(64)}.example`,
    `a@${'d.'.repeat(126)}example`,
    `a@b.example${' '.repeat(600)}`,
  ]) {
    const shown = text.length > 60 ? `${text.slice(0, 40)}… (${text.length})` : text;
    it(`${JSON.stringify(shown)} is none`, () => assert.equal(parseEmail(text), undefined));
  }

  it('whatever comes in, what is taken is one harmless token, and is taken again as it is', () => {
    const character = fc.constantFrom(...'abZ09.-_+@ \r\n\t<>,;:"\\()[]%!|`\0é\u212a');
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 40 }), (text) => {
        const address = parseEmail(text);
        if (address === undefined) return;
        assert.match(address, /^[a-z0-9#$&'*+/=?^_{}~.-]+@[a-z0-9.-]+$/);
        assert.equal(parseEmail(address), address);
      }),
      { numRuns: 5000 },
    );
  });

  it('is looked for in a bounded part of a hostile text', () => {
    for (const text of [`${'a.'.repeat(50_000)}@`, `a@${'a-'.repeat(50_000)}`, '@'.repeat(100_000)]) {
      assert.equal(parseEmail(text), undefined);
    }
  });
});

describe('the messages', () => {
  it('the one that verifies an address holds the link, the token behind its hash', () => {
    const mail = verificationMail(TO, 'https://app.example.org', 'to-ken_+/&', 86_400_000);
    assert.equal(mail.to, TO);
    assert.equal(mail.subject, 'Verify your Sallyport account');
    const link = mail.text.split('\n').find((line) => line.startsWith('https://'));
    assert.equal(link, 'https://app.example.org/verify-email#token=to-ken_%2B%2F%26');
    const url = new URL(link ?? '');
    assert.equal(url.search, '');
    assert.equal(new URLSearchParams(url.hash.slice(1)).get('token'), 'to-ken_+/&');
    assert.match(mail.text, /works once, for 24 hours\./);
  });

  it('the one with a security code has it on a line of its own', () => {
    const mail = factorCodeMail(TO, 'c'.repeat(43), 600_000);
    assert.equal(mail.subject, 'Your Sallyport security code');
    assert(mail.text.split('\n').includes('c'.repeat(43)));
    assert.match(mail.text, /works once, for 10 minutes\./);
    assert.doesNotMatch(mail.subject, /c{5}/);
  });

  it('the test message says that it is one', () => {
    assert.match(testMail(TO).subject, /test/);
  });

  it('durations are said as people say them', () => {
    const said = (ms: number) => /for (.*)\. Enter/.exec(factorCodeMail(TO, 'c', ms).text)?.[1];
    assert.equal(said(3_600_000), '1 hour');
    assert.equal(said(5_400_000), '90 minutes');
    assert.equal(said(60_000), '1 minute');
    assert.equal(said(90_000), '90 seconds');
    assert.equal(said(1), '1 second');
  });

  it('none repeats the address in its text, and none has a line that mail cannot carry', () => {
    for (const mail of [
      verificationMail(TO, 'https://app.example.org', 'k'.repeat(43), 1000),
      factorCodeMail(TO, 'c'.repeat(43), 1000),
      testMail(TO),
    ]) {
      assert(!mail.text.includes(TO));
      assert.match(mail.text, /^[\x20-\x7e\n]+\n$/);
      for (const line of mail.text.split('\n')) assert(line.length <= 200);
    }
  });
});

describe('a failure', () => {
  it('is a name', async () => {
    await assert.rejects(noMailer.send(testMail(TO)), (error) => {
      assert.equal(mailFailureReason(error), 'disabled');
      assert(error instanceof MailFailure && error.message === 'disabled');
      return true;
    });
  });

  it('of which nobody thought has one too', () => {
    assert.equal(mailFailureReason(new Error(`550 ${TO}`)), 'protocol');
    assert.equal(mailFailureReason(undefined), 'protocol');
  });
});
