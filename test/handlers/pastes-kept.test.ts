import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sha256Hex } from '../runtimes/pastes/options.ts';
import { DIFFICULTY, work } from '../runtimes/pastes/working.ts';
import {
  bytes,
  created,
  info,
  post,
  put,
  raw,
  refused,
  remove,
  same,
  somebody,
  token,
  words,
} from '../support/door.ts';
import { atDoor, doorOf } from '../support/handler-door.ts';
import { type House, openHouse } from '../support/house.ts';

/** Everything in every table of a house, as text. */
async function everything({ db }: House): Promise<string> {
  const sql = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`;
  const [tables] = await db.batch([{ sql }], 'read');
  const names = (tables?.rows ?? []).map(([name]) => String(name));
  const contents = await db.batch(
    names.map((name) => ({ sql: `SELECT * FROM "${name}"` })),
    'read',
  );
  const show = (value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
  return contents
    .map(({ rows }, i) => `${names[i]}\n${rows.map((row) => row.map(show).join('\t')).join('\n')}`)
    .join('\n');
}

const PROXIED = { SAFE_TRUSTED_PROXIES: '127.0.0.1/32' };

describe('what the database keeps', () => {
  it('is neither an id, nor a token, a password, a proof, a key or an address', async () => {
    const env = { ...PROXIED, SAFE_PASTE_POW_DIFFICULTY: String(DIFFICULTY) };
    await atDoor({ env }, async (door, house) => {
      const who = somebody();
      const done = await work(door, who);
      const password = 'canary-password';
      const proof = 'canary-proof-of-high-entropy';
      const key = 'canary-idempotency-key';
      const paste = await created(door, words(), {
        ...who,
        ...done,
        'x-paste-password': password,
        'idempotency-key': key,
      });
      const proven = await created(door, words(), {
        ...who,
        ...(await work(door, who)),
        'x-paste-access-hash': sha256Hex(proof),
      });
      await raw(door, paste.id, { ...who, 'x-paste-password': 'canary-guess' });
      await raw(door, proven.id, { ...who, 'x-paste-password': proof });
      const kept = await everything(house);
      assert.match(kept, /\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$/);
      assert.ok(kept.includes(sha256Hex(paste.delete_token)));
      assert.ok(kept.includes(sha256Hex(proof)));
      const secrets = [
        paste.id,
        proven.id,
        paste.delete_token,
        password,
        proof,
        key,
        'canary',
        done['x-pow-token'],
        who['x-forwarded-for'],
      ];
      for (const secret of secrets) assert.ok(!kept.includes(secret), secret);
    });
  });

  it('is changed by no reading, and by nothing that is refused', async () => {
    await atDoor({ env: PROXIED }, async (door, house) => {
      const open = await created(door, bytes(2 * 1024 * 1024));
      const burn = await created(door, words(), { 'x-burn-after-read': '1', 'x-paste-password': 'right' });
      const before = await everything(house);
      const right = { 'x-paste-password': 'right' };
      for (const { id } of [open, burn]) {
        await info(door, id, right);
        for (const method of ['HEAD', 'OPTIONS', 'PATCH', 'POST']) {
          for (const path of [`/${id}`, `/${id}/raw`]) await door.send({ method, path, headers: right });
        }
        refused(await remove(door, id, { 'x-delete-token': 'wrong' }), 403, 'not_owner');
        refused(await put(door, id, 'x', { 'x-delete-token': 'wrong' }), 403, 'not_owner');
      }
      await raw(door, open.id);
      refused(await raw(door, burn.id), 401, 'password_required');
      refused(await raw(door, burn.id, { ...right, range: 'bytes=0-' }), 416, 'range_not_satisfiable');
      refused(await raw(door, burn.id, { ...right, 'if-none-match': '*' }), 412, 'precondition_failed');
      refused(await raw(door, burn.id, { ...right, 'sec-purpose': 'prefetch' }), 425, 'too_early');
      refused(await post(door, '', right), 400, 'empty_paste');
      assert.ok((await everything(house)) === before, 'something was written');
    });
  });

  it('holds nothing of a paste that is gone', async () => {
    await atDoor({}, async (door, house) => {
      const text = words('gone for good');
      const burned = await created(door, text, { 'x-burn-after-read': '1' });
      const deleted = await created(door, text);
      const replaced = await created(door, text);
      assert.ok((await everything(house)).includes(text));
      await raw(door, burned.id);
      await remove(door, deleted.id, token(deleted));
      await put(door, replaced.id, 'other words', token(replaced));
      assert.ok(!(await everything(house)).includes(text));
    });
  });
});

describe('two servers on one database', () => {
  const inTwo = async (
    env: Readonly<Record<string, string>>,
    use: (one: ReturnType<typeof doorOf>, two: ReturnType<typeof doorOf>) => Promise<void>,
  ) => {
    const first = await openHouse({ env });
    try {
      const second = await openHouse({ env, data: first.db, clock: first.clock });
      await use(doorOf(first), doorOf(second));
    } finally {
      await first.close();
    }
  };

  it('spend a proof of work once', async () => {
    await inTwo({ SAFE_PASTE_POW_DIFFICULTY: String(DIFFICULTY) }, async (one, two) => {
      const done = await work(one);
      await created(two, words(), done);
      refused(await post(one, words(), done), 400, 'pow_invalid');
    });
  });

  it('answer one key with one paste, and its token counts at both', async () => {
    await inTwo({}, async (one, two) => {
      const text = words();
      const headers = { 'idempotency-key': 'one-key-for-both' };
      const answers = await Promise.all([post(one, text, headers), post(two, text, headers)]);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 201]);
      assert.equal(answers[0].text, answers[1].text);
      const { id, delete_token: deleteToken } = answers[0].json as { id: string; delete_token: string };
      assert.equal((await remove(two, id, { 'x-delete-token': deleteToken })).status, 200);
      refused(await info(one, id), 404, 'paste_not_found');
    });
  });

  it('burn a paste once', async () => {
    await inTwo({}, async (one, two) => {
      for (let round = 0; round < 20; round += 1) {
        const text = words();
        const { id } = await created(one, text, { 'x-burn-after-read': '1' });
        const answers = await Promise.all([one, two, one, two, one, two].map((door) => raw(door, id)));
        const winners = answers.filter(({ status }) => status === 200);
        assert.equal(winners.length, 1);
        same(winners[0]?.bytes ?? new Uint8Array(), text);
      }
    });
  });

  it('count the same bytes and the quota together', async () => {
    await inTwo({ SAFE_PASTE_STORAGE_QUOTA: '100' }, async (one, two) => {
      const body = bytes(20);
      for (const door of [one, two, one]) await created(door, body);
      refused(await post(two, body), 429, 'duplicate_content');
      refused(await post(two, bytes(50)), 507, 'storage_quota_exceeded');
      await created(one, bytes(40));
    });
  });

  it('count wrong passwords together', async () => {
    await inTwo({}, async (one, two) => {
      const { id } = await created(one, words(), { 'x-paste-access-hash': sha256Hex('proof') });
      for (let i = 0; i < 10; i += 1) {
        const answer = await raw(i % 2 ? one : two, id, { 'x-paste-password': 'wrong' });
        refused(answer, 403, 'password_invalid');
      }
      for (const door of [one, two]) {
        refused(await raw(door, id, { 'x-paste-password': 'proof' }), 429, 'password_locked');
      }
    });
  });
});
