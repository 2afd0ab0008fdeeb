/** The pages of accounts. */
import type { Account, SetupState } from '../../store/accounts.ts';
import { form, type Trouble } from './forms.ts';
import { type Html, html } from './html.ts';
import { page, type Viewer } from './layout.ts';
import { badge, moment, table } from './parts.ts';
import { PASSWORD_HINT } from './session.ts';

const SETUP: Readonly<Record<SetupState, string>> = {
  not_required: 'not required',
  setup_required: 'to be set up',
  complete: 'set up',
};

export const setupText = (account: Account): string => SETUP[account.setup];

export function stateBadge({ state }: Account): Html {
  const tone = state === 'active' ? 'good' : state === 'disabled' || state === 'suspended' ? 'bad' : 'plain';
  return badge(state.replaceAll('_', ' '), tone);
}

export function accountTable(accounts: readonly Account[], caption: string): Html {
  return table({
    caption,
    columns: ['Username', 'Role', 'State', 'Second factor', 'Created'],
    rows: accounts.map((account) => [
      html`<a href="/admin/accounts/${account.id}">${account.username}</a>`,
      account.role,
      stateBadge(account),
      setupText(account),
      moment(account.createdAt),
    ]),
    empty: 'There are no accounts on this page.',
  });
}

export const ROLES = [
  ['user', 'User'],
  ['admin', 'Admin'],
] as const;

export interface AccountsView {
  readonly viewer: Viewer;
  readonly notice?: string | undefined;
  readonly accounts: readonly Account[];
  /** Of the page after this one. */
  readonly cursor: string | undefined;
  readonly first: boolean;
  readonly typed?: { readonly username?: string | undefined; readonly role?: string | undefined };
  readonly trouble?: Trouble;
}

export function accountsPage(view: AccountsView): string {
  const { viewer, accounts, cursor, first, typed = {}, trouble } = view;
  const paging =
    (!first || cursor !== undefined) &&
    html`<p class="actions">${!first && html`<a class="button" href="/admin/accounts">First page</a>`}${
      cursor !== undefined && html`<a class="button" href="/admin/accounts?cursor=${cursor}">Next page</a>`
    }</p>`;
  const list = html`<section aria-label="Accounts">${accountTable(accounts, 'In the order in which they were made')}${paging}</section>`;
  const create = html`<section aria-labelledby="create-heading"><h2 id="create-heading">Create an account</h2>${form(
    {
      id: 'create-account',
      action: '/admin/accounts',
      csrf: viewer.csrf,
      fields: [
        {
          name: 'username',
          label: 'Username',
          hint: '3 to 64 letters, digits, and . - _ @',
          autocomplete: 'off',
          value: typed.username,
        },
        {
          name: 'password',
          label: 'First password',
          hint: PASSWORD_HINT,
          kind: 'password',
          autocomplete: 'new-password',
        },
        {
          name: 'role',
          label: 'Role',
          hint: 'An admin may use this door. At the main door the role gives nothing.',
          options: ROLES,
          value: typed.role,
        },
      ],
      button: 'Create the account',
      trouble,
    },
  )}</section>`;
  return page({
    title: 'Accounts',
    viewer,
    room: '/admin/accounts',
    notice: view.notice,
    // A refused form comes first: nobody should have to look for it.
    content: trouble === undefined ? [list, create] : [create, list],
  });
}
