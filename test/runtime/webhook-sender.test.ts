/** What sends webhooks, against real receivers on loopback that behave badly in every way there is. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { systemResolver, webhookSender } from '../../runtime/webhook-sender.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

const HEADERS = { 'content-type': 'application/json', 'webhook-id': 'msg_1' };
const BODY = '{"type":"paste.created"}';

interface Options {
  readonly url: string;
  readonly allowPrivate?: boolean;
  readonly timeoutMs?: number;
  readonly resolve?: (name: string) => Promise<readonly string[]>;
  readonly reach?: (address: string) => string;
}

const senderTo = ({
  allowPrivate = true,
  timeoutMs = 60_000,
  resolve = systemResolver(),
  ...rest
}: Options) => webhookSender({ allowPrivate, timeoutMs, resolve, ...rest });
const post = (options: Options) => senderTo(options).post(HEADERS, BODY);

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Runs `use` with a server that answers like this, and counts its connections. */
async function receiving(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  use: (place: string, connections: () => number) => Promise<void>,
): Promise<void> {
  let connections = 0;
  const server = createServer(answer).on('connection', () => {
    connections += 1;
  });
  const place = await listening(server);
  try {
    await use(place, () => connections);
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}

/** Runs `use` with a server that does this with each connection. */
async function connecting(
  handle: (socket: Socket) => void,
  use: (place: string) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createPlainServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    handle(socket);
  });
  const place = await listening(server);
  try {
    await use(place);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
}

const status =
  (code: number, headers: Record<string, string> = {}) =>
  (_: IncomingMessage, to: ServerResponse) => {
    to.writeHead(code, headers).end('an answer');
  };

describe('a webhook is sent', () => {
  it('as one POST with its headers and body, to the path and query of the URL', async () => {
    const seen: unknown[] = [];
    await receiving(
      async (request, response) => {
        let body = '';
        for await (const part of request) body += part;
        const { 'content-type': type, 'content-length': length, 'webhook-id': id, host } = request.headers;
        seen.push([request.method, request.url, type, length, id, host, body]);
        response.writeHead(204).end();
      },
      async (place) => {
        assert.equal(await post({ url: `http://${place}/hook/x?a=b` }), undefined);
        const length = String(BODY.length);
        assert.deepEqual(seen, [['POST', '/hook/x?a=b', 'application/json', length, 'msg_1', place, BODY]]);
      },
    );
  });

  it('and taken by any status from 200 to 299, and by no other', async () => {
    for (const [code, expected] of [
      [200, undefined],
      [202, undefined],
      [204, undefined],
      [299, undefined],
      [400, 'status_400'],
      [404, 'status_404'],
      [410, 'status_410'],
      [429, 'status_429'],
      [500, 'status_500'],
      [503, 'status_503'],
    ] as const)
      await receiving(status(code), async (place) =>
        assert.equal(await post({ url: `http://${place}/` }), expected),
      );
  });

  it('on a connection of its own each time', () =>
    receiving(status(200), async (place, connections) => {
      const sender = senderTo({ url: `http://${place}/` });
      for (let n = 1; n <= 3; n += 1) {
        assert.equal(await sender.post(HEADERS, BODY), undefined);
        assert.equal(connections(), n);
      }
    }));
});

