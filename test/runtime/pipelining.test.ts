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

    it('end with the one that says it is the last', async () => {
      await using probe = await startProbe(runtime);
      const answer = await probe.ask(get('/url', CLOSE) + get('/url'));
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.equal(answer.split('HTTP/1.1').length, 2);
    });
  });
}
