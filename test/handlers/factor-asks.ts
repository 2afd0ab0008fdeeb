/** What the tests of second factors ask, and the people that they need. */
import assert from 'node:assert/strict';
import { type Answer, answers, post, type Session, session, WEB } from '../support/ask.ts';
import { type House, type HouseOptions, inHouse } from '../support/house.ts';
import { codeOf, newcomer, type Person } from '../support/people.ts';

export const FACTOR = '/v1/account/second-factor';
export const MAIL = {
  ...WEB,
  SAFE_EMAIL_BACKEND: 'smtp',
  SAFE_SMTP_HOST: '127.0.0.1',
  SAFE_SMTP_FROM: 'vault@example.org',
};
export const ADDRESS = 'somebody@example.org';
export const MINUTE_MS = 60_000;

export const inMail = (use: (house: House) => Promise<void>, options: HouseOptions = {}) =>
  inHouse({ env: MAIL, ...options }, use);
export const challenge = (house: House, as: Session, body: unknown = {}) =>
  post(house, `${FACTOR}/email/challenge`, as, body);
export const emailVerify = (house: House, as: Session, code: unknown) =>
  post(house, `${FACTOR}/email/verify`, as, { code });
export const enroll = (house: House, as: Session) => post(house, `${FACTOR}/totp/enroll`, as);
export const confirm = (house: House, as: Session, code: unknown) =>
  post(house, `${FACTOR}/totp/confirm`, as, { code });
export const verify = (house: House, as: Session, code: unknown) =>
  post(house, `${FACTOR}/totp/verify`, as, { code });

export const INVALID_MAIL = 'second_factor_challenge_invalid';
export const INVALID_TOTP = 'totp_challenge_invalid';

export const codeIn = (text = '') => /^[A-Za-z0-9_-]{43}$/m.exec(text)?.[0] ?? 'no code was mailed';
export const mailedCode = (house: House) => codeIn(house.mail.at(-1)?.text);

/** Somebody whose only factor is e-mail. */
export async function withEmail(house: House, username = 'somebody', email = ADDRESS): Promise<Person> {
  const person = await newcomer(house, username);
  const as = await session(house, person);
  answers(await challenge(house, as, { email }), 202);
  answers(await emailVerify(house, as, mailedCode(house)), 200);
  return person;
}

/** A code that is not the one, whatever that is. */
export const wrongCode = (house: House, seed: string) => {
  const right = [-1, 0, 1].map((step) => codeOf(house, seed, step));
  return ['000000', '111111', '222222', '333333'].find((code) => !right.includes(code)) ?? '444444';
};

export function exactly(answer: Answer, account: boolean, method: string, house: House): void {
  const { body } = answer;
  assert.deepEqual(Object.keys(body).sort(), [
    ...(account ? ['account'] : []),
    ...['second_factor', 'session', 'status'],
  ]);
  assert.equal(body.status, 'verified');
  assert.equal(body.second_factor.factor_type, method);
  assert.equal(body.second_factor.state, 'active');
  assert.deepEqual(Object.keys(body.session).sort(), [
    ...['second_factor_method', 'second_factor_verified_at', 'session_id'],
  ]);
  assert.equal(body.session.second_factor_method, method);
  assert.equal(Date.parse(body.session.second_factor_verified_at), house.clock.now());
}
