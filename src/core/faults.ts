/**
 * Every refusal that the core can make, by name. The names are the wire's error codes; what status and which
 * words they get is decided in one place, `handlers/kit/errors.ts`. Core knows nothing of HTTP.
 */
import type { LogFields } from './log-fields.ts';

export type FaultKind =
  // the listener's own
  | 'not_found'
  | 'misdirected_request'
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
  | 'session_not_found'
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
  | 'invalid_webauthn_attachment'
  // incidents
  | 'incident_not_found'
  | 'incident_deleting'
  | 'incident_closed'
  | 'stream_limit_reached'
  | 'invalid_client_label'
  | 'invalid_notes'
  | 'invalid_incident_mode'
  | 'invalid_capture_profile'
  | 'invalid_escalation_policy'
  | 'invalid_sharing_state'
  | 'invalid_checkin'
  | 'invalid_reason_code'
  | 'incident_deletion_not_found'
  | 'incident_deletion_invalid_state'
  // streams
  | 'stream_not_found'
  | 'stream_not_open'
  | 'stream_already_complete'
  | 'stream_failed'
  | 'stream_not_complete'
  | 'stream_chunks_incomplete'
  | 'stream_chunks_not_contiguous'
  | 'stream_chunk_file_missing'
  | 'invalid_media_type'
  | 'invalid_label'
  | 'invalid_expected_chunk_count'
  | 'invalid_failure_reason'
  // chunks
  | 'chunk_not_found'
  | 'duplicate_chunk'
  | 'invalid_multipart'
  | 'duplicate_file'
  | 'missing_file'
  | 'invalid_field'
  | 'invalid_chunk_index'
  | 'invalid_started_at'
  | 'invalid_ended_at'
  | 'invalid_time_range'
  | 'invalid_sha256_hex'
  | 'invalid_byte_size'
  | 'invalid_content_digest'
  | 'hash_mismatch'
  | 'stream_media_type_mismatch'
  | 'sealed_context_mismatch'
  | 'chunk_not_sealed'
  | 'upload_too_large'
  | 'upload_staging_quota_exceeded'
  | 'account_storage_quota_exceeded'
  | 'upload_in_progress'
  | 'upload_coordination_unavailable'
  | 'upload_not_found'
  | 'upload_offset_mismatch'
  | 'upload_length_mismatch'
  | 'upload_checksum_mismatch'
  | 'upload_complete'
  | 'upload_malformed'
  // viewer links and bundles
  | 'incident_token_not_found'
  | 'incident_token_invalid'
  | 'invalid_expires_at'
  | 'incident_bundle_inconsistent'
  // keys, grants, wrapped keys
  | 'contact_not_found'
  | 'contact_public_key_not_found'
  | 'invalid_contact_key_state'
  | 'invalid_wrapping_algorithm'
  | 'invalid_wrapping_algorithm_version'
  | 'invalid_public_key'
  | 'invalid_public_key_fingerprint'
  | 'invalid_display_label'
  | 'invalid_key_state'
  | 'invalid_recipient_type'
  | 'invalid_recipient_account_id'
  | 'invalid_recipient_id'
  | 'invalid_key_id'
  | 'invalid_scheme'
  | 'invalid_suite_id'
  | 'account_recipient_key_not_found'
  | 'account_recipient_key_duplicate'
  | 'invalid_account_recipient_key_state'
  | 'invalid_contact_id'
  | 'invalid_data_class'
  | 'sharing_grant_dependency_not_found'
  | 'sharing_grant_not_found'
  | 'invalid_grant_id'
  | 'invalid_media_key_id'
  | 'invalid_wrapped_key_ciphertext'
  | 'invalid_public_wrapping_metadata'
  | 'wrapped_key_dependency_not_found'
  | 'wrapped_key_grant_not_authorized'
  | 'wrapped_key_duplicate'
  | 'wrapped_key_not_found'
  // unowned incidents
  | 'invalid_action'
  | 'missing_new_owner_account_id'
  | 'unexpected_new_owner_account_id'
  | 'incident_not_eligible';

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

/** What drivers of databases and of object stores throw. */
const STORAGE_ERRORS = ['DbError', 'ObjectError'];

/**
 * Why storage cannot be used right now, where what a store threw means that: it is away, locked, full, overloaded,
 * on a failing disk, or takes our credentials no more. Told by shape, since the core imports no driver.
 */
export function storageTrouble(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !STORAGE_ERRORS.includes(thrown.name) || !('kind' in thrown))
    return undefined;
  return ['busy', 'full', 'disk', 'unknown', 'denied', 'overloaded'].find((kind) => kind === thrown.kind);
}

/** The type of what was thrown. */
export const typeName = (thrown: unknown): string => (thrown instanceof Error ? thrown.name : typeof thrown);

/**
 * What a line of the log says of something that was thrown: its type and, where storage is to blame, how. Never its
 * message, which can carry values, queries and paths.
 */
export function errorFields(thrown: unknown): Pick<LogFields, 'error_type' | 'error_kind'> {
  const trouble = storageTrouble(thrown);
  return { error_type: typeName(thrown), ...(trouble !== undefined && { error_kind: trouble }) };
}
