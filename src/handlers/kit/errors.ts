/** The one place where a refusal gets its status and its words. */
import { Fault, type FaultKind, storageTrouble } from '../../core/faults.ts';
import { json, type Reply } from './reply.ts';

interface Answer {
  readonly status: number;
  readonly message: string;
  /** On the wire, where one code has another status in another room; else the kind's own name. */
  readonly code?: string;
}

const answers: Readonly<Record<FaultKind, Answer>> = {
  not_found: { status: 404, message: 'endpoint was not found' },
  misdirected_request: {
    status: 421,
    message: 'this door does not answer to that host name; SAFE_ADMIN_HOSTS can name it',
  },
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
  session_not_found: { status: 404, message: 'session was not found, or has ended' },
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

  incident_not_found: { status: 404, message: 'incident was not found' },
  incident_deleting: { status: 409, message: 'incident deletion is in progress' },
  incident_closed: { status: 409, message: 'incident is closed' },
  stream_limit_reached: {
    status: 409,
    message: 'the incident has as many streams as it may have; create another incident',
  },
  invalid_client_label: { status: 400, message: 'client_label must be text of at most 200 bytes' },
  invalid_notes: { status: 400, message: 'notes must be text of at most 8192 bytes' },
  invalid_incident_mode: {
    status: 400,
    message: 'incident_mode must be emergency, interaction_record, safety_check or evidence_note',
  },
  invalid_capture_profile: {
    status: 400,
    message:
      'capture_profile must be audio_video_location, audio_location, location_checkin, note_or_attachment or custom',
  },
  invalid_escalation_policy: {
    status: 400,
    message:
      'escalation_policy must be none, trusted_contacts_on_start, trusted_contacts_on_missed_checkin or urgent_trusted_contact_alert',
  },
  invalid_sharing_state: {
    status: 400,
    message:
      'sharing_state must be private, trusted_contact_access, public_link_created, legal_export_created or revoked_or_expired',
  },
  invalid_checkin: {
    status: 400,
    message:
      'a check-in has an integer device_battery_percent 0 to 100, device_network of at most 64 bytes, latitude and longitude together in degrees, accuracy_meters of at least 0',
  },
  invalid_reason_code: {
    status: 400,
    message: 'reason_code must be 1 to 64 letters, digits and _ . : -',
  },
  incident_deletion_not_found: { status: 404, message: 'incident deletion was not found' },
  incident_deletion_invalid_state: {
    status: 409,
    message: 'an open incident is deleted only with allow_open',
  },

  stream_not_found: { status: 404, message: 'stream was not found' },
  stream_not_open: { status: 409, message: 'stream is not open' },
  stream_already_complete: { status: 409, message: 'stream is already complete' },
  stream_failed: { status: 409, message: 'stream has failed' },
  stream_not_complete: { status: 409, message: 'stream is not complete' },
  stream_chunks_incomplete: { status: 409, message: 'expected_chunk_count is not the number of chunks' },
  stream_chunks_not_contiguous: { status: 409, message: 'chunks are not numbered 1 to expected_chunk_count' },
  stream_chunk_file_missing: { status: 409, message: 'the bytes of a chunk cannot be read' },
  invalid_media_type: { status: 400, message: 'media_type must be audio, video, location or metadata' },
  invalid_label: { status: 400, message: 'label must be text of at most 200 bytes' },
  invalid_expected_chunk_count: {
    status: 400,
    message: 'expected_chunk_count must be a positive whole number',
  },
  invalid_failure_reason: { status: 400, message: 'failure_reason must be text of at most 500 bytes' },

  chunk_not_found: { status: 404, message: 'chunk was not found' },
  duplicate_chunk: { status: 409, message: 'chunk already exists' },
  invalid_multipart: { status: 400, message: 'request body must be well-formed multipart/form-data' },
  duplicate_file: { status: 400, message: 'exactly one file part is allowed' },
  missing_file: { status: 400, message: 'the file part is missing' },
  invalid_field: { status: 400, message: 'a form field is missing, repeated, unknown or too long' },
  invalid_chunk_index: { status: 400, message: 'chunk_index must be a whole number from 1' },
  invalid_started_at: { status: 400, message: 'started_at must be an RFC 3339 time' },
  invalid_ended_at: { status: 400, message: 'ended_at must be an RFC 3339 time' },
  invalid_time_range: { status: 400, message: 'ended_at must not be before started_at' },
  invalid_sha256_hex: { status: 400, message: 'sha256_hex must be 64 lower-case hex digits' },
  invalid_byte_size: { status: 400, message: 'byte_size must be a positive whole number' },
  invalid_content_digest: {
    status: 400,
    message: 'Content-Digest must hold sha-256 of the body (RFC 9530)',
  },
  hash_mismatch: { status: 400, message: 'uploaded bytes do not have the stated SHA-256' },
  stream_media_type_mismatch: { status: 400, message: 'media_type is not that of the stream' },
  sealed_context_mismatch: {
    status: 400,
    message: 'the chunk was sealed for another incident, stream, media type or index',
  },
  chunk_not_sealed: {
    status: 400,
    code: 'not_sealed',
    message: 'only sealed chunks are kept; seal it on the device first',
  },
  upload_too_large: { status: 413, message: 'upload exceeded SAFE_MAX_UPLOAD_BYTES' },
  upload_staging_quota_exceeded: {
    status: 507,
    message: 'too many uploads are under way; try again later',
  },
  account_storage_quota_exceeded: {
    status: 507,
    message: 'account storage quota is used up; delete an incident to free some',
  },
  upload_in_progress: { status: 409, message: 'this chunk is being uploaded right now' },
  upload_coordination_unavailable: {
    status: 503,
    message: 'uploads cannot be coordinated right now; try again later',
  },
  upload_not_found: { status: 404, message: 'upload was not found, or has expired' },
  upload_offset_mismatch: { status: 409, message: 'Upload-Offset is not where the upload stands' },
  upload_length_mismatch: { status: 400, message: 'the length of the upload was stated otherwise before' },
  // tus has this status of its own; RFC 9110 lets a client take an unknown one for its class.
  upload_checksum_mismatch: {
    status: 460,
    message: 'the request body does not have the stated Upload-Checksum',
  },
  upload_complete: { status: 400, message: 'the upload is already complete' },
  upload_malformed: { status: 400, message: 'the headers of the upload are missing or malformed' },

  incident_token_not_found: { status: 404, message: 'incident token was not found' },
  incident_token_invalid: { status: 404, message: 'incident token is invalid, expired, or revoked' },
  invalid_expires_at: { status: 400, message: 'expires_at must be an RFC 3339 time, or null for none' },
  incident_bundle_inconsistent: {
    status: 409,
    message: 'completed media stream could not be included in incident bundle',
  },

  contact_not_found: { status: 404, message: 'contact was not found' },
  contact_public_key_not_found: { status: 404, message: 'contact public key was not found' },
  invalid_contact_key_state: { status: 409, message: 'contact public key is replaced, revoked or lost' },
  invalid_wrapping_algorithm: { status: 400, message: 'wrapping_algorithm must be age-v1' },
  invalid_wrapping_algorithm_version: { status: 400, message: 'wrapping_algorithm_version must be "1"' },
  invalid_public_key: {
    status: 400,
    message: 'public_key must be an age recipient, age1… or age1pq…, and never a private key',
  },
  invalid_public_key_fingerprint: {
    status: 400,
    message: 'public_key_fingerprint must be the lower-case hex SHA-256 of public_key',
  },
  invalid_display_label: {
    status: 400,
    message: 'display_label must be text of at most 200 bytes that names no secret',
  },
  invalid_key_state: { status: 400, message: 'key_state must be pending_verification or active' },
  invalid_recipient_type: { status: 400, message: 'recipient_type is not one of this endpoint' },
  invalid_recipient_account_id: { status: 400, message: 'recipient_account_id must be an account id' },
  invalid_recipient_id: {
    status: 400,
    message: 'recipient_id must be text of at most 255 bytes that names no secret',
  },
  invalid_key_id: { status: 400, message: 'key_id must be text of 1 to 255 bytes that names no secret' },
  invalid_scheme: { status: 400, message: 'scheme must be age-v1' },
  invalid_suite_id: { status: 400, message: 'suite_id must be x25519 or mlkem768x25519, as public_key is' },
  account_recipient_key_not_found: { status: 404, message: 'account recipient key was not found' },
  account_recipient_key_duplicate: { status: 409, message: 'recipient_id or key_id is in use' },
  invalid_account_recipient_key_state: {
    status: 409,
    message: 'account recipient key is replaced, revoked or lost',
  },
  invalid_contact_id: { status: 400, message: 'contact_id is required' },
  invalid_data_class: {
    status: 400,
    message: 'data_class must be metadata, ciphertext or metadata_ciphertext',
  },
  sharing_grant_dependency_not_found: { status: 404, message: 'stream or active contact key was not found' },
  sharing_grant_not_found: { status: 404, message: 'sharing grant was not found' },
  invalid_grant_id: { status: 400, message: 'grant_id is required' },
  invalid_media_key_id: {
    status: 400,
    message: 'media_key_id must be text of 1 to 255 bytes that names no secret',
  },
  invalid_wrapped_key_ciphertext: {
    status: 400,
    message:
      'wrapped_key_ciphertext must be one age file for recipients, unpadded base64url of at most 16384 characters',
  },
  invalid_public_wrapping_metadata: {
    status: 400,
    message: 'public_wrapping_metadata must be a JSON object of at most 4096 bytes that names no secret',
  },
  wrapped_key_dependency_not_found: {
    status: 404,
    message: 'stream, grant or active contact key was not found',
  },
  wrapped_key_grant_not_authorized: { status: 409, message: 'the grant does not allow this wrapped key' },
  wrapped_key_duplicate: { status: 409, message: 'this media key is already wrapped for this contact key' },
  wrapped_key_not_found: { status: 404, message: 'wrapped key was not found' },

  invalid_action: { status: 400, message: 'action must be assign_owner or keep_unowned' },
  missing_new_owner_account_id: { status: 400, message: 'assign_owner needs new_owner_account_id' },
  unexpected_new_owner_account_id: { status: 400, message: 'keep_unowned takes no new_owner_account_id' },
  incident_not_eligible: { status: 409, message: 'incident has an owner, or is not active' },
};

/** The code of a refusal on the wire. */
export function codeOf(kind: FaultKind): string {
  return answers[kind].code ?? kind;
}

/** Status and standing words of a refusal, for documents. */
export function answerOf(kind: FaultKind): Answer {
  return answers[kind];
}

/** What was thrown, as a refusal. Only a {@link Fault} says more than that something went wrong. */
export function faultOf(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  if (storageTrouble(thrown) !== undefined) return new Fault('storage_unavailable', { retryAfterSeconds: 1 });
  return new Fault('internal_error');
}

/**
 * The refusal on the wire: `{"error":{"code","message","request_id"}}`. Without a request id the body is the same
 * bytes each time.
 */
export function errorReply(fault: Fault, requestId?: string): Reply {
  const { status, message } = answers[fault.kind];
  const { retryAfterSeconds, totalBytes } = fault.detail;
  const headers: Record<string, string> = {};
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds);
  if (totalBytes !== undefined) headers['content-range'] = `bytes */${totalBytes}`;
  const error = { code: codeOf(fault.kind), message: fault.detail.message ?? message };
  return json(
    status,
    { error: { ...error, ...(requestId !== undefined && { request_id: requestId }) } },
    headers,
  );
}
