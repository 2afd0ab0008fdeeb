/** A mail server that goes away, keeps silent, and comes back: what is answered meanwhile, and what is mailed in the end. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { answers, ask, logIn, post } from '../support/ask.ts';
import { firstAdmin } from '../support/evidence.ts';
import { type Delivery, startMailServer, startSpeaker } from '../support/mail-server.ts';
import { PASSWORD } from '../support/people.ts';
import { until } from '../support/process.ts';
import { startServer } from '../support/server.ts';
import { doorsOf } from '../support/server-owner.ts';

const CHALLENGE = '/v1/account/second-factor/email/challenge';
const VERIFY = '/v1/account/second-factor/email/verify';
const PLAIN = { disabledCommands: ['STARTTLS', 'AUTH'] };
const ADDRESS = 'somebody@example.org';

/** The line of a mail that is a code. */
const codeIn = ({ text }: Delivery) => /^[A-Za-z0-9_-]{22,}$/m.exec(text)?.[0] ?? assert.fail(text);

it('mail waits for a mail server that is away where it was promised, and is refused where somebody waits for it', async (t) => {
  const before = await startMailServer(PLAIN);
  let there: { close(): Promise<void> } | undefined = before;
  t.after(() => there?.close());
  const leaves = async () => {
    await there?.close();
    there = undefined;
  };
  const at = before.port;
  await using server = await startServer({
    settings: {
      SAFE_EMAIL_BACKEND: 'smtp',
      SAFE_SMTP_HOST: '127.0.0.1',
      SAFE_SMTP_PORT: String(at),
      SAFE_SMTP_FROM: 'sallyport@example.org',
      SAFE_SMTP_STARTTLS: 'disabled',
      SAFE_SMTP_TIMEOUT: '1s',
      SAFE_ACCOUNT_REGISTRATION_MODE: 'open',
      SAFE_PUBLIC_WEB_ORIGIN: 'https://app.example.org',
    },
  });
  const doors = await doorsOf(server);
  const boss = await firstAdmin(doors);
  const account = { username: 'somebody', password: PASSWORD, role: 'user' };
  answers(await ask(doors, '/admin/api/accounts', { door: 'admin', as: boss, body: account }), 201);
  const as = await logIn(doors, account.username, 'bearer');
  const wanted = () => post(doors, CHALLENGE, as, { email: ADDRESS });
  const register = (username: string) =>
    post(doors, '/v1/auth/register', undefined, {
      username,
      email: `${username}@example.org`,
      password: PASSWORD,
    });

  answers(await wanted(), 202);
  await until(() => before.deliveries.length === 1);
  await leaves();

  // Away: whoever waits for a mail is told, and what needs none goes on.
  answers(await wanted(), 503, 'email_unavailable');
  assert.equal((await fetch(server.main, { method: 'POST', body: 'a paste' })).status, 201);

  // There, and silent: the same.
  there = await startSpeaker(() => {}, at);
  answers(await wanted(), 503, 'email_unavailable');
  assert.equal((await fetch(server.main, { method: 'POST', body: 'another paste' })).status, 201);
  await leaves();

  // Away again, as it is when somebody registers.
  answers(await register('newcomer'), 202);
  const back = await startMailServer({ ...PLAIN, at });
  there = back;
  await until(() => back.deliveries.some(({ to }) => to.includes('newcomer@example.org')));
  answers(await wanted(), 202);
  await until(() => back.deliveries.some(({ to }) => to.includes(ADDRESS)));
  assert.equal(back.deliveries.length, 2, 'each once');
  const [link = ''] = /token=\S+/.exec(back.deliveries[0]?.text ?? '') ?? [];
  const token = decodeURIComponent(link.slice('token='.length));
  answers(await post(doors, '/v1/auth/email/verify', undefined, { token }), 200);
  // A code that was mailed before counts as it did.
  const [first = assert.fail()] = before.deliveries;
  answers(await post(doors, VERIFY, as, { code: codeIn(first) }), 200);
  assert.doesNotMatch(server.log(), /example\.org/, 'no address in the log');
});
