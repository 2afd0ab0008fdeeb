/**
 * What a guess sets in motion, counted at the ports: queries, derivations and comparisons, in their order. Guesses
 * that are wrong in different ways must not differ in any of it, and a right one not before the comparison that
 * tells it from a wrong one.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Deps } from '../../src/core/deps.ts';
import type { Db } from '../../src/store/db.ts';
import { onComparison } from '../support/comparisons.ts';
import type { House } from '../support/house.ts';

// After the hook that counts comparisons.
const { openHouse, BOOTSTRAP_SECRET, ORIGIN } = await import('../support/house.ts');
const { codeOf, newcomer, PASSWORD, sessionFor, settled } = await import('../support/people.ts');
const { ownerIn, newIncident, newViewerToken } = await import('../support/evidence.ts');
const { post } = await import('../support/ask.ts');
const { wrongCode } = await import('./factor-asks.ts');
const { solve } = await import('./hash-cash.ts');
const { openEmbedded } = await import('../../src/store/native/embedded.ts');

/** `read` and `write` are one round trip each, `derive` is Argon2id, `compare 32` a comparison of 32 bytes. */
type Step = string;

interface Counted {
  readonly house: House;
  /** What one request sets in motion, and its status. */
  watch(
    path: string,
    init?: RequestInit,
    door?: 'main' | 'admin',
  ): Promise<{ status: number; steps: Step[] }>;
}

async function inCounted(
  env: Readonly<Record<string, string>>,
  use: (counted: Counted) => Promise<void>,
): Promise<void> {
  let steps: Step[] = [];
  const inner = await openEmbedded({ path: ':memory:' });
  const data: Db = {
    async batch(statements, mode) {
      steps.push(mode);
      return inner.batch(statements, mode);
    },
    close: () => inner.close(),
  };
  const hasher: Deps['hasher'] = {
    async argon2id(password, salt, { length }) {
      steps.push('derive');
      const hash = createHash('sha256').update(salt).update(password).digest();
      return new Uint8Array(hash.subarray(0, length));
    },
  };
  const house = await openHouse({ env, data, ports: { hasher } });
  const forget = onComparison((length) => steps.push(`compare ${length}`));
  try {
    await use({
      house,
      async watch(path, init = {}, door = 'main') {
        steps = [];
        const response = await house[door](new Request(`${ORIGIN}${path}`, init));
        await response.arrayBuffer();
        return { status: response.status, steps };
      },
    });
  } finally {
    forget();
    await house.close();
    await inner.close();
  }
}

/** Another first character, another last one, another length, and nothing of it right. */
function spoilt(right: string): string[] {
  const other = (character = '') => (character === 'A' ? 'B' : 'A');
  return [
    other(right[0]) + right.slice(1),
    right.slice(0, -1) + other(right.at(-1)),
    `${right}A`,
    randomBytes(32).toString('base64url'),
  ];
}

async function newPaste(house: House, headers: Readonly<Record<string, string>> = {}) {
  const init = { method: 'POST', body: 'bytes', headers: { ...headers, 'content-type': 'text/plain' } };
  const made = await house.main(new Request(`${ORIGIN}/`, init));
  assert.equal(made.status, 201);
  return (await made.json()) as { id: string; delete_token: string };
}

const json = (body: unknown, headers: Readonly<Record<string, string>> = {}): RequestInit => ({
  method: 'POST',
  headers,
  body: JSON.stringify(body),
});

