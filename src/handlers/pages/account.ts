/** The page of one account: what it is, and what may be done with it. */
import type { RecoveryReason } from '../../core/operator-accounts.ts';
import type { Account } from '../../store/accounts.ts';
import { ROLES, setupText, stateBadge } from './accounts.ts';
import { form, type Trouble } from './forms.ts';
import { type Html, html } from './html.ts';
import { page, type Viewer } from './layout.ts';
import { section } from './overview.ts';
import { type OwnSessionsView, ownSessions } from './own-sessions.ts';
import { moment, pairs } from './parts.ts';
import { PASSWORD_HINT } from './session.ts';

const REASONS: Readonly<Record<RecoveryReason, string>> = {
  lost_email_access: 'The e-mail address cannot be reached any more',
  lost_totp_device: 'The authenticator app is lost',
  lost_webauthn_credential: 'The passkey is lost',
  lost_all_factors: 'All second factors are lost',
  admin_created_setup: 'An admin sets the account up again',
  operator_review: 'After a review by the operator',
};

export const reasonText = (reason: RecoveryReason): string => REASONS[reason];

export interface AccountPageView {
  readonly viewer: Viewer;
  readonly account: Account;
  /** Whether it is the viewer's own. */
  readonly own: boolean;
  /** The viewer's own sessions, on the page of their own account. */
  readonly sessions?: OwnSessionsView | undefined;
  readonly notice?: string | undefined;
  readonly trouble?: Trouble;
}

export function accountPage(view: AccountPageView): string {
  const { account } = view;
  return page({
    title: account.username,
    viewer: view.viewer,
    room: '/admin/accounts',
    notice: view.notice,
    content: html`${facts(account)}${
      view.sessions && section('own-sessions', 'Your sessions', ownSessions(view.viewer, view.sessions))
    }<div class="columns">${password(view)}${sessions(view)}${role(view)}${state(view)}</div>${recovery(view)}`,
  });
}

function facts(account: Account): Html {
  return html`<section aria-label="Account">${pairs([
    ['Id', html`<code>${account.id}</code>`],
    ['Role', account.role],
    ['State', stateBadge(account)],
    ['Second factor', setupText(account)],
    ...(account.email === undefined ? [] : ([['E-mail', account.email]] as const)),
    ['Created', moment(account.createdAt)],
    ['Changed', moment(account.updatedAt)],
    ['Password set', moment(account.passwordChangedAt)],
  ])}</section>`;
}

const pathOf = ({ account }: AccountPageView, verb: string) => `/admin/accounts/${account.id}/${verb}`;

function password(view: AccountPageView): Html {
  if (view.own) {
    return section('password', 'Password', [
      view.trouble?.form === 'reset-password' &&
        html`<p class="error" role="alert">${view.trouble.sentence}</p>`,
      html`<p>This is your own account. <a href="/admin#own-password-heading">Change your password on the overview</a>.</p>`,
    ]);
  }
  return section(
    'password',
    'Reset the password',
    form({
      id: 'reset-password',
      action: pathOf(view, 'password'),
      csrf: view.viewer.csrf,
      account: view.account.username,
      fields: [
        {
          name: 'new_password',
          label: 'New password',
          hint: `${PASSWORD_HINT} Every session of the account ends.`,
          kind: 'password',
          autocomplete: 'new-password',
        },
      ],
      button: 'Reset the password',
      trouble: view.trouble,
    }),
  );
}

function sessions(view: AccountPageView): Html {
  const who = view.own
    ? 'You are signed out everywhere, here too.'
    : 'Whoever is signed in has to do so again.';
  return section('sessions', 'Sessions', [
    html`<p>${who}</p>`,
    form({
      id: 'revoke-sessions',
      action: pathOf(view, 'sessions/revoke'),
      csrf: view.viewer.csrf,
      button: 'End every session…',
      tone: 'plain',
      trouble: view.trouble,
    }),
  ]);
}

function role(view: AccountPageView): Html {
  return section(
    'role',
    'Role',
    form({
      id: 'change-role',
      action: pathOf(view, 'role'),
      csrf: view.viewer.csrf,
      fields: [
        {
          name: 'role',
          label: 'Role',
          hint: 'A changed role ends the sessions of the account.',
          options: ROLES,
          value: view.account.role,
        },
      ],
      button: 'Change the role…',
      tone: 'plain',
      trouble: view.trouble,
    }),
  );
}

function state(view: AccountPageView): Html {
  const disabled = view.account.state === 'disabled';
  return section('state', disabled ? 'Enable' : 'Disable', [
    html`<p>${
      disabled
        ? 'The account cannot sign in until it is enabled.'
        : 'A disabled account cannot sign in. What it stored stays.'
    }</p>`,
    form({
      id: disabled ? 'enable' : 'disable',
      action: pathOf(view, disabled ? 'enable' : 'disable'),
      csrf: view.viewer.csrf,
      button: disabled ? 'Enable the account' : 'Disable the account…',
      tone: 'plain',
      trouble: view.trouble,
    }),
  ]);
}

function recovery(view: AccountPageView): Html {
  return section('recovery', 'Recovery reset', [
    html`<p>For somebody who lost a second factor, after you made sure who is asking. It removes every second factor and session; the account sets up a new factor at its next login. The password, keys and incidents stay.</p>`,
    form({
      id: 'recovery-reset',
      action: pathOf(view, 'second-factor/recovery/reset'),
      csrf: view.viewer.csrf,
      fields: [
        { name: 'reason', label: 'Reason', prompt: 'Choose a reason', options: Object.entries(REASONS) },
      ],
      button: 'Reset the second factors…',
      tone: 'danger',
      trouble: view.trouble,
    }),
  ]);
}
