/** Requests of second factors: codes that were mailed or are shown, and passkeys, of which some are wrong on purpose. */
import { APP } from '../../../test/support/ask.ts';
import type { Twist } from '../../../test/support/authenticator.ts';
import { BOOTSTRAP_SECRET } from '../../../test/support/house.ts';
import { PASSWORD } from '../../../test/support/people.ts';
import type { Chance } from '../chance.ts';
import type { Building, Draft } from './build.ts';
import { RP_ID } from './profiles.ts';

/** A ceremony has something wrong so often: once in so many. */
const WRONG_ONCE_IN = 3;

/** What an authenticator, or whoever stands between, may do. */
const TWISTS: readonly [(chance: Chance) => Twist, ...((chance: Chance) => Twist)[]] = [
  () => ({ origin: 'https://app.example.evil.example' }),
  () => ({ origin: 'http://app.example' }),
  () => ({ rpId: 'example' }),
  () => ({ type: 'webauthn.create' }),
  () => ({ type: 'webauthn.get' }),
  () => ({ challenge: 'AAAA' }),
  () => ({ clientData: { crossOrigin: true, topOrigin: 'https://evil.example', tokenBinding: 'x' } }),
  (chance) => ({ flags: chance.below(256) }),
  (chance) => ({ count: chance.of([0, 1, 2 ** 31, 2 ** 32 - 1]) }),
  (chance) => ({ credentialId: chance.bytes(chance.of([0, 1, 1023, 1024, 5000])) }),
  (chance) => ({ keyBytes: chance.bytes(chance.below(100)) }),
  (chance) => ({ key: new Map([[chance.of([1, 3, -1, -2, -3]), chance.of([-7, -8, -257, 0, 2])]]) }),
  () => ({ format: 'packed' }),
  () => ({ format: 'tpm', statement: new Map([['ver', '2.0']]) }),
  (chance) => ({ signature: chance.bytes(chance.of([0, 1, 64, 72])) }),
  (chance) => ({ userHandle: chance.bytes(chance.of([0, 16, 64, 200])) }),
  (chance) => ({
    tamper: (data) => data.map((byte, at) => (at === chance.below(data.length) ? byte ^ 1 : byte)),
  }),
  (chance) => ({ tamper: (data) => data.slice(0, chance.below(data.length)) }),
  () => ({ inner: { transports: 'usb', clientDataJSON: 5 } }),
  () => ({ outer: { rawId: 'AAAA', type: 'password', response: null } }),
];

function ceremony(kind: 'register' | 'verify'): (building: Building, draft: Draft) => void {
  return ({ chance, pool, who, account }, draft) => {
    if (account === undefined) return;
    const challenge = pool.newest(`passkey ${kind}`, who) ?? 'AAAA';
    const scene = { origin: APP, rpId: RP_ID, challenge };
    const twist = chance.once(WRONG_ONCE_IN) ? chance.of(TWISTS)(chance) : {};
    draft.json = kind === 'register' ? account.device.create(scene, twist) : account.device.get(scene, twist);
  };
}

/** Puts values into a form or a document, whichever it is. */
function fill(draft: Draft, values: Readonly<Record<string, string>>): void {
  if (draft.fields === undefined) draft.json = values;
  else for (const field of draft.fields) field[1] = values[field[0]] ?? field[1];
}

const shown = ({ account }: Building, draft: Draft) => fill(draft, { code: account?.code() ?? '000000' });

const mailed = ({ chance, pool, who }: Building, draft: Draft) =>
  fill(draft, { code: pool.newest('mailed code', who) ?? String(chance.below(1_000_000)).padStart(6, '0') });

function login({ account, chance }: Building, draft: Draft): void {
  const username = account === undefined || chance.once(4) ? 'nobody-of-this-name' : account.username;
  fill(draft, { username, password: PASSWORD });
}

export const CEREMONIES: Readonly<Record<string, (building: Building, draft: Draft) => void>> = {
  'auth.login': login,
  'auth.web-login': (building, draft) => {
    login(building, draft);
    draft.headers.push(['origin', APP]);
  },
  'dashboard.login': login,
  'dashboard.bootstrap': ({ chance }, draft) =>
    fill(draft, { bootstrap_secret: chance.once(4) ? 'a guess' : BOOTSTRAP_SECRET }),
  'auth.email-verify': ({ chance, pool, who }, draft) =>
    fill(draft, { token: pool.pick(chance, 'registration', who) ?? 'A'.repeat(43) }),
  'factors.email-challenge': ({ chance }, draft) => {
    draft.json = chance.once(4) ? {} : { email: `somebody-${chance.below(1000)}@example.org` };
  },
  'factors.email-verify': mailed,
  'dashboard.email-verify': mailed,
  'factors.totp-verify': shown,
  'factors.totp-confirm': shown,
  'dashboard.totp-verify': shown,
  'dashboard.totp-confirm': shown,
  'passkeys.register-finish': ceremony('register'),
  'passkeys.verify-finish': ceremony('verify'),
};
