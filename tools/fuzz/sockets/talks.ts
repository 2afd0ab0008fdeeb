/** What is written to a socket that expects HTTP: requests framed in two ways at once, cut, oversized, or none at all. */
import type { Chance } from '../chance.ts';
import { mutated } from '../readers/mutate.ts';

export interface Talk {
  /** Written in these pieces, one after the other; Latin-1. */
  readonly pieces: readonly string[];
  /** Whether the connection is cut then, or half closed and read to its end. */
  readonly cut: boolean;
  /**
   * Whether what follows the first head is a body or nothing at all: no second request may be taken out of it.
   */
  readonly closed: boolean;
}

/** The request id of requests that stand in bodies. An answer with it is an answer to what nobody asked. */
export const HIDDEN = 'hidden-in-a-body';
const hidden = `GET /challenge HTTP/1.1\r\nHost: x\r\nX-Request-ID: ${HIDDEN}\r\n\r\n`;
const get = 'GET /challenge HTTP/1.1\r\nHost: x\r\n\r\n';
const post = (lines: string, body: string) => `POST / HTTP/1.1\r\nHost: x\r\n${lines}\r\n\r\n${body}`;

/** Heads that say in no one way where their bodies end: RFC 9112 §6.3 wants them refused and the connection closed. */
const AMBIGUOUS: readonly [string, ...string[]] = [
  post('Content-Length: 5\r\nTransfer-Encoding: chunked', `0\r\n\r\n${hidden}`),
  post('Transfer-Encoding: chunked\r\nContent-Length: 5', `0\r\n\r\n${hidden}`),
  post('Content-Length: 0\r\nContent-Length: 60', hidden),
  post('Content-Length: 3x', `abc${hidden}`),
  post('Content-Length: -1', hidden),
  post('Content-Length: +0', hidden),
  post('Content-Length: 0x0', hidden),
  post('Content-Length: 99999999999999999999999', hidden),
  post('Transfer-Encoding: gzip', hidden),
  post('Transfer-Encoding: xchunked', `0\r\n\r\n${hidden}`),
  post('Transfer-Encoding: chunked, identity', `0\r\n\r\n${hidden}`),
  post('Transfer-Encoding : chunked', `0\r\n\r\n${hidden}`),
  post('Transfer-Encoding:\r\n chunked', `0\r\n\r\n${hidden}`),
  post('X-Expiry: 6\r\n 0', hidden),
  post('Transfer-Encoding: chunked', `-1\r\n\r\n${hidden}`),
  post('Transfer-Encoding: chunked', `fffffffffffffffff\r\n${hidden}`),
  post('Transfer-Encoding: chunked', `0x0\r\n\r\n${hidden}`),
  post('Transfer-Encoding: chunked', `3\r\nabcX\r\n0\r\n\r\n${hidden}`),
];

/** Bodies that are right, and hold a request. */
const HOLDING: readonly [string, ...string[]] = [
  post(`Content-Length: ${hidden.length}`, hidden),
  post('Transfer-Encoding: chunked', `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`),
  post(
    'Transfer-Encoding: chunked',
    `${hidden.length.toString(16)};ext="a"\r\n${hidden}\r\n0\r\nTrailer: x\r\n\r\n`,
  ),
];

/** Whatever else comes to a port. */
const STRANGE: readonly [string, ...string[]] = [
  get.repeat(8),
  `HEAD / HTTP/1.1\r\nHost: x\r\n\r\n${get}`,
  post('Content-Length: 100', 'cut'),
  post('Transfer-Encoding: chunked', '64\r\ncut'),
  post('Content-Length: 3\r\nExpect: 100-continue', 'abc'),
  post('Content-Length: 3\r\nExpect: something', 'abc'),
  'GET /challenge HTTP/1.1\r\n\r\n',
  'GET /challenge HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
  'GET http://elsewhere.example/challenge HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET //elsewhere.example/%2e%2e HTTP/1.1\r\nHost: x\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
  'CONNECT a.example:443 HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET / HTTP/1.0\r\n\r\n',
  'GET /\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
  'GET / HTTP/1.1\nHost: x\n\n',
  'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAAA\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: \0\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: [\r\n\r\n',
  'GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n',
  `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(70_000)}\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(3000)}\r\n`,
  `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'A'.repeat(60)}`,
  `\r\n\r\n\r\n${get}`,
  '\0\0\0\0',
  '',
];

const WORDS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  'Content-Length: ',
  'Transfer-Encoding: chunked',
  'HTTP/1.1',
  '0\r\n\r\n',
  get,
];

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

export function talkOf(chance: Chance): Talk {
  const kind = chance.below(4);
  const cut = chance.once(4);
  let text = kind === 0 ? chance.of(AMBIGUOUS) : kind === 1 ? chance.of(HOLDING) : chance.of(STRANGE);
  // What is changed may be a request by right.
  const changed = kind === 3;
  if (changed) {
    const from = [...STRANGE, ...AMBIGUOUS.map((one) => one.replace(HIDDEN, 'x'))].map(bytes);
    text = Buffer.from(mutated(chance, from, WORDS)).toString('latin1');
  }
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const length = chance.once(2) ? text.length : 1 + chance.below(40);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return { pieces, cut, closed: kind < 2 };
}
