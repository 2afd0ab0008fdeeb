/** The door itself: one address that shows each visitor how far they have come. */
import type { Deps } from '../../core/deps.ts';
import { utf8 } from '../../crypto/hash.ts';
import type { Reply } from '../kit/reply.ts';
import { adminRoute, anyone, noParams } from '../kit/route.ts';
import { ADMIN_CSS } from '../pages/admin.ts';
import { setupPage, verifyPage } from '../pages/factors.ts';
import { ICON_PATH, ICON_SVG } from '../pages/icon.ts';
import { noticeOf } from '../pages/notices.ts';
import { bootstrapPage, loginPage, plainPage } from '../pages/session.ts';
import { bootstrapClosed } from './bootstrap.ts';
import { overview } from './overview.ts';
import { refusePage } from './refusal.ts';
import { HTML_TYPE, PAGE_ANSWERS, pageReply } from './reply.ts';
import { dashboardSession, noSessionCookie, stageOf, viewerOf } from './web.ts';

/** Before there is an admin: the form that makes the first one, where there is a secret to ask for. */
async function beforeAnybody(deps: Deps): Promise<Reply> {
  if ((await deps.bootstrap.current()) === undefined) return bootstrapClosed(deps);
  return pageReply(200, bootstrapPage());
}

export const door = adminRoute({
  id: 'dashboard.door',
  method: 'GET',
  path: '/admin',
  limit: 'admin_dashboard',
  gate: anyone,
  params: noParams,
  summary:
    'The form for the first admin, for signing in, for the second factor, or the overview: the next one.',
  answers: {
    ...PAGE_ANSWERS,
    403: {
      description: 'No bootstrap; or access denied; or a second factor is to be set up, or shown.',
      types: [HTML_TYPE],
    },
  },
  faults: [],
  refuse: refusePage,
  async reply(call) {
    const { deps, request, visitor, endpoints } = call;
    if (!(await deps.store.accounts.adminExists())) return beforeAnybody(deps);
    const session = await dashboardSession(call);
    if (session === undefined) return pageReply(200, loginPage());
    const { live } = session;
    const view = {
      viewer: viewerOf(session),
      mail: deps.settings.email.backend !== 'none',
      notice: noticeOf(request.url),
    };
    switch (stageOf(live)) {
      case 'not admin': {
        const page = plainPage('Access Denied', 'Admin role is required.', ['/admin', 'Sign in']);
        return pageReply(403, page, noSessionCookie(visitor));
      }
      case 'set up':
        return pageReply(403, setupPage(view));
      case 'verify':
        return pageReply(403, verifyPage({ ...view, factors: live.activeFactors }));
      case 'inside':
        return pageReply(200, await overview(deps, session, endpoints, view.notice));
    }
  },
});

/** Says nothing of a deployment, so anybody may have it and keep it for a while. */
function staticFile(type: string, text: string): Reply {
  const headers = { 'content-type': type, 'cache-control': 'public, max-age=3600' };
  return { status: 200, headers, body: utf8(text) };
}

export const styles = adminRoute({
  id: 'dashboard.styles',
  method: 'GET',
  path: '/admin/static/styles.css',
  limit: 'static',
  gate: anyone,
  params: noParams,
  summary: 'The one style sheet of the private door.',
  answers: { 200: { description: 'CSS.', types: ['text/css; charset=utf-8'] } },
  faults: [],
  reply: async () => staticFile('text/css; charset=utf-8', ADMIN_CSS),
});

export const icon = adminRoute({
  id: 'dashboard.icon',
  method: 'GET',
  path: ICON_PATH,
  limit: 'static',
  gate: anyone,
  params: noParams,
  summary: 'The icon of the private door.',
  answers: { 200: { description: 'SVG.', types: ['image/svg+xml'] } },
  faults: [],
  reply: async () => staticFile('image/svg+xml', ICON_SVG),
});

export const dashboardRoutes = [door, styles, icon];
