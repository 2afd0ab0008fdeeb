/** How many may be connected to a door at a time, and who gives way. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { placesWithin } from '../../runtime/admission.ts';
import { makePair } from '../support/certificates.ts';
import { type Probe, startProbe } from '../support/probe.ts';
import { runtimes } from '../support/server.ts';
import { tempDir } from '../support/temp.ts';

const asking = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** A client of one address, with what it was sent. */
class Client {
  readonly socket: Socket;
  readonly gone: Promise<unknown>;
  #received = '';

  constructor(socket: Socket) {
    this.socket = socket.setEncoding('latin1').on('error', () => {});
    this.gone = new Promise((resolve) => socket.once('close', resolve));
    socket.on('data', (text: string) => {
      this.#received += text;
    });
  }

  static async from(localAddress: string, { port }: Probe): Promise<Client> {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    await once(socket, 'connect');
    return new Client(socket);
  }

  /** Asks and waits for the answer. @returns false when the connection ended instead */
  async ask(path = '/url'): Promise<boolean> {
    const before = this.#received.length;
    this.socket.write(asking(path));
    return this.answered(before);
  }

  /** Waits for the answer behind what came `before`. @returns false when the connection ended instead */
  async answered(before = 0): Promise<boolean> {
    const answered = new Promise<boolean>((resolve) => {
      const look = () => {
        // The probe's answers are short: a body that has begun is there.
        if (!/\r\n\r\n./.test(this.#received.slice(before))) return;
        this.socket.off('data', look);
        resolve(true);
      };
      this.socket.on('data', look);
      look();
    });
    return Promise.race([answered, this.gone.then(() => false)]);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

for (const runtime of runtimes) {
  describe(`places at a door on ${runtime}`, () => {
    it('one peer has so many: its longest idle connection gives way to its next, and no other peer’s', async () => {
      await using probe = await startProbe(runtime, { connections: { max: 100, perPeer: 2 } });
      using other = await Client.from('127.0.0.2', probe);
      assert.ok(await other.ask());
      using first = await Client.from('127.0.0.1', probe);
      assert.ok(await first.ask());
      using second = await Client.from('127.0.0.1', probe);
      assert.ok(await second.ask());
      using third = await Client.from('127.0.0.1', probe);
      assert.ok(await third.ask());
      await first.gone;
      assert.ok(await second.ask());
      assert.ok(await other.ask());
      const { level, message, reason, connections } = await probe.event('log');
      assert.deepEqual([level, reason, connections], ['warn', 'one_peer', 1]);
      assert.equal(message, 'connections were ended for want of places');
    });

    it('where all of a peer’s are at work its newcomer is turned away, and other peers are let in', async () => {
      await using probe = await startProbe(runtime, { connections: { max: 100, perPeer: 1 } });
      using busy = await Client.from('127.0.0.1', probe);
      busy.socket.write(asking('/wait'));
      await probe.event('waiting');
      using newcomer = await Client.from('127.0.0.1', probe);
      assert.equal(await newcomer.ask(), false);
      using other = await Client.from('127.0.0.2', probe);
      assert.ok(await other.ask());
      probe.kill('SIGUSR2');
      assert.ok(await busy.answered());
      assert.ok(await busy.ask());
    });

    it('in all there are so many, whoever has them', async () => {
      await using probe = await startProbe(runtime, { connections: { max: 3, perPeer: 0 } });
      const clients: Client[] = [];
      for (const address of ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4']) {
        const client = await Client.from(address, probe);
        assert.ok(await client.ask());
        clients.push(client);
      }
      await clients[0]?.gone;
      for (const client of clients.slice(1)) assert.ok(await client.ask());
      for (const client of clients) client[Symbol.dispose]();
    });

    it('who has left before being let in holds no place open for others', async () => {
      await using probe = await startProbe(runtime, { connections: { max: 3, perPeer: 0 } });
      // While the door sleeps, connections are made and reset: let in afterwards, they have no address any more.
      probe.kill('SIGSTOP');
      const left = await Promise.all(Array.from({ length: 8 }, () => Client.from('127.0.0.9', probe)));
      for (const { socket } of left) socket.resetAndDestroy();
      await Promise.all(left.map(({ gone }) => gone));
      probe.kill('SIGCONT');
      const clients: Client[] = [];
      for (let at = 1; at <= 6; at += 1) {
        const client = await Client.from(`127.0.0.${at}`, probe);
        assert.ok(await client.ask());
        clients.push(client);
      }
      const answered = await Promise.all(clients.map((client) => client.ask()));
      assert.deepEqual(answered, [false, false, false, true, true, true]);
      for (const client of clients) client[Symbol.dispose]();
    });

    it('a proxy has as many as there are places', async () => {
      const connections = { max: 100, perPeer: 1, proxy: '127.0.0.1' };
      await using probe = await startProbe(runtime, { connections });
      using first = await Client.from('127.0.0.1', probe);
      assert.ok(await first.ask());
      using second = await Client.from('127.0.0.1', probe);
      assert.ok(await second.ask());
      assert.ok(await first.ask());
    });
  });
}

it('inside TLS a connection that is at work is known to be', async (t) => {
  const dir = await tempDir();
  t.after(dir.remove);
  const { cert, key } = makePair(dir.path, 'door');
  await using probe = await startProbe('node', {
    tls: { cert, key },
    connections: { max: 100, perPeer: 1 },
  });
  const inside = async () => {
    const socket = connectTls({ host: '127.0.0.1', port: probe.port, rejectUnauthorized: false });
    const client = new Client(socket);
    await Promise.race([new Promise((resolve) => socket.once('secureConnect', resolve)), client.gone]);
    return client;
  };
  using busy = await inside();
  busy.socket.write(asking('/wait'));
  await probe.event('waiting');
  using newcomer = await inside();
  assert.equal(await newcomer.ask(), false);
  probe.kill('SIGUSR2');
  assert.ok(await busy.answered());
  assert.ok(await busy.ask());
  using next = await inside();
  assert.ok(await next.ask());
  await busy.gone;
});

it('there are no more places than files that may be open, and some are left for the database', () => {
  assert.deepEqual(placesWithin(undefined, { main: 10_000, admin: 1000 }), { main: 10_000, admin: 1000 });
  assert.deepEqual(placesWithin(65_536, { main: 10_000, admin: 1000 }), { main: 10_000, admin: 1000 });
  assert.deepEqual(placesWithin(1024, { main: 10_000, admin: 1000 }), { main: 672, admin: 96 });
  assert.deepEqual(placesWithin(64, { main: 10_000, admin: 1000 }), { main: 28, admin: 4 });
});
