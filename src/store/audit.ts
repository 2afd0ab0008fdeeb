/** The audit: append-only, ids only, written in the transaction of the change that it records. Types only. */

export type AuditAction =
  | 'bootstrap'
  | 'login'
  | 'logout'
  | 'register'
  | 'email_verify'
  | 'password_change'
  | 'factor_challenge'
  | 'factor_enrol'
  | 'factor_confirm'
  | 'factor_verify'
  | 'account_create'
  | 'account_password_reset'
  | 'account_disable'
  | 'account_enable'
  | 'account_role'
  | 'session_revoke'
  | 'sessions_revoke'
  | 'recovery_reset'
  | 'secret_key_rotate'
  | 'checkpoint_key_change'
  | 'paste_delete'
  | 'pastes_cleanup'
  | 'test_mail'
  | 'incident_create'
  | 'incident_close'
  | 'incident_delete'
  | 'checkin_create'
  | 'stream_create'
  | 'stream_complete'
  | 'stream_fail'
  | 'chunk_commit'
  | 'viewer_token_create'
  | 'viewer_token_revoke'
  | 'bundle_download'
  | 'chunk_download'
  | 'contact_key_create'
  | 'contact_key_change'
  | 'contact_key_end'
  | 'recipient_key_create'
  | 'recipient_key_change'
  | 'recipient_key_end'
  | 'sharing_grant_create'
  | 'sharing_grant_revoke'
  | 'wrapped_key_create'
  | 'wrapped_key_revoke'
  | 'incident_deleted'
  | 'deletion_failed'
  | 'retention_prune'
  | 'incident_reassign';

export interface AuditEntry {
  /** `aud_` and a ULID. */
  readonly id: string;
  readonly at: number;
  /** `local`: a command of the operator on the machine itself. */
  readonly listener: 'main' | 'admin' | 'local';
  readonly actorKind: 'account' | 'visitor' | 'viewer' | 'admin' | 'operator' | 'worker';
  readonly actorAccountId?: string;
  readonly action: AuditAction;
  /** The limit class of the route. */
  readonly routeClass?: string;
  /** What it was done to: ids of ours, never a name or a token. */
  readonly subjectAccountId?: string;
  readonly subjectId?: string;
  readonly incidentId?: string;
  /** `ok`, `denied`, `conflict`, or the code of a refusal. */
  readonly outcome: string;
}

export interface AuditStore {
  append(entry: AuditEntry): Promise<void>;
  /** Newest first, before `before`. */
  list(before: string | undefined, limit: number): Promise<AuditEntry[]>;
}
