/** The server inside Node's permission model, with the rights that docs/security.md gives it and no others. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { answers, ask, type Session } from '../support/ask.ts';
import type { BothDoors } from '../support/both-doors.ts';
import { anotherOwner, firstAdmin, newIncident, newStream, newViewerToken } from '../support/evidence.ts';
import { documentedFlags } from '../support/fence.ts';
import { runServer, startServer, type TestServer } from '../support/server.ts';
import { doorsOf } from '../support/server-owner.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { kept, upload } from '../support/uploads.ts';
import { look } from '../support/viewing.ts';

// The test sweeps; nobody else comes first.
const SETTINGS = `
[paste]
sweep_interval = "1h"
[rate_limits.main_api]
enabled = false
[rate_limits.admin]
enabled = false
`;

describe('a server that may write to its data directory and read what it needs, and nothing else', {
  timeout: 600_000,
}, () => {
  let temp: TempDir;
  let flags: string[];
  let server: TestServer;
  let doors: BothDoors;
  let boss: Session;
  const optionsWith = (rights: readonly string[]) => ({
    folder: temp.path,
    args: ['--config', join(temp.path, 'sallyport.toml')],
    settings: { NODE_OPTIONS: rights.join(' ') },
  });
  before(async () => {
    temp = await tempDir();
    await mkdir(join(temp.path, 'data'));
    await writeFile(join(temp.path, 'sallyport.toml'), SETTINGS);
    flags = documentedFlags(temp.path);
    server = await startServer(optionsWith(flags));
    doors = await doorsOf(server);
    boss = await firstAdmin(doors);
  });
  after(async () => {
    await server?.stop();
    await temp?.remove();
  });

  it('stores pastes of every size, gives them back, and sweeps what has expired', async () => {
    const secret = { 'x-paste-password': 'a password of a test' };
    for (const size of [100, 3 * 1024 * 1024]) {
      const sent = new Uint8Array(size).fill(7);
      for (const expiry of ['60', '1']) {
        const answer = await fetch(`${server.main}/`, {
          method: 'POST',
          body: sent,
          headers: { ...secret, 'x-expiry': expiry },
        });
        assert.equal(answer.status, 201, await answer.clone().text());
        if (expiry === '1') continue;
        const { id } = (await answer.json()) as { id: string };
        const read = await fetch(`${server.main}/${id}/raw`, { headers: secret });
        assert.deepEqual(new Uint8Array(await read.arrayBuffer()), sent);
      }
    }
    for (let removed = 0; removed < 2; ) {
      const wish = { door: 'admin', as: boss, method: 'POST', body: {} } as const;
      removed += answers(await ask(doors, '/admin/api/cleanup', wish), 200).body.pastes_removed;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  it('makes accounts, takes chunks and shows them to the holder of a link', async () => {
    const as = await anotherOwner(doors, boss);
    const incidentId = await newIncident(doors, as);
    const streamId = await newStream(doors, as, incidentId);
    kept(await upload(doors, as, { incidentId, streamId, media: new Uint8Array(2 * 1024 * 1024) }));
    const { token } = await newViewerToken(doors, as, incidentId);
    const { json } = await look(doors, `/i/${token}/data`);
    assert.equal(json.streams.length, 1);
  });

  it('ends in order, with nothing in its log of what it was refused', async () => {
    const { code } = await server.stop();
    assert.equal(code, 0, server.said());
    assert.deepEqual(
      server.lines().filter(({ level }) => level !== 'info'),
      [],
    );
  });

  it('without the right to write says so and does not start', async () => {
    const blind = await runServer(optionsWith(flags.filter((flag) => !flag.includes('-write='))));
    assert.equal(blind.code, 1);
    assert.match(blind.stderr, /data directory/);
  });
});
