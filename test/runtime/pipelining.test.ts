/** Requests that come before the answer to the one before them (RFC 9112 §9.3.2). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startProbe } from '../support/probe.ts';
import { runtimes } from '../support/server.ts';

const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const CLOSE = 'Connection: close\r\n';

for (const runtime of runtimes) {
  describe(`requests sent without waiting on ${runtime}`, () => {
    it('are worked at one after the other, so that one may rely on what the one before it did', async () => {
      await using probe = await startProbe(runtime);
      const wire = await probe.connect();
      // The second would let go of the first, were it begun.
      wire.socket.write(get('/wait') + get('/release') + get('/url', CLOSE));
      await probe.event('waiting');
      await probe.ask(get('/url', CLOSE));
      assert.equal(wire.text(), '');
      await probe.ask(get('/release', CLOSE));
      assert.match(await wire.ended, /^HTTP\/1\.1 200 .*released.*ok.*http:\/\/main:\d+\/url$/s);
    });

    it('are not begun once their client has left', async () => {
      await using probe = await startProbe(runtime);
      const wire = await probe.connect();
      wire.socket.write(get('/bytes?n=20000000') + get('/wait'));
      await wire.until(/AAAA/);
      wire.socket.destroy();
      await probe.event('cancelled');
      await probe.ask(get('/url', CLOSE));
      probe.kill('SIGTERM');
      // The program ends with nobody waiting.
      await assert.rejects(probe.event('waiting'));
    });

    it('each get their own answer, whatever comes behind them', async () => {
      await using probe = await startProbe(runtime);
      for (const behind of ['\x01rubbish\r\n\r\n', 'GET /a b HTTP/1.1\r\n\r\n']) {
        const wire = await probe.connect();
        wire.socket.write(get('/wait') + behind);
        await probe.event('waiting');
        await probe.ask(get('/url', CLOSE));
        assert.equal(wire.text(), '');
        await probe.ask(get('/release', CLOSE));
        const answers = (await wire.ended).split(/(?=HTTP\/1\.1 )/);
        assert.deepEqual(
          answers.map((answer) => answer.slice(9, 12)),
          ['200', '400'],
        );
      }
    });

    it('keep their connection where a body that came with its head is refused unread', async () => {
      await using probe = await startProbe(runtime);
      const wire = await probe.connect();
      const refused = 'POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
      wire.socket.write(refused);
      await wire.until(/413 .*no$/s);
      wire.socket.write(refused + get('/url', CLOSE));
      assert.match(await wire.ended, /413 .*no.*413 .*no.*200 .*\/url$/s);
    });

    it('are not lost in silence behind one that asks for another protocol', async () => {
      await using probe = await startProbe(runtime);
      const head = 'Host: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n';
      for (const asking of [
        `GET /url HTTP/1.1\r\n${head}\r\n`,
        `POST /upload HTTP/1.1\r\n${head}Content-Length: 3\r\n\r\nabc`,
        `GET /url HTTP/1.1\r\n${head.replace('Connection', 'Proxy-Connection')}\r\n`,
      ]) {
        const all = await probe.ask(asking + get('/peer', CLOSE));
        const answers = all.split(/(?=HTTP\/1\.1 )/);
        // What is left unanswered is to be asked for again, which an answer that closes says.
        const first = runtime === 'node' ? /^connection: close\r$/im : /^HTTP/;
        assert.match(answers[0] ?? '', first);
        assert.equal(answers.length, runtime === 'node' ? 1 : 2);
        for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 200 /);
      }
    });

    it('are not read from the middle of one that came behind it', async () => {
      await using probe = await startProbe(runtime);
      const wire = await probe.connect();
      const body = get('/smuggled', CLOSE);
      const upgrade = 'GET /wait HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';
      wire.socket.write(
        `${upgrade}POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      await probe.event('waiting');
      wire.socket.write(body);
      await probe.ask(get('/url', CLOSE));
      await probe.ask(get('/release', CLOSE));
      await wire.until(/released/);
      wire.socket.end();
      assert.doesNotMatch(await wire.ended, /404/);
    });

    it('keep their connection behind a header that asks for nothing', async () => {
      await using probe = await startProbe(runtime);
      const wire = await probe.connect();
      wire.socket.write(get('/url', 'Upgrade: h2c\r\n') + get('/url', CLOSE));
      assert.equal((await wire.ended).split('HTTP/1.1 200').length, 3);
    });

    it('end with the one that says it is the last', async () => {
      await using probe = await startProbe(runtime);
      const answer = await probe.ask(get('/url', CLOSE) + get('/url'));
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.equal(answer.split('HTTP/1.1').length, 2);
    });
  });
}
