/**
 * The gates of accounts. The order of refusals is the product: ambiguous → unknown → cross-site → CSRF → set-up →
 * verification → role.
 */
import type { Deps } from '../../core/deps.ts';
import { Fault, type FaultKind } from '../../core/faults.ts';
import { sessionOf } from '../../core/login.ts';
import type { LiveSession } from '../../store/accounts.ts';
import { cookieOf } from './cookies.ts';
import { isCsrfToken } from './csrf.ts';
import { requireOwnOrigin } from './origins.ts';
import type { Asked, Gate } from './route.ts';

/** Who a gate let through. */
export interface SignedIn {
  readonly live: LiveSession;
  /** The raw session token; CSRF tokens are made of it. */
  readonly token: string;
  readonly via: 'bearer' | 'cookie';
}

export interface Credentials {
  readonly bearer?: string;
  readonly cookie?: string;
}

/** What was sent, valid or not. A malformed Authorization header is none (RFC 6750 §2.1). */
export function credentialsOf({ request, deps }: Pick<Asked, 'request' | 'deps'>): Credentials {
  const [, bearer] = /^Bearer (\S+)$/.exec((request.headers.get('authorization') ?? '').trim()) ?? [];
  const { web } = deps.settings;
  const cookie = web.enabled ? cookieOf(request, web.cookie.name) : undefined;
  return { ...(bearer !== undefined && { bearer }), ...(cookie !== undefined && { cookie }) };
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What may send this door's cookie: at the private one nobody but its own pages. */
export function ownOrigins({ deps, listener }: Pick<Asked, 'deps' | 'listener'>): readonly string[] {
  if (listener === 'admin') return [];
  return deps.origin === undefined
    ? deps.settings.web.allowedOrigins
    : [...deps.settings.web.allowedOrigins, deps.origin];
}

/** What {@link signedIn} refuses. */
export const SIGNED_IN_FAULTS: readonly FaultKind[] = [
  'ambiguous_credentials',
  'authentication_required',
  'origin_not_allowed',
  'csrf_required',
];

/** Steps one to three: whose session it is, and that a browser was not made to send it. */
export async function signedIn(asked: Asked): Promise<SignedIn> {
  const { deps, request } = asked;
  const { bearer, cookie } = credentialsOf(asked);
  if (bearer !== undefined && cookie !== undefined) throw new Fault('ambiguous_credentials');
  const token = bearer ?? cookie;
  if (token === undefined) throw new Fault('authentication_required');
  const live = await sessionOf(deps, token, [bearer !== undefined ? 'bearer' : 'web']);
  if (live === undefined) throw new Fault('authentication_required');
  if (cookie !== undefined && !SAFE.has(request.method)) {
    requireOwnOrigin(request, ownOrigins(asked));
    const given = request.headers.get(deps.settings.web.csrfHeader);
    if (!isCsrfToken('sallyport-web-csrf-v1', token, live.session, given)) throw new Fault('csrf_required');
  }
  return { live, token, via: bearer !== undefined ? 'bearer' : 'cookie' };
}

/** Whether this session still has to show a factor that its account has. */
export function needsVerification({ session, activeFactors }: LiveSession): boolean {
  return activeFactors.length > 0 && session.verifiedAt === undefined;
}

/** What a route lets pass that others would not. */
export interface Allowance {
  /** Also for an account that has yet to set up its second factor. */
  readonly beforeSetup: boolean;
  /** Also for a session that has yet to show one. */
  readonly beforeVerification: boolean;
}

function requireFactors({ live }: SignedIn, allow: Allowance): void {
  if (live.account.setup === 'setup_required' && !allow.beforeSetup)
    throw new Fault('second_factor_setup_required');
  if (needsVerification(live) && !allow.beforeVerification)
    throw new Fault('second_factor_verification_required');
}

function sessionGate(name: string, allow: Allowance): Gate<SignedIn> {
  const faults: FaultKind[] = [...SIGNED_IN_FAULTS];
  if (!allow.beforeSetup) faults.push('second_factor_setup_required');
  if (!allow.beforeVerification) faults.push('second_factor_verification_required');
  return {
    name,
    faults,
    async prove(asked) {
      const who = await signedIn(asked);
      requireFactors(who, allow);
      return who;
    },
  };
}

/** Full account access. */
export const account = sessionGate('account', { beforeSetup: false, beforeVerification: false });
/** For setting up a factor: not for a session that has yet to show the one there is. */
export const settingUp = sessionGate('account, set-up allowed', {
  beforeSetup: true,
  beforeVerification: false,
});
/** For whoever has a session at all. */
export const anySession = sessionGate('any session', { beforeSetup: true, beforeVerification: true });

/**
 * `/admin/api`: everything of {@link account}, and without exceptions. An account that was let off a second factor
 * elsewhere has nothing to verify a session with, so it has nothing to do here.
 */
export const adminApi: Gate<SignedIn> = {
  name: 'admin',
  faults: [...account.faults, 'forbidden'],
  async prove(asked) {
    const who = await account.prove(asked);
    const { account: admin, session } = who.live;
    if (admin.setup !== 'complete') throw new Fault('second_factor_setup_required');
    if (session.verifiedAt === undefined) throw new Fault('second_factor_verification_required');
    if (admin.role !== 'admin') throw new Fault('forbidden');
    return who;
  },
};

/** For routes that exist only while browser sessions are on: otherwise nothing is there. */
export function requireWebAuth(deps: Deps): void {
  if (!deps.settings.web.enabled) throw new Fault('not_found');
}
