/** Passkeys as second factors (Web Authentication Level 3). */
import * as v from 'valibot';
import {
  endAssertion,
  endRegistration,
  startAssertion,
  startRegistration,
} from '../../core/passkey-factor.ts';
import type { Passkey } from '../../store/accounts.ts';
import { AccountView, accountView, SessionView, sessionView } from '../kit/account-view.ts';
import { JSON_FAULTS, readObject, readOptionalFields } from '../kit/body.ts';
import { json } from '../kit/reply.ts';
import { noParams, productRoute } from '../kit/route.ts';
import { anySession, settingUp } from '../kit/session.ts';
import { timestamp } from '../kit/time.ts';
import { originOf } from './origin.ts';

const CLASS = 'auth_email_verify';
const time = v.pipe(v.string(), v.isoTimestamp());
const options = v.strictObject({ publicKey: v.looseObject({ challenge: v.string() }) });
const FAULTS = [...JSON_FAULTS, 'webauthn_unavailable', 'webauthn_challenge_invalid'] as const;

const PasskeyView = v.strictObject({
  id: v.string(),
  factor_type: v.literal('webauthn'),
  attachment: v.optional(v.string()),
  transports: v.optional(v.array(v.string())),
  backup_eligible: v.boolean(),
  backup_state: v.boolean(),
  user_verified: v.boolean(),
  clone_warning: v.boolean(),
  verified_at: v.optional(time),
  last_used_at: v.optional(time),
});

function passkeyView(passkey: Passkey): v.InferOutput<typeof PasskeyView> {
  return {
    id: passkey.id,
    factor_type: 'webauthn',
    ...(passkey.attachment && { attachment: passkey.attachment }),
    ...(passkey.transports.length > 0 && { transports: [...passkey.transports] }),
    backup_eligible: passkey.backupEligible,
    backup_state: passkey.backupState,
    user_verified: passkey.userVerified,
    clone_warning: passkey.cloneWarning,
    verified_at: timestamp(passkey.verifiedAt),
    ...(passkey.lastUsedAt !== undefined && { last_used_at: timestamp(passkey.lastUsedAt) }),
  };
}

export const registerStart = productRoute({
  id: 'passkeys.register-start',
  method: 'POST',
  path: '/v1/account/second-factor/webauthn/register/start',
  limit: CLASS,
  gate: settingUp,
  params: noParams,
  summary: 'Begin to register a passkey.',
  body: {
    description: 'Which kind of authenticator, if it matters.',
    types: [],
    json: v.strictObject({
      authenticator_attachment: v.optional(v.picklist(['platform', 'cross-platform'])),
    }),
  },
  answers: {
    201: {
      description: 'What navigator.credentials.create() is called with.',
      schema: v.strictObject({
        status: v.literal('registration_challenge_created'),
        credential_creation: options,
        expires_at: time,
        authenticator_attachment: v.optional(v.string()),
      }),
    },
  },
  faults: [...FAULTS, 'invalid_webauthn_attachment'],
  async reply({ deps, request, who }) {
    const fields = await readOptionalFields(request, deps, ['authenticator_attachment']);
    const wanted = fields.authenticator_attachment;
    const started = await startRegistration(deps, originOf(who, CLASS), who.live, wanted);
    return json(201, {
      status: 'registration_challenge_created',
      credential_creation: { publicKey: started.options },
      expires_at: timestamp(started.expiresAt),
      ...(started.attachment && { authenticator_attachment: started.attachment }),
    });
  },
});

export const registerFinish = productRoute({
  id: 'passkeys.register-finish',
  method: 'POST',
  path: '/v1/account/second-factor/webauthn/register/finish',
  limit: CLASS,
  gate: settingUp,
  params: noParams,
  summary: 'Register the passkey that the browser made.',
  body: { description: 'The attestation, as the browser gives it.', types: [], json: v.looseObject({}) },
  answers: {
    200: {
      description: 'Registered; the session is verified with it.',
      schema: v.strictObject({
        status: v.literal('verified'),
        second_factor: PasskeyView,
        account: AccountView,
        session: SessionView,
      }),
    },
  },
  faults: [...FAULTS, 'webauthn_credential_already_configured'],
  async reply({ deps, request, who }) {
    const posted = await readObject(request, deps);
    const { factor, live } = await endRegistration(deps, originOf(who, CLASS), who.live, posted);
    return json(200, {
      status: 'verified',
      second_factor: passkeyView(factor),
      account: accountView(live.account),
      session: sessionView(live),
    });
  },
});

export const verifyStart = productRoute({
  id: 'passkeys.verify-start',
  method: 'POST',
  path: '/v1/account/second-factor/webauthn/verify/start',
  limit: CLASS,
  gate: anySession,
  params: noParams,
  summary: 'Begin to verify the session with a passkey.',
  body: { description: 'Nothing.', types: [], json: v.strictObject({}) },
  answers: {
    201: {
      description: 'What navigator.credentials.get() is called with.',
      schema: v.strictObject({
        status: v.literal('verification_challenge_created'),
        credential_assertion: options,
        expires_at: time,
      }),
    },
  },
  faults: [...FAULTS],
  async reply({ deps, request, who }) {
    await readOptionalFields(request, deps, []);
    const started = await startAssertion(deps, originOf(who, CLASS), who.live);
    return json(201, {
      status: 'verification_challenge_created',
      credential_assertion: { publicKey: started.options },
      expires_at: timestamp(started.expiresAt),
    });
  },
});

export const verifyFinish = productRoute({
  id: 'passkeys.verify-finish',
  method: 'POST',
  path: '/v1/account/second-factor/webauthn/verify/finish',
  limit: CLASS,
  gate: anySession,
  params: noParams,
  summary: 'Verify the session with what the passkey signed.',
  body: { description: 'The assertion, as the browser gives it.', types: [], json: v.looseObject({}) },
  answers: {
    200: {
      description: 'Verified.',
      schema: v.strictObject({
        status: v.literal('verified'),
        second_factor: PasskeyView,
        session: SessionView,
      }),
    },
  },
  faults: [...FAULTS],
  async reply({ deps, request, who }) {
    const posted = await readObject(request, deps);
    const { factor, live } = await endAssertion(deps, originOf(who, CLASS), who.live, posted);
    return json(200, { status: 'verified', second_factor: passkeyView(factor), session: sessionView(live) });
  },
});

export const passkeyRoutes = [registerStart, registerFinish, verifyStart, verifyFinish];
