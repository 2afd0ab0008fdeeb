/** The dashboard room of the private door. */
import { utf8 } from '../../crypto/hash.ts';
import type { Reply } from '../kit/reply.ts';
import { adminRoute, anyone, noParams } from '../kit/route.ts';
import { ADMIN_CSS, DOOR_PAGE } from '../pages/admin.ts';

function page(html: string): Reply {
  return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: utf8(html) };
}

export const door = adminRoute({
  id: 'dashboard.door',
  method: 'GET',
  path: '/admin',
  limit: 'admin_dashboard',
  gate: anyone,
  params: noParams,
  summary: 'The private door.',
  answers: { 200: { description: 'A page.', types: ['text/html; charset=utf-8'] } },
  faults: [],
  reply: async () => page(DOOR_PAGE),
});

export const styles = adminRoute({
  id: 'dashboard.styles',
  method: 'GET',
  path: '/admin/static/styles.css',
  limit: 'admin_dashboard',
  gate: anyone,
  params: noParams,
  summary: 'The one style sheet of the private door.',
  answers: { 200: { description: 'CSS.', types: ['text/css; charset=utf-8'] } },
  faults: [],
  reply: async () => ({
    status: 200,
    headers: { 'content-type': 'text/css; charset=utf-8', 'cache-control': 'public, max-age=3600' },
    body: utf8(ADMIN_CSS),
  }),
});

export const dashboardRoutes = [door, styles];
