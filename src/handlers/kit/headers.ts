/** The header sets. Every answer gets one; a handler can only add to it or name a stricter value. */

/** What a browser must be told about anything that it could show. */
export const BROWSER: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'permissions-policy': 'geolocation=(), microphone=(), camera=()',
  'x-frame-options': 'DENY',
};

/** For everything that is not a public, token-neutral file. */
export const PRIVATE: Readonly<Record<string, string>> = { ...BROWSER, 'cache-control': 'no-store' };

/** Bytes that somebody else chose: no script, no frame, no form, even if a browser took them for a page. */
export const SANDBOX_POLICY = "default-src 'none'; sandbox";
