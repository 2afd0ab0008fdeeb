/** What an admin does with an account on the dashboard. What ends sessions or removes something is asked twice. */
import { Fault } from '../../core/faults.ts';
import {
  changeRole,
  disableAccount,
  enableAccount,
  RECOVERY_REASONS,
  resetFactors,
  resetPassword,
  revokeSessions,
} from '../../core/operator-accounts.ts';
import type { Account } from '../../store/accounts.ts';
import { adminRoute } from '../kit/route.ts';
import { reasonText } from '../pages/account.ts';
import { type Notice, withNotice } from '../pages/notices.ts';
import { accountId, accountOf, accountView } from './account-pages.ts';
import { CONFIRM, unconfirmed } from './confirmation.ts';
import { adminOrigin } from './origin.ts';
import { refusedAt, refusePage } from './refusal.ts';
import { CONFIRMED_ANSWERS, FORM_ANSWERS, formBody, pageReply, seeOther } from './reply.ts';
import { type DashboardSession, formGate } from './web.ts';

const CLASS = 'admin_dashboard';
const ROOM = '/admin/accounts';
const pathOf = ({ id }: Account) => `${ROOM}/${id}`;
/** Back to the account, or to the door for whoever has just ended the session that this page is in. */
const after = (who: DashboardSession, account: Account, notice: Notice) =>
  account.id === who.live.account.id ? '/admin' : withNotice(pathOf(account), notice);
const LAST_ADMIN = 'The last active admin, and you yourself, cannot be disabled or demoted.';

export const password = adminRoute({
  id: 'dashboard.account-password',
  method: 'POST',
  path: '/admin/accounts/:id/password',
  limit: CLASS,
  gate: formGate('inside', ['new_password']),
  params: accountId,
  summary: 'Set a new password for another account; every session of it ends.',
  body: formBody('csrf_token, new_password.'),
  answers: FORM_ANSWERS,
  faults: ['account_not_found', 'invalid_password', 'service_busy'],
  refuse: refusePage,
  async reply({ deps, who, params: { id } }) {
    const account = await accountOf(deps, id);
    const refuse = (status: number, trouble: { form: string; field?: string; sentence: string }) =>
      pageReply(status, accountView(who, account, { trouble }));
    if (id === who.live.account.id) {
      const sentence = 'Use the admin password form to change your own password.';
      return refuse(400, { form: 'reset-password', sentence });
    }
    try {
      await resetPassword(deps, adminOrigin(who, CLASS), id, who.form.new_password);
      return seeOther(withNotice('/admin', 'account_password_reset'));
    } catch (thrown) {
      const blame = { invalid_password: { field: 'new_password' } };
      const { status, trouble } = refusedAt(thrown, 'reset-password', blame);
      return refuse(status, trouble);
    }
  },
});

export const role = adminRoute({
  id: 'dashboard.account-role',
  method: 'POST',
  path: '/admin/accounts/:id/role',
  limit: CLASS,
  gate: formGate('inside', ['role', CONFIRM]),
  params: accountId,
  summary: 'Change a role, once confirmed; the sessions of the account end.',
  body: formBody('csrf_token, role, confirm.'),
  answers: CONFIRMED_ANSWERS,
  faults: ['account_not_found', 'invalid_role', 'last_admin'],
  refuse: refusePage,
  async reply({ deps, who, params: { id } }) {
    const account = await accountOf(deps, id);
    const wanted = who.form.role;
    try {
      if (wanted !== 'user' && wanted !== 'admin') throw new Fault('invalid_role');
      const question = unconfirmed(who, {
        room: ROOM,
        title: `Make ${account.username} ${wanted === 'admin' ? 'an admin' : 'a user'}?`,
        consequences: [
          wanted === 'admin' ? 'The account may use this door.' : 'The account may no longer use this door.',
          'Every session of the account ends.',
        ],
        action: `${pathOf(account)}/role`,
        hidden: { role: wanted },
        button: 'Change the role',
        back: pathOf(account),
      });
      if (question !== undefined) return question;
      await changeRole(deps, adminOrigin(who, CLASS), id, wanted);
      return seeOther(after(who, account, 'account_role_changed'));
    } catch (thrown) {
      const { status, trouble } = refusedAt(thrown, 'change-role', {
        invalid_role: { field: 'role' },
        last_admin: { sentence: LAST_ADMIN },
      });
      return pageReply(status, accountView(who, account, { trouble }));
    }
  },
});

