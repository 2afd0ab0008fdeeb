/** Logging in and out, and registration, on the main door. */
import * as v from 'valibot';
import type { Deps } from '../../core/deps.ts';
import { Fault, type FaultKind } from '../../core/faults.ts';
import { login, logout, sessionOf } from '../../core/login.ts';
import { register, verifyRegistration } from '../../core/registration.ts';
import { LoginView, WebLoginView, webLoginView } from '../kit/account-view.ts';
import { JSON_FAULTS, readFields } from '../kit/body.ts';
import { type CookieShape, dropCookie, keepCookie } from '../kit/cookies.ts';
import { csrfToken } from '../kit/csrf.ts';
import { requireOwnOrigin } from '../kit/origins.ts';
import { json } from '../kit/reply.ts';
import { anyone, type Gate, noParams, productRoute } from '../kit/route.ts';
import {
  anySession,
  credentialsOf,
  ownOrigins,
  requireWebAuth,
  type SignedIn,
  signedIn,
} from '../kit/session.ts';
import { originOf, visitorOrigin } from './origin.ts';

const LOGIN_BODY = {
  description: 'Username and password.',
  types: [],
  json: v.strictObject({ username: v.string(), password: v.string() }),
};
const Revoked = v.strictObject({ revoked: v.boolean() });
const LOGIN_FAULTS: readonly FaultKind[] = [
  ...JSON_FAULTS,
  'invalid_credentials',
  'email_verification_required',
  'service_busy',
];

export const bearerLogin = productRoute({
  id: 'auth.login',
  method: 'POST',
  path: '/v1/auth/login',
  limit: 'auth',
  gate: anyone,
  params: noParams,
  summary: 'Log in with a username and a password; answers a bearer token.',
  body: LOGIN_BODY,
  answers: { 201: { description: 'A session. The token is shown this once.', schema: LoginView } },
  faults: [...LOGIN_FAULTS],
  async reply({ deps, request }) {
    const { username, password } = await readFields(request, deps, ['username', 'password']);
    const opened = await login(deps, visitorOrigin('auth'), { username, password, kind: 'bearer' });
    return json(201, { ...webLoginView(opened), token: opened.token });
  },
});

export const bearerLogout = productRoute({
  id: 'auth.logout',
  method: 'POST',
  path: '/v1/auth/logout',
  limit: 'auth',
  gate: anySession,
  params: noParams,
  summary: 'End this session.',
  answers: { 200: { description: 'Ended.', schema: Revoked } },
  faults: [],
  async reply({ deps, who }) {
    await logout(deps, originOf(who, 'auth'), who.live);
    return json(200, { revoked: true });
  },
});

export const registration = productRoute({
  id: 'auth.register',
  method: 'POST',
  path: '/v1/auth/register',
  limit: 'auth_register',
  gate: anyone,
  params: noParams,
  summary: 'Register an account, where that is open. The answer does not tell what is taken.',
  body: {
    description: 'Username, e-mail address and password.',
    types: [],
    json: v.strictObject({ username: v.string(), email: v.string(), password: v.string() }),
  },
  answers: {
    202: {
      description: 'Taken in; what comes of it is mailed.',
      schema: v.strictObject({ status: v.literal('verification_required'), message: v.string() }),
    },
  },
  faults: [
    ...JSON_FAULTS,
    'registration_disabled',
    'registration_payment_unavailable',
    'invalid_username',
    'invalid_email',
    'invalid_password',
    'service_busy',
  ],
  async reply({ deps, request }) {
    const { username, email, password } = await readFields(request, deps, ['username', 'email', 'password']);
    await register(deps, visitorOrigin('auth_register'), { username, email, password });
    return json(202, {
      status: 'verification_required',
      message: 'If registration can be completed, a verification email will be sent.',
    });
  },
});

export const emailVerification = productRoute({
  id: 'auth.email-verify',
  method: 'POST',
  path: '/v1/auth/email/verify',
  limit: 'auth_email_verify',
  gate: anyone,
  params: noParams,
  summary: 'Open a registered account with the token that was mailed.',
  body: { description: 'The token.', types: [], json: v.strictObject({ token: v.string() }) },
  answers: { 200: { description: 'Opened.', schema: v.strictObject({ status: v.literal('verified') }) } },
  faults: [...JSON_FAULTS, 'verification_token_invalid'],
  async reply({ deps, request }) {
    const { token } = await readFields(request, deps, ['token']);
    await verifyRegistration(deps, visitorOrigin('auth_email_verify'), token);
    return json(200, { status: 'verified' });
  },
});

