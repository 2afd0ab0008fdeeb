/** docs/custody.md, done as it stands there: with public tools, on bundles as they are downloaded. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stampCheckpoints } from '../../runtime/timestamp.ts';
import { receiptFor, tendLog } from '../../src/core/log.ts';
import { auditLeaf, chunkLeaf, LEAF_HEAD } from '../../src/core/log-leaf.ts';
import { signerOf } from '../../src/crypto/signed-note.ts';
import { pack } from '../support/archives.ts';
import { newIncident, type Owner, ownerIn } from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import {
  download,
  entriesOf,
  incidentBundlePath,
  type Recording,
  recording,
  streamBundlePath,
} from '../support/recordings.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { noTimestamps, timestampAuthority } from '../support/timestamp-authority.ts';

const DOCUMENT = join(import.meta.dirname, '..', '..', 'docs', 'custody.md');
const signer = await signerOf('vault.example/log', new Uint8Array(32).fill(3));

const missing = ['sh', 'openssl', 'python3', 'base64'].filter(
  (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0,
);
const noTools = missing.length === 0 ? false : `not on this machine: ${missing.join(', ')}`;

/** The code between two marks. */
async function block(name: string): Promise<string> {
  const text = await readFile(DOCUMENT, 'utf8');
  const marked = new RegExp(
    `<!-- ${name}:begin -->\\n\`\`\`\\w*\\n([\\s\\S]*?)\`\`\`\\n<!-- ${name}:end -->`,
  );
  return marked.exec(text)?.[1] ?? assert.fail(`there is no block ${name}`);
}

