/** Webhooks of a whole server: real requests, a real receiver, real signatures, and a server that is killed. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { pasteRef } from '../../src/crypto/tokens.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { type RuntimeName, runtimes, startServer, type TestServer } from '../support/server.ts';

interface Event {
  readonly id: string;
  readonly type: string;
  readonly ref: string;
}

/** A receiver that verifies what it gets. While `holding`, it takes requests in and says nothing. */
class Receiver {
  readonly events: Event[] = [];
  readonly secret = `whsec_${randomBytes(32).toString('base64')}`;
  holding = false;
  answer = 200;
  /** Requests that came in, answered or not. */
  asked = 0;
  readonly #held: ServerResponse[] = [];
  readonly #server = createServer((request, response) => void this.#take(request, response));
  #wake = () => {};

  async open(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook/${this.secret.slice(6, 16)}`;
  }

  get settings(): Record<string, string> {
    return {
      SAFE_WEBHOOK_URL: this.url,
      SAFE_WEBHOOK_SECRET: this.secret,
      SAFE_WEBHOOK_ALLOW_PRIVATE: 'true',
      SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
    };
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const part of request) body += part;
    const headers = request.headers as Record<string, string>;
    const said = new Webhook(this.secret).verify(body, headers) as { type: string; data: { ref: string } };
    this.asked += 1;
    if (this.holding) {
      this.#held.push(response);
    } else {
      if (this.answer === 200)
        this.events.push({ id: headers['webhook-id'] ?? '', type: said.type, ref: said.data.ref });
      response.writeHead(this.answer).end();
    }
    this.#wake();
  }

  /** Waits until something has come in that makes this true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  /** Ends the connections of those that were held. */
  drop(): void {
    for (const response of this.#held.splice(0)) response.destroy();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

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

async function withReceiver(use: (receiver: Receiver, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-hooks-'));
  const receiver = new Receiver();
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
      await using server = await startServer({ runtime, settings: receiver.settings });
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
        await using server = await startServer({ runtime, folder, settings: receiver.settings });
        made.push(await paste(server));
        await receiver.until(() => receiver.asked >= 1);
        for (let n = 0; n < 20; n += 1) made.push(await paste(server));
        server.kill('SIGKILL');
        assert.equal((await server.exited).signal, 'SIGKILL');
      }
      receiver.drop();
      receiver.holding = false;
      assert.equal(receiver.events.length, 0);
      await using _ = await startServer({ runtime, folder, settings: receiver.settings });
      await receiver.until(() => receiver.events.length >= made.length);
      assert.deepEqual(
        new Set(receiver.events.map(({ ref }) => ref)),
        new Set(made.map(({ id }) => pasteRef(id))),
      );
    }));

  it('answers requests while the receiver hangs, and stops without waiting for it', () =>
    withReceiver(async (receiver) => {
      receiver.holding = true;
      await using server = await startServer({ runtime, settings: receiver.settings });
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
      const settings = { ...receiver.settings, SAFE_WEBHOOK_ALLOW_PRIVATE: 'false' };
      {
        await using server = await startServer({ folder, settings });
        assert.match(server.said(), /SAFE_WEBHOOK_URL leads to a private address/);
        await paste(server);
        // It looks once a second; stopping waits for a round that is under way.
        await server.stop();
      }
      const db = await openEmbedded({ path: join(folder, 'data', 'sallyport.db') });
      const { webhooks } = libsqlStore(db);
      const { waiting, delivered } = await webhooks.state();
      await db.close();
      assert.deepEqual([waiting, delivered, receiver.asked], [1, 0, 0]);
    }));
});
