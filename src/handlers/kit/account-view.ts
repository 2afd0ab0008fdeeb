/** Accounts and sessions as they look on the wire, on both doors. */
import * as v from 'valibot';
import type { OpenedSession } from '../../core/login.ts';
import type { Account, LiveSession } from '../../store/accounts.ts';
import { timestamp } from './time.ts';

const time = v.pipe(v.string(), v.isoTimestamp());
const method = v.picklist(['email_challenge', 'totp', 'webauthn']);

export const AccountView = v.strictObject({
  id: v.string(),
  username: v.string(),
  email: v.optional(v.string()),
  email_verified_at: v.optional(time),
  account_state: v.picklist([
    'pending_email_verification',
    'active',
    'disabled',
    'suspended',
    'pending_payment',
  ]),
  second_factor_setup_state: v.picklist(['not_required', 'setup_required', 'complete']),
  second_factor_setup_required: v.boolean(),
  role: v.picklist(['user', 'admin']),
  created_at: time,
  updated_at: time,
  password_changed_at: time,
});

export const AccountAnswer = v.strictObject({ account: AccountView });

const login = {
  session_id: v.string(),
  account: AccountView,
  second_factor_verification_required: v.boolean(),
  second_factor_verified_at: v.optional(time),
  second_factor_method: v.optional(method),
  created_at: time,
  expires_at: time,
};
/** Of a browser session, whose token travels in the cookie alone. */
export const WebLoginView = v.strictObject(login);
export const LoginView = v.strictObject({ ...login, token: v.string() });

export const SessionView = v.strictObject({
  session_id: v.string(),
  second_factor_verified_at: time,
  second_factor_method: method,
});

/** A session in the list of its account's. Its id names it and opens nothing. */
export const OwnSessionView = v.strictObject({
  session_id: v.string(),
  kind: v.picklist(['bearer', 'browser', 'dashboard']),
  current: v.boolean(),
  created_at: time,
  last_seen_at: time,
  expires_at: time,
  idle_expires_at: v.optional(time),
  second_factor_verified_at: v.optional(time),
  second_factor_method: v.optional(method),
});

export function accountView(account: Account): v.InferOutput<typeof AccountView> {
  return {
    id: account.id,
    username: account.username,
    ...(account.email !== undefined && { email: account.email }),
    ...(account.emailVerifiedAt !== undefined && { email_verified_at: timestamp(account.emailVerifiedAt) }),
    account_state: account.state,
    second_factor_setup_state: account.setup,
    second_factor_setup_required: account.setup === 'setup_required',
    role: account.role,
    created_at: timestamp(account.createdAt),
    updated_at: timestamp(account.updatedAt),
    password_changed_at: timestamp(account.passwordChangedAt),
  };
}

export function webLoginView(opened: OpenedSession): v.InferOutput<typeof WebLoginView> {
  const { session, account } = opened;
  return {
    session_id: session.id,
    account: accountView(account),
    second_factor_verification_required: opened.verificationRequired,
    created_at: timestamp(session.createdAt),
    expires_at: timestamp(session.expiresAt),
  };
}

/** The session of somebody who has just shown a factor. */
export function sessionView({ session }: LiveSession): v.InferOutput<typeof SessionView> {
  return {
    session_id: session.id,
    second_factor_verified_at: timestamp(session.verifiedAt ?? session.createdAt),
    second_factor_method: session.verifiedMethod ?? 'totp',
  };
}
