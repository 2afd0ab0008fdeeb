/** `sallyport log`: the key, the checkpoint and proofs, from a running server and without one. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkpointSigner } from '../../runtime/secrets.ts';
import { newId } from '../../src/core/ids.ts';
import { tendLog } from '../../src/core/log.ts';
import { decodePaddedBase64 } from '../../src/crypto/base64.ts';
import { utf8 } from '../../src/crypto/hash.ts';
import { isConsistent, isIncluded, leafHash } from '../../src/crypto/merkle.ts';
import { openNote, type Signer, verifierKey } from '../../src/crypto/signed-note.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import type { Checkpoint } from '../../src/store/log.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { CHILD_ENV } from '../support/child-env.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

const CLI = fileURLToPath(new URL('../../cli/sallyport.ts', import.meta.url));

const hashes = (texts: readonly string[]) =>
  texts.map((text) => decodePaddedBase64(text) ?? assert.fail(text));

function sallyport(folder: string, line: string): Promise<{ code: number; out: string; said: string }> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: CHILD_ENV };
    execFile(process.execPath, [CLI, ...line.split(' ')], options, (error, out, said) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, said });
    });
  });
}

/** Makes a data directory whose log has these sizes of checkpoints. */
async function dataWith(
  folder: string,
  sizes: readonly number[],
): Promise<{ readonly signer: Signer; readonly checkpoints: readonly Checkpoint[] }> {
  const data = join(folder, 'data');
  await mkdir(data, { mode: 0o700 });
  const signer = await checkpointSigner(data);
  const db = await openEmbedded({ path: join(data, 'sallyport.db') });
  await migrate(db, migrations, Date.now());
  const deps = { store: libsqlStore(db), signer, now: () => Date.now() };
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const checkpoints: Checkpoint[] = [];
  let entries = 0;
  for (const size of sizes) {
    for (; entries < size; entries += 1)
      await deps.store.audit.append({
        ...{ id: newId('aud', { now: deps.now, random }), at: deps.now(), listener: 'local' },
        ...{ actorKind: 'operator', action: 'pastes_cleanup', outcome: 'ok' },
      });
    checkpoints.push((await tendLog(deps)) ?? assert.fail('no checkpoint'));
  }
  await db.close();
  return { signer, checkpoints };
}

for (const running of [false, true]) {
  describe(`sallyport log ${running ? 'beside a running server' : 'without a server'}`, () => {
    let dir: TempDir;
    let server: TestServer | undefined;
    let signer: Signer;
    let [first, newest]: readonly Checkpoint[] = [];
    const done = async (line: string) => {
      const { code, out, said } = await sallyport(dir.path, line);
      assert.deepEqual([code, said], [0, ''], line);
      return out;
    };

    before(async () => {
      dir = await tempDir();
      const made = await dataWith(dir.path, [5, 12]);
      signer = made.signer;
      [first, newest] = made.checkpoints;
      if (running) server = await startServer({ folder: dir.path });
    });
    after(async () => {
      await server?.stop();
      await dir?.remove();
    });

    it('shows the key, and the newest checkpoint as it was signed', async () => {
      assert.equal(await done('log key'), `${verifierKey(signer)}\n`);
      const note = await done('log checkpoint');
      assert.equal(note, newest?.note);
      assert.ok(await openNote(note, signer));
      assert.deepEqual(JSON.parse(await done('log checkpoint --json')), {
        size: 12,
        root_hash: Buffer.from(newest?.rootHash ?? []).toString('base64'),
        note,
        verifier_key: verifierKey(signer),
        created_at: new Date(newest?.createdAt ?? 0).toISOString(),
        timestamped: false,
      });
    });

    it('proves that an entry is in the log', async () => {
      assert.ok(newest);
      const { index, leaf, size, proof } = JSON.parse(await done('log proof 2 --json'));
      assert.deepEqual([index, size], [2, 12]);
      assert.ok(isIncluded(leafHash(utf8(leaf)), 2, 12, hashes(proof), newest.rootHash));
      assert.equal(
        await done('log proof 2'),
        `${leaf}\nEntry 2 of 12:\n${proof.map((hash: string) => `${hash}\n`).join('')}`,
      );
    });

    it('proves that the log continues an earlier one, in a line that verify takes', async () => {
      assert.ok(first && newest);
      const line = await done('log consistency 5 12');
      assert.match(line, /^\{.*\}\n$/);
      const { proof, ...sizes } = JSON.parse(line);
      assert.deepEqual(sizes, { size: 5, to: 12 });
      assert.ok(isConsistent(5, 12, hashes(proof), first.rootHash, newest.rootHash));
    });

    it('refuses what is not there with exit code 1', async () => {
      for (const [line, sentence] of [
        ['log proof 12', /^Give an index from 0 to 11/],
        ['log consistency 1 13', /^Give two sizes, the smaller one first, from 1 to 12/],
      ] as const) {
        const { code, out, said } = await sallyport(dir.path, line);
        assert.deepEqual([code, out], [1, ''], line);
        assert.match(said, sentence, line);
      }
    });
  });
}

describe('sallyport log', () => {
  it('says so while there is no checkpoint, and takes only numbers', async () => {
    const dir = await tempDir();
    try {
      for (const line of ['log checkpoint', 'log proof 0']) {
        const { code, out, said } = await sallyport(dir.path, line);
        assert.deepEqual([code, out], [1, ''], line);
        assert.match(said, /no checkpoint yet/, line);
      }
      for (const line of ['log consistency 2 1', 'log consistency 0 1'])
        assert.equal((await sallyport(dir.path, line)).code, 1, line);
      for (const line of ['log proof', 'log proof one', 'log proof -1', 'log consistency 1', 'log'])
        assert.equal((await sallyport(dir.path, line)).code, 2, line);
    } finally {
      await dir.remove();
    }
  });
});
