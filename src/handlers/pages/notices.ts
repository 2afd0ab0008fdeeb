/** What a page may say about the step before it. A closed set: the address names a sentence, and never is one. */
const SENTENCES = {
  password_changed: 'Your password was changed. Your other sessions have ended.',
  account_password_reset: 'The password was reset. Every session of that account has ended.',
  second_factor_challenge_sent: 'A code was sent. It may take a minute to arrive.',
  second_factor_setup_complete: 'Your second factor is set up.',
  second_factor_verified: 'Your second factor was verified.',
  account_created: 'The account was created. Its second factor is set up at its first login.',
  account_role_changed: 'The role was changed. The sessions of the account have ended.',
  account_disabled: 'The account is disabled. Its sessions have ended.',
  account_enabled: 'The account is enabled.',
  own_session_ended: 'The session has ended.',
  own_sessions_ended: 'Your other sessions have ended.',
  sessions_revoked: 'Every session of the account has ended.',
  recovery_reset: 'The second factors were removed. The account sets up anew at its next login.',
  paste_deleted: 'The paste was deleted.',
  pastes_cleaned: 'What had expired was removed.',
  incident_deletion_requested: 'The incident is being deleted.',
  incident_reassigned: 'The incident has an owner.',
  incident_kept_unowned: 'It was decided that the incident stays without an owner.',
  test_mail_sent: 'The mail server has taken the test message.',
} as const;

export type Notice = keyof typeof SENTENCES;

/** The sentence that an address names, or undefined. */
export function noticeOf(url: string): string | undefined {
  const code = new URL(url).searchParams.get('notice');
  return code !== null && Object.hasOwn(SENTENCES, code) ? SENTENCES[code as Notice] : undefined;
}

/** A place of this door together with what is to be said there. */
export function withNotice(path: string, notice: Notice): string {
  return `${path}?notice=${notice}`;
}
