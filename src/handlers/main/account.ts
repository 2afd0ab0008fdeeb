/** The account room of the main door. */
import * as v from 'valibot';
import { changePassword } from '../../core/account.ts';
import { AccountAnswer, accountView } from '../kit/account-view.ts';
import { JSON_FAULTS, readFields } from '../kit/body.ts';
import { json } from '../kit/reply.ts';
import { noParams, productRoute } from '../kit/route.ts';
import { account, anySession } from '../kit/session.ts';
import { originOf } from './origin.ts';

export const ownAccount = productRoute({
  id: 'account.read',
  method: 'GET',
  path: '/v1/account',
  limit: 'account',
  gate: anySession,
  params: noParams,
  summary: 'The account of this session, also before its second factor is set up or shown.',
  answers: { 200: { description: 'The account.', schema: AccountAnswer } },
  faults: [],
  async reply({ who }) {
    return json(200, { account: accountView(who.live.account) });
  },
});

export const ownPassword = productRoute({
  id: 'account.password',
  method: 'POST',
  path: '/v1/account/password',
  limit: 'account',
  gate: account,
  params: noParams,
  summary: 'Change the password; every other session of the account ends.',
  body: {
    description: 'The current password and the new one.',
    types: [],
    json: v.strictObject({ current_password: v.string(), new_password: v.string() }),
  },
  answers: { 200: { description: 'Changed.', schema: AccountAnswer } },
  faults: [...JSON_FAULTS, 'invalid_credentials', 'invalid_password', 'service_busy'],
  async reply({ deps, request, who }) {
    const fields = await readFields(request, deps, ['current_password', 'new_password']);
    const changed = await changePassword(deps, originOf(who, 'account'), who.live, {
      current: fields.current_password,
      next: fields.new_password,
    });
    return json(200, { account: accountView(changed) });
  },
});

export const accountRoutes = [ownAccount, ownPassword];
