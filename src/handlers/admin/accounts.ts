/** Accounts, as JSON for an admin. */
import * as v from 'valibot';
import { isId } from '../../core/ids.ts';
import {
  type Changed,
  changeRole,
  createAccount,
  disableAccount,
  enableAccount,
  RECOVERY_REASONS,
  resetFactors,
  resetPassword,
  revokeSessions,
} from '../../core/operator-accounts.ts';
import { listAccounts } from '../../core/operator-listing.ts';
import { AccountAnswer, AccountView, accountView } from '../kit/account-view.ts';
import { JSON_FAULTS, readFields } from '../kit/body.ts';
import { json } from '../kit/reply.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import { adminApi } from '../kit/session.ts';
import { timestamp } from '../kit/time.ts';
import { adminOrigin } from './origin.ts';

const CLASS = 'admin_json';
const time = v.pipe(v.string(), v.isoTimestamp());
const accountId = ({ id = '' }: Readonly<Record<string, string>>) => (isId('acct', id) ? { id } : { id: '' });

const ChangedView = v.strictObject({ account: AccountView, sessions_revoked: v.number() });
const changed = ({ account, sessionsRevoked }: Changed) =>
  json(200, { account: accountView(account), sessions_revoked: sessionsRevoked });

export const list = adminRoute({
  id: 'accounts.list',
  method: 'GET',
  path: '/admin/api/accounts',
  limit: CLASS,
  gate: adminApi,
  params: noParams,
  summary: 'Accounts in the order in which they were made; cursor and limit page through them.',
  answers: {
    200: {
      description: 'A page of accounts.',
      schema: v.strictObject({ accounts: v.array(AccountView), cursor: v.optional(v.string()) }),
    },
  },
  faults: ['invalid_cursor', 'invalid_limit'],
  async reply({ deps, request }) {
    const { searchParams } = new URL(request.url);
    const page = await listAccounts(deps, searchParams.get('cursor'), searchParams.get('limit'));
    return json(200, {
      accounts: page.accounts.map(accountView),
      ...(page.cursor !== undefined && { cursor: page.cursor }),
    });
  },
});

export const create = adminRoute({
  id: 'accounts.create',
  method: 'POST',
  path: '/admin/api/accounts',
  limit: CLASS,
  gate: adminApi,
  params: noParams,
  summary: 'A new account, whose second factor is still to be set up.',
  body: {
    description: 'Username, password and role.',
    types: [],
    json: v.strictObject({ username: v.string(), password: v.string(), role: v.picklist(['user', 'admin']) }),
  },
  answers: { 201: { description: 'Made.', schema: AccountAnswer } },
  faults: [
    ...JSON_FAULTS,
    'invalid_username',
    'invalid_password',
    'invalid_role',
    'username_conflict',
    'service_busy',
  ],
  async reply({ deps, request, who }) {
    const { username, password, role } = await readFields(request, deps, ['username', 'password', 'role']);
    const made = await createAccount(deps, adminOrigin(who, CLASS), { username, password, role });
    return json(201, { account: accountView(made) });
  },
});

export const password = adminRoute({
  id: 'accounts.password',
  method: 'POST',
  path: '/admin/api/accounts/:id/password',
  limit: CLASS,
  gate: adminApi,
  params: accountId,
  summary: 'Set a new password; every session of the account ends.',
  body: {
    description: 'The new password.',
    types: [],
    json: v.strictObject({ new_password: v.string() }),
  },
  answers: { 200: { description: 'Set.', schema: ChangedView } },
  faults: [...JSON_FAULTS, 'invalid_password', 'account_not_found', 'service_busy'],
  async reply({ deps, request, who, params: { id } }) {
    const fields = await readFields(request, deps, ['new_password']);
    return changed(await resetPassword(deps, adminOrigin(who, CLASS), id, fields.new_password));
  },
});

export const disable = adminRoute({
  id: 'accounts.disable',
  method: 'POST',
  path: '/admin/api/accounts/:id/disable',
  limit: CLASS,
  gate: adminApi,
  params: accountId,
  summary: 'Shut an account; its sessions end.',
  answers: { 200: { description: 'Shut.', schema: ChangedView } },
  faults: ['account_not_found', 'last_admin'],
  async reply({ deps, who, params: { id } }) {
    return changed(await disableAccount(deps, adminOrigin(who, CLASS), who.live, id));
  },
});

