/** What an admin decides about an incident on the dashboard. Each is asked twice. */
import { requestDeletion } from '../../core/deletion.ts';
import type { Deps } from '../../core/deps.ts';
import { Fault } from '../../core/faults.ts';
import { soughtName } from '../../core/identity.ts';
import { isId } from '../../core/ids.ts';
import { incidentFacts } from '../../core/operator-incidents.ts';
import { checkReassignment, reassignIncident } from '../../core/reassignment.ts';
import { adminRoute } from '../kit/route.ts';
import { reassignmentReasonText } from '../pages/incident.ts';
import { withNotice } from '../pages/notices.ts';
import { CONFIRM, unconfirmed } from './confirmation.ts';
import { incidentView } from './incident-pages.ts';
import { incidentId } from './incidents.ts';
import { adminOrigin } from './origin.ts';
import { refusedAt, refusePage } from './refusal.ts';
import { CONFIRMED_ANSWERS, formBody, pageReply, seeOther } from './reply.ts';
import { formGate } from './web.ts';

const CLASS = 'admin_dashboard';
const ROOM = '/admin/incidents';

/** An account by its id or its username. @throws Fault `account_not_found` */
async function accountIdOf(deps: Deps, given: string): Promise<string> {
  const text = given.trim();
  const { accounts } = deps.store;
  const id = isId('acct', text)
    ? (await accounts.byId(text))?.id
    : (await accounts.byUsername(soughtName(text)))?.account.id;
  if (id === undefined) throw new Fault('account_not_found');
  return id;
}

export const remove = adminRoute({
  id: 'dashboard.incident-delete',
  method: 'POST',
  path: '/admin/incidents/:id/deletion',
  limit: CLASS,
  gate: formGate('inside', ['reason_code', 'allow_open', CONFIRM]),
  params: incidentId,
  summary: 'Delete an incident and everything in it, once confirmed.',
  body: formBody('csrf_token, reason_code, allow_open, confirm.'),
  answers: CONFIRMED_ANSWERS,
  faults: ['incident_not_found', 'invalid_reason_code', 'incident_deletion_invalid_state'],
  refuse: refusePage,
  async reply({ deps, who, params: { id } }) {
    const { reason_code: reasonCode = '', allow_open: said } = who.form;
    const { incident } = await incidentFacts(deps, id);
    const allowOpen = said === 'yes';
    try {
      const open = incident.status === 'open';
      const question = unconfirmed(who, {
        room: ROOM,
        title: 'Delete this incident?',
        consequences: [
          `The incident ${incident.id} is deleted for everybody, with ${incident.counts.chunks.toLocaleString('en')} chunks and every link to it.`,
          ...(open ? ['It is open: whoever records right now cannot go on.'] : []),
          'It cannot be brought back. The decision is kept, with your account and the reason.',
        ],
        action: `${ROOM}/${incident.id}/deletion`,
        hidden: { reason_code: reasonCode, ...(allowOpen && { allow_open: 'yes' }) },
        button: 'Delete the incident',
        back: `${ROOM}/${incident.id}`,
      });
      if (question !== undefined) return question;
      await requestDeletion(
        deps,
        adminOrigin(who, CLASS),
        { incidentId: id, ownerAccountId: undefined },
        'admin_request',
        { reasonCode, allowOpen },
      );
      return seeOther(withNotice(`${ROOM}/${id}`, 'incident_deletion_requested'));
    } catch (thrown) {
      const { status, trouble } = refusedAt(thrown, 'delete-incident', {
        invalid_reason_code: { field: 'reason_code' },
        incident_deletion_invalid_state: {
          sentence: 'The incident was opened or changed meanwhile. Look again.',
        },
      });
      const typed = { reason_code: reasonCode };
      return pageReply(status, await incidentView(deps, who, id, { typed, trouble }));
    }
  },
});

export const reassign = adminRoute({
  id: 'dashboard.incident-reassign',
  method: 'POST',
  path: '/admin/incidents/:id/reassignment',
  limit: CLASS,
  gate: formGate('inside', ['action', 'new_owner', 'reason_code', CONFIRM]),
  params: incidentId,
  summary: 'Give an incident that nobody owns to an account, or keep it so, once confirmed.',
  body: formBody('csrf_token, action, new_owner, reason_code, confirm.'),
  answers: CONFIRMED_ANSWERS,
  faults: [
    'invalid_action',
    'invalid_reason_code',
    'missing_new_owner_account_id',
    'unexpected_new_owner_account_id',
    'account_not_found',
    'incident_not_found',
    'incident_not_eligible',
  ],
  refuse: refusePage,
  async reply({ deps, who, params: { id } }) {
    const { action, new_owner: given = '', reason_code: reasonCode } = who.form;
    const { incident } = await incidentFacts(deps, id);
    try {
      const newOwnerAccountId = given.trim() === '' ? undefined : await accountIdOf(deps, given);
      const form = { action, newOwnerAccountId, reasonCode };
      const checked = checkReassignment(form);
      if (incident.ownerAccountId !== undefined || incident.deletionState !== 'active')
        throw new Fault('incident_not_eligible');
      const assigns = checked.action === 'assign_owner';
      const reason = reassignmentReasonText(checked.reasonCode).toLowerCase();
      const question = unconfirmed(who, {
        room: ROOM,
        title: assigns ? 'Give this incident to an account?' : 'Keep this incident without an owner?',
        consequences: [
          assigns
            ? `The account ${newOwnerAccountId} owns the incident ${incident.id}: it sees, downloads and deletes it, and its bytes count towards its quota.`
            : `The incident ${incident.id} stays as it is. Links to it work as before.`,
          ...(assigns ? ['Links to it stay. It cannot be taken back here.'] : []),
          `The decision is kept, with your account and the reason: ${reason}.`,
        ],
        action: `${ROOM}/${incident.id}/reassignment`,
        hidden: {
          action: checked.action,
          new_owner: newOwnerAccountId ?? '',
          reason_code: checked.reasonCode,
        },
        button: assigns ? 'Give it to the account' : 'Keep it without an owner',
        back: `${ROOM}/${incident.id}`,
      });
      if (question !== undefined) return question;
      await reassignIncident(deps, adminOrigin(who, CLASS), id, form, 'admin_dashboard');
      const notice = assigns ? 'incident_reassigned' : 'incident_kept_unowned';
      return seeOther(withNotice(`${ROOM}/${id}`, notice));
    } catch (thrown) {
      const { status, trouble } = refusedAt(thrown, 'reassign-incident', {
        invalid_action: { field: 'action', sentence: 'Choose what to do.' },
        invalid_reason_code: { field: 'reason_code', sentence: 'Choose one of the reasons.' },
        missing_new_owner_account_id: { field: 'new_owner', sentence: 'Say which account.' },
        unexpected_new_owner_account_id: {
          field: 'new_owner',
          sentence: 'Leave this empty to keep the incident without an owner.',
        },
        account_not_found: { field: 'new_owner', sentence: 'There is no such account.' },
        incident_not_eligible: {},
      });
      const typed = { action, new_owner: given, reason_code: reasonCode };
      // An incident that is not eligible shows no form to say it at.
      const notice =
        thrown instanceof Fault && thrown.kind === 'incident_not_eligible' ? trouble.sentence : undefined;
      return pageReply(status, await incidentView(deps, who, id, { typed, trouble, notice }));
    }
  },
});

export const incidentFormRoutes = [remove, reassign];
