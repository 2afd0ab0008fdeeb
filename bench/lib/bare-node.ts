/**
 * The least that a server can do, as a measure: bare `node:http` that moves the same bytes.
 *
 *     node bench/lib/bare-node.ts MODE FOLDER
 *
 * `take` reads a body and answers 201; `give` answers with a body of `?bytes`; `append` answers once the body lies in
 * a file, with one fdatasync for all that wait; `drive` once it lies in a table of the embedded driver; `keep` hashes a
 * body, writes it to a file of its own and syncs that; `file` streams the file of `?bytes`. Prints its URL, and ends
 * with its standard input.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { fileOf, giveOf } from './bare-content.ts';

const [mode, folder = '.'] = process.argv.slice(2);

type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

const ANSWER = JSON.stringify({ id: 'x'.repeat(32), url: 'y'.repeat(64), delete_token: 'z'.repeat(43) });

function created(response: ServerResponse): void {
  response.writeHead(201, { 'content-type': 'application/json', 'content-length': ANSWER.length });
  response.end(ANSWER);
}

async function whole(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** Appends for all that wait at one time, then syncs once. */
function appending(file: FileHandle): (bytes: Buffer) => Promise<void> {
  let waiting: { bytes: Buffer; done: () => void }[] = [];
  let busy = false;
  async function drain(): Promise<void> {
    busy = true;
    while (waiting.length > 0) {
      const these = waiting;
      waiting = [];
      await file.writev(these.map(({ bytes }) => bytes));
      await file.datasync();
      for (const { done } of these) done();
    }
    busy = false;
  }
  return (bytes) =>
    new Promise((done) => {
      waiting.push({ bytes, done });
      if (!busy) void drain();
    });
}

const bytesOf = ({ url = '' }: IncomingMessage) => Number(url.split('?bytes=')[1] ?? 0);

const serves: Record<string, () => Promise<Serve>> = {
  take: async () => async (request, response) => {
    await whole(request);
    created(response);
  },
  give: async () => async (request, response) => {
    const body = giveOf(bytesOf(request));
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length });
    response.end(body);
  },
  append: async () => {
    const append = appending(await open(join(folder, 'appended'), 'a'));
    return async (request, response) => {
      await append(await whole(request));
      created(response);
    };
  },
  drive: async () => {
    const db = await openEmbedded({ path: join(folder, 'driven.db') });
    await db.batch([{ sql: 'CREATE TABLE kept (id INTEGER PRIMARY KEY, body BLOB NOT NULL)' }], 'write');
    return async (request, response) => {
      const body = new Uint8Array(await whole(request));
      await db.batch([{ sql: 'INSERT INTO kept (body) VALUES (?)', args: [body] }], 'write');
      created(response);
    };
  },
  keep: async () => {
    let count = 0;
    return async (request, response) => {
      count += 1;
      const file = await open(join(folder, `kept-${count}`), 'w');
      const hash = createHash('sha256');
      for await (const piece of request) {
        hash.update(piece as Buffer);
        await file.write(piece as Buffer);
      }
      await file.datasync();
      await file.close();
      response.setHeader('x-digest', hash.digest('hex'));
      created(response);
    };
  },
  file: async () => async (request, response) => {
    const bytes = bytesOf(request);
    response.writeHead(200, { 'content-type': 'application/zip', 'content-length': bytes });
    await pipeline(createReadStream(await fileOf(folder, bytes)), response);
  },
};

const serve = await (serves[mode ?? ''] ?? (() => Promise.reject(new Error(`no mode ${mode}`))))();
const server = createServer((request, response) => {
  serve(request, response).catch(() => response.destroy());
});
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.stdin.resume().on('end', () => process.exit(0));
