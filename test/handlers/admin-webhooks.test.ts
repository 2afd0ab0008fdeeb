/** What the overview says of webhooks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type WebhookFailure, webhookRounds } from '../../src/core/webhooks.ts';
import { type House, inHouse } from '../support/house.ts';
import { adminAt, type Visitor } from './admin-visitor.ts';

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const HOOKED = {
  SAFE_WEBHOOK_URL: 'https://hooks.example/a-path-that-is-secret',
  SAFE_WEBHOOK_SECRET: SECRET,
  SAFE_WEBHOOK_EVENTS: 'paste.created,paste.burned',
  SAFE_SESSION_TTL: '7d',
  SAFE_ADMIN_SESSION_IDLE: '0',
};

const inside = (env: Record<string, string>, use: (who: Visitor, house: House) => Promise<void>) =>
  inHouse({ env }, async (house) => {
    const { who } = await adminAt(house, 'ada', 'inside');
    await use(who, house);
  });

async function paste(house: House, body: string): Promise<void> {
  const response = await house.main(new Request('http://main.test/', { method: 'POST', body }));
  assert.equal(response.status, 201);
}

/** A round with a receiver that answers so. */
const round = (house: House, answer: WebhookFailure | undefined) =>
  webhookRounds(house.deps, { keys: [new Uint8Array(32)], leaseMs: 0, post: async () => answer })(
    () => false,
  );

/** The rows of the section, by their names. */
async function section(who: Visitor): Promise<ReadonlyMap<string, string> | undefined> {
  const { text } = await who.get('/admin');
  const [, inner] = /<section aria-labelledby="webhooks-heading">(.*?)<\/section>/s.exec(text) ?? [];
  if (inner === undefined) return undefined;
  const plain = (markup = '') => markup.replace(/<[^>]*>/g, '');
  return new Map(
    [...inner.matchAll(/<dt>(.*?)<\/dt>\s*<dd>(.*?)<\/dd>/gs)].map(([, name, value]) => [
      plain(name),
      plain(value),
    ]),
  );
}
const warnings = async (who: Visitor) =>
  /<ul class="warnings">(.*?)<\/ul>/s.exec((await who.get('/admin')).text)?.[1] ?? '';

describe('webhooks on the overview', () => {
  it('are not spoken of where there are none', () =>
    inside({}, async (who) => {
      assert.equal(await section(who), undefined);
    }));

  it('are there with what waits, before anything was sent', () =>
    inside(HOOKED, async (who, house) => {
      await paste(house, 'one');
      house.clock.advance(90_000);
      await paste(house, 'two');
      const rows = await section(who);
      assert.deepEqual(
        [
          'Waiting',
          'The oldest for',
          'Delivered',
          'Last delivery',
          'Last failure',
          'Its reason',
          'Given up',
        ].map((name) => rows?.get(name)),
        ['2', '1 minute', '0', 'none yet', 'none yet', '–', '0'],
      );
      const { text } = await who.get('/admin');
      assert.match(text, /Sent: <code>paste\.created<\/code>, <code>paste\.burned<\/code>\./);
      assert.doesNotMatch(await warnings(who), /receiver/);
    }));

  it('say how the receiver fails, and when it was well again', () =>
    inside(HOOKED, async (who, house) => {
      await paste(house, 'one');
      const failures: readonly (readonly [WebhookFailure, RegExp])[] = [
        ['unresolved', /its name has no address/],
        ['private_address', /SAFE_WEBHOOK_ALLOW_PRIVATE/],
        ['unreachable', /nothing answers/],
        ['tls_failed', /certificate/],
        ['timeout', /ten seconds/],
        ['connection_lost', /ended the connection/],
        ['not_http', /no HTTP/],
        ['redirect', /redirect/],
        ['status_500', /it answers 500/],
        ['status_404', /it answers 404/],
      ];
      for (const [n, [failure, sentence]] of failures.entries()) {
        await round(house, failure);
        const rows = await section(who);
        assert.match(rows?.get('Its reason') ?? '', sentence, failure);
        assert.equal(rows?.get('Failed attempts'), String(n + 1));
        assert.match(rows?.get('Last failure') ?? '', /^2026-01-0\d \d\d:\d\d:\d\d UTC$/);
        assert.match(await warnings(who), /The receiver of webhooks fails: /);
        assert.match(await warnings(who), sentence);
        const [due] =
          (await house.db.batch([{ sql: 'SELECT due_at FROM webhook_outbox' }], 'read'))[0]?.rows ?? [];
        house.clock.advance(Number(due?.[0]) - house.clock.now());
      }
      await round(house, undefined);
      const rows = await section(who);
      assert.equal(rows?.get('Waiting'), '0');
      assert.notEqual(rows?.get('Last delivery'), 'none yet');
      assert.doesNotMatch(await warnings(who), /receiver of webhooks fails/);
    }));

  it('show neither the URL nor a key', () =>
    inside(HOOKED, async (who, house) => {
      await paste(house, 'one');
      await round(house, 'timeout');
      for (const page of ['/admin', '/admin/settings']) {
        const { text } = await who.get(page);
        for (const secret of [SECRET, SECRET.slice(6), 'a-path-that-is-secret'])
          assert.ok(!text.includes(secret));
      }
      assert.ok(!JSON.stringify(house.log).includes('secret'));
    }));
});
