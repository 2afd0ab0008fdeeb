/** A receiver of webhooks on loopback, which verifies what it gets as Standard Webhooks says. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly ref: string;
}

/** A receiver that verifies what it gets. While `holding`, it takes requests in and says nothing. */
export class WebhookReceiver {
  readonly events: ReceivedEvent[] = [];
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
