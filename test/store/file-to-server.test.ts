/** A database that began as a file and goes on in a libSQL server, as docs/scaling.md says. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { Session } from '../support/ask.ts';
import { SAFE_SECRET_KEY } from '../support/edge-door.ts';
import { newIncident } from '../support/evidence.ts';
import { download, entriesOf, recording, streamBundlePath } from '../support/recordings.ts';
import { startServer } from '../support/server.ts';
import { doorsOf, ownersAt } from '../support/server-owner.ts';
import { hasSqld, startSqld } from '../support/sqld.ts';

it('a file that is copied to where a libSQL server begins has all that it had, and goes on', {
  skip: hasSqld ? false : 'npm has no libSQL server for this platform',
  timeout: 600_000,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-growing-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const settings = {
    SAFE_SECRET_KEY,
    SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
    SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  };
  const file = await startServer({ folder, settings });
  const { doors, owners } = await ownersAt(file);
  const as = owners[0] as Session;
  const media = [Buffer.alloc(2_500_000, 3), Buffer.from('two')];
  const made = await recording(doors, as, await newIncident(doors, as), { media });
  const body = randomBytes(2_500_000);
  const paste = (await (await fetch(file.main, { method: 'POST', body })).json()) as { id: string };
  await file.stop();

  const sqld = await startSqld({ begin: (path) => copyFile(join(folder, 'data', 'sallyport.db'), path) });
  t.after(() => sqld.stop());
  await using server = await startServer({ folder, settings: { ...settings, SAFE_DATABASE_URL: sqld.url } });
  const there = await doorsOf(server);
  const read = await fetch(`${server.main}/${paste.id}/raw`);
  assert.ok(Buffer.from(await read.arrayBuffer()).equals(body));
  const chunks = async () => {
    const { status, bytes } = await download(there, streamBundlePath(made), as);
    assert.equal(status, 200);
    return [...entriesOf(bytes)].filter(([name]) => name.endsWith('.enc')).map(([, chunk]) => chunk);
  };
  assert.deepEqual(
    await chunks(),
    made.sealed.map((bytes) => new Uint8Array(bytes)),
  );
  const more = await recording(there, as, await newIncident(there, as));
  await sqld.kill();
  await sqld.start();
  assert.equal((await chunks()).length, 2);
  assert.equal((await download(there, streamBundlePath(more), as)).status, 200);
});
