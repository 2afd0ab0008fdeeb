/** Ending one's own sessions on the dashboard: asked once more, with one's password. */
import { endOtherSessions, endOwnSession } from '../../core/account.ts';
import type { FaultKind } from '../../core/faults.ts';
import type { Reply } from '../kit/reply.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import { CONFIRM_FORM, confirmPage } from '../pages/confirm.ts';
import { withNotice } from '../pages/notices.ts';
import { END_OTHERS_PATH, endPath } from '../pages/own-sessions.ts';
import { CONFIRM, type Question, unconfirmed } from './confirmation.ts';
import { adminOrigin } from './origin.ts';
import { refusedAt, refusePage } from './refusal.ts';
import { CONFIRMED_ANSWERS, formBody, pageReply, seeOther } from './reply.ts';
import { type DashboardSession, formGate, noSessionCookie, viewerOf } from './web.ts';

const CLASS = 'admin_dashboard';
const FAULTS: readonly FaultKind[] = ['invalid_credentials', 'rate_limited', 'service_busy'];
const BODY = formBody('csrf_token, confirm, current_password.');
const gate = formGate('inside', [CONFIRM, 'current_password']);
const ownPage = ({ live }: DashboardSession) => `/admin/accounts/${live.account.id}`;

function questionOf(
  who: DashboardSession,
  question: Pick<Question, 'title' | 'consequences' | 'action' | 'button'>,
): Question {
  return { room: '/admin/accounts', back: ownPage(who), password: true, ...question };
}

/** The question once more, with what was wrong with the answer. */
function askAgain(who: DashboardSession, question: Question, thrown: unknown): Reply {
  const { status, trouble } = refusedAt(thrown, CONFIRM_FORM, {
    invalid_credentials: { field: 'current_password', sentence: 'That is not your password.' },
  });
  return pageReply(status, confirmPage({ viewer: viewerOf(who), ...question, trouble }));
}

export const end = adminRoute({
  id: 'dashboard.session-revoke',
  method: 'POST',
  path: '/admin/sessions/:id/revoke',
  limit: CLASS,
  gate,
  params: ({ id = '' }) => ({ id }),
  summary: "End one of the admin's own sessions, once confirmed with the password.",
  body: BODY,
  answers: CONFIRMED_ANSWERS,
  faults: [...FAULTS, 'session_not_found'],
  refuse: refusePage,
  async reply({ deps, visitor, who, params: { id } }) {
    const question = questionOf(who, {
      title: 'End this session?',
      consequences: [
        'Whoever uses it has to sign in again. A device that records with it uploads nothing until then.',
      ],
      action: endPath(id),
      button: 'End the session',
    });
    const asked = unconfirmed(who, question);
    if (asked !== undefined) return asked;
    try {
      const request = { id, password: who.form.current_password };
      await endOwnSession(deps, adminOrigin(who, CLASS), who.live, request);
    } catch (thrown) {
      return askAgain(who, question, thrown);
    }
    if (id === who.live.session.id) return seeOther('/admin', noSessionCookie(visitor));
    return seeOther(withNotice(ownPage(who), 'own_session_ended'));
  },
});

export const endOthers = adminRoute({
  id: 'dashboard.sessions-revoke-others',
  method: 'POST',
  path: END_OTHERS_PATH,
  limit: CLASS,
  gate,
  params: noParams,
  summary: 'End every session of the admin but this one, once confirmed with the password.',
  body: BODY,
  answers: CONFIRMED_ANSWERS,
  faults: FAULTS,
  refuse: refusePage,
  async reply({ deps, who }) {
    const question = questionOf(who, {
      title: 'End all your other sessions?',
      consequences: [
        'Every other browser, device and program that is signed in with your account has to sign in again.',
        'Devices that record upload nothing until then.',
      ],
      action: END_OTHERS_PATH,
      button: 'End all others',
    });
    const asked = unconfirmed(who, question);
    if (asked !== undefined) return asked;
    try {
      await endOtherSessions(deps, adminOrigin(who, CLASS), who.live, who.form.current_password);
    } catch (thrown) {
      return askAgain(who, question, thrown);
    }
    return seeOther(withNotice(ownPage(who), 'own_sessions_ended'));
  },
});

export const ownSessionRoutes = [end, endOthers];
