/** The parts of the edge that are plain enough to be looked at without it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeHasher } from '../../runtime/argon2.ts';
import { compileKnown, edgeHasher } from '../../runtime/edge/argon2.ts';
import { edgeDoor, LIFETIME_MS } from '../../runtime/edge/door.ts';
import { consoleLog } from '../../runtime/edge/log.ts';
import { Misfit } from '../../runtime/edge/misfit.ts';
import { type EdgeRequest, edgePeer } from '../../runtime/edge/peer.ts';
import { edgeTurns } from '../../runtime/edge/turns.ts';
import { openLog } from '../../runtime/log.ts';
import type { Argon2Cost } from '../../src/crypto/passwords.ts';
import { checkSchema, migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { wasmModules } from '../../tools/edge-wasm.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

describe('turns at the edge', () => {
  const patient = { maxWaiting: 2, patienceMs: 60_000, longestMs: 1000 };

  it('come one after another, in order, to whoever asks with the same key', async () => {
    const turns = edgeTurns({ ...patient, maxWaiting: 10, now: () => 0 });
    const seen: string[] = [];
    const work = (name: string) =>
      turns.take('key', async () => {
        seen.push(`${name} begins`);
        await Promise.resolve();
        seen.push(`${name} ends`);
      });
    await Promise.all(['a', 'b', 'c'].map(work));
    assert.deepEqual(
      seen,
      ['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]),
    );
  });

  it('do not hold up other keys, nor those who come after a failure', async () => {
    const turns = edgeTurns({ ...patient, now: () => 0 });
    const held = turns.take('key', () => new Promise(() => {}));
    assert.equal(await turns.take('another', async () => 'done'), 'done');
    const failed = turns.take('failing', () => Promise.reject(new Error('no')));
    const next = turns.take('failing', async () => 'done');
    await assert.rejects(failed);
    assert.equal(await next, 'done');
    assert.ok(held instanceof Promise);
  });

  it('are refused when too many wait', async () => {
    const turns = edgeTurns({ ...patient, now: () => 0 });
    const first = Promise.withResolvers<void>();
    const all = [turns.take('key', () => first.promise)];
    for (let i = 0; i < 2; i += 1) all.push(turns.take('key', async () => {}));
    await assert.rejects(
      turns.take('key', async () => {}),
      { kind: 'service_busy' },
    );
    first.resolve();
    await Promise.all(all);
    await turns.take('key', async () => {});
  });

  it('are refused to whoever waits in vain, and given again when the holder is gone for good', async () => {
    let now = 0;
    const turns = edgeTurns({ maxWaiting: 5, patienceMs: 1, longestMs: 1000, now: () => now });
    turns.take('key', () => new Promise(() => {}));
    await assert.rejects(
      turns.take('key', async () => 'never'),
      { kind: 'service_busy' },
    );
    now = 1001;
    assert.equal(await turns.take('key', async () => 'done'), 'done');
    assert.equal(await turns.take('key', async () => 'again'), 'again');
  });
});

describe('Argon2id from modules that were compiled before', () => {
  const known = wasmModules(ROOT);
  const modules = new Map(known.map(({ sha256, bytes }) => [sha256, new WebAssembly.Module(bytes.slice())]));

  it('knows them by their bytes, wherever in a buffer these lie, and no others', async () => {
    const compile = compileKnown(modules);
    for (const { bytes, sha256 } of known) {
      assert.equal(await compile(bytes.slice()), modules.get(sha256));
      assert.equal(await compile(bytes.slice().buffer), modules.get(sha256));
      const other = bytes.slice();
      other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
      await assert.rejects(compile(other), WebAssembly.CompileError);
    }
    await assert.rejects(compile(new Uint8Array()), WebAssembly.CompileError);
  });

  it('gives the hashes of the other runtimes, at any cost', async () => {
    const { compile, instantiate } = WebAssembly;
    const native = nodeHasher({ maxQueued: 1, engine: 'native' });
    try {
      const turns = edgeTurns({ maxWaiting: 9, patienceMs: 60_000, longestMs: 60_000, now: () => 0 });
      const edge = edgeHasher(modules, turns);
      const password = new TextEncoder().encode('pässword');
      const salt = new Uint8Array(16).fill(9);
      const costs: Argon2Cost[] = [
        { memoryKiB: 19_456, iterations: 2, parallelism: 1, length: 32 },
        { memoryKiB: 8, iterations: 1, parallelism: 1, length: 16 },
        { memoryKiB: 256, iterations: 3, parallelism: 4, length: 64 },
      ];
      // Up and down and again: what one hash leaves behind must not be seen by the next.
      for (const cost of [...costs, ...costs.toReversed(), ...costs]) {
        const [one, two] = await Promise.all([
          edge.argon2id(password, salt, cost),
          native.argon2id(password, salt, cost),
        ]);
        assert.deepEqual(Buffer.from(one), Buffer.from(two));
      }
    } finally {
      Object.assign(WebAssembly, { compile, instantiate });
      await native.close();
    }
  });
});

describe('the peer of a request at the edge', () => {
  const asked = (headers: Record<string, string>, cf?: object, url = 'https://main.test/') => {
    const request = new Request(url, { headers });
    return edgePeer(Object.assign(request, cf === undefined ? {} : { cf }) as EdgeRequest);
  };
  const from = { 'cf-connecting-ip': '192.0.2.7' };
  const print = 'AB'.repeat(32);
  const holding = (more: object) => ({
    tlsClientAuth: { certVerified: 'SUCCESS', certRevoked: '0', certFingerprintSHA256: print, ...more },
  });

  it('has the address that Cloudflare saw, and none where Cloudflare is not', () => {
    assert.equal(asked(from, {}).address, '192.0.2.7');
    assert.equal(asked(from).address, undefined);
    assert.equal(asked({}, {}).address, undefined);
    for (const name of ['x-forwarded-for', 'x-real-ip', 'true-client-ip'])
      assert.equal(asked({ [name]: '192.0.2.7' }, {}).address, undefined);
  });

  it('is safe from readers on the way as its address says', () => {
    assert.equal(asked({}, {}).secure, true);
    assert.equal(asked({ 'x-forwarded-proto': 'https' }, {}, 'http://main.test/').secure, false);
  });

  it('holds a certificate when it was verified and not revoked', () => {
    assert.deepEqual(asked({}, holding({})).certificate, { sha256: 'ab'.repeat(32) });
    for (const wrong of [
      { certVerified: 'NONE' },
      { certVerified: 'FAILED:self signed certificate' },
      { certVerified: undefined },
      { certRevoked: '1' },
      { certFingerprintSHA256: '' },
      { certFingerprintSHA256: 'AB'.repeat(20) },
      { certFingerprintSHA256: `${print.slice(2)}zz` },
    ])
      assert.equal(asked({}, holding(wrong)).certificate, undefined, JSON.stringify(wrong));
    assert.equal(asked({ 'cf-client-cert-sha256': print }, {}).certificate, undefined);
    assert.equal(asked({}, { tlsClientAuth: null }).certificate, undefined);
  });
});

describe('an isolate that lives on', () => {
  it('looks at the schema again after five minutes, and at nothing before', async (t) => {
    const lines: Record<string, unknown>[] = [];
    t.mock.method(console, 'log', (line: string) => lines.push(JSON.parse(line)));
    const db = await openEmbedded({ path: ':memory:' });
    t.after(() => db.close());
    await migrate(db, migrations, 1);
    let now = Date.UTC(2026, 0, 1);
    let composed = 0;
    const log = consoleLog('info', () => now);
    const compose = async () => {
      composed += 1;
      try {
        await checkSchema(db, migrations);
      } catch (thrown) {
        throw new Misfit((thrown as Error).message);
      }
      return { log, handle: async () => new Response('served') };
    };
    const answer = edgeDoor(compose, () => now);
    const ask = () => answer(new Request('https://main.test/') as EdgeRequest, {});
    const served = async () => (await (await ask()).text()) === 'served';
    assert.ok(await served());
    // Home is upgraded.
    const newer = `('9999_of_the_future', '${'a'.repeat(64)}', 1)`;
    await db.batch([{ sql: `INSERT INTO schema_migrations VALUES ${newer}` }], 'write');
    now += LIFETIME_MS - 1;
    assert.ok(await served());
    assert.equal(composed, 1);
    now += 1;
    const refused = await ask();
    const { error } = (await refused.json()) as { error: { code: string } };
    assert.deepEqual([refused.status, error.code], [503, 'storage_unavailable']);
    assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]/);
    assert.match(String(lines.at(-1)?.what_to_do), /9999_of_the_future/);
    // And this Worker after it, or home is taken back.
    await db.batch([{ sql: "DELETE FROM schema_migrations WHERE id LIKE '9999%'" }], 'write');
    assert.ok(await served());
    assert.equal(LIFETIME_MS, 5 * 60_000);
  });
});

describe('the log at the edge', () => {
  it('has the lines of a machine', (t) => {
    const here: string[] = [];
    const there: string[] = [];
    t.mock.method(console, 'log', (line: string) => here.push(line));
    const logs = [consoleLog('info', Date.now), openLog('info', { write: (line) => void there.push(line) })];
    for (const log of logs) {
      log.write('debug', 'nothing', {});
      log.write('info', 'request', { status: 200, route: '/', broken: undefined });
      log.write('error', 'failed', { error_type: 'DbError' });
    }
    const plain = (line: string) => line.trim().replace(/"time":"[^"]+"/, '"time":""');
    assert.deepEqual(here.map(plain), there.map(plain));
    assert.equal(here.length, 2);
  });
});
