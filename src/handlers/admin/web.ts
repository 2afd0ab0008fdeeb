/**
 * The dashboard's sessions and gates. Its cookie is believed at its pages alone, and its pages believe nothing else.
 * The order of refusals: session → origin → form → CSRF → role → set-up → verification.
 */
import { Fault, type FaultKind } from '../../core/faults.ts';
import { type OpenedSession, sessionOf } from '../../core/login.ts';
import type { Visitor } from '../../core/visitor.ts';
import type { LiveSession } from '../../store/accounts.ts';
import { type CookieShape, cookieOf, dropCookie, keepCookie } from '../kit/cookies.ts';
import { csrfToken, isCsrfToken } from '../kit/csrf.ts';
import { requireOwnOrigin } from '../kit/origins.ts';
import type { Asked, Gate } from '../kit/route.ts';
import { needsVerification } from '../kit/session.ts';
import type { Viewer } from '../pages/layout.ts';
import { FORM_FAULTS, type Form, readForm } from './form.ts';

const PURPOSE = 'sallyport-admin-web-csrf-v1';

const cookie = ({ secure }: Visitor): CookieShape => ({
  name: 'sallyport_admin_session',
  path: '/admin',
  sameSite: 'Strict',
  secure,
});

/** The header that gives a browser its new session. */
export const sessionCookie = (visitor: Visitor, { token, session }: OpenedSession) => ({
  'set-cookie': keepCookie(cookie(visitor), token, session.expiresAt),
});

/** The header that takes the cookie away. */
export const noSessionCookie = (visitor: Visitor) => ({ 'set-cookie': dropCookie(cookie(visitor)) });

/** A live session of the dashboard. */
export interface DashboardSession {
  readonly live: LiveSession;
  /** The raw session token; CSRF tokens are made of it. */
  readonly token: string;
}

export interface Submitted<Name extends string> extends DashboardSession {
  readonly form: Form<Name>;
}

/** The dashboard session that the request's cookie names, if it is live. */
export async function dashboardSession({
  request,
  deps,
  visitor,
}: Pick<Asked, 'request' | 'deps' | 'visitor'>): Promise<DashboardSession | undefined> {
  const token = cookieOf(request, cookie(visitor).name);
  const live = token === undefined ? undefined : await sessionOf(deps, token, ['admin_web']);
  return token === undefined || live === undefined ? undefined : { live, token };
}

/** How far a session has come on its way to the dashboard. */
export type Stage = 'not admin' | 'set up' | 'verify' | 'inside';

/**
 * The stage of a session. Everything here needs a second factor that is set up and that this very session has shown:
 * an account from before second factors sets one up first.
 */
export function stageOf(live: LiveSession): Stage {
  const { account, session } = live;
  if (account.role !== 'admin') return 'not admin';
  if (needsVerification(live)) return 'verify';
  if (account.setup !== 'complete') return 'set up';
  return session.verifiedAt === undefined ? 'verify' : 'inside';
}

/** What a page shows of its viewer, and puts into its forms. */
export function viewerOf({ live, token }: DashboardSession): Viewer {
  return {
    username: live.account.username,
    csrf: csrfToken(PURPOSE, token, live.session),
    inside: stageOf(live) === 'inside',
  };
}

/** Whom a route lets pass: any session of an admin, one that may set a factor up, or one that has shown its own. */
export type Reach = 'any' | 'setting up' | 'inside';

const REACH_FAULTS: Readonly<Record<Reach, readonly FaultKind[]>> = {
  any: ['forbidden'],
  'setting up': ['forbidden', 'second_factor_verification_required'],
  inside: ['forbidden', 'second_factor_setup_required', 'second_factor_verification_required'],
};

function requireReach({ live }: DashboardSession, reach: Reach): void {
  if (live.account.role !== 'admin') throw new Fault('forbidden');
  if (reach === 'any') return;
  if (reach === 'inside' && live.account.setup !== 'complete') {
    throw new Fault('second_factor_setup_required');
  }
  const unverified = reach === 'inside' ? live.session.verifiedAt === undefined : needsVerification(live);
  if (unverified) throw new Fault('second_factor_verification_required');
}

/** For pages that are read. */
export function readingGate(reach: Reach): Gate<DashboardSession> {
  return {
    name: `dashboard, ${reach}`,
    faults: ['authentication_required', ...REACH_FAULTS[reach]],
    async prove(asked) {
      const session = await dashboardSession(asked);
      if (session === undefined) throw new Fault('authentication_required');
      requireReach(session, reach);
      return session;
    },
  };
}

const CSRF_FIELD = 'csrf_token';

/** The form of somebody who has a session: it was sent from one of our pages, and from one of this session's. */
async function submitted<Name extends string>(
  asked: Asked,
  session: DashboardSession,
  names: readonly Name[],
): Promise<Form<Name>> {
  requireOwnOrigin(asked.request, []);
  const form = await readForm<Name | typeof CSRF_FIELD>(asked.request, asked.deps, [CSRF_FIELD, ...names]);
  if (!isCsrfToken(PURPOSE, session.token, session.live.session, form[CSRF_FIELD])) {
    throw new Fault('csrf_required');
  }
  return form;
}

const SUBMIT_FAULTS: readonly FaultKind[] = ['origin_not_allowed', 'csrf_required', ...FORM_FAULTS];

/** For forms with these fields besides the CSRF token. */
export function formGate<Name extends string>(reach: Reach, names: readonly Name[]): Gate<Submitted<Name>> {
  return {
    name: `dashboard form, ${reach}`,
    faults: ['authentication_required', ...SUBMIT_FAULTS, ...REACH_FAULTS[reach]],
    async prove(asked) {
      const session = await dashboardSession(asked);
      if (session === undefined) throw new Fault('authentication_required');
      const form = await submitted(asked, session, names);
      requireReach(session, reach);
      return { ...session, form };
    },
  };
}

/** For signing out, which is no failure where nobody is signed in. */
export const signOutGate: Gate<DashboardSession | 'nobody'> = {
  name: 'dashboard form, any session or none',
  faults: SUBMIT_FAULTS,
  async prove(asked) {
    const session = await dashboardSession(asked);
    if (session === undefined) {
      requireOwnOrigin(asked.request, []);
      return 'nobody';
    }
    await submitted(asked, session, []);
    return session;
  },
};

/**
 * For the forms in front of the dashboard. Without a session there is no CSRF token; where a browser says that the
 * form came from another site, it is refused, so that nobody is signed in as somebody else (login CSRF).
 */
export function visitorForm<Name extends string>(
  names: readonly Name[],
): Gate<{ readonly form: Form<Name> }> {
  return {
    name: 'dashboard form, anyone',
    faults: ['origin_not_allowed', ...FORM_FAULTS],
    async prove({ request, deps }) {
      requireOwnOrigin(request, []);
      return { form: await readForm(request, deps, names) };
    },
  };
}
