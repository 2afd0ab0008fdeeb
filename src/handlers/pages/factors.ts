/** The pages of second factors. */
import type { FactorMethod } from '../../store/accounts.ts';
import { form, type Trouble } from './forms.ts';
import { type Html, html, trusted } from './html.ts';
import { page, type Viewer } from './layout.ts';
import { qrSvg } from './qr.ts';

export interface FactorView {
  readonly viewer: Viewer;
  readonly mail: boolean;
  readonly notice?: string | undefined;
  readonly trouble?: Trouble;
}

const codeField = (label: string, hint: string) =>
  ({ name: 'code', label, hint, kind: 'code', autocomplete: 'one-time-code' }) as const;

const SIX_DIGITS = 'The six digits that your authenticator app shows now.';

/** Which ways there are to set a second factor up. */
function setupWays({ viewer, mail, trouble }: FactorView): Html {
  return html`<section aria-labelledby="totp"><h2 id="totp">Authenticator app</h2>
<p>An app on your phone shows a new code every 30 seconds. It works without a mail server.</p>
${form({
  id: 'totp-enroll',
  action: '/admin/second-factor/totp/enroll',
  csrf: viewer.csrf,
  button: 'Set up an authenticator app',
  trouble,
})}</section>
<section aria-labelledby="email"><h2 id="email">E-mail</h2>
${
  mail
    ? html`<p>A code is mailed to you at each login.</p>${form({
        id: 'email-challenge',
        action: '/admin/second-factor/email/challenge',
        csrf: viewer.csrf,
        fields: [
          {
            name: 'email',
            label: 'E-mail address',
            hint: 'Leave it empty to use the verified address of your account.',
            kind: 'email',
            autocomplete: 'email',
            optional: true,
          },
        ],
        button: 'Mail me a code',
        tone: 'plain',
        trouble,
      })}`
    : html`<p>This server sends no mail (SAFE_EMAIL_BACKEND is none).</p>`
}</section>
<p>A passkey cannot be set up here: it needs a script, and this door runs none.</p>`;
}

export function setupPage(view: FactorView): string {
  return page({
    title: 'Set Up Admin 2FA',
    viewer: view.viewer,
    notice: view.notice,
    content: html`<p>An admin works with a second factor. Nothing of the dashboard opens before one is set up.</p>
${setupWays(view)}`,
  });
}

/** The secret and its QR code, this once, and the form that shows that it arrived. */
export function enrolmentPage(viewer: Viewer, enrolment: { secret: string; otpauth_url: string }): string {
  return page({
    title: 'Set Up Admin 2FA',
    viewer,
    content: html`<section aria-labelledby="scan"><h2 id="scan">1. Add the secret to your app</h2>
<p>Scan the code, or type the secret. It is shown this once: leaving the page before step 2 means starting over.</p>
${trusted(qrSvg(enrolment.otpauth_url, 'QR code of the authenticator secret'))}
<p>Secret</p>
<code class="secret" id="totp-secret">${enrolment.secret}</code>
<p><a href="${enrolment.otpauth_url}">Open in an authenticator app on this device</a></p></section>
<section aria-labelledby="confirm"><h2 id="confirm">2. Show that it works</h2>${confirmForm(viewer)}</section>`,
  });
}

const confirmForm = (viewer: Viewer, trouble?: Trouble) =>
  form({
    id: 'totp-confirm',
    action: '/admin/second-factor/totp/confirm',
    csrf: viewer.csrf,
    fields: [codeField('Code', SIX_DIGITS)],
    button: 'Confirm',
    trouble,
  });

/** After a wrong code. The secret is not shown again. */
export function confirmAgainPage(viewer: Viewer, trouble: Trouble): string {
  return page({
    title: 'Set Up Admin 2FA',
    viewer,
    content: html`<section aria-labelledby="confirm"><h2 id="confirm">Show that your app works</h2>
${confirmForm(viewer, trouble)}</section>
<section aria-labelledby="again"><h2 id="again">Is the secret not in your app?</h2>
<p>It cannot be shown again. Start over with a fresh one.</p>${form({
      id: 'totp-enroll',
      action: '/admin/second-factor/totp/enroll',
      csrf: viewer.csrf,
      button: 'Start over',
      tone: 'plain',
    })}</section>`,
  });
}

/** Asks a session to show a factor that its account has. */
export function verifyPage(view: FactorView & { readonly factors: readonly FactorMethod[] }): string {
  const { viewer, factors, trouble, mail } = view;
  const misplaced = trouble?.form === 'email-challenge' && !factors.includes('email_challenge');
  return page({
    title: 'Verify Admin 2FA',
    viewer,
    notice: view.notice,
    content: html`${misplaced && html`<p class="error" role="alert">${trouble.sentence}</p>`}${
      factors.includes('totp') &&
      html`<section aria-labelledby="totp"><h2 id="totp">Authenticator app</h2>${form({
        id: 'totp-verify',
        action: '/admin/second-factor/totp/verify',
        csrf: viewer.csrf,
        fields: [codeField('Code', SIX_DIGITS)],
        button: 'Verify',
        trouble,
      })}</section>`
    }${
      factors.includes('email_challenge') &&
      html`<section aria-labelledby="email"><h2 id="email">E-mail</h2>${
        mail
          ? form({
              id: 'email-challenge',
              action: '/admin/second-factor/email/challenge',
              csrf: viewer.csrf,
              button: 'Mail me a code',
              tone: factors.includes('totp') ? 'plain' : 'main',
              trouble,
            })
          : html`<p>Your account uses mailed codes, but this server sends no mail now.</p>`
      }</section>`
    }${!factors.includes('totp') && !factors.includes('email_challenge') && passkeyOnly()}`,
  });
}

function passkeyOnly(): Html {
  return html`<section aria-labelledby="passkey"><h2 id="passkey">Your second factor is a passkey</h2>
<p>A passkey cannot be shown here: it needs a script, and this door runs none.</p>
<p>Verify a session at the main door and use it with the routes below <code>/admin/api</code>. Or let another admin, or the operator on the machine itself, reset your second factors.</p></section>`;
}

/** Where a mailed code is typed. */
export function emailCodePage(view: FactorView & { readonly settingUp: boolean }): string {
  const { viewer, trouble } = view;
  return page({
    title: view.settingUp ? 'Set Up Admin 2FA' : 'Verify Admin 2FA',
    viewer,
    notice: view.notice,
    content: html`<section aria-labelledby="email"><h2 id="email">E-mail</h2>${form({
      id: 'email-verify',
      action: '/admin/second-factor/email/verify',
      csrf: viewer.csrf,
      fields: [
        {
          name: 'code',
          label: 'Code',
          hint: 'The whole line from the message.',
          autocomplete: 'one-time-code',
        },
      ],
      button: 'Verify',
      trouble,
    })}</section>
<p><a class="button" href="/admin">Back</a></p>`,
  });
}