describe('a receiver that', () => {
  it('redirects is not followed, wherever that leads', async () => {
    let asked = 0;
    await receiving(
      (_, response) => {
        asked += 1;
        response.writeHead(200).end();
      },
      async (elsewhere) => {
        for (const code of [301, 302, 303, 307, 308]) {
          await receiving(status(code, { location: `http://${elsewhere}/` }), async (place) =>
            assert.equal(await post({ url: `http://${place}/` }), 'redirect'),
          );
        }
        assert.equal(asked, 0);
      },
    );
  });

  it('never answers is left after a while', () =>
    connecting(
      () => {},
      async (place) => assert.equal(await post({ url: `http://${place}/`, timeoutMs: 100 }), 'timeout'),
    ));

  it('says a byte of its head now and then is left too', () =>
    connecting(
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const drip = setInterval(() => socket.write('x'), 10);
        socket.on('close', () => clearInterval(drip));
      },
      async (place) => assert.equal(await post({ url: `http://${place}/`, timeoutMs: 150 }), 'timeout'),
    ));

  it('has answered has taken it, though its body never ends', () =>
    receiving(
      (_, response) => response.writeHead(200).write('and then'),
      async (place) => assert.equal(await post({ url: `http://${place}/`, timeoutMs: 5000 }), undefined),
    ));

  it('sends a body without end is not listened to', async () => {
    let written = 0;
    await receiving(
      (_, response) => {
        response.writeHead(500);
        const more = () => {
          let flows = true;
          while (flows && !response.destroyed) {
            flows = response.write('x'.repeat(65_536));
            written += 65_536;
          }
          response.once('drain', more);
        };
        more();
      },
      async (place) => {
        assert.equal(await post({ url: `http://${place}/` }), 'status_500');
        assert.ok(written < 64 * 1024 * 1024);
      },
    );
  });

  it('sends a head without end, or provisional answers without end, is left', async () => {
    await connecting(
      (socket) => {
        const more = () => {
          while (!socket.destroyed && socket.write(`x-${'y'.repeat(1000)}: z\r\n`));
          socket.once('drain', more);
        };
        socket.write('HTTP/1.1 200 OK\r\n');
        more();
      },
      async (place) => assert.equal(await post({ url: `http://${place}/` }), 'not_http'),
    );
    await connecting(
      (socket) => {
        const drip = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 5);
        socket.on('close', () => clearInterval(drip));
      },
      async (place) => assert.equal(await post({ url: `http://${place}/`, timeoutMs: 150 }), 'timeout'),
    );
  });

  it('ends or resets the connection has not taken it', async () => {
    for (const end of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()])
      await connecting(
        (socket) => socket.once('data', () => end(socket)),
        async (place) => assert.equal(await post({ url: `http://${place}/` }), 'connection_lost'),
      );
  });

  it('speaks something else is not understood', () =>
    connecting(
      (socket) => socket.end('220 mail.example ESMTP\r\n'),
      async (place) => assert.equal(await post({ url: `http://${place}/` }), 'not_http'),
    ));

  it('switches protocols has not taken it', () =>
    connecting(
      (socket) =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
      async (place) => {
        const failure = await post({ url: `http://${place}/`, timeoutMs: 500 });
        assert.ok(failure !== undefined, 'whatever it is called');
      },
    ));

  it('is not there is unreachable', async () => {
    // Nobody listens there, and nobody is given it by chance.
    assert.equal(await post({ url: 'http://127.0.0.1:1/' }), 'unreachable');
  });
});

describe('where a name leads', () => {
  const never = () => assert.fail('nothing may be looked up');

  it('is refused for addresses of one’s own network, in every spelling of a URL, without a connection', () =>
    receiving(status(200), async (place, connections) => {
      const [, port] = place.split(':');
      for (const host of [
        ...['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '127.0.0.1.'],
        ...[
          '%31%32%37.0.0.1',
          '１２７.0.0.1',
          '0.0.0.0',
          '0',
          '10.0.0.1',
          '169.254.169.254',
          '[::1]',
          '[::]',
        ],
        ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:7f00:0001]', '[fe80::1]', '[fd00::1]'],
        ...[
          '[64:ff9b::7f00:1]',
          '[2002:7f00:1::1]',
          '[ff02::1]',
          '255.255.255.255',
          '224.0.0.1',
          '100.64.0.1',
        ],
      ]) {
        const url = `http://${host}:${port}/`;
        const failure = await post({ url, allowPrivate: false, resolve: never });
        assert.equal(failure, 'private_address', host);
      }
      assert.equal(connections(), 0);
    }));

  it('is refused for a name that the system itself resolves to loopback', () =>
    receiving(status(200), async (place, connections) => {
      const [, port] = place.split(':');
      for (const name of ['localhost', 'LOCALHOST'])
        assert.equal(
          await post({ url: `http://${name}:${port}/`, allowPrivate: false }),
          'private_address',
          name,
        );
      assert.equal(connections(), 0);
      assert.equal(
        await post({ url: `http://localhost:${port}/` }),
        undefined,
        'and taken where that is allowed',
      );
    }));

  it('is refused when one of its addresses is private, wherever that stands', async () => {
    for (const found of [
      ['1.1.1.1', '127.0.0.1'],
      ['127.0.0.1', '1.1.1.1'],
      ['2606:4700:4700::1111', '::1'],
    ]) {
      const resolve = async () => found;
      const reach = () => assert.fail('nothing may be connected to');
      assert.equal(
        await post({ url: 'http://hooks.example/', allowPrivate: false, resolve, reach }),
        'private_address',
      );
    }
  });

  it('is looked up once an attempt, and the connection goes to the address that was checked', () =>
    receiving(status(200), async (place, connections) => {
      const [, port] = place.split(':');
      // The first look-up is good; whoever asked again would be led inside.
      const answers = [['1.1.1.1'], ['127.0.0.1'], ['10.0.0.1']];
      let asked = 0;
      const reached: string[] = [];
      const sender = senderTo({
        url: `http://hooks.example:${port}/`,
        allowPrivate: false,
        resolve: async () => {
          asked += 1;
          return answers.shift() ?? [];
        },
        reach(address) {
          reached.push(address);
          return '127.0.0.1';
        },
      });
      assert.equal(await sender.post(HEADERS, BODY), undefined);
      assert.deepEqual([asked, reached, connections()], [1, ['1.1.1.1'], 1]);
      // The name has changed its mind: the next attempts are refused, also with the connection of before at hand.
      assert.equal(await sender.post(HEADERS, BODY), 'private_address');
      assert.equal(await sender.post(HEADERS, BODY), 'private_address');
      assert.deepEqual([asked, reached, connections()], [3, ['1.1.1.1'], 1]);
      assert.equal(await sender.post(HEADERS, BODY), 'unresolved');
    }));

  it('is tried at its next address when the first one is not there', () =>
    receiving(status(200), async (place) => {
      const [, port] = place.split(':');
      const resolve = async () => ['127.0.0.9', '127.0.0.1'];
      assert.equal(await post({ url: `http://hooks.example:${port}/`, resolve }), undefined);
    }));

  it('is not tried elsewhere once something was sent', async () => {
    let asked = 0;
    await connecting(
      (socket) =>
        socket.once('data', () => {
          asked += 1;
          socket.resetAndDestroy();
        }),
      async (place) => {
        const [, port] = place.split(':');
        const resolve = async () => ['127.0.0.1', '127.0.0.1', '127.0.0.1'];
        assert.equal(await post({ url: `http://hooks.example:${port}/`, resolve }), 'connection_lost');
        assert.equal(asked, 1);
      },
    );
  });

  it('may be nowhere, and a resolver may never answer', async () => {
    const gone = () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));
    assert.equal(await post({ url: 'http://hooks.example/', resolve: gone }), 'unresolved');
    const silent = () => new Promise<readonly string[]>(() => {});
    assert.equal(await post({ url: 'http://hooks.example/', resolve: silent, timeoutMs: 50 }), 'timeout');
  });

  it('is asked of the system by one at a time, however many attempts wait for it', async () => {
    const resolve = systemResolver();
    const [first, second] = [resolve('localhost'), resolve('localhost')];
    assert.equal(first, second);
    assert.ok((await first).length > 0);
    assert.notEqual(resolve('localhost'), first, 'and anew afterwards');
  });
});

