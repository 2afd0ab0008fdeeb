/** Incidents on the dashboard: those that need a decision, and never what they hold. */
import { adminRoute, noParams } from '../kit/route.ts';
import { incidentsPage } from '../pages/incidents.ts';
import { refusePage } from './refusal.ts';
import { PAGE_ANSWERS, pageReply } from './reply.ts';
import { readingGate, viewerOf } from './web.ts';

export const list = adminRoute({
  id: 'dashboard.incidents',
  method: 'GET',
  path: '/admin/incidents',
  limit: 'admin_dashboard',
  gate: readingGate('inside'),
  params: noParams,
  summary: 'Incidents that need a decision.',
  answers: PAGE_ANSWERS,
  faults: [],
  refuse: refusePage,
  reply: async ({ who }) => pageReply(200, incidentsPage(viewerOf(who))),
});

export const incidentPageRoutes = [list];