function cookieShape({ settings }: Deps): CookieShape {
  const { name, secure, sameSite } = settings.web.cookie;
  return { name, secure, sameSite: sameSite === 'strict' ? 'Strict' : 'Lax', path: '/' };
}

/** Routes that exist only with browser sessions: without them, nothing is there. */
const webVisitor: Gate<undefined> = {
  name: 'browser',
  faults: ['not_found'],
  prove({ deps }) {
    requireWebAuth(deps);
    return undefined;
  },
};

export const webLogin = productRoute({
  id: 'auth.web-login',
  method: 'POST',
  path: '/v1/auth/web/login',
  limit: 'auth',
  gate: webVisitor,
  params: noParams,
  summary: 'Log in from a browser; the token goes into a cookie that scripts cannot read.',
  body: LOGIN_BODY,
  answers: {
    201: {
      description: 'A session.',
      schema: WebLoginView,
      headers: { 'Set-Cookie': { description: 'The session.', required: true } },
    },
  },
  faults: [...LOGIN_FAULTS, 'origin_not_allowed'],
  async reply({ deps, request, listener }) {
    // Logging somebody else's browser in is an attack as well: there is no session yet whose token could tell.
    requireOwnOrigin(request, ownOrigins({ deps, listener }));
    const { username, password } = await readFields(request, deps, ['username', 'password']);
    const opened = await login(deps, visitorOrigin('auth'), { username, password, kind: 'web' });
    const cookie = keepCookie(cookieShape(deps), opened.token, opened.session.expiresAt);
    return json(201, webLoginView(opened), { 'set-cookie': cookie });
  },
});

/** The cookie's session alone; a bearer token has no business on these routes. */
const webSession: Gate<SignedIn> = {
  name: 'browser session',
  faults: [...anySession.faults, 'not_found', 'web_cookie_required'],
  async prove(asked) {
    requireWebAuth(asked.deps);
    const { bearer, cookie } = credentialsOf(asked);
    if (bearer !== undefined && cookie !== undefined) throw new Fault('ambiguous_credentials');
    if (bearer !== undefined) throw new Fault('web_cookie_required');
    return anySession.prove(asked);
  },
};

export const webCsrf = productRoute({
  id: 'auth.web-csrf',
  method: 'GET',
  path: '/v1/auth/web/csrf',
  limit: 'auth',
  gate: webSession,
  params: noParams,
  summary: 'The CSRF token of a browser session.',
  answers: {
    200: {
      description: 'The token, and the header that carries it.',
      schema: v.strictObject({ csrf_token: v.string(), header_name: v.string() }),
    },
  },
  faults: [],
  async reply({ deps, who }) {
    return json(200, {
      csrf_token: csrfToken('sallyport-web-csrf-v1', who.token, who.live.session),
      header_name: deps.settings.web.csrfHeader,
    });
  },
});

/** Logging out works, and clears the cookie, also when the session is long gone. */
const webLeaving: Gate<SignedIn | undefined> = {
  name: 'browser session, if there is one',
  faults: [
    'ambiguous_credentials',
    'not_found',
    'web_cookie_required',
    'csrf_required',
    'origin_not_allowed',
  ],
  async prove(asked) {
    requireWebAuth(asked.deps);
    const { bearer, cookie } = credentialsOf(asked);
    if (bearer !== undefined && cookie !== undefined) throw new Fault('ambiguous_credentials');
    if (bearer !== undefined) throw new Fault('web_cookie_required');
    const live = cookie === undefined ? undefined : await sessionOf(asked.deps, cookie, ['web']);
    return live === undefined ? undefined : signedIn(asked);
  },
};

export const webLogout = productRoute({
  id: 'auth.web-logout',
  method: 'POST',
  path: '/v1/auth/web/logout',
  limit: 'auth',
  gate: webLeaving,
  params: noParams,
  summary: 'End a browser session and clear its cookie.',
  answers: {
    200: {
      description: 'Cleared; `revoked` tells whether there was a session.',
      schema: Revoked,
      headers: { 'Set-Cookie': { description: 'Clears the cookie.', required: true } },
    },
  },
  faults: [],
  async reply({ deps, who }) {
    if (who !== undefined) await logout(deps, originOf(who, 'auth'), who.live);
    return json(200, { revoked: who !== undefined }, { 'set-cookie': dropCookie(cookieShape(deps)) });
  },
});

export const authRoutes = [
  bearerLogin,
  bearerLogout,
  registration,
  emailVerification,
  webLogin,
  webCsrf,
  webLogout,
];
