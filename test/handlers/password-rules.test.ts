/** Which passwords accounts get, by every way to one: all of the right length, but for what the operator refuses. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { operatorCommands } from '../../runtime/operator.ts';
import { type OpenPasswordList, openPasswordList } from '../../runtime/password-list.ts';
import { Fault } from '../../src/core/faults.ts';
import { type Answer, answers, ask, post, verified } from '../support/ask.ts';
import { BOOTSTRAP_SECRET, type House, inHouse } from '../support/house.ts';
import { PASSWORD, settled } from '../support/people.ts';
import { adminAt, Visitor } from './admin-visitor.ts';

const OPEN = {
  SAFE_ACCOUNT_REGISTRATION_MODE: 'open',
  SAFE_EMAIL_BACKEND: 'smtp',
  SAFE_SMTP_HOST: 'mail.example',
  SAFE_SMTP_FROM: 'vault@example.org',
  SAFE_PUBLIC_WEB_ORIGIN: 'https://app.example',
};

/** What came of asking for a password: whether it was taken, and what was said. */
interface Outcome {
  readonly taken: boolean;
  readonly said: string;
}

/** What a program was told: that it was taken, with this status, or that the password is refused. */
function told(answer: Answer, taken: number): Outcome {
  if (answer.status === taken) answers(answer, taken);
  else answers(answer, 400, 'invalid_password');
  return { taken: answer.status === taken, said: answer.text };
}

/** Every way in which an account gets a password, for somebody called grace. */
const WAYS: readonly (readonly [
  way: string,
  attempt: (house: House, password: string) => Promise<Outcome>,
])[] = [
  [
    'a registration',
    async (house, password) => {
      const body = { username: 'grace', email: 'grace@navy.example', password };
      const answer = await post(house, '/v1/auth/register', undefined, body);
      return told(answer, 202);
    },
  ],
  [
    'a change of one’s own',
    async (house, password) => {
      const as = await verified(house, await settled(house, 'grace'));
      const body = { current_password: PASSWORD, new_password: password };
      const answer = await post(house, '/v1/account/password', as, body);
      return told(answer, 200);
    },
  ],
  [
    'an account made by an admin’s program',
    async (house, password) => {
      const as = await verified(house, await settled(house, 'ada', 'admin'));
      const body = { username: 'grace', password, role: 'user' };
      const answer = await ask(house, '/admin/api/accounts', { as, body, door: 'admin' });
      return told(answer, 201);
    },
  ],
  [
    'a reset by an admin’s program',
    async (house, password) => {
      const as = await verified(house, await settled(house, 'ada', 'admin'));
      const { account } = await settled(house, 'grace');
      const path = `/admin/api/accounts/${account.id}/password`;
      const answer = await ask(house, path, { as, body: { new_password: password }, door: 'admin' });
      return told(answer, 200);
    },
  ],
  [
    'an account made on the dashboard',
    async (house, password) => {
      const { who } = await adminAt(house, 'ada', 'inside');
      const page = await who.post('/admin/accounts', { username: 'grace', password, role: 'user' });
      return { taken: page.status === 303, said: page.text };
    },
  ],
  [
    'a reset on the dashboard',
    async (house, password) => {
      const { who } = await adminAt(house, 'ada', 'inside');
      const { account } = await settled(house, 'grace');
      const page = await who.post(`/admin/accounts/${account.id}/password`, { new_password: password });
      return { taken: page.status === 303, said: page.text };
    },
  ],
  [
    'an admin’s own on the dashboard',
    async (house, password) => {
      const { who } = await adminAt(house, 'grace', 'inside');
      const fields = { current_password: PASSWORD, new_password: password };
      const page = await who.post('/admin/password', fields);
      return { taken: page.status === 303, said: page.text };
    },
  ],
  [
    'the first admin',
    async (house, password) => {
      const fields = { bootstrap_secret: BOOTSTRAP_SECRET, username: 'grace', password };
      const page = await new Visitor(house).postRaw('/admin/bootstrap', fields);
      return { taken: page.status === 303, said: page.text };
    },
  ],
  [
    'a command on the machine',
    async (house, password) => {
      const create = operatorCommands(house.deps)['account.create'] ?? assert.fail();
      try {
        await create({ username: 'grace', password, role: 'user' });
        return { taken: true, said: '' };
      } catch (error) {
        const said = error instanceof Error ? error.message : '';
        assert.ok(error instanceof Fault || said !== '');
        return { taken: false, said };
      }
    },
  ],
];

