/** Setting a second factor up on the dashboard, and showing it there. */
import { challengeEmail, confirmTotp, enrolTotp, verifyEmailCode, verifyTotp } from '../../core/factors.ts';
import type { LimitClass } from '../../core/settings.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import { confirmAgainPage, emailCodePage, enrolmentPage, setupPage, verifyPage } from '../pages/factors.ts';
import { noticeOf, withNotice } from '../pages/notices.ts';
import { adminOrigin } from './origin.ts';
import { refusedAt, refusePage } from './refusal.ts';
import { FORM_ANSWERS, formBody, PAGE_ANSWERS, pageReply, seeOther } from './reply.ts';
import { formGate, readingGate, stageOf, viewerOf } from './web.ts';

const CLASS: LimitClass = 'admin_login';
const EMAIL_CODE = '/admin/second-factor/email/verify';
const WRONG_CODE = { field: 'code', sentence: 'The code is invalid, has expired or was used.' } as const;

export const emailChallenge = adminRoute({
  id: 'dashboard.email-challenge',
  method: 'POST',
  path: '/admin/second-factor/email/challenge',
  limit: CLASS,
  gate: formGate('any', ['email']),
  params: noParams,
  summary: 'Mail a code: to set this factor up, or to verify the session with it.',
  body: formBody('csrf_token, and the email to set up; it is ignored once one is active.'),
  answers: FORM_ANSWERS,
  faults: ['email_required', 'invalid_email', 'second_factor_already_configured', 'email_unavailable'],
  refuse: refusePage,
  async reply({ deps, visitor, who }) {
    try {
      await challengeEmail(deps, adminOrigin(who, CLASS), visitor, who.live, who.form.email);
      return seeOther(withNotice(EMAIL_CODE, 'second_factor_challenge_sent'));
    } catch (thrown) {
      const verifying = stageOf(who.live) === 'verify';
      const { status, trouble } = refusedAt(thrown, 'email-challenge', {
        email_required: verifying ? {} : { field: 'email' },
        invalid_email: { field: 'email', sentence: 'This is not one e-mail address.' },
        email_unavailable: {},
        second_factor_already_configured: {},
      });
      const mail = deps.settings.email.backend !== 'none';
      const view = { viewer: viewerOf(who), mail, trouble };
      const factors = who.live.activeFactors;
      if (verifying) return pageReply(status, verifyPage({ ...view, factors }));
      return pageReply(status, setupPage(view));
    }
  },
});

export const emailCode = adminRoute({
  id: 'dashboard.email-code',
  method: 'GET',
  path: EMAIL_CODE,
  limit: 'admin_dashboard',
  gate: readingGate('any'),
  params: noParams,
  summary: 'The page where a mailed code is typed.',
  answers: PAGE_ANSWERS,
  faults: [],
  refuse: refusePage,
  async reply({ deps, request, who }) {
    const view = { viewer: viewerOf(who), mail: deps.settings.email.backend !== 'none' };
    const settingUp = stageOf(who.live) !== 'verify';
    return pageReply(200, emailCodePage({ ...view, settingUp, notice: noticeOf(request.url) }));
  },
});

export const emailVerify = adminRoute({
  id: 'dashboard.email-verify',
  method: 'POST',
  path: EMAIL_CODE,
  limit: CLASS,
  gate: formGate('any', ['code']),
  params: noParams,
  summary: 'Show a mailed code: it activates the factor and verifies the session.',
  body: formBody('csrf_token, code.'),
  answers: FORM_ANSWERS,
  faults: ['second_factor_challenge_invalid', 'rate_limited'],
  refuse: refusePage,
  async reply({ deps, who }) {
    const settingUp = !who.live.activeFactors.includes('email_challenge');
    try {
      await verifyEmailCode(deps, adminOrigin(who, CLASS), who.live, who.form.code);
      return seeOther(
        withNotice('/admin', settingUp ? 'second_factor_setup_complete' : 'second_factor_verified'),
      );
    } catch (thrown) {
      const { status, trouble } = refusedAt(thrown, 'email-verify', {
        second_factor_challenge_invalid: WRONG_CODE,
      });
      const view = { viewer: viewerOf(who), mail: true, trouble };
      return pageReply(status, emailCodePage({ ...view, settingUp }));
    }
  },
});

export const totpEnroll = adminRoute({
  id: 'dashboard.totp-enroll',
  method: 'POST',
  path: '/admin/second-factor/totp/enroll',
  limit: CLASS,
  gate: formGate('setting up', []),
  params: noParams,
  summary:
    'A new TOTP secret with its QR code, shown this once; another one replaces it until it is confirmed.',
  body: formBody('csrf_token.'),
  answers: PAGE_ANSWERS,
  faults: ['second_factor_already_configured'],
  refuse: refusePage,
  async reply({ deps, who }) {
    try {
      const enrolment = await enrolTotp(deps, adminOrigin(who, CLASS), who.live);
      return pageReply(200, enrolmentPage(viewerOf(who), enrolment));
    } catch (thrown) {
      const { status, trouble } = refusedAt(thrown, 'totp-enroll', {
        second_factor_already_configured: {},
      });
      const mail = deps.settings.email.backend !== 'none';
      return pageReply(status, setupPage({ viewer: viewerOf(who), mail, trouble }));
    }
  },
});

export const totpConfirm = adminRoute({
  id: 'dashboard.totp-confirm',
  method: 'POST',
  path: '/admin/second-factor/totp/confirm',
  limit: CLASS,
  gate: formGate('setting up', ['code']),
  params: noParams,
  summary: 'Activate the TOTP secret with a code of it; the session is verified with that.',
  body: formBody('csrf_token, code.'),
  answers: FORM_ANSWERS,
  faults: ['totp_challenge_invalid', 'rate_limited'],
  refuse: refusePage,
  async reply({ deps, who }) {
    try {
      await confirmTotp(deps, adminOrigin(who, CLASS), who.live, who.form.code);
      return seeOther(withNotice('/admin', 'second_factor_setup_complete'));
    } catch (thrown) {
      const blame = { totp_challenge_invalid: WRONG_CODE };
      const { status, trouble } = refusedAt(thrown, 'totp-confirm', blame);
      return pageReply(status, confirmAgainPage(viewerOf(who), trouble));
    }
  },
});

export const totpVerify = adminRoute({
  id: 'dashboard.totp-verify',
  method: 'POST',
  path: '/admin/second-factor/totp/verify',
  limit: CLASS,
  gate: formGate('any', ['code']),
  params: noParams,
  summary: 'Verify the session with a TOTP code.',
  body: formBody('csrf_token, code.'),
  answers: FORM_ANSWERS,
  faults: ['totp_challenge_invalid', 'rate_limited'],
  refuse: refusePage,
  async reply({ deps, who }) {
    try {
      await verifyTotp(deps, adminOrigin(who, CLASS), who.live, who.form.code);
      return seeOther(withNotice('/admin', 'second_factor_verified'));
    } catch (thrown) {
      const { status, trouble } = refusedAt(thrown, 'totp-verify', { totp_challenge_invalid: WRONG_CODE });
      const mail = deps.settings.email.backend !== 'none';
      const factors = who.live.activeFactors;
      return pageReply(status, verifyPage({ viewer: viewerOf(who), mail, factors, trouble }));
    }
  },
});

export const factorPageRoutes = [emailChallenge, emailCode, emailVerify, totpEnroll, totpConfirm, totpVerify];
