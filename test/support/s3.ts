/**
 * A real S3 server on loopback, and a door before it that can do what networks and other stores do: mind
 * `If-None-Match`, lose an answer, keep silent, be away.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import S3rver from 's3rver';
import { type S3Objects, s3Objects } from '../../src/store/blobs/s3.ts';
import { tempDir } from './temp.ts';

export const BUCKET = 'evidence';
/** What s3rver knows its one account by. */
export const S3_KEY = 'S3RVER';

/** What happens to a request: it goes on, its answer gets lost, it is never answered, or it is answered here. */
export type Trouble = 'none' | 'lost answer' | 'silence' | { readonly status: number; readonly code: string };

export interface S3Server {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string;
  /** Settings of a server that keeps its chunks here. */
  readonly settings: Readonly<Record<string, string>>;
  /** Whether `If-None-Match: *` is minded; s3rver ignores it. */
  conditional: boolean;
  /** Asked before each request is passed on. */
  trouble: (request: { readonly method: string; readonly key: string }) => Trouble;
  /** Asked before each answer: after how many bytes of its body it breaks off, if it does. */
  breakAfter: () => number | undefined;
  /** Sent with every answer that is passed on. */
  extraHeaders: Readonly<Record<string, string>>;
  /** `METHOD key` of every request, oldest first; `?` stands for one to the bucket. */
  readonly asked: string[];
  /** Requests are refused from now on, until `back`. */
  away(): Promise<void>;
  back(): Promise<void>;
  /** A client, with the clock of this machine. */
  client(wish?: { readonly prefix?: string; readonly timeoutMs?: number }): S3Objects;
  /** Keys of all objects, in order. */
  keys(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Starts one with an empty bucket. */
export async function startS3(): Promise<S3Server> {
  const dir = await tempDir();
  const store = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory: dir.path,
    configureBuckets: [{ name: BUCKET }],
  });
  const { port: behind } = await store.run();
  let door: Server | undefined;
  let port = 0;
  const asked: string[] = [];

  const listen = async () => {
    door = createServer((incoming, answer) => {
      pass(incoming, answer).catch(() => answer.destroy());
    }).listen(port, '127.0.0.1');
    await once(door, 'listening');
    port = (door.address() as AddressInfo).port;
  };
  const refuse = async () => {
    const closed = door && once(door, 'close');
    door?.close();
    door?.closeAllConnections();
    await closed;
    door = undefined;
  };

  const exists = async (url: string): Promise<boolean> => {
    const asking = request({ host: '127.0.0.1', port: behind, path: url, method: 'HEAD' }).end();
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    answer.resume();
    return answer.statusCode === 200;
  };

  async function pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = incoming;
    const { pathname } = new URL(url, 'http://s3');
    const key = decodeURIComponent(pathname).slice(`/${BUCKET}/`.length);
    asked.push(`${method} ${key === '' ? '?' : key}`);
    const trouble = server.trouble({ method, key });
    if (trouble === 'silence') {
      incoming.resume();
      return;
    }
    const refusal =
      typeof trouble === 'object'
        ? trouble
        : server.conditional && headers['if-none-match'] === '*' && method === 'PUT' && (await exists(url))
          ? { status: 412, code: 'PreconditionFailed' }
          : undefined;
    if (refusal !== undefined) {
      incoming.resume();
      await once(incoming, 'end');
      answer.writeHead(refusal.status).end(`<Error><Code>${refusal.code}</Code></Error>`);
      return;
    }
    const { 'if-none-match': _, ...rest } = headers;
    const onward = request({ host: '127.0.0.1', port: behind, path: url, method, headers: rest });
    onward.on('error', () => answer.destroy());
    // Whoever breaks off here has broken off there.
    incoming.on('close', () => incoming.complete || onward.destroy());
    incoming.pipe(onward);
    const [back] = (await once(onward, 'response')) as [IncomingMessage];
    if (trouble === 'lost answer') {
      back.resume();
      await once(back, 'end');
      answer.destroy();
      return;
    }
    answer.writeHead(back.statusCode ?? 500, { ...back.headers, ...server.extraHeaders });
    let left =
      method === 'GET' && key !== ''
        ? (server.breakAfter() ?? Number.POSITIVE_INFINITY)
        : Number.POSITIVE_INFINITY;
    if (left === Number.POSITIVE_INFINITY) {
      back.pipe(answer);
      return;
    }
    for await (const piece of back) {
      answer.write(piece.subarray(0, left));
      left -= piece.length;
      if (left <= 0) break;
    }
    // What was written is sent before the end.
    setImmediate(() => answer.destroy());
  }

  await listen();
  const endpoint = `http://127.0.0.1:${port}`;
  const server: S3Server = {
    endpoint,
    settings: {
      SAFE_BLOB_BACKEND: 's3',
      SAFE_S3_ENDPOINT: endpoint,
      SAFE_S3_BUCKET: BUCKET,
      SAFE_S3_ACCESS_KEY_ID: S3_KEY,
      SAFE_S3_SECRET_ACCESS_KEY: S3_KEY,
    },
    conditional: true,
    trouble: () => 'none',
    breakAfter: () => undefined,
    extraHeaders: {},
    asked,
    away: refuse,
    back: listen,
    client: ({ prefix = '', timeoutMs = 15_000 } = {}) =>
      s3Objects({
        endpoint,
        region: 'us-east-1',
        bucket: BUCKET,
        prefix,
        accessKeyId: S3_KEY,
        secretAccessKey: S3_KEY,
        sessionToken: undefined,
        forcePathStyle: true,
        timeoutMs,
        now: Date.now,
      }),
    async keys() {
      const { objects, more } = await server.client().list('', undefined);
      if (more) throw new Error('more objects than one listing has');
      return objects.map(({ key }) => key);
    },
    async close() {
      await refuse();
      await store.close();
      await dir.remove();
    },
  };
  return server;
}
