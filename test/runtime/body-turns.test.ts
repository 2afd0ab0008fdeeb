import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { SocketBody } from '../../runtime/request-body.ts';

const MIB = 1024 * 1024;
const LARGE = 16 * 1024;

/** A server that reads bodies, and in which turn of the event loop it took each of their large pieces. */
async function reading() {
  const turns: number[] = [];
  let turn = 0;
  let over = false;
  const tick = () => {
    turn += 1;
    if (!over) setImmediate(tick);
  };
  setImmediate(tick);
  const answer = async (req: IncomingMessage, res: ServerResponse) => {
    const body = new SocketBody({ req, res, expectsContinue: false, deadline: Number.POSITIVE_INFINITY });
    let bytes = 0;
    for (;;) {
      const piece = body.take();
      if (piece !== undefined) {
        bytes += piece.length;
        if (piece.length >= LARGE) turns.push(turn);
      } else if (!(await body.more())) break;
    }
    res.end(String(bytes));
  };
  const server = createServer((req, res) => {
    answer(req, res).catch(() => res.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    turns,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      over = true;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function sent(url: string, bytes: Uint8Array): Promise<string> {
  const req = request(url, { method: 'POST', agent: false });
  req.end(bytes);
  const [res] = await once(req, 'response');
  let text = '';
  for await (const piece of res.setEncoding('utf8')) text += piece;
  return text;
}

describe('Bodies that arrive together', () => {
  it('are taken a large piece a turn, so that nobody waits for all of them, and come whole', async () => {
    await using server = await reading();
    const bodies = Array.from({ length: 12 }, () => sent(server.url, new Uint8Array(MIB)));
    assert.deepEqual(new Set(await Promise.all(bodies)), new Set([String(MIB)]));
    assert.ok(server.turns.length > 12);
    assert.equal(new Set(server.turns).size, server.turns.length);
  });

  it('wait for nobody who left while waiting for a turn', async () => {
    await using server = await reading();
    const leaving = Array.from({ length: 12 }, () => {
      const req = request(server.url, { method: 'POST', agent: false, headers: { 'content-length': MIB } });
      req.on('error', () => {});
      req.write(new Uint8Array(MIB / 2), () => req.destroy());
      return new Promise((resolve) => req.once('close', resolve));
    });
    await Promise.all(leaving);
    assert.equal(await sent(server.url, new Uint8Array(MIB)), String(MIB));
  });

  it('are not held up where they are small', async () => {
    await using server = await reading();
    const bodies = Array.from({ length: 12 }, () => sent(server.url, new Uint8Array(LARGE / 2)));
    assert.deepEqual(new Set(await Promise.all(bodies)), new Set([String(LARGE / 2)]));
    assert.deepEqual(server.turns, []);
  });
});