describe('right and wrong set the same in motion:', () => {
  it('a viewer token is one look by its hash, whatever is wrong with it', async () => {
    await inCounted({}, async ({ house, watch }) => {
      const { as } = await ownerIn(house);
      const incidentId = await newIncident(house, as);
      const { token } = await newViewerToken(house, as, incidentId);
      const expired = await newViewerToken(house, as, incidentId, { expires_at: '2020-01-01T00:00:00Z' });
      const revoked = await newViewerToken(house, as, incidentId);
      await post(house, `/v1/incident-tokens/${revoked.tokenId}/revoke`, as);
      assert.deepEqual(await watch(`/i/${token}/data`), { status: 200, steps: ['read'] });
      for (const wrong of [...spoilt(token), expired.token, revoked.token, 'x'])
        assert.deepEqual(await watch(`/i/${wrong}/data`), { status: 404, steps: ['read'] });
    });
  });

  it('a paste id is one look by its hash', async () => {
    await inCounted({}, async ({ house, watch }) => {
      const { id } = await newPaste(house);
      assert.deepEqual(await watch(`/${id}`), { status: 200, steps: ['read'] });
      const last = id.at(-1) === '0' ? '1' : '0';
      const first = id[0] === '0' ? '1' : '0';
      for (const wrong of [first + id.slice(1), id.slice(0, -1) + last, `z${id.slice(1)}`])
        assert.deepEqual(await watch(`/${wrong}`), { status: 404, steps: ['read'] });
    });
  });

  it('a paste’s password is looked up, derived and compared once; a wrong one is written down', async () => {
    await inCounted({}, async ({ house, watch }) => {
      const secret = 'the right password';
      const { id } = await newPaste(house, { 'x-paste-password': secret });
      const show = (password: string) => watch(`/${id}`, { headers: { 'x-paste-password': password } });
      const judged = ['read', 'read', 'derive', 'compare 32'];
      assert.deepEqual(await show(secret), { status: 200, steps: judged });
      for (const wrong of [...spoilt(secret), 'x', "UTF-8''%zz"])
        assert.deepEqual(await show(wrong), { status: 403, steps: [...judged, 'write'] });
    });
  });

  it('the proof of a sealed paste’s password is compared by its hash', async () => {
    await inCounted({}, async ({ house, watch }) => {
      const proof = randomBytes(32).toString('base64url');
      const { id } = await newPaste(house, {
        'x-paste-access-hash': createHash('sha256').update(proof).digest('hex'),
      });
      const show = (password: string) => watch(`/${id}`, { headers: { 'x-paste-password': password } });
      const judged = ['read', 'read', 'compare 64'];
      assert.deepEqual(await show(proof), { status: 200, steps: judged });
      for (const wrong of [...spoilt(proof), 'x'])
        assert.deepEqual(await show(wrong), { status: 403, steps: [...judged, 'write'] });
    });
  });

  it('a delete token is compared by its hash, once; a right one deletes', async () => {
    await inCounted({}, async ({ house, watch }) => {
      const { id, delete_token: token } = await newPaste(house);
      const show = (given: string) =>
        watch(`/${id}`, { method: 'DELETE', headers: { 'x-delete-token': given } });
      for (const wrong of [...spoilt(token), 'x'])
        assert.deepEqual(await show(wrong), { status: 403, steps: ['read', 'compare 64'] });
      assert.deepEqual(await show(token), { status: 200, steps: ['read', 'compare 64', 'write'] });
    });
  });

  it('a login derives and compares once, whether or not anybody has the name', async () => {
    await inCounted({}, async ({ house, watch }) => {
      await newcomer(house, 'somebody');
      const shut = await newcomer(house, 'shut');
      const sql = "UPDATE accounts SET state = 'disabled' WHERE id = ?";
      await house.db.batch([{ sql, args: [shut.account.id] }], 'write');
      const login = (username: unknown, password: unknown) =>
        watch('/v1/auth/login', json({ username, password }));
      const judged = ['read', 'read', 'derive', 'compare 32'];
      const refused = { status: 401, steps: [...judged, 'write'] };
      for (const wrong of spoilt(PASSWORD)) assert.deepEqual(await login('somebody', wrong), refused);
      for (const [name, password] of [
        ['nobody', PASSWORD],
        ['shut', PASSWORD],
        ['x', PASSWORD],
        ['somebody', ''],
        ['somebody', 'x'.repeat(5000)],
        ['somebody', 7],
        [null, PASSWORD],
      ])
        assert.deepEqual(await login(name, password), refused, `${name}`);
      const right = await login('somebody', PASSWORD);
      assert.equal(right.status, 201);
      assert.deepEqual(right.steps.slice(0, judged.length), judged);
      assert.ok(!right.steps.slice(judged.length).some((step) => /derive|compare/.test(step)));
    });
  });

  it('an authenticator’s code is compared with all three steps, and written down either way', async () => {
    await inCounted({}, async ({ house, watch }) => {
      const person = await settled(house, 'somebody');
      const seed = person.seed ?? '';
      const token = await sessionFor(house, person, 'bearer');
      const show = (code: string) =>
        watch('/v1/account/second-factor/totp/verify', json({ code }, { authorization: `Bearer ${token}` }));
      // The session, the pause, the seed.
      const judged = ['read', 'read', 'read', 'compare 6', 'compare 6', 'compare 6', 'write'];
      const near = codeOf(house, seed).replace(/^./, (digit) => String((Number(digit) + 1) % 10));
      for (const wrong of [wrongCode(house, seed), near])
        assert.deepEqual(await show(wrong), { status: 400, steps: judged });
      assert.deepEqual(await show(codeOf(house, seed)), { status: 200, steps: judged });
    });
  });

  it('a token of proof of work is compared before anything is looked at', async () => {
    const env = { SAFE_PASTE_POW_DIFFICULTY: '4' };
    await inCounted(env, async ({ house, watch }) => {
      const asked = await house.main(new Request(`${ORIGIN}/challenge`));
      const { token } = (await asked.json()) as { token: string };
      const show = (given: string) =>
        watch('/', {
          method: 'POST',
          body: 'bytes',
          headers: {
            'content-type': 'text/plain',
            'x-pow-token': given,
            'x-pow-solution': solve(given, 4),
          },
        });
      const [first = '', last = ''] = spoilt(token);
      for (const wrong of [first, last, randomBytes(36).toString('base64url')])
        assert.deepEqual(await show(wrong), { status: 400, steps: ['compare 16'] });
      const right = await show(token);
      assert.equal(right.status, 201);
      assert.equal(right.steps[0], 'compare 16');
    });
  });

  it('the bootstrap secret is compared by its hash', async () => {
    await inCounted({}, async ({ watch }) => {
      const show = (secret: string) =>
        watch(
          '/admin/bootstrap',
          {
            method: 'POST',
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
            body: new URLSearchParams({
              bootstrap_secret: secret,
              username: 'an-admin',
              password: PASSWORD,
            }).toString(),
          },
          'admin',
        );
      for (const wrong of [...spoilt(BOOTSTRAP_SECRET), 'x']) {
        const { status, steps } = await show(wrong);
        assert.equal(status, 401);
        assert.deepEqual(steps, ['read', 'compare 32', 'write']);
      }
      const right = await show(BOOTSTRAP_SECRET);
      assert.equal(right.status, 303);
      assert.deepEqual(right.steps.slice(0, 2), ['read', 'compare 32']);
    });
  });
});
