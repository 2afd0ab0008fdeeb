/** The settings table: who people are and how they prove it. */
import { may, secret, set } from './settings-entry.ts';
import * as kinds from './settings-kinds.ts';

export const ACCOUNTS = {
  SAFE_AUTH_BOOTSTRAP_SECRET: secret(
    'auth.bootstrap_secret',
    kinds.secretOrNone,
    'Makes the first admin, once. Empty turns bootstrap off. Remove it afterwards.',
    { absent: 'generated into the data folder' },
  ),
  SAFE_SESSION_TTL: set('auth.session_ttl', kinds.positiveDuration, '12h', 'How long a session lives.'),
  SAFE_SESSION_IDLE: set(
    'auth.session_idle',
    kinds.idleDuration,
    '0',
    'How long a session with a bearer token may go unused. 0: as long as it lives, as a device that records may be without a network for hours.',
  ),
  SAFE_ADMIN_SESSION_IDLE: set(
    'auth.admin_session_idle',
    kinds.idleDuration,
    '1h',
    'How long a session of the dashboard may go unused; 0: as long as it lives.',
  ),
  SAFE_PASSWORD_LIST: may(
    'auth.password_list',
    kinds.path,
    'A file of passwords that are not taken for accounts: one a line, or the sorted SHA-1 hashes of Have I Been Pwned. See docs/accounts.md. Not at the edge.',
    { example: '/etc/sallyport/passwords.txt' },
  ),
  SAFE_PASSWORD_WORDS: may(
    'auth.password_words',
    kinds.passwordWords,
    'Words that may not make up most of a password, such as the name of your organisation.',
    { example: 'acme,night shift,vault' },
  ),
  SAFE_SECOND_FACTOR_EMAIL_CHALLENGE_TTL: set(
    'auth.second_factor_email_challenge_ttl',
    kinds.positiveDuration,
    '10m',
    'How long a mailed code lives.',
    {
      example: '10m',
    },
  ),
  SAFE_ACCOUNT_REGISTRATION_MODE: set(
    'account_registration.mode',
    kinds.oneOf(['disabled', 'admin_only', 'open', 'paid']),
    'disabled',
    'Who may register. `open` needs `SAFE_EMAIL_BACKEND=smtp` and `SAFE_PUBLIC_WEB_ORIGIN`.',
    { example: 'admin_only' },
  ),
  SAFE_EMAIL_VERIFICATION_TTL: set(
    'account_registration.email_verification_ttl',
    kinds.positiveDuration,
    '24h',
    'How long a verification link lives.',
    {
      example: '24h',
    },
  ),
  SAFE_PUBLIC_WEB_ORIGIN: may(
    'account_registration.public_web_origin',
    kinds.origin,
    'Where links in mails lead.',
    {
      example: 'https://app.example.org',
    },
  ),
  SAFE_EMAIL_BACKEND: set('email.backend', kinds.oneOf(['none', 'smtp']), 'none', 'How mail is sent.', {
    example: 'smtp',
  }),
  SAFE_SMTP_HOST: may('email.smtp_host', kinds.hostName, 'The mail server, required with `smtp`.'),
  SAFE_SMTP_PORT: set('email.smtp_port', kinds.integer(1, 65_535, '587'), '587', 'Its port.'),
  SAFE_SMTP_USERNAME: may('email.smtp_username', kinds.text('a user name', 'sallyport'), 'Its user.'),
  SAFE_SMTP_PASSWORD: secret('email.smtp_password', kinds.secretText, "The user's password."),
  SAFE_SMTP_FROM: may('email.smtp_from', kinds.mailbox, 'The sender, required with `smtp`.'),
  SAFE_SMTP_STARTTLS: set(
    'email.smtp_starttls',
    kinds.oneOf(['required', 'opportunistic', 'disabled']),
    'required',
    'Whether mail may leave without TLS.',
  ),
  SAFE_SMTP_TIMEOUT: set('email.smtp_timeout', kinds.positiveTimer, '10s', 'For each step of sending.', {
    example: '10s',
  }),
  SAFE_WEB_AUTH_ENABLED: set('web_auth.enabled', kinds.flag, 'false', 'Sessions in a cookie, for web pages.'),
  SAFE_WEB_ALLOWED_ORIGINS: may(
    'web_auth.allowed_origins',
    kinds.origins,
    'Pages of these origins may use the main door (CORS).',
    {
      absent: 'none',
    },
  ),
  SAFE_WEB_SESSION_COOKIE_NAME: set(
    'web_auth.session_cookie_name',
    kinds.name('__Host-sallyport_session', (name) =>
      name === 'sallyport_admin_session' ? "must not be the admin door's own" : undefined,
    ),
    '__Host-sallyport_session',
    "The cookie's name.",
  ),
  SAFE_WEB_SESSION_COOKIE_SECURE: set(
    'web_auth.session_cookie_secure',
    kinds.flag,
    'true',
    'False only for loopback origins, and then with a name without `__Host-`.',
  ),
  SAFE_WEB_SESSION_COOKIE_SAMESITE: set(
    'web_auth.session_cookie_samesite',
    kinds.oneOf(['lax', 'strict']),
    'lax',
    'Its `SameSite`.',
  ),
  SAFE_WEB_SESSION_IDLE: set(
    'web_auth.session_idle',
    kinds.idleDuration,
    '0',
    'How long a session in a cookie may go unused at the main door; 0: as long as it lives.',
  ),
  SAFE_WEB_CSRF_HEADER_NAME: set(
    'web_auth.csrf_header_name',
    kinds.name('X-CSRF-Token', (name) =>
      /^x-/i.test(name)
        ? undefined
        : 'must begin with X-, as browsers send other headers of their own accord',
    ),
    'X-CSRF-Token',
    'The header that carries the CSRF token.',
  ),
  SAFE_WEBAUTHN_ENABLED: set('webauthn.enabled', kinds.flag, 'false', 'Passkeys as second factor.'),
  SAFE_WEBAUTHN_RP_ID: may(
    'webauthn.rp_id',
    kinds.domain,
    'The domain that passkeys belong to, required when enabled.',
  ),
  SAFE_WEBAUTHN_RP_DISPLAY_NAME: set(
    'webauthn.rp_display_name',
    kinds.text('a name', 'Sallyport', 64),
    'Sallyport',
    'What people are shown.',
  ),
  SAFE_WEBAUTHN_ALLOWED_ORIGINS: may(
    'webauthn.allowed_origins',
    kinds.origins,
    'Pages that may ask for one, required when enabled.',
  ),
  SAFE_WEBAUTHN_USER_VERIFICATION: set(
    'webauthn.user_verification',
    kinds.oneOf(['required', 'preferred', 'discouraged']),
    'required',
    'Whether the device must check who uses it.',
  ),
  SAFE_WEBAUTHN_CHALLENGE_TTL: set(
    'webauthn.challenge_ttl',
    kinds.positiveDuration,
    '5m',
    'How long one ceremony may take.',
    { example: '5m' },
  ),
};
