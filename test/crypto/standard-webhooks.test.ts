import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { webhookHeaders } from '../../src/crypto/standard-webhooks.ts';

const keyOf = () => new Uint8Array(randomBytes(32));
const reader = (key: Uint8Array) => new Webhook(`whsec_${Buffer.from(key).toString('base64')}`);
const message = (body = '{"type":"paste.created"}') => ({
  id: `msg_${randomBytes(16).toString('hex')}`,
  timestamp: Math.floor(Date.now() / 1000),
  body,
});

describe('what is signed for webhooks', () => {
  it('is taken by the reference library', () => {
    const key = keyOf();
    for (const body of ['{}', '{"a":"ü€😀"}', JSON.stringify({ long: 'x'.repeat(10_000) })]) {
      const sent = message(body);
      assert.deepEqual(reader(key).verify(body, webhookHeaders([key], sent)), JSON.parse(body));
    }
  });

  it('is what the reference library signs', () => {
    const key = keyOf();
    const { id, timestamp, body } = message();
    const signature = reader(key).sign(id, new Date(timestamp * 1000), body);
    assert.equal(webhookHeaders([key], { id, timestamp, body })['webhook-signature'], signature);
  });

  it('is taken with the old key and with the new one while they are being exchanged', () => {
    const [old, fresh, other] = [keyOf(), keyOf(), keyOf()];
    const sent = message();
    const headers = webhookHeaders([fresh, old], sent);
    for (const key of [old, fresh]) assert.ok(reader(key).verify(sent.body, headers));
    assert.throws(() => reader(other).verify(sent.body, headers), WebhookVerificationError);
  });

  it('is not taken when a byte of it is another one', () => {
    const key = keyOf();
    const sent = message();
    const headers = webhookHeaders([key], sent);
    const refuses = (body: string, changed: Record<string, string>) =>
      assert.throws(() => reader(key).verify(body, changed), WebhookVerificationError);
    refuses(`${sent.body} `, headers);
    refuses(sent.body, { ...headers, 'webhook-id': `${sent.id}0` });
    refuses(sent.body, { ...headers, 'webhook-timestamp': String(sent.timestamp - 1) });
  });
});
