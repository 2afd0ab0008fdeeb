/** How many guesses an hour the default limits let through, for each thing that can be guessed. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { type House, type HouseOptions, inHouse, ORIGIN } from '../support/house.ts';
import { codeOf, type Person, sessionFor, settled, verifiedSession } from '../support/people.ts';
import { wrongCode } from './factor-asks.ts';

const MINUTE_MS = 60_000;
const DEFAULTS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'true',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'true',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'true',
};

/** In place of Argon2id, whose cost is not what is counted here. */
const quick: HouseOptions['ports'] = {
  hasher: {
    async argon2id(password, salt, { length }) {
      const hash = createHash('sha256').update(salt).update(password).digest();
      return new Uint8Array(hash.subarray(0, length));
    },
  },
};

const inDefaults = (use: (house: House) => Promise<void>, env: Readonly<Record<string, string>> = {}) =>
  inHouse({ env: { ...DEFAULTS, ...env }, ports: quick }, use);

const text = (bytes: number) => randomBytes(bytes).toString('base64url');
/** A paste id that nobody has. */
const anyId = () => `0${randomBytes(25).toString('hex').slice(0, 25)}`;

interface Guess {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly door?: 'main' | 'admin';
  readonly address?: string;
}

async function send(house: House, guess: Guess): Promise<Response> {
  const { path, door = 'main', address = '192.0.2.1', headers = {}, body } = guess;
  const method = guess.method ?? (body === undefined ? 'GET' : 'POST');
  const request = new Request(`${ORIGIN}${path}`, { method, headers, ...(body !== undefined && { body }) });
  return house[door](request, { address });
}

/** Guesses until it is told to wait. @returns how many were judged, each with `refused`. */
async function burst(house: House, refused: number, make: () => Guess, most = 1000): Promise<number> {
  for (let judged = 0; judged < most; judged += 1) {
    const { status } = await send(house, make());
    if (status === 429) return judged;
    assert.equal(status, refused, JSON.stringify(make()));
  }
  return most;
}

/** What a minute lets through, twice; an hour is sixty of them. */
async function aMinute(house: House, refused: number, make: () => Guess): Promise<number> {
  const first = await burst(house, refused, make);
  house.clock.advance(MINUTE_MS);
  assert.equal(await burst(house, refused, make), first);
  return first;
}

/** Guesses as often as it is let, every minute of an hour. */
async function anHour(house: House, guess: () => Promise<number>): Promise<number> {
  let judged = 0;
  for (let minute = 0; minute < 60; minute += 1) {
    judged += await guess();
    house.clock.advance(MINUTE_MS);
  }
  return judged;
}

async function newPaste(house: House, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const made = await send(house, {
    path: '/',
    body: 'bytes',
    headers: { ...headers, 'content-type': 'text/plain' },
  });
  assert.equal(made.status, 201);
  return ((await made.json()) as { id: string }).id;
}

it('viewer tokens, 256 bits: 372 a minute and peer over all that a link opens', async () => {
  await inDefaults(async (house) => {
    const link = () => `/i/${text(32)}`;
    assert.equal(await aMinute(house, 404, () => ({ path: link() })), 60);
    assert.equal(await aMinute(house, 404, () => ({ path: `${link()}/data` })), 300);
    assert.equal(await aMinute(house, 404, () => ({ path: `${link()}/incident/download` })), 12);
  });
});

it('paste ids, 128 bits: 360 a minute and peer, reading and managing', async () => {
  await inDefaults(async (house) => {
    assert.equal(await aMinute(house, 404, () => ({ path: `/${anyId()}/raw` })), 300);
    assert.equal(await aMinute(house, 404, () => ({ path: `/${anyId()}`, method: 'DELETE' })), 60);
  });
});

it('the delete token of a paste, 256 bits: 60 a minute and peer', async () => {
  await inDefaults(async (house) => {
    const path = `/${await newPaste(house)}`;
    const guess = () => ({ path, method: 'DELETE', headers: { 'x-delete-token': text(32) } });
    assert.equal(await aMinute(house, 403, guess), 60);
  });
});

it('the password of a paste: 40 an hour by one peer', async () => {
  await inDefaults(async (house) => {
    const path = `/${await newPaste(house, { 'x-paste-password': 'the right one', 'x-expiry': '86400' })}`;
    const guess = () => ({ path, headers: { 'x-paste-password': text(12) } });
    assert.equal(await anHour(house, () => burst(house, 403, guess)), 40);
  });
});

it('the password of a paste: 400 an hour by everybody together', async () => {
  await inDefaults(async (house) => {
    const path = `/${await newPaste(house, { 'x-paste-password': 'the right one', 'x-expiry': '86400' })}`;
    let peer = 0;
    const everybody = async () => {
      for (let judged = 0; ; ) {
        peer += 1;
        const address = `198.51.${peer >> 8}.${peer & 255}`;
        const more = await burst(house, 403, () => ({
          path,
          address,
          headers: { 'x-paste-password': text(12) },
        }));
        judged += more;
        if (more === 0) return judged;
      }
    };
    assert.equal(await anHour(house, everybody), 400);
  });
});

