/**
 * A real SMTP server on a free loopback port, with somebody who listens on the wire in front of it, and a
 * certificate that is made on the spot.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { tempDir } from './temp.ts';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A self-signed certificate for `localhost`, an hour old at most when a test has done with it. */
export async function selfSigned(): Promise<Certificate> {
  const dir = await tempDir();
  try {
    const [key, cert] = [join(dir.path, 'key.pem'), join(dir.path, 'cert.pem')];
    await promisify(execFile)('openssl', [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '1',
      ],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert],
    ]);
    return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
  } finally {
    await dir.remove();
  }
}

export interface Delivery {
  readonly from: string;
  readonly to: readonly string[];
  /** Whether it came over TLS. */
  readonly secure: boolean;
  /** As it was transmitted. */
  readonly raw: string;
  readonly headers: ReadonlyMap<string, string>;
  /** The text with its transfer encoding undone. */
  readonly text: string;
}

export interface MailServer {
  /** Where clients connect: the listener in front. */
  readonly port: number;
  readonly deliveries: readonly Delivery[];
  /** User names and passwords that were tried. */
  readonly logins: readonly { readonly username: string; readonly password: string }[];
  /** Everything that clients sent, as somebody on the wire saw it. */
  overheard(): string;
  connections(): number;
  close(): Promise<void>;
}

/**
 * Starts one. `login`: the only user that it takes; without one it asks for none. `at`: its port, where it was before;
 * a free one unless given.
 */
export async function startMailServer(
  options: SMTPServerOptions & { login?: { username: string; password: string }; at?: number } = {},
): Promise<MailServer> {
  const { login, at, ...rest } = options;
  const deliveries: Delivery[] = [];
  const logins: { username: string; password: string }[] = [];
  const smtp = new SMTPServer({
    disableReverseLookup: true,
    logger: false,
    authOptional: login === undefined,
    closeTimeout: 100,
    onAuth(auth, _session, done) {
      const tried = { username: auth.username ?? '', password: auth.password ?? '' };
      logins.push(tried);
      const right = tried.username === login?.username && tried.password === login.password;
      if (right) done(null, { user: tried.username });
      else done(Object.assign(new Error('no such user'), { responseCode: 535 }));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString('latin1');
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? '' : mailFrom.address;
        deliveries.push({
          from,
          to: rcptTo.map(({ address }) => address),
          secure: session.secure,
          raw,
          ...read(raw),
        });
        done();
      });
    },
    ...rest,
  });
  smtp.on('error', () => {});
  const inner = smtp.listen(0, '127.0.0.1');
  await new Promise((resolve) => inner.once('listening', resolve));
  const tap = await startTap((inner.address() as AddressInfo).port, at);
  return {
    port: tap.port,
    deliveries,
    logins,
    overheard: tap.overheard,
    connections: tap.connections,
    async close() {
      await tap.close();
      await new Promise<void>((resolve) => smtp.close(resolve));
    },
  };
}

/** A server that says what a test wants it to: for peers that do not keep to the protocol. */
export async function startSpeaker(
  talk: (socket: Socket) => void,
  at?: number,
): Promise<{ port: number; close(): Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    talk(socket);
  });
  return { port: await listen(server, at), close: () => shut(server, open) };
}

async function startTap(port: number, at?: number) {
  const open = new Set<Socket>();
  const heard: Buffer[] = [];
  let connections = 0;
  const server = createServer((client) => {
    connections += 1;
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => {});
    }
    client.on('close', () => {
      open.delete(client);
      upstream.destroy();
    });
    upstream.on('close', () => {
      open.delete(upstream);
      client.end();
    });
    client.on('data', (chunk: Buffer) => heard.push(chunk));
    client.pipe(upstream);
    upstream.pipe(client);
  });
  return {
    port: await listen(server, at),
    overheard: () => Buffer.concat(heard).toString('latin1'),
    connections: () => connections,
    close: () => shut(server, open),
  };
}

async function listen(server: Server, at = 0): Promise<number> {
  server.listen(at, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

async function shut(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of open) socket.destroy();
  await closed;
}

/** As far as our own messages go: unfolded headers, one part, 7bit or quoted-printable or base64. */
function read(raw: string): { headers: Map<string, string>; text: string } {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const headers = new Map<string, string>();
  for (const line of head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const body = rest.join('\r\n\r\n');
  const encoding = headers.get('content-transfer-encoding') ?? '7bit';
  const decoded =
    encoding === 'base64'
      ? Buffer.from(body, 'base64').toString()
      : encoding === 'quoted-printable'
        ? unquote(body)
        : body;
  return { headers, text: decoded.replaceAll('\r\n', '\n') };
}

function unquote(body: string): string {
  const joined = body.replaceAll('=\r\n', '');
  return Buffer.from(
    joined.replaceAll(/=([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
    'latin1',
  ).toString();
}