let folder = '';
let list: OpenPasswordList;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-common-'));
  await writeFile(join(folder, 'common'), `princess-of-everything\n${PASSWORD}\n`);
  list = await openPasswordList(join(folder, 'common'));
});
after(async () => {
  await list.close();
  await rm(folder, { recursive: true });
});

describe('a password that everybody tries', () => {
  for (const [way, attempt] of WAYS) {
    it(`is taken for ${way} where the operator refuses none, as clients were promised`, async () => {
      await inHouse({ env: OPEN }, async (house) => {
        assert.equal((await attempt(house, 'sallyport-grace')).taken, true);
      });
    });

    it(`is refused for ${way} where it is in the operator’s list, and repeated to nobody`, async () => {
      const env = { ...OPEN, SAFE_PASSWORD_LIST: join(folder, 'common') };
      await inHouse({ env, ports: { passwordList: list } }, async (house) => {
        const { taken, said } = await attempt(house, 'Princess-Of-Everything');
        assert.equal(taken, false);
        assert.match(said, /one of those that are tried first/);
        assert.ok(!/princess/i.test(said + JSON.stringify([house.log, house.details])));
      });
    });

    it(`is refused for ${way} where it is made of words that are known there`, async () => {
      const env = { ...OPEN, SAFE_PASSWORD_WORDS: 'acme' };
      await inHouse({ env }, async (house) => {
        const { taken, said } = await attempt(house, 'Grace@Acme-2026');
        assert.equal(taken, false);
        assert.match(said, /easy to guess/);
      });
    });
  }
});

describe('a list of passwords', () => {
  it('keeps nobody from logging in with the one that they have', async () => {
    const env = { SAFE_PASSWORD_LIST: join(folder, 'common') };
    await inHouse({ env, ports: { passwordList: list } }, async (house) => {
      await settled(house, 'grace');
      answers(await ask(house, '/v1/auth/login', { body: { username: 'grace', password: PASSWORD } }), 201);
    });
  });

  it('lets what is in neither list nor surroundings pass, and one of the wrong length not', async () => {
    const env = { ...OPEN, SAFE_PASSWORD_LIST: join(folder, 'common'), SAFE_PASSWORD_WORDS: 'acme' };
    await inHouse({ env, ports: { passwordList: list } }, async (house) => {
      const register = (password: string) =>
        post(house, '/v1/auth/register', undefined, { username: 'grace', email: 'g@navy.example', password });
      answers(await register('correct horse battery'), 202);
      const short = answers(await register('short'), 400, 'invalid_password');
      assert.match(short.body.error.message, /12 to 256 bytes/);
    });
  });

  it('that cannot be searched lets nobody in and fails nothing else', async () => {
    const env = { ...OPEN, SAFE_PASSWORD_LIST: join(folder, 'common') };
    const damaged = { has: () => Promise.reject(new RangeError('a line is no hash')) };
    await inHouse({ env, ports: { passwordList: damaged } }, async (house) => {
      const body = { username: 'grace', email: 'g@navy.example', password: 'correct horse battery' };
      const refused = answers(
        await post(house, '/v1/auth/register', undefined, body),
        503,
        'storage_unavailable',
      );
      assert.equal(refused.headers.get('retry-after'), '60');
      const line = house.log.find(({ msg }) => msg === 'the list of passwords cannot be searched');
      assert.equal(line?.level, 'error');
      await settled(house, 'ada');
      answers(await ask(house, '/v1/auth/login', { body: { username: 'ada', password: PASSWORD } }), 201);
      answers(
        await ask(house, '/v1/auth/login', { body: { username: 'grace', password: body.password } }),
        401,
        'invalid_credentials',
      );
    });
  });
});
