/** The one place where a refusal gets its status and its words. */
import { Fault, type FaultKind, isStorageTrouble } from '../../core/faults.ts';
import { json, type Reply } from './reply.ts';

interface Answer {
  readonly status: number;
  readonly message: string;
}

const answers: Readonly<Record<FaultKind, Answer>> = {
  not_found: { status: 404, message: 'endpoint was not found' },
  internal_error: { status: 500, message: 'internal server error' },
  rate_limited: { status: 429, message: 'too many requests' },
  rate_limit_unavailable: { status: 503, message: 'requests cannot be counted right now; try again later' },
  storage_unavailable: { status: 503, message: 'storage is not available right now; try again later' },
  service_busy: { status: 503, message: 'the server is busy; try again later' },
  request_timeout: { status: 408, message: 'the request body stopped arriving' },
  request_aborted: { status: 400, message: 'the request body ended before it was complete' },
  request_too_large: { status: 413, message: 'JSON request body is too large' },
  invalid_json: { status: 400, message: 'request body must be valid JSON' },
  invalid_form: { status: 400, message: 'the form is malformed, or has fields that do not belong to it' },
  unsupported_media_type: { status: 415, message: 'this content type is not accepted' },

  invalid_expiry: { status: 400, message: 'X-Expiry must be a positive whole number of seconds' },
  invalid_burn: { status: 400, message: 'X-Burn-After-Read must be true, 1, yes, false, 0 or no' },
  invalid_password: {
    status: 400,
    message:
      "X-Paste-Password must be 1 to 1024 bytes of visible ASCII and inner spaces, or UTF-8'' and percent-encoding for anything else",
  },
  invalid_access_hash: {
    status: 400,
    message: 'X-Paste-Access-Hash must be 64 lower-case hex digits, without X-Paste-Password beside it',
  },
  invalid_idempotency_key: {
    status: 400,
    message: 'Idempotency-Key must be 16 to 255 visible ASCII characters',
  },
  idempotency_conflict: {
    status: 409,
    message: 'this Idempotency-Key was used for another create; take a fresh key',
  },
  pow_required: {
    status: 428,
    message: 'proof of work is required: GET challenge, then send X-PoW-Token and X-PoW-Solution',
  },
  pow_invalid: {
    status: 400,
    message: 'the proof of work is not valid, has expired or was spent; get a fresh challenge',
  },
  empty_paste: { status: 400, message: 'the paste is empty' },
  invalid_content: {
    status: 400,
    message: 'give exactly one of content (text) and content_b64 (standard base64)',
  },
  paste_too_large: { status: 413, message: 'the paste is too large; GET / names the limits' },
  not_sealed: {
    status: 422,
    message: 'this server keeps sealed pastes only; seal it first, for example with fpaste create --encrypt',
  },
  duplicate_content: { status: 429, message: 'the same bytes were stored too often; try again later' },
  storage_quota_exceeded: { status: 507, message: 'there is no room for this paste right now' },
  client_certificate_required: { status: 401, message: 'creating pastes here needs a client certificate' },
  paste_not_found: { status: 404, message: 'paste was not found' },
  password_required: { status: 401, message: 'this paste is protected; send X-Paste-Password' },
  password_invalid: { status: 403, message: 'the password is wrong' },
  password_locked: { status: 429, message: 'too many wrong passwords; try again later' },
  range_not_satisfiable: {
    status: 416,
    message: 'this paste burns when it is read, so it is sent whole only',
  },
  precondition_failed: {
    status: 412,
    message: 'this paste burns when it is read, so it cannot be revalidated',
  },
  too_early: { status: 425, message: 'this paste burns when it is read, so it is not sent to a prefetch' },
  not_owner: {
    status: 403,
    message: 'X-Delete-Token, or the client certificate that created the paste, is required',
  },

  authentication_required: { status: 401, message: 'authentication is required' },
  ambiguous_credentials: { status: 400, message: 'send a bearer token or the session cookie, not both' },
  csrf_required: { status: 403, message: 'a valid CSRF token is required' },
  origin_not_allowed: { status: 403, message: 'requests from this origin are not allowed' },
  web_cookie_required: { status: 400, message: 'this endpoint is for browser cookie sessions' },
  second_factor_setup_required: {
    status: 403,
    message: 'second factor setup is required before account access',
  },
  second_factor_verification_required: {
    status: 403,
    message: 'second factor verification is required before account access',
  },
  forbidden: { status: 403, message: 'admin role is required' },

  invalid_credentials: { status: 401, message: 'username or password is invalid' },
  email_verification_required: { status: 403, message: 'the e-mail address must be verified first' },
  registration_disabled: { status: 403, message: 'registration is disabled' },
  registration_payment_unavailable: { status: 503, message: 'paid registration is not available' },
  verification_token_invalid: { status: 400, message: 'verification token is invalid or has expired' },
  invalid_username: {
    status: 400,
    message: 'username must be 3 to 64 characters: ASCII letters, digits, and . - _ @',
  },
  invalid_email: { status: 400, message: 'email must be one e-mail address' },
  invalid_role: { status: 400, message: 'role must be user or admin' },
  username_conflict: { status: 409, message: 'username is taken' },
  account_not_found: { status: 404, message: 'account was not found' },
  last_admin: { status: 409, message: 'the last active admin, and oneself, cannot be disabled or demoted' },
  bootstrap_closed: { status: 403, message: 'bootstrap is closed: there is an admin, or it is switched off' },
  bootstrap_secret_invalid: { status: 401, message: 'bootstrap secret is invalid' },
  invalid_recovery_reason: { status: 400, message: 'reason is not one of the recovery reasons' },
  invalid_cursor: { status: 400, message: 'cursor is not one that this server gave' },
  invalid_limit: { status: 400, message: 'limit must be a positive whole number' },

  email_required: { status: 400, message: 'an e-mail address is required' },
  email_unavailable: { status: 503, message: 'e-mail cannot be sent right now' },
  second_factor_already_configured: { status: 409, message: 'this second factor is already configured' },
  second_factor_challenge_invalid: {
    status: 400,
    message: 'second factor challenge is invalid or has expired',
  },
  totp_challenge_invalid: { status: 400, message: 'the code is invalid, has expired or was used' },
  webauthn_unavailable: { status: 503, message: 'WebAuthn is not available on this server' },
  webauthn_challenge_invalid: { status: 400, message: 'WebAuthn challenge is invalid or has expired' },
  webauthn_credential_already_configured: { status: 409, message: 'this credential is already configured' },
  invalid_webauthn_attachment: {
    status: 400,
    message: 'authenticator_attachment must be platform or cross-platform',
  },
};

/** Status and standing words of a refusal, for documents. */
export function answerOf(kind: FaultKind): Answer {
  return answers[kind];
}

/** What was thrown, as a refusal. Only a {@link Fault} says more than that something went wrong. */
export function faultOf(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  if (isStorageTrouble(thrown)) return new Fault('storage_unavailable', { retryAfterSeconds: 1 });
  return new Fault('internal_error');
}

/** The refusal on the wire: `{"error":{"code","message","request_id"}}`. */
export function errorReply(fault: Fault, requestId: string): Reply {
  const { status, message } = answers[fault.kind];
  const { retryAfterSeconds, totalBytes } = fault.detail;
  const headers: Record<string, string> = {};
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds);
  if (totalBytes !== undefined) headers['content-range'] = `bytes */${totalBytes}`;
  return json(
    status,
    { error: { code: fault.kind, message: fault.detail.message ?? message, request_id: requestId } },
    headers,
  );
}