describe('the recipe for public tools', { skip: noTools }, () => {
  let dir: TempDir;
  let house: House;
  let owner: Owner;
  let incident: string;
  let first: Recording;
  let older: Uint8Array;

  before(async () => {
    dir = await tempDir();
    house = await openHouse({ ports: { signer } });
    owner = await ownerIn(house);
    incident = await newIncident(house, owner.as);
    first = await recording(house, owner.as, incident, { mediaType: 'video' });
    await tendLog(house.deps);
    older = await taken(incidentBundlePath(incident));
    house.clock.advance(1000);
    await recording(house, owner.as, incident, { mediaType: 'audio' });
    await tendLog(house.deps);
  });
  after(async () => {
    await house?.close();
    await dir?.remove();
  });

  const taken = async (path: string) => (await download(house, path, owner.as)).bytes;
  const keep = (name: string, content: Uint8Array | string) => writeFile(join(dir.path, name), content);

  /** Runs a program in the folder; answers what it said, or fails. */
  function run(program: string, ...args: string[]): string {
    return execFileSync(program, args, {
      cwd: dir.path,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }
  const sh = (script: string) => run('sh', '-euc', script);
  const python = (script: string) => run('python3', '-c', script);

  it('checks the signature, every entry and the bytes of chunks, of a stream and of an incident', async () => {
    for (const [path, count] of [
      [streamBundlePath(first), 3],
      [incidentBundlePath(incident), 6],
    ] as const) {
      sh('rm -rf bundle');
      await keep('bundle.zip', await taken(path));
      assert.match(sh(await block('signature')), /Signature Verified Successfully/);
      assert.match(
        python(await block('leaves')),
        new RegExp(`^${count} chunks are in the log of \\d+ entries`),
      );
    }
  });

  it('fails on everything that was changed', async () => {
    const [signature, leaves] = [await block('signature'), await block('leaves')];
    const bytes = await taken(streamBundlePath(first));
    /** Keeps the bundle with one entry changed, or left out. */
    const changed = async (name: string, change: (text: string) => string) => {
      sh('rm -rf bundle');
      const packed = [...entriesOf(bytes)].map(([entry, content]) => {
        const text = Buffer.from(content).toString('latin1');
        return { name: entry, bytes: entry === name ? Buffer.from(change(text), 'latin1') : content };
      });
      await keep('bundle.zip', await pack(packed));
    };
    const lines = (change: (lines: string[]) => string[]) => (text: string) =>
      change(text.split('\n')).join('\n');
    const checkpoint = 'custody/checkpoint';
    await changed(
      checkpoint,
      lines(([name = '', size, ...rest]) => [name, `1${size}`, ...rest]),
    );
    assert.throws(() => sh(signature), 'another size');
    await changed(
      checkpoint,
      lines(([name = '', size = '', _, ...rest]) => [name, size, `${'A'.repeat(43)}=`, ...rest]),
    );
    assert.throws(() => sh(signature), 'another root');
    const proofs = 'custody/leaves.jsonl';
    for (const [what, name, change] of [
      ['a time', proofs, (text) => text.replace(/at=13:./, 'at=13:9')],
      ['a place', proofs, (text) => text.replace('"index":', '"index":1')],
      ['an entry that is missing', proofs, lines((all) => all.slice(1))],
      ['a chunk', 'chunks/video_000002.enc', (text) => `${text}x`],
    ] as const satisfies readonly (readonly [string, string, (text: string) => string])[]) {
      await changed(name, change);
      sh(signature);
      assert.throws(() => python(leaves), what);
    }
  });

  it('checks that the log continues an older checkpoint', async () => {
    sh('rm -rf bundle');
    await keep('bundle.zip', await taken(incidentBundlePath(incident)));
    await keep('older', entriesOf(older).get('custody/checkpoint') ?? assert.fail());
    assert.match(sh(`${await block('signature')}\nsigned older`), /Successfully[\s\S]*Successfully/);
    const consistency = await block('consistency');
    assert.match(python(consistency), /^the log of \d+ entries continues that of \d+/);
    const proofs = join(dir.path, 'bundle/custody/consistency.jsonl');
    const text = await readFile(proofs, 'utf8');
    await writeFile(
      proofs,
      text.replace(/"proof":\["./, (start) => `${start.slice(0, -1)}${start.endsWith('A') ? 'B' : 'A'}`),
    );
    assert.throws(() => python(consistency), 'another proof');
  });

  it('checks a receipt, and that the log keeps what it promises', async () => {
    sh('rm -rf bundle');
    await keep('bundle.zip', await taken(streamBundlePath(first)));
    const [chunk] = await house.deps.store.chunks.page(first.streamId, 0, 10);
    assert.ok(chunk);
    const check = `${await block('signature')}\n${await block('receipt')}`;
    await keep('receipts.jsonl', `${JSON.stringify(await receiptFor({ signer }, chunk))}\n`);
    assert.match(sh(check), /met\n$/);
    const dropped = await receiptFor({ signer }, { ...chunk, chunkIndex: 9 });
    await keep('receipts.jsonl', `${JSON.stringify(dropped)}\n`);
    assert.throws(() => sh(check), 'nothing of it is in the log');
  });

  it('checks the timestamp of an outside authority', { skip: noTimestamps }, async () => {
    const authority = await timestampAuthority();
    const stranger = await timestampAuthority();
    try {
      await stampCheckpoints(authority.url, house.deps.store.log, () => false);
      sh('rm -rf bundle');
      await keep('bundle.zip', await taken(streamBundlePath(first)));
      await keep('authority.pem', authority.authorities);
      const check = `${await block('signature')}\n${await block('timestamp')}`;
      assert.match(sh(check), /Time stamp: \w+/);
      await keep('authority.pem', stranger.authorities);
      assert.throws(() => sh(check), 'another authority');
    } finally {
      await authority.close();
      await stranger.close();
    }
  });
});

describe('the format of entries in docs/custody.md', () => {
  const namesIn = (leaf: string) => [...leaf.matchAll(/^(\w+)=\d+:/gm)].map(([, name = '']) => name);

  it('lists every field in its order', async () => {
    const text = await readFile(DOCUMENT, 'utf8');
    const listed = (table: string) =>
      [
        ...(
          new RegExp(`\\| ${table} \\| \\|\\n\\|---\\|---\\|\\n((?:\\|.*\\|\\n)+)`).exec(text)?.[1] ?? ''
        ).matchAll(/^\| (`.*?) \|/gm),
      ].flatMap(([, names = '']) => names.split(', ').map((name) => name.replaceAll('`', '')));
    const audit = {
      id: 'aud_',
      at: 0,
      listener: 'main',
      actorKind: 'account',
      action: 'login',
      outcome: 'ok',
    } as const;
    assert.deepEqual(listed('Audit'), namesIn(auditLeaf(audit)));
    assert.deepEqual(listed('Chunk'), namesIn(await block('leaf')));
  });

  it('shows one that is as the program would write it', async () => {
    const shown = await block('leaf');
    const said = Object.fromEntries(
      [...shown.matchAll(/^(\w+)=\d+:(.*)$/gm)].map(([, name, value]) => [name, value]),
    );
    const written = chunkLeaf({
      id: said.id ?? '',
      createdAt: Number(said.at),
      incidentId: said.incident_id ?? '',
      streamId: said.stream_id ?? '',
      chunkIndex: Number(said.chunk_index),
      mediaType: 'audio',
      startedAt: said.started_at ?? '',
      endedAt: said.ended_at ?? '',
      byteSize: Number(said.byte_size),
      sha256: said.sha256 ?? '',
    });
    assert.equal(shown, written);
    assert.ok(shown.startsWith(`${LEAF_HEAD}\n`));
  });
});
