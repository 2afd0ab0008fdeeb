/** Accounts on the dashboard: the list, and the page of each. */

import { ownSessions } from '../../core/account.ts';
import type { Deps } from '../../core/deps.ts';
import { Fault } from '../../core/faults.ts';
import { isId } from '../../core/ids.ts';
import { createAccount } from '../../core/operator-accounts.ts';
import { listAccounts } from '../../core/operator-listing.ts';
import type { Account, LiveSession } from '../../store/accounts.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import { accountPage } from '../pages/account.ts';
import { type AccountsView, accountsPage } from '../pages/accounts.ts';
import type { Trouble } from '../pages/forms.ts';
import { noticeOf, withNotice } from '../pages/notices.ts';
import type { OwnSessionsView } from '../pages/own-sessions.ts';
import { adminOrigin } from './origin.ts';
import { refusedAt, refusePage } from './refusal.ts';
import { FORM_ANSWERS, formBody, PAGE_ANSWERS, pageReply, seeOther } from './reply.ts';
import { type DashboardSession, formGate, readingGate, viewerOf } from './web.ts';

const CLASS = 'admin_dashboard';
const LISTED = '50';

/** Any text is a parameter; what cannot be an id is nobody's, and refused as such. */
export const accountId = ({ id = '' }: Readonly<Record<string, string>>) =>
  isId('acct', id) ? { id } : { id: '' };

/** @throws Fault `account_not_found` */
export async function accountOf(deps: Deps, id: string): Promise<Account> {
  const account = id === '' ? undefined : await deps.store.accounts.byId(id);
  if (account === undefined) throw new Fault('account_not_found');
  return account;
}

/** The page of an account for the admin who looks at it. */
export function accountView(
  who: DashboardSession,
  account: Account,
  more: {
    readonly notice?: string | undefined;
    readonly trouble?: Trouble;
    readonly sessions?: OwnSessionsView | undefined;
  } = {},
): string {
  return accountPage({ viewer: viewerOf(who), account, own: account.id === who.live.account.id, ...more });
}

/** The viewer's own sessions, as far as a page has room for them. */
async function sessionsOf(deps: Deps, live: LiveSession): Promise<OwnSessionsView> {
  const { items, next } = await ownSessions(deps, live, { after: null, limit: LISTED });
  const others = items.filter(({ id }) => id !== live.session.id);
  return { current: live.session, others, more: next !== undefined };
}

type Extras = Pick<AccountsView, 'notice' | 'typed' | 'trouble'>;

async function listView(
  deps: Deps,
  who: DashboardSession,
  cursor: string | null,
  extras: Extras,
): Promise<string> {
  // Somebody typed into the address: the list starts at its beginning.
  const from = cursor !== null && isId('acct', cursor) ? cursor : null;
  const page = await listAccounts(deps, from, LISTED);
  return accountsPage({
    viewer: viewerOf(who),
    accounts: page.accounts,
    cursor: page.cursor,
    first: from === null,
    ...extras,
  });
}

export const list = adminRoute({
  id: 'dashboard.accounts',
  method: 'GET',
  path: '/admin/accounts',
  limit: CLASS,
  gate: readingGate('inside'),
  params: noParams,
  summary: 'The accounts, a page at a time.',
  answers: PAGE_ANSWERS,
  faults: [],
  refuse: refusePage,
  async reply({ deps, request, who }) {
    const cursor = new URL(request.url).searchParams.get('cursor');
    return pageReply(200, await listView(deps, who, cursor, { notice: noticeOf(request.url) }));
  },
});

export const create = adminRoute({
  id: 'dashboard.account-create',
  method: 'POST',
  path: '/admin/accounts',
  limit: CLASS,
  gate: formGate('inside', ['username', 'password', 'role']),
  params: noParams,
  summary: 'A new account, whose second factor is still to be set up.',
  body: formBody('csrf_token, username, password, role.'),
  answers: FORM_ANSWERS,
  faults: ['invalid_username', 'username_conflict', 'invalid_password', 'invalid_role', 'service_busy'],
  refuse: refusePage,
  async reply({ deps, who }) {
    const { username, password, role } = who.form;
    try {
      const made = await createAccount(deps, adminOrigin(who, CLASS), { username, password, role });
      return seeOther(withNotice(`/admin/accounts/${made.id}`, 'account_created'));
    } catch (thrown) {
      const { status, trouble } = refusedAt(thrown, 'create-account', {
        invalid_username: { field: 'username' },
        username_conflict: { field: 'username' },
        invalid_password: { field: 'password' },
        invalid_role: { field: 'role' },
      });
      return pageReply(status, await listView(deps, who, null, { typed: { username, role }, trouble }));
    }
  },
});

export const one = adminRoute({
  id: 'dashboard.account',
  method: 'GET',
  path: '/admin/accounts/:id',
  limit: CLASS,
  gate: readingGate('inside'),
  params: accountId,
  summary: 'One account, and what may be done with it.',
  answers: PAGE_ANSWERS,
  faults: ['account_not_found'],
  refuse: refusePage,
  async reply({ deps, request, who, params: { id } }) {
    const account = await accountOf(deps, id);
    const sessions = id === who.live.account.id ? await sessionsOf(deps, who.live) : undefined;
    return pageReply(200, accountView(who, account, { notice: noticeOf(request.url), sessions }));
  },
});

export const accountPageRoutes = [list, create, one];
