/** The audit on the dashboard, a page at a time. */
import { isId } from '../../core/ids.ts';
import { listAudit } from '../../core/operator-log.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import { auditPage } from '../pages/audit.ts';
import { refusePage } from './refusal.ts';
import { PAGE_ANSWERS, pageReply } from './reply.ts';
import { readingGate, viewerOf } from './web.ts';

const LISTED = '100';

export const list = adminRoute({
  id: 'dashboard.audit',
  method: 'GET',
  path: '/admin/audit',
  limit: 'admin_dashboard',
  gate: readingGate('inside'),
  params: noParams,
  summary: 'The audit, newest first, a page at a time.',
  answers: PAGE_ANSWERS,
  faults: [],
  refuse: refusePage,
  async reply({ deps, request, who }) {
    const cursor = new URL(request.url).searchParams.get('cursor');
    // Somebody typed into the address: the list starts at its beginning.
    const from = cursor !== null && isId('aud', cursor) ? cursor : null;
    const { entries, cursor: next } = await listAudit(deps, from, LISTED);
    return pageReply(200, auditPage({ viewer: viewerOf(who), entries, cursor: next, first: from === null }));
  },
});

export const auditPageRoutes = [list];
