/** Signing in and out of the dashboard, and one's own password. */
import { changePassword } from '../../core/account.ts';
import { Fault } from '../../core/faults.ts';
import { login, logout } from '../../core/login.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import { withNotice } from '../pages/notices.ts';
import { ownPasswordPage } from '../pages/overview.ts';
import { LOGIN, loginPage } from '../pages/session.ts';
import { adminOrigin, visitorOrigin } from './origin.ts';
import { refusedAt, refusePage } from './refusal.ts';
import { FORM_ANSWERS, formBody, pageReply, seeOther } from './reply.ts';
import { formGate, noSessionCookie, sessionCookie, signOutGate, viewerOf, visitorForm } from './web.ts';

export const signIn = adminRoute({
  id: 'dashboard.login',
  method: 'POST',
  path: '/admin/login',
  limit: 'admin_login',
  gate: visitorForm(['username', 'password']),
  params: noParams,
  summary: 'Sign in to the dashboard.',
  body: formBody('username, password.'),
  answers: FORM_ANSWERS,
  faults: ['invalid_credentials', 'forbidden', 'email_verification_required', 'service_busy'],
  refuse: refusePage,
  async reply({ deps, visitor, who: { form } }) {
    const { username, password } = form;
    try {
      const opened = await login(deps, visitorOrigin('admin_login'), {
        username,
        password,
        kind: 'admin_web',
        permit({ role }) {
          if (role !== 'admin') throw new Fault('forbidden');
        },
      });
      return seeOther('/admin', sessionCookie(visitor, opened));
    } catch (thrown) {
      const { status, trouble } = refusedAt(thrown, LOGIN, {
        invalid_credentials: { sentence: 'Username or password is invalid.' },
        forbidden: { sentence: 'Admin role is required.' },
        email_verification_required: {},
      });
      return pageReply(status, loginPage({ username }, trouble));
    }
  },
});

export const signOut = adminRoute({
  id: 'dashboard.logout',
  method: 'POST',
  path: '/admin/logout',
  limit: 'admin_dashboard',
  gate: signOutGate,
  params: noParams,
  summary: 'Sign out of the dashboard.',
  body: formBody('csrf_token.'),
  answers: FORM_ANSWERS,
  faults: [],
  refuse: refusePage,
  async reply({ deps, visitor, who }) {
    if (who !== 'nobody') await logout(deps, adminOrigin(who, 'admin_dashboard'), who.live);
    return seeOther('/admin', noSessionCookie(visitor));
  },
});

export const ownPassword = adminRoute({
  id: 'dashboard.password',
  method: 'POST',
  path: '/admin/password',
  limit: 'admin_dashboard',
  gate: formGate('inside', ['current_password', 'new_password']),
  params: noParams,
  summary: "Change the admin's own password; its other sessions end.",
  body: formBody('csrf_token, current_password, new_password.'),
  answers: FORM_ANSWERS,
  faults: ['invalid_credentials', 'invalid_password', 'service_busy'],
  refuse: refusePage,
  async reply({ deps, who }) {
    const { current_password: current, new_password: next } = who.form;
    try {
      await changePassword(deps, adminOrigin(who, 'admin_dashboard'), who.live, { current, next });
      return seeOther(withNotice('/admin', 'password_changed'));
    } catch (thrown) {
      const { status, trouble } = refusedAt(thrown, 'own-password', {
        invalid_credentials: { field: 'current_password', sentence: 'Current password is invalid.' },
        invalid_password: { field: 'new_password' },
      });
      return pageReply(status, ownPasswordPage(viewerOf(who), trouble));
    }
  },
});

export const sessionPageRoutes = [signIn, signOut, ownPassword];
