/** Webhooks of a whole server: real requests, a real receiver, real signatures, and a server that is killed. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pasteRef } from '../../src/crypto/tokens.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { type RuntimeName, runtimes, startServer, type TestServer } from '../support/server.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';

interface Made {
  readonly id: string;
  readonly delete_token: string;
}
let sent = 0;
async function paste(server: TestServer): Promise<Made> {
  sent += 1;
  const response = await fetch(`${server.main}/`, { method: 'POST', body: `paste ${sent}` });
  assert.equal(response.status, 201);
  return (await response.json()) as Made;
}

const settingsOf = (receiver: WebhookReceiver) => ({
  ...receiver.settings,
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
});

async function withReceiver(
  use: (receiver: WebhookReceiver, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-hooks-'));
  const receiver = new WebhookReceiver();
  await receiver.open();
  try {
    await use(receiver, folder);
  } finally {
    await receiver.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function onRuntime(runtime: RuntimeName): void {
  it('tells the receiver what becomes of a paste, in its order and signed', () =>
    withReceiver(async (receiver) => {
      await using server = await startServer({ runtime, settings: settingsOf(receiver) });
      const made = await paste(server);
      await (await fetch(`${server.main}/${made.id}/raw`)).text();
      const headers = { 'x-delete-token': made.delete_token };
      await fetch(`${server.main}/${made.id}`, { method: 'DELETE', headers });
      await receiver.until(() => receiver.events.length >= 3);
      const ref = pasteRef(made.id);
      assert.deepEqual(
        receiver.events.map(({ type, ref: about }) => [type, about]),
        ['paste.created', 'paste.read', 'paste.deleted'].map((type) => [type, ref]),
      );
      await server.stop();
      for (const text of [server.log(), server.said()]) {
        assert.ok(!text.includes(receiver.secret.slice(6)) && !text.includes('/hook/'));
      }
    }));

  it('delivers after a restart what was written down before a kill, also what was under way', () =>
    withReceiver(async (receiver, folder) => {
      receiver.holding = true;
      const made: Made[] = [];
      {
        await using server = await startServer({ runtime, folder, settings: settingsOf(receiver) });
        made.push(await paste(server));
        await receiver.until(() => receiver.asked >= 1);
        for (let n = 0; n < 20; n += 1) made.push(await paste(server));
        server.kill('SIGKILL');
        assert.equal((await server.exited).signal, 'SIGKILL');
      }
      receiver.drop();
      receiver.holding = false;
      assert.equal(receiver.events.length, 0);
      await using _ = await startServer({ runtime, folder, settings: settingsOf(receiver) });
      await receiver.until(() => receiver.events.length >= made.length);
      assert.deepEqual(
        new Set(receiver.events.map(({ ref }) => ref)),
        new Set(made.map(({ id }) => pasteRef(id))),
      );
    }));

  it('answers requests while the receiver hangs, and stops without waiting for it', () =>
    withReceiver(async (receiver) => {
      receiver.holding = true;
      await using server = await startServer({ runtime, settings: settingsOf(receiver) });
      const first = await paste(server);
      await receiver.until(() => receiver.asked >= 1);
      // The receiver answers nothing before all of these are done.
      for (let n = 0; n < 30; n += 1) {
        const made = await paste(server);
        for (const { id } of [made, first]) {
          const read = await fetch(`${server.main}/${id}/raw`);
          assert.equal(read.status, 200);
          await read.text();
        }
      }
      assert.equal(receiver.events.length, 0);
      assert.deepEqual(await server.stop(), { code: 0, signal: null });
      assert.equal(receiver.events.length, 0, 'it still holds what it got');
    }));
}

for (const runtime of runtimes) describe(`webhooks of a server on ${runtime}`, () => onRuntime(runtime));

describe('webhooks of a server', () => {
  it('to a private address are not sent unless that is allowed, and the start says so', () =>
    withReceiver(async (receiver, folder) => {
      const metrics = {
        SAFE_METRICS_TOKEN: 'the-metrics-token-of-a-test',
        SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
      };
      const settings = { ...settingsOf(receiver), ...metrics, SAFE_WEBHOOK_ALLOW_PRIVATE: 'false' };
      {
        await using server = await startServer({ folder, settings });
        assert.match(server.said(), /SAFE_WEBHOOK_URL leads to a private address/);
        await paste(server);
        const headers = { authorization: `Bearer ${metrics.SAFE_METRICS_TOKEN}` };
        const failures = async () => {
          const text = await (await fetch(`${server.admin}/metrics`, { headers })).text();
          return /^sallyport_webhook_failures_total (\d+)$/m.exec(text)?.[1];
        };
        while ((await failures()) === '0');
        await server.stop();
      }
      const db = await openEmbedded({ path: join(folder, 'data', 'sallyport.db') });
      const { webhooks } = libsqlStore(db);
      const { waiting, delivered, lastFailure } = await webhooks.state();
      await db.close();
      assert.deepEqual([waiting, delivered, receiver.asked], [1, 0, 0]);
      assert.equal(lastFailure, 'private_address');
    }));
});
