/** Settings in force, and a test of the mail server among them. */
import { auditEntry } from '../../core/audit.ts';
import type { Deps } from '../../core/deps.ts';
import { Fault } from '../../core/faults.ts';
import { type MailFailureReason, mailFailureReason, testMail } from '../../core/mail.ts';
import { emailOf } from '../../core/registration.ts';
import { describeSettings } from '../../core/settings.ts';
import { CHAPTERS } from '../../core/settings-table.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import type { Trouble } from '../pages/forms.ts';
import { noticeOf, withNotice } from '../pages/notices.ts';
import { settingsPage } from '../pages/settings.ts';
import { adminOrigin } from './origin.ts';
import { refusedAt, refusePage } from './refusal.ts';
import { FORM_ANSWERS, formBody, PAGE_ANSWERS, pageReply, seeOther } from './reply.ts';
import { type DashboardSession, formGate, readingGate, viewerOf } from './web.ts';

const CLASS = 'admin_dashboard';

/** Where mail to this admin goes: the address that its mailed codes go to, else the verified one of its account. */
async function ownAddress(deps: Deps, { live }: DashboardSession): Promise<string | undefined> {
  const factor = await deps.store.accounts.emailFactor(live.account.id);
  if (factor?.state === 'active') return factor.email;
  return live.account.emailVerifiedAt === undefined ? undefined : live.account.email;
}

async function view(
  deps: Deps,
  who: DashboardSession,
  more: {
    readonly notice?: string | undefined;
    readonly typed?: string | undefined;
    readonly trouble?: Trouble;
  },
): Promise<string> {
  const { settings } = deps;
  const rows = describeSettings(settings);
  const { email } = settings;
  return settingsPage({
    viewer: viewerOf(who),
    chapters: CHAPTERS.map(([heading, names]) => [heading, rows.filter(({ name }) => names.includes(name))]),
    mailServer: email.backend === 'none' ? undefined : `${email.host}:${email.port}`,
    ownAddress: await ownAddress(deps, who),
    ...more,
  });
}

export const settings = adminRoute({
  id: 'dashboard.settings',
  method: 'GET',
  path: '/admin/settings',
  limit: CLASS,
  gate: readingGate('inside'),
  params: noParams,
  summary: 'The settings in force; secrets are only said to be set.',
  answers: PAGE_ANSWERS,
  faults: [],
  refuse: refusePage,
  async reply({ deps, request, who }) {
    return pageReply(200, await view(deps, who, { notice: noticeOf(request.url) }));
  },
});

/** What a failure to send means, and what to look at. */
const FAILURES: Readonly<Record<MailFailureReason, string>> = {
  disabled: 'No mail is sent: SAFE_EMAIL_BACKEND is none.',
  busy: 'Too many messages wait already. Try again in a moment.',
  invalid_message: 'The message could not be made for this address. Check the address.',
  unreachable: 'The mail server cannot be reached. Check SAFE_SMTP_HOST, SAFE_SMTP_PORT and the network.',
  timeout:
    'The mail server did not answer in time. Check SAFE_SMTP_HOST, SAFE_SMTP_PORT and SAFE_SMTP_TIMEOUT.',
  tls_failed:
    'There is no trustworthy TLS with the mail server. Check its certificate, and SAFE_SMTP_STARTTLS.',
  login_refused:
    'The mail server refused our user name and password. Check SAFE_SMTP_USERNAME and SAFE_SMTP_PASSWORD.',
  sender_refused: 'The mail server refused the sender. Check SAFE_SMTP_FROM.',
  recipient_refused: 'The mail server refused this recipient. Check the address.',
  message_refused: 'The mail server refused the message.',
  deferred: 'The mail server asks to try again later.',
  protocol: 'The mail server answered something that is not SMTP. Check SAFE_SMTP_HOST and SAFE_SMTP_PORT.',
};

export const testMessage = adminRoute({
  id: 'dashboard.test-mail',
  method: 'POST',
  path: '/admin/test-mail',
  limit: CLASS,
  gate: formGate('inside', ['email']),
  params: noParams,
  summary: "Send a test message, to the admin's own address unless another one is given.",
  body: formBody('csrf_token, email.'),
  answers: FORM_ANSWERS,
  faults: ['email_required', 'invalid_email', 'email_unavailable'],
  refuse: refusePage,
  async reply({ deps, who }) {
    const typed = who.form.email === '' ? undefined : who.form.email;
    let sentence: string | undefined;
    try {
      const to = typed === undefined ? await ownAddress(deps, who) : emailOf(typed);
      if (to === undefined) throw new Fault('email_required');
      const failed = await deps.mailer.send(testMail(to)).then(() => undefined, mailFailureReason);
      const entry = auditEntry(deps, adminOrigin(who, CLASS), 'test_mail', failed ?? 'ok');
      await deps.store.audit.append(entry);
      if (failed === undefined) return seeOther(withNotice('/admin/settings', 'test_mail_sent'));
      sentence = FAILURES[failed];
      throw new Fault('email_unavailable');
    } catch (thrown) {
      const { status, trouble } = refusedAt(thrown, 'test-mail', {
        email_required: { field: 'email', sentence: 'Your account has no address. Type one.' },
        invalid_email: { field: 'email', sentence: 'This is not one e-mail address.' },
        email_unavailable: sentence === undefined ? {} : { sentence },
      });
      return pageReply(status, await view(deps, who, { typed, trouble }));
    }
  },
});

export const settingsPageRoutes = [settings, testMessage];
