/** Second factors that are codes: mailed ones and TOTP. */
import * as v from 'valibot';
import { challengeEmail, confirmTotp, enrolTotp, verifyEmailCode, verifyTotp } from '../../core/factors.ts';
import type { EmailFactor, TotpFactor } from '../../store/accounts.ts';
import { AccountView, accountView, SessionView, sessionView } from '../kit/account-view.ts';
import { JSON_FAULTS, readFields, readOptionalFields } from '../kit/body.ts';
import { json } from '../kit/reply.ts';
import { noParams, productRoute } from '../kit/route.ts';
import { anySession, settingUp } from '../kit/session.ts';
import { timestamp } from '../kit/time.ts';
import { originOf } from './origin.ts';

const CLASS = 'auth_email_verify';
const time = v.pipe(v.string(), v.isoTimestamp());

const factorView = (type: 'email_challenge' | 'totp') =>
  v.strictObject({
    id: v.string(),
    factor_type: v.literal(type),
    state: v.literal('active'),
    verified_at: time,
  });

function proven(type: 'email_challenge' | 'totp', { id, verifiedAt }: EmailFactor | TotpFactor) {
  return { id, factor_type: type, state: 'active', verified_at: timestamp(verifiedAt ?? 0) };
}

export const emailChallenge = productRoute({
  id: 'factors.email-challenge',
  method: 'POST',
  path: '/v1/account/second-factor/email/challenge',
  limit: CLASS,
  gate: anySession,
  params: noParams,
  summary: 'Mail a code: to set this factor up, or to verify the session with it.',
  body: {
    description: 'The address to set up; ignored once one is active.',
    types: [],
    json: v.strictObject({ email: v.optional(v.string()) }),
  },
  answers: {
    202: {
      description: 'Mailed.',
      schema: v.strictObject({ status: v.literal('challenge_sent'), message: v.string(), expires_at: time }),
    },
  },
  faults: [
    ...JSON_FAULTS,
    'second_factor_verification_required',
    'email_required',
    'invalid_email',
    'second_factor_already_configured',
    'email_unavailable',
  ],
  async reply({ deps, request, visitor, who }) {
    const { email } = await readOptionalFields(request, deps, ['email']);
    const expiresAt = await challengeEmail(deps, originOf(who, CLASS), visitor, who.live, email);
    return json(202, {
      status: 'challenge_sent',
      message: 'If the email challenge can be completed, a verification email will be sent.',
      expires_at: timestamp(expiresAt),
    });
  },
});

export const emailVerify = productRoute({
  id: 'factors.email-verify',
  method: 'POST',
  path: '/v1/account/second-factor/email/verify',
  limit: CLASS,
  gate: anySession,
  params: noParams,
  summary: 'Show a mailed code: it activates the factor and verifies the session.',
  body: {
    description: 'The code; `token` is another name for it.',
    types: [],
    json: v.strictObject({ code: v.optional(v.string()), token: v.optional(v.string()) }),
  },
  answers: {
    200: {
      description: 'Verified.',
      schema: v.strictObject({
        status: v.literal('verified'),
        second_factor: factorView('email_challenge'),
        account: AccountView,
        session: SessionView,
      }),
    },
  },
  faults: [...JSON_FAULTS, 'second_factor_challenge_invalid'],
  async reply({ deps, request, who }) {
    const { code, token } = await readFields(request, deps, ['code', 'token']);
    const { factor, live } = await verifyEmailCode(deps, originOf(who, CLASS), who.live, code ?? token);
    return json(200, {
      status: 'verified',
      second_factor: proven('email_challenge', factor),
      account: accountView(live.account),
      session: sessionView(live),
    });
  },
});

export const totpEnroll = productRoute({
  id: 'factors.totp-enroll',
  method: 'POST',
  path: '/v1/account/second-factor/totp/enroll',
  limit: CLASS,
  gate: settingUp,
  params: noParams,
  summary: 'A new TOTP seed, shown this once; a repeated call replaces it until it is confirmed.',
  body: { description: 'Nothing.', types: [], json: v.strictObject({}) },
  answers: {
    201: {
      description: 'The seed (RFC 6238).',
      schema: v.strictObject({
        id: v.string(),
        factor_type: v.literal('totp'),
        state: v.literal('pending'),
        secret: v.string(),
        otpauth_url: v.string(),
        issuer: v.string(),
        account_name: v.string(),
        period_seconds: v.literal(30),
        digits: v.literal(6),
        algorithm: v.literal('SHA1'),
      }),
    },
  },
  faults: [...JSON_FAULTS, 'second_factor_already_configured'],
  async reply({ deps, request, who }) {
    await readOptionalFields(request, deps, []);
    const { id, ...enrolment } = await enrolTotp(deps, originOf(who, CLASS), who.live);
    return json(201, { id, factor_type: 'totp', state: 'pending', ...enrolment });
  },
});

const CODE_BODY = { description: 'Six digits.', types: [], json: v.strictObject({ code: v.string() }) };

export const totpConfirm = productRoute({
  id: 'factors.totp-confirm',
  method: 'POST',
  path: '/v1/account/second-factor/totp/confirm',
  limit: CLASS,
  gate: settingUp,
  params: noParams,
  summary: 'Activate the seed with a code of it; the session is verified with that.',
  body: CODE_BODY,
  answers: {
    200: {
      description: 'Active.',
      schema: v.strictObject({
        status: v.literal('verified'),
        second_factor: factorView('totp'),
        account: AccountView,
        session: SessionView,
      }),
    },
  },
  faults: [...JSON_FAULTS, 'totp_challenge_invalid'],
  async reply({ deps, request, who }) {
    const { code } = await readFields(request, deps, ['code']);
    const { factor, live } = await confirmTotp(deps, originOf(who, CLASS), who.live, code);
    return json(200, {
      status: 'verified',
      second_factor: proven('totp', factor),
      account: accountView(live.account),
      session: sessionView(live),
    });
  },
});

export const totpVerify = productRoute({
  id: 'factors.totp-verify',
  method: 'POST',
  path: '/v1/account/second-factor/totp/verify',
  limit: CLASS,
  gate: anySession,
  params: noParams,
  summary: 'Verify the session with a code; each code counts once.',
  body: CODE_BODY,
  answers: {
    200: {
      description: 'Verified.',
      schema: v.strictObject({
        status: v.literal('verified'),
        second_factor: factorView('totp'),
        session: SessionView,
      }),
    },
  },
  faults: [...JSON_FAULTS, 'totp_challenge_invalid'],
  async reply({ deps, request, who }) {
    const { code } = await readFields(request, deps, ['code']);
    const { factor, live } = await verifyTotp(deps, originOf(who, CLASS), who.live, code);
    return json(200, {
      status: 'verified',
      second_factor: proven('totp', factor),
      session: sessionView(live),
    });
  },
});

export const factorRoutes = [emailChallenge, emailVerify, totpEnroll, totpConfirm, totpVerify];
