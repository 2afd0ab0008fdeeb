/** Incidents on the dashboard: those that need a decision, and the page of each. Never what one holds. */
import type { Deps } from '../../core/deps.ts';
import { Fault } from '../../core/faults.ts';
import { isId } from '../../core/ids.ts';
import { incidentFacts, incidentReview } from '../../core/operator-incidents.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import type { Trouble } from '../pages/forms.ts';
import { incidentPage } from '../pages/incident.ts';
import { incidentsPage } from '../pages/incidents.ts';
import { noticeOf } from '../pages/notices.ts';
import { incidentId } from './incidents.ts';
import { refusedAt, refusePage } from './refusal.ts';
import { FORM_ANSWERS, formBody, PAGE_ANSWERS, pageReply, seeOther } from './reply.ts';
import { type DashboardSession, formGate, readingGate, viewerOf } from './web.ts';

const CLASS = 'admin_dashboard';
const ROOM = '/admin/incidents';

interface Extras {
  readonly notice?: string | undefined;
  readonly trouble?: Trouble;
}

const working = ({ settings }: Deps): boolean => settings.retention.deletionIntervalMs > 0;

async function listView(
  deps: Deps,
  who: DashboardSession,
  extras: Extras & { readonly typed?: string | undefined },
): Promise<string> {
  const review = await incidentReview(deps);
  return incidentsPage({ viewer: viewerOf(who), ...review, working: working(deps), ...extras });
}

/** The page of an incident for the admin who looks at it. @throws Fault `incident_not_found` */
export async function incidentView(
  deps: Deps,
  who: DashboardSession,
  id: string,
  extras: Extras & { readonly typed?: Readonly<Record<string, string | undefined>> } = {},
): Promise<string> {
  const facts = await incidentFacts(deps, id);
  return incidentPage({ viewer: viewerOf(who), ...facts, working: working(deps), ...extras });
}

export const list = adminRoute({
  id: 'dashboard.incidents',
  method: 'GET',
  path: ROOM,
  limit: CLASS,
  gate: readingGate('inside'),
  params: noParams,
  summary: 'Incidents that need a decision, and deletions.',
  answers: PAGE_ANSWERS,
  faults: [],
  refuse: refusePage,
  async reply({ deps, request, who }) {
    return pageReply(200, await listView(deps, who, { notice: noticeOf(request.url) }));
  },
});

export const find = adminRoute({
  id: 'dashboard.incident-find',
  method: 'POST',
  path: '/admin/incidents/find',
  limit: CLASS,
  gate: formGate('inside', ['incident_id']),
  params: noParams,
  summary: 'Lead to the page of an incident by its id.',
  body: formBody('csrf_token, incident_id.'),
  answers: FORM_ANSWERS,
  faults: ['incident_not_found'],
  refuse: refusePage,
  async reply({ deps, who }) {
    const typed = (who.form.incident_id ?? '').trim();
    try {
      if (!isId('inc', typed)) throw new Fault('incident_not_found');
      await incidentFacts(deps, typed);
      return seeOther(`${ROOM}/${typed}`);
    } catch (thrown) {
      const sentence = 'There is no incident with this id.';
      const blame = { incident_not_found: { field: 'incident_id', sentence } };
      const { status, trouble } = refusedAt(thrown, 'find-incident', blame);
      return pageReply(status, await listView(deps, who, { typed, trouble }));
    }
  },
});

export const one = adminRoute({
  id: 'dashboard.incident',
  method: 'GET',
  path: '/admin/incidents/:id',
  limit: CLASS,
  gate: readingGate('inside'),
  params: incidentId,
  summary: 'The counts of one incident, its deletion, and what may be decided about it.',
  answers: PAGE_ANSWERS,
  faults: ['incident_not_found'],
  refuse: refusePage,
  async reply({ deps, request, who, params: { id } }) {
    return pageReply(200, await incidentView(deps, who, id, { notice: noticeOf(request.url) }));
  },
});

export const incidentPageRoutes = [list, find, one];