export const enable = adminRoute({
  id: 'accounts.enable',
  method: 'POST',
  path: '/admin/api/accounts/:id/enable',
  limit: CLASS,
  gate: adminApi,
  params: accountId,
  summary: 'Open an account again.',
  answers: { 200: { description: 'Open.', schema: ChangedView } },
  faults: ['account_not_found'],
  async reply({ deps, who, params: { id } }) {
    return changed(await enableAccount(deps, adminOrigin(who, CLASS), id));
  },
});

export const role = adminRoute({
  id: 'accounts.role',
  method: 'POST',
  path: '/admin/api/accounts/:id/role',
  limit: CLASS,
  gate: adminApi,
  params: accountId,
  summary: 'Change a role; the sessions of the account end.',
  body: {
    description: 'The role.',
    types: [],
    json: v.strictObject({ role: v.picklist(['user', 'admin']) }),
  },
  answers: { 200: { description: 'Changed.', schema: ChangedView } },
  faults: [...JSON_FAULTS, 'account_not_found', 'invalid_role', 'last_admin'],
  async reply({ deps, request, who, params: { id } }) {
    const fields = await readFields(request, deps, ['role']);
    return changed(await changeRole(deps, adminOrigin(who, CLASS), id, fields.role));
  },
});

export const revoke = adminRoute({
  id: 'accounts.sessions-revoke',
  method: 'POST',
  path: '/admin/api/accounts/:id/sessions/revoke',
  limit: CLASS,
  gate: adminApi,
  params: accountId,
  summary: 'End every session of an account.',
  answers: {
    200: {
      description: 'Ended.',
      schema: v.strictObject({ account_id: v.string(), sessions_revoked: v.number() }),
    },
  },
  faults: ['account_not_found'],
  async reply({ deps, who, params: { id } }) {
    const revoked = await revokeSessions(deps, adminOrigin(who, CLASS), id);
    return json(200, { account_id: id, sessions_revoked: revoked });
  },
});

const setup = v.picklist(['not_required', 'setup_required', 'complete']);

export const recovery = adminRoute({
  id: 'accounts.recovery-reset',
  method: 'POST',
  path: '/admin/api/accounts/:id/second-factor/recovery/reset',
  limit: CLASS,
  gate: adminApi,
  params: accountId,
  summary: 'Take every second factor and session away, so that the account sets up anew.',
  body: {
    description: 'Why, from a closed set.',
    types: [],
    json: v.strictObject({ reason: v.picklist(RECOVERY_REASONS) }),
  },
  answers: {
    200: {
      description: 'Reset.',
      schema: v.strictObject({
        status: v.literal('reset'),
        account: AccountView,
        recovery: v.strictObject({
          id: v.string(),
          account_id: v.string(),
          admin_account_id: v.string(),
          action: v.literal('second_factor_recovery_reset'),
          reason: v.picklist(RECOVERY_REASONS),
          previous_second_factor_setup_state: setup,
          new_second_factor_setup_state: setup,
          sessions_revoked: v.number(),
          email_factors_removed: v.number(),
          totp_factors_removed: v.number(),
          webauthn_credentials_removed: v.number(),
          created_at: time,
        }),
      }),
    },
  },
  faults: [...JSON_FAULTS, 'invalid_recovery_reason', 'account_not_found'],
  async reply({ deps, request, who, params: { id } }) {
    const { reason } = await readFields(request, deps, ['reason']);
    const reset = await resetFactors(deps, adminOrigin(who, CLASS), id, reason);
    return json(200, {
      status: 'reset',
      account: accountView(reset.account),
      recovery: {
        id: reset.id,
        account_id: id,
        admin_account_id: who.live.account.id,
        action: 'second_factor_recovery_reset',
        reason: reset.reason,
        previous_second_factor_setup_state: reset.previousSetup,
        new_second_factor_setup_state: reset.account.setup,
        sessions_revoked: reset.sessionsRevoked,
        email_factors_removed: reset.emailFactors,
        totp_factors_removed: reset.totpFactors,
        webauthn_credentials_removed: reset.passkeys,
        created_at: timestamp(reset.at),
      },
    });
  },
});

export const accountRoutes = [list, create, password, disable, enable, role, revoke, recovery];
