/**
 * Every refusal that the core can make, by name. The names are the wire's error codes; what status and which
 * words they get is decided in one place, `handlers/kit/errors.ts`. Core knows nothing of HTTP.
 */
export type FaultKind =
  // the listener's own
  | 'not_found'
  | 'internal_error'
  | 'rate_limited'
  | 'rate_limit_unavailable'
  | 'storage_unavailable'
  | 'service_busy'
  | 'request_timeout'
  | 'request_aborted'
  | 'request_too_large'
  | 'invalid_json'
  | 'invalid_form'
  | 'unsupported_media_type'
  // pastes
  | 'invalid_expiry'
  | 'invalid_burn'
  | 'invalid_password'
  | 'invalid_access_hash'
  | 'invalid_idempotency_key'
  | 'idempotency_conflict'
  | 'pow_required'
  | 'pow_invalid'
  | 'empty_paste'
  | 'invalid_content'
  | 'paste_too_large'
  | 'not_sealed'
  | 'duplicate_content'
  | 'storage_quota_exceeded'
  | 'client_certificate_required'
  | 'paste_not_found'
  | 'password_required'
  | 'password_invalid'
  | 'password_locked'
  | 'range_not_satisfiable'
  | 'precondition_failed'
  | 'too_early'
  | 'not_owner'
  // who asks, and from where
  | 'authentication_required'
  | 'ambiguous_credentials'
  | 'csrf_required'
  | 'origin_not_allowed'
  | 'web_cookie_required'
  | 'second_factor_setup_required'
  | 'second_factor_verification_required'
  | 'forbidden'
  // accounts
  | 'invalid_credentials'
  | 'email_verification_required'
  | 'registration_disabled'
  | 'registration_payment_unavailable'
  | 'verification_token_invalid'
  | 'invalid_username'
  | 'invalid_email'
  | 'invalid_role'
  | 'username_conflict'
  | 'account_not_found'
  | 'last_admin'
  | 'bootstrap_closed'
  | 'bootstrap_secret_invalid'
  | 'invalid_recovery_reason'
  | 'invalid_cursor'
  | 'invalid_limit'
  // second factors
  | 'email_required'
  | 'email_unavailable'
  | 'second_factor_already_configured'
  | 'second_factor_challenge_invalid'
  | 'totp_challenge_invalid'
  | 'webauthn_unavailable'
  | 'webauthn_challenge_invalid'
  | 'webauthn_credential_already_configured'
  | 'invalid_webauthn_attachment';

export interface FaultDetail {
  /** What happened and what to do, in place of the kind's standing sentence. Never a value from the request. */
  readonly message?: string;
  /** Whole seconds after which the same request may succeed (`Retry-After`). */
  readonly retryAfterSeconds?: number;
  /** Total length in bytes, for the `Content-Range` of an unsatisfied range (RFC 9110 §14.4). */
  readonly totalBytes?: number;
}

/** A refusal with a name. Anything else that is thrown is a defect and becomes an empty internal error. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly kind: FaultKind;
  readonly detail: FaultDetail;

  constructor(kind: FaultKind, detail: FaultDetail = {}) {
    super(kind);
    this.kind = kind;
    this.detail = detail;
  }
}

/** Seconds from now until `untilMs`, rounded up, at least 1: the value of a `Retry-After`. */
export function secondsUntil(untilMs: number, nowMs: number): number {
  return Math.max(1, Math.ceil((untilMs - nowMs) / 1000));
}

/**
 * Whether what a store threw means that storage cannot be used right now: it is away, locked, full or
 * overloaded. Told by shape, since the core imports no driver.
 */
export function isStorageTrouble(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || thrown.name !== 'DbError' || !('kind' in thrown)) return false;
  return ['busy', 'full', 'unknown', 'overloaded'].includes(String(thrown.kind));
}