describe('a sender that is closed', () => {
  it('ends what is under way, which is neither a success nor a failure, and sends nothing more', () =>
    connecting(
      () => {},
      async (place) => {
        const sender = senderTo({ url: `http://${place}/`, timeoutMs: 60_000 });
        const underWay = sender.post(HEADERS, BODY);
        sender.close();
        assert.equal(await underWay, 'stopped');
        assert.equal(await sender.post(HEADERS, BODY), 'stopped');
      },
    ));
});

const openssl =
  spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl to make certificates with';

describe('TLS with a receiver', { skip: openssl }, () => {
  let folder: TempDir;
  const file = (name: string) => readFileSync(join(folder.path, name), 'utf8');
  const certify = (name: string, names: string) => {
    const args = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
    ];
    args.push('-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`);
    execFileSync('openssl', [...args, '-addext', `subjectAltName=${names}`], {
      cwd: folder.path,
      stdio: 'ignore',
    });
  };
  const before_ = getCACertificates('default');

  before(async () => {
    folder = await tempDir();
    certify('known', 'DNS:hooks.example,IP:127.0.0.1');
    certify('unknown', 'DNS:hooks.example');
    setDefaultCACertificates([...before_, file('known.pem')]);
  });
  after(async () => {
    setDefaultCACertificates(before_);
    await folder.remove();
  });

  async function secured(
    name: string,
    use: (port: string, asked: () => number) => Promise<void>,
  ): Promise<void> {
    let asked = 0;
    const server = createSecureServer(
      { cert: file(`${name}.pem`), key: file(`${name}.key`) },
      (_, response) => {
        asked += 1;
        response.writeHead(200).end();
      },
    ).on('tlsClientError', () => {});
    const place = await listening(server);
    try {
      await use(place.split(':')[1] ?? '', () => asked);
    } finally {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }
  const resolve = async () => ['127.0.0.1'];

  it('is by the name of the URL, though the connection is to an address', () =>
    secured('known', async (port) => {
      assert.equal(await post({ url: `https://hooks.example:${port}/`, resolve }), undefined);
      assert.equal(await post({ url: `https://127.0.0.1:${port}/`, resolve }), undefined);
      assert.equal(await post({ url: `https://other.example:${port}/`, resolve }), 'tls_failed');
    }));

  it('is refused with a certificate that nobody vouches for, before anything is said', () =>
    secured('unknown', async (port, asked) => {
      const variable = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
      try {
        assert.equal(await post({ url: `https://hooks.example:${port}/`, resolve }), 'tls_failed');
      } finally {
        if (variable === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
        else process.env.NODE_TLS_REJECT_UNAUTHORIZED = variable;
      }
      assert.equal(asked(), 0);
    }));

  it('is refused with a server that speaks without', () =>
    receiving(status(200), async (place) => {
      const [, port] = place.split(':');
      assert.equal(await post({ url: `https://hooks.example:${port}/`, resolve }), 'tls_failed');
    }));
});
