/**
 * The account's own sessions: seen by whoever has shown everything that the account asks for, ended by whoever knows
 * its password as well (ASVS 5.0.0, 7.5.2). They are named by their ids, which log in nobody.
 */
import * as v from 'valibot';
import { endOtherSessions, endOwnSession, ownSessions } from '../../core/account.ts';
import type { FaultKind } from '../../core/faults.ts';
import type { Session, SessionKind } from '../../store/accounts.ts';
import { OwnSessionView } from '../kit/account-view.ts';
import { JSON_FAULTS, readFields } from '../kit/body.ts';
import { PAGE_HEADERS, PAGING_FAULTS, pageHeaders, pagingIn } from '../kit/paging.ts';
import { json } from '../kit/reply.ts';
import { noParams, productRoute } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import { timestamp } from '../kit/time.ts';
import { idParams } from './incident-params.ts';
import { originOf } from './origin.ts';

const ROOT = '/v1/auth/sessions';
const CLASS = 'account';

const KINDS: Readonly<Record<SessionKind, 'bearer' | 'browser' | 'dashboard'>> = {
  bearer: 'bearer',
  web: 'browser',
  admin_web: 'dashboard',
};

const PASSWORD_BODY = {
  description: "The account's password, once more.",
  types: [],
  json: v.strictObject({ current_password: v.string() }),
};
const PASSWORD_FAULTS: readonly FaultKind[] = [...JSON_FAULTS, 'invalid_credentials', 'service_busy'];

function view(session: Session, own: Session): v.InferOutput<typeof OwnSessionView> {
  const { verifiedAt, verifiedMethod, idleAt } = session;
  return {
    session_id: session.id,
    kind: KINDS[session.kind],
    current: session.id === own.id,
    created_at: timestamp(session.createdAt),
    last_seen_at: timestamp(session.lastSeenAt),
    expires_at: timestamp(session.expiresAt),
    ...(idleAt !== undefined && { idle_expires_at: timestamp(idleAt) }),
    ...(verifiedAt !== undefined && { second_factor_verified_at: timestamp(verifiedAt) }),
    ...(verifiedMethod !== undefined && { second_factor_method: verifiedMethod }),
  };
}

export const listSessions = productRoute({
  id: 'auth.sessions',
  method: 'GET',
  path: ROOT,
  limit: CLASS,
  gate: account,
  params: noParams,
  summary: "The account's sessions that have not ended, newest first; after and limit page through them.",
  answers: {
    200: {
      description:
        'A page of sessions. last_seen_at is right to five minutes. idle_expires_at, where there is one, is when the session ends unless it is used before; use does not put off expires_at.',
      schema: v.strictObject({ sessions: v.array(OwnSessionView) }),
      headers: PAGE_HEADERS,
    },
  },
  faults: PAGING_FAULTS,
  async reply({ deps, request, who }) {
    const page = await ownSessions(deps, who.live, pagingIn(request));
    const sessions = page.items.map((session) => view(session, who.live.session));
    return json(200, { sessions }, pageHeaders(request, page));
  },
});

export const revokeSession = productRoute({
  id: 'auth.session-revoke',
  method: 'POST',
  path: `${ROOT}/:id/revoke`,
  limit: CLASS,
  gate: account,
  params: idParams,
  summary: "End one of the account's sessions, this one too.",
  body: PASSWORD_BODY,
  answers: {
    200: {
      description: 'Ended.',
      schema: v.strictObject({ session_id: v.string(), revoked: v.literal(true) }),
    },
  },
  faults: [...PASSWORD_FAULTS, 'session_not_found'],
  async reply({ deps, request, who, params: { id } }) {
    const { current_password: password } = await readFields(request, deps, ['current_password']);
    await endOwnSession(deps, originOf(who, CLASS), who.live, { id, password });
    return json(200, { session_id: id, revoked: true });
  },
});

export const revokeOtherSessions = productRoute({
  id: 'auth.sessions-revoke-others',
  method: 'POST',
  path: `${ROOT}/revoke-others`,
  limit: CLASS,
  gate: account,
  params: noParams,
  summary: 'End every session of the account but this one.',
  body: PASSWORD_BODY,
  answers: {
    200: {
      description: 'Ended; how many there were.',
      schema: v.strictObject({ sessions_revoked: v.number() }),
    },
  },
  faults: PASSWORD_FAULTS,
  async reply({ deps, request, who }) {
    const { current_password: password } = await readFields(request, deps, ['current_password']);
    const ended = await endOtherSessions(deps, originOf(who, CLASS), who.live, password);
    return json(200, { sessions_revoked: ended });
  },
});

export const sessionRoutes = [listSessions, revokeSession, revokeOtherSessions];
