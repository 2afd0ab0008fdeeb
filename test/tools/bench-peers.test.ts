/** Other servers that a bench compares with: who may be one, and that they are asked as their own clients ask. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, type Wire, wire } from '../../bench/lib/load.ts';
import { type Asked, PEERS, type PeerName, peerFrom } from '../../bench/lib/peers.ts';
import { startPeer } from '../support/peer-servers.ts';

const NAMES = Object.keys(PEERS) as PeerName[];
const written = ({ method, path, headers, body }: Asked): Wire => wire(method, path, headers, body);

for (const closing of [false, true]) {
  const how = closing ? 'that closes each connection' : 'that keeps connections';
  for (const name of NAMES) {
    test(`${PEERS[name].title} ${how} takes what is created, and gives it back`, async () => {
      await using peer = await startPeer(name, closing);
      const api = PEERS[name];
      for (const bytes of [1024, 100 * 1024]) {
        const { path, ...init } = api.create(bytes);
        const answer = await fetch(`${peer.url}${path}`, init as RequestInit);
        assert.equal(answer.status, api.created);
        const id = api.idIn(await answer.json());
        assert.ok(id !== undefined, 'the answer names no id');
        const creates = Array.from({ length: 20 }, () => written(api.create(bytes)));
        await load(peer.url, creates, { connections: 4, status: api.created });
        const reads = Array.from({ length: 20 }, () => written(api.read(id)));
        const { times } = await load(peer.url, reads, {
          connections: 4,
          status: 200,
          least: api.least(bytes),
        });
        assert.equal(times.length, 20);
      }
      assert.deepEqual(peer.seen, { creates: 42, reads: 40 });
    });
  }
}

test('a refusal that looks like an answer is no id, and too short to be a paste', async () => {
  await using peer = await startPeer('privatebin');
  const { path, ...init } = PEERS.privatebin.read('0123456789abcdef');
  const answer = await fetch(`${peer.url}${path}`, init as RequestInit);
  assert.equal(answer.status, 200);
  assert.equal(PEERS.privatebin.idIn(await answer.json()), undefined);
  const read = [written(PEERS.privatebin.read('0123456789abcdef'))];
  const least = PEERS.privatebin.least(1024);
  await assert.rejects(
    load(peer.url, read, { connections: 1, status: 200, least }),
    /bytes, not 1366 or more/,
  );
});

test('a peer is a name that is known and an address of this machine', () => {
  assert.deepEqual(peerFrom('privatebin=http://127.0.0.1:8080/'), {
    name: 'privatebin',
    url: 'http://127.0.0.1:8080',
  });
  assert.deepEqual(peerFrom('enclosed=http://[::1]:8080/notes/'), {
    name: 'enclosed',
    url: 'http://[::1]:8080/notes',
  });
  assert.equal(peerFrom('enclosed=http://127.1:80').url, 'http://127.0.0.1');
});

test('nobody else is put under load', () => {
  const wrong: Readonly<Record<string, RegExp>> = {
    'privatebin=http://peer.example': /only a loopback address/,
    'privatebin=http://10.0.0.1:8080': /only a loopback address/,
    'privatebin=http://127.0.0.1.peer.example': /only a loopback address/,
    'privatebin=http://127.0.0.1@peer.example': /only a loopback address/,
    'privatebin=https://127.0.0.1': /must begin with http/,
    'privatebin=http://me:word@127.0.0.1': /a host, a port and a path/,
    'privatebin=http://127.0.0.1/?x=1': /a host, a port and a path/,
    'privatebin=nothing': /must begin with http/,
    'toString=http://127.0.0.1': /give NAME=URL/,
    'http://127.0.0.1': /give NAME=URL/,
  };
  for (const [word, why] of Object.entries(wrong)) assert.throws(() => peerFrom(word), why, word);
});
