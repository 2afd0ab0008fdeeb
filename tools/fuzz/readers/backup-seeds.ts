/** A backup of a database with a little of everything, open and encrypted, with the keys that belong to it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { backupCommand } from '../../../cli/sallyport/backup/backup.ts';
import { DATABASE, MANIFEST } from '../../../cli/sallyport/backup/manifest.ts';
import { readTar, tarEnd, tarHeader, tarPadding } from '../../../cli/sallyport/backup/tar.ts';
import { must } from '../target.ts';
import { inFolder, run } from './commands.ts';

export interface Backups {
  /** Open, and without keys. */
  readonly plain: Uint8Array;
  /** With all keys, for {@link identity}. */
  readonly encrypted: Uint8Array;
  /** What opens it: the text of an identity file. */
  readonly identity: string;
  /** Entries of the encrypted one, by name and in order. */
  readonly entries: ReadonlyMap<string, Uint8Array>;
}

const SECRET = new Uint8Array(32).fill(7);

/** Runs `use` with an environment variable set. */
export async function withEnvironment<T>(name: string, value: string, use: () => Promise<T>): Promise<T> {
  const before = process.env[name];
  process.env[name] = value;
  try {
    return await use();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}

async function entriesOf(archive: Uint8Array): Promise<Map<string, Uint8Array>> {
  const entries = new Map<string, Uint8Array>();
  for await (const { name, bytes } of readTar(once(archive))) {
    const pieces: Uint8Array[] = [];
    for await (const piece of bytes) pieces.push(piece);
    entries.set(name, Buffer.concat(pieces));
  }
  return entries;
}

/** An archive with these entries, each header telling the truth. */
export function archived(entries: readonly ArchivedEntry[]): Uint8Array {
  const parts = entries.flatMap(({ name, bytes }) => [
    tarHeader({ name, size: bytes.length }, 0),
    bytes,
    tarPadding(bytes.length),
  ]);
  return Buffer.concat([...parts, tarEnd()]);
}

export interface ArchivedEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The same backup as it is made without `--to`. */
function withoutKeys(entries: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const manifest = JSON.parse(Buffer.from(entries.get(MANIFEST) ?? []).toString());
  const [database] = manifest.entries;
  const text = Buffer.from(JSON.stringify({ ...manifest, entries: [database] }));
  return archived([
    { name: MANIFEST, bytes: text },
    { name: DATABASE, bytes: entries.get(DATABASE) ?? new Uint8Array() },
  ]);
}

/** Puts a server's data into a folder, with an incident that was signed for, and a paste. */
async function record(folder: string): Promise<void> {
  const { claimLog, tendLog } = await import('../../../src/core/log.ts');
  const { keyFits } = await import('../../../src/core/secret-key.ts');
  const { parseSignerKey, signerKey } = await import('../../../src/crypto/signed-note.ts');
  const { openEmbedded } = await import('../../../src/store/native/embedded.ts');
  const evidence = await import('../../../test/support/evidence.ts');
  const { openHouse, ORIGIN } = await import('../../../test/support/house.ts');
  const { recording } = await import('../../../test/support/recordings.ts');
  const key = await signerKey('vault.example/log', new Uint8Array(32).fill(3));
  const signer = await parseSignerKey(key);
  must(signer !== undefined, () => 'the signing key is none');
  await writeFile(join(folder, 'checkpoint-key'), `${key}\n`);
  await writeFile(join(folder, 'secret-key'), `${Buffer.from(SECRET).toString('base64')}\n`);
  const db = await openEmbedded({ path: join(folder, 'sallyport.db') });
  const house = await openHouse({ data: db, ports: { signer }, secret: SECRET });
  try {
    await keyFits(house.deps.store.secretKey, house.deps.keys);
    await claimLog(house.deps, house.deps.store.log, signer);
    const owner = await evidence.ownerIn(house);
    const incident = await evidence.newIncident(house, owner.as, { client_label: 'a label' });
    await recording(house, owner.as, incident);
    await house.main(new Request(`${ORIGIN}/`, { method: 'POST', body: 'a paste' }));
    await tendLog({ ...house.deps, signer });
  } finally {
    await house.close();
    await db.close();
  }
}

let made: Promise<Backups> | undefined;

/** Made once: nothing in it is changed. It is a whole server. */
export function backups(): Promise<Backups> {
  made ??= inFolder(async (folder) => {
    const { Decrypter, generateX25519Identity, identityToRecipient } = await import('age-encryption');
    await record(folder);
    const identity = await generateX25519Identity();
    const take = async (name: string, ...args: string[]) => {
      const file = join(folder, name);
      const ended = await withEnvironment('SAFE_DATA_DIR', folder, () =>
        run(backupCommand, [file, '--quiet', ...args]),
      );
      must(ended.code === 0, () => `no backup could be made: ${ended.said}`);
      return readFile(file);
    };
    const encrypted = await take('all.age', '--to', await identityToRecipient(identity));
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    const entries = await entriesOf(await decrypter.decrypt(encrypted));
    return { plain: withoutKeys(entries), encrypted, identity, entries };
  });
  return made;
}