export const disable = adminRoute({
  id: 'dashboard.account-disable',
  method: 'POST',
  path: '/admin/accounts/:id/disable',
  limit: CLASS,
  gate: formGate('inside', [CONFIRM]),
  params: accountId,
  summary: 'Shut an account, once confirmed; its sessions end.',
  body: formBody('csrf_token, confirm.'),
  answers: CONFIRMED_ANSWERS,
  faults: ['account_not_found', 'last_admin'],
  refuse: refusePage,
  async reply({ deps, who, params: { id } }) {
    const account = await accountOf(deps, id);
    try {
      const question = unconfirmed(who, {
        room: ROOM,
        title: `Disable ${account.username}?`,
        consequences: ['Every session of the account ends.', 'It cannot sign in until it is enabled again.'],
        action: `${pathOf(account)}/disable`,
        button: 'Disable the account',
        back: pathOf(account),
      });
      if (question !== undefined) return question;
      await disableAccount(deps, adminOrigin(who, CLASS), who.live, id);
      return seeOther(withNotice(pathOf(account), 'account_disabled'));
    } catch (thrown) {
      const { status, trouble } = refusedAt(thrown, 'disable', { last_admin: { sentence: LAST_ADMIN } });
      return pageReply(status, accountView(who, account, { trouble }));
    }
  },
});

export const enable = adminRoute({
  id: 'dashboard.account-enable',
  method: 'POST',
  path: '/admin/accounts/:id/enable',
  limit: CLASS,
  gate: formGate('inside', []),
  params: accountId,
  summary: 'Open an account again.',
  body: formBody('csrf_token.'),
  answers: FORM_ANSWERS,
  faults: ['account_not_found'],
  refuse: refusePage,
  async reply({ deps, who, params: { id } }) {
    const account = await accountOf(deps, id);
    await enableAccount(deps, adminOrigin(who, CLASS), id);
    return seeOther(withNotice(pathOf(account), 'account_enabled'));
  },
});

export const revoke = adminRoute({
  id: 'dashboard.account-sessions-revoke',
  method: 'POST',
  path: '/admin/accounts/:id/sessions/revoke',
  limit: CLASS,
  gate: formGate('inside', [CONFIRM]),
  params: accountId,
  summary: 'End every session of an account, once confirmed.',
  body: formBody('csrf_token, confirm.'),
  answers: CONFIRMED_ANSWERS,
  faults: ['account_not_found'],
  refuse: refusePage,
  async reply({ deps, who, params: { id } }) {
    const account = await accountOf(deps, id);
    const question = unconfirmed(who, {
      room: ROOM,
      title: `End every session of ${account.username}?`,
      consequences: ['Whoever is signed in with this account has to sign in again.'],
      action: `${pathOf(account)}/sessions/revoke`,
      button: 'End every session',
      back: pathOf(account),
    });
    if (question !== undefined) return question;
    await revokeSessions(deps, adminOrigin(who, CLASS), id);
    return seeOther(after(who, account, 'sessions_revoked'));
  },
});

export const recovery = adminRoute({
  id: 'dashboard.account-recovery-reset',
  method: 'POST',
  path: '/admin/accounts/:id/second-factor/recovery/reset',
  limit: CLASS,
  gate: formGate('inside', ['reason', CONFIRM]),
  params: accountId,
  summary: 'Take every second factor and session of an account away, once confirmed.',
  body: formBody('csrf_token, reason, confirm.'),
  answers: CONFIRMED_ANSWERS,
  faults: ['account_not_found', 'invalid_recovery_reason'],
  refuse: refusePage,
  async reply({ deps, who, params: { id } }) {
    const account = await accountOf(deps, id);
    try {
      const reason = RECOVERY_REASONS.find((known) => known === who.form.reason);
      if (reason === undefined) throw new Fault('invalid_recovery_reason');
      const question = unconfirmed(who, {
        room: ROOM,
        title: `Reset the second factors of ${account.username}?`,
        consequences: [
          'Every second factor of the account is removed: e-mail, authenticator app and passkeys.',
          'Every session of the account ends.',
          'Whoever has the password sets up a new second factor at the next login.',
          `The reason is kept in the audit: ${reasonText(reason).toLowerCase()}.`,
        ],
        action: `${pathOf(account)}/second-factor/recovery/reset`,
        hidden: { reason },
        button: 'Reset the second factors',
        back: pathOf(account),
      });
      if (question !== undefined) return question;
      await resetFactors(deps, adminOrigin(who, CLASS), id, reason);
      return seeOther(after(who, account, 'recovery_reset'));
    } catch (thrown) {
      const blame = { invalid_recovery_reason: { field: 'reason', sentence: 'Choose one of the reasons.' } };
      const { status, trouble } = refusedAt(thrown, 'recovery-reset', blame);
      return pageReply(status, accountView(who, account, { trouble }));
    }
  },
});

export const accountFormRoutes = [password, role, disable, enable, revoke, recovery];
