/** What a server's refusals mean to somebody who records. */

const ADVICE: Readonly<Record<string, string>> = {
  invalid_credentials: 'The user name or the password is wrong.',
  email_verification_required: 'The account waits for the link in its mail to be followed.',
  second_factor_setup_required:
    'The account has no second factor yet. Set one up first: sallyport login, on a terminal.',
  totp_challenge_invalid: 'The code is wrong, too old, or was used already.',
  second_factor_challenge_invalid: 'The code from the mail is wrong, too old, or was used already.',
  incident_not_found: 'There is no such incident, or it belongs to another account.',
  incident_deleting: 'The incident is being deleted; it takes nothing more.',
  incident_closed: 'The incident was closed; it takes nothing more. A new recording needs a new incident.',
  stream_limit_reached:
    'The incident has as many streams as it may have. A new recording needs a new incident.',
  stream_not_found: 'There is no such stream in this incident.',
  stream_not_open: 'The stream has been completed or failed elsewhere; it takes nothing more.',
  stream_already_complete: 'The stream is complete already.',
  stream_failed: 'The stream was marked as failed; it cannot be completed any more.',
  stream_chunks_incomplete: 'The server does not have that many chunks of the stream.',
  stream_chunks_not_contiguous: 'Chunks are missing in the middle of the stream.',
  stream_chunk_file_missing: 'The bytes of a chunk are missing on the server. Its operator must look at it.',
  account_storage_quota_exceeded:
    "The account's storage on the server is full. Delete incidents that are not needed, or ask the operator for more.",
  upload_too_large: 'The chunk is larger than the server takes. Record with a smaller --chunk-bytes.',
  sharing_grant_dependency_not_found:
    'The incident has no such stream, or the key of the contact is not active on the server any more.',
  wrapped_key_dependency_not_found: 'The incident has no such stream, or the grant is gone.',
  wrapped_key_grant_not_authorized: 'The grant has ended meanwhile, or does not allow this key. Share again.',
  account_recipient_key_duplicate: 'The server has had this key before. Make a new one: sallyport keys new.',
  invalid_contact_key_state: 'This key has been replaced, revoked or lost already.',
  duplicate_chunk_conflict: 'The server has another chunk at this place.',
};

/** A sentence or two, or undefined where the server's own words must do. */
export function adviceOn(code: string): string | undefined {
  return Object.hasOwn(ADVICE, code) ? ADVICE[code] : undefined;
}