it('a burst at the password of a paste gets no further than one guess after the other', async () => {
  await inDefaults(async (house) => {
    const path = `/${await newPaste(house, { 'x-paste-password': 'the right one' })}`;
    const guesses = Array.from({ length: 50 }, () =>
      send(house, { path, headers: { 'x-paste-password': text(12) } }),
    );
    const judged = (await Promise.all(guesses)).filter(({ status }) => status === 403);
    assert.equal(judged.length, 10);
  });
});

it('passwords of accounts: 1,800 an hour by one peer, whatever the names, and 600 at the private door', async () => {
  await inDefaults(async (house) => {
    const login = () => JSON.stringify({ username: `name-${text(6).toLowerCase()}`, password: text(12) });
    assert.equal(await aMinute(house, 401, () => ({ path: '/v1/auth/login', body: login() })), 30);
    const form = () => new URLSearchParams({ username: `name-${text(6)}`, password: text(12) }).toString();
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      origin: ORIGIN,
      host: new URL(ORIGIN).host,
    };
    assert.equal(
      await aMinute(house, 401, () => ({ path: '/admin/login', door: 'admin', headers, body: form() })),
      10,
    );
  });
});

it('codes of an authenticator, 20 bits: 40 an hour and account, whoever asks, however many sessions', async () => {
  await inDefaults(async (house) => {
    const person = await settled(house, 'somebody');
    let peer = 0;
    const guess = async () => {
      for (let judged = 0; ; ) {
        peer += 1;
        const more = await codesOf(house, person, `198.51.100.${peer % 250}`);
        judged += more;
        if (more === 0) return judged;
        assert.ok(more <= 5, 'a session takes five wrong codes');
      }
    };
    assert.equal(await anHour(house, guess), 40);
  });
});

/** Guesses with a fresh session until it ends or is paused. */
async function codesOf(house: House, person: Person, address: string): Promise<number> {
  const authorization = `Bearer ${await sessionFor(house, person, 'bearer')}`;
  const path = '/v1/account/second-factor/totp/verify';
  for (let judged = 0; ; judged += 1) {
    const body = JSON.stringify({ code: wrongCode(house, person.seed ?? '') });
    const { status } = await send(house, { path, address, headers: { authorization }, body });
    if (status === 401 || status === 429) return judged;
    assert.equal(status, 400);
  }
}

it('a burst of codes accepts nothing after the fifth wrong one, right or not', async () => {
  await inDefaults(async (house) => {
    const person = await settled(house, 'somebody');
    const authorization = `Bearer ${await sessionFor(house, person, 'bearer')}`;
    const path = '/v1/account/second-factor/totp/verify';
    const codes = [
      ...Array.from({ length: 20 }, () => wrongCode(house, person.seed ?? '')),
      codeOf(house, person.seed ?? ''),
    ];
    const answers = codes.map((code) =>
      send(house, { path, headers: { authorization }, body: JSON.stringify({ code }) }),
    );
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.ok(!statuses.includes(200), String(statuses));
  });
});

it('the current password, to whoever stole a session: ten in a burst, and then a pause', async () => {
  await inDefaults(async (house) => {
    const person = await settled(house, 'somebody');
    const authorization = `Bearer ${await verifiedSession(house, person, 'bearer')}`;
    const guess = (address: string) => {
      const body = JSON.stringify({ current_password: text(12), new_password: text(12) });
      return send(house, { path: '/v1/account/password', address, headers: { authorization }, body });
    };
    const burst = Array.from({ length: 60 }, (_, i) => guess(`198.51.100.${i}`));
    const codes = await Promise.all(
      burst.map(async (answer) => ((await (await answer).json()) as { error: { code: string } }).error.code),
    );
    assert.equal(codes.filter((code) => code === 'invalid_credentials').length, 10, String(codes));
  });
});

it('tokens of proof of work, a tag of 128 bits: 30 a minute and peer', async () => {
  await inDefaults(
    async (house) => {
      const headers = () => ({
        'content-type': 'text/plain',
        'x-pow-token': text(36),
        'x-pow-solution': 'a',
      });
      assert.equal(await aMinute(house, 400, () => ({ path: '/', body: 'bytes', headers: headers() })), 30);
    },
    { SAFE_PASTE_POW_DIFFICULTY: '8' },
  );
});

it('the bootstrap secret, 256 bits: 10 a minute and peer', async () => {
  await inDefaults(async (house) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const guess = () => ({
      path: '/admin/bootstrap',
      door: 'admin' as const,
      headers,
      body: new URLSearchParams({
        bootstrap_secret: text(32),
        username: 'an-admin',
        password: 'a passphrase for tests only',
      }).toString(),
    });
    assert.equal(await aMinute(house, 401, guess), 10);
  });
});
