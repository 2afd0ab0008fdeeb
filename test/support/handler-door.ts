/** A main door that is called as a function. */
import type { Peer } from '../../src/handlers/kit/peer.ts';
import { Answer, type Call, type CallBody, checkMainAnswer, type Door, type Target } from './door.ts';
import { type House, type HouseOptions, ORIGIN, openHouse } from './house.ts';

/** Pulls pieces only when they are asked for, as a socket would. */
function streamOf(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator =
    Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

function bodyOf(body: CallBody): { stream: BodyInit; length?: number } {
  if (typeof body === 'string') return bodyOf(new TextEncoder().encode(body));
  if (body instanceof Uint8Array) return { stream: body as Uint8Array<ArrayBuffer>, length: body.length };
  if ('announced' in body) return { stream: new ReadableStream(), length: body.announced };
  return { stream: streamOf(body.pieces) };
}

/** The fetch request of a call. */
export function requestOf(call: Call): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(call.headers ?? {})) {
    for (const line of [value].flat()) headers.append(name, line);
  }
  const { method = 'GET' } = call;
  const url = `http://main.test${call.path}`;
  if (call.body === undefined) return new Request(url, { method, headers });
  const { stream, length } = bodyOf(call.body);
  if (length !== undefined) headers.set('content-length', String(length));
  return new Request(url, { method, headers, body: stream, duplex: 'half' } as RequestInit);
}

/** Asks a house's main door. */
export function doorOf(house: House, peer: Peer = { address: '127.0.0.1' }): Door {
  const prefix = house.deps.settings.urlPrefix;
  return {
    origin: house.deps.origin ?? '',
    prefix,
    async send(call) {
      const response = await house.main(requestOf(call), peer);
      const answer = new Answer(
        response.status,
        response.headers,
        new Uint8Array(await response.arrayBuffer()),
      );
      checkMainAnswer(prefix, call, answer);
      return answer;
    },
  };
}

/** Runs `use` with a house and its main door. */
export async function atDoor(
  options: HouseOptions,
  use: (door: Door, house: House) => Promise<void>,
): Promise<void> {
  const house = await openHouse(options);
  try {
    await use(doorOf(house), house);
  } finally {
    await house.close();
  }
}

/** The handlers alone, without a port. */
export const handlers: Target = {
  name: 'the handlers',
  async open(env) {
    const house = await openHouse({ env, ports: { origin: env.SAFE_PUBLIC_ORIGIN ?? ORIGIN } });
    return { ...doorOf(house), close: () => house.close() };
  },
};
