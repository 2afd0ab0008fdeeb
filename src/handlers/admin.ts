/** The private door: the operator's side. It shares no route with the main door. */
import type { Deps } from '../core/deps.ts';
import { accountFormRoutes } from './admin/account-forms.ts';
import { accountPageRoutes } from './admin/account-pages.ts';
import { accountRoutes } from './admin/accounts.ts';
import { auditPageRoutes } from './admin/audit-page.ts';
import { bootstrapRoutes } from './admin/bootstrap.ts';
import { dashboardRoutes } from './admin/dashboard.ts';
import { factorPageRoutes } from './admin/factor-pages.ts';
import { incidentFormRoutes } from './admin/incident-forms.ts';
import { incidentPageRoutes } from './admin/incident-pages.ts';
import { incidentRoutes } from './admin/incidents.ts';
import { logRoutes } from './admin/log.ts';
import { metricsRoutes } from './admin/metrics.ts';
import { ownSessionRoutes } from './admin/own-session-forms.ts';
import { pastePageRoutes } from './admin/paste-pages.ts';
import { pasteRoutes } from './admin/pastes.ts';
import { sessionPageRoutes } from './admin/session-pages.ts';
import { settingsPageRoutes } from './admin/settings-page.ts';
import type { Route } from './kit/route.ts';
import { type Handler, serve } from './kit/serve.ts';

/** The private listener's one table. */
export const adminRoutes: readonly Route<'admin'>[] = [
  ...dashboardRoutes,
  ...bootstrapRoutes,
  ...sessionPageRoutes,
  ...factorPageRoutes,
  ...accountPageRoutes,
  ...accountFormRoutes,
  ...ownSessionRoutes,
  ...pastePageRoutes,
  ...incidentPageRoutes,
  ...incidentFormRoutes,
  ...auditPageRoutes,
  ...settingsPageRoutes,
  ...accountRoutes,
  ...pasteRoutes,
  ...incidentRoutes,
  ...logRoutes,
  ...metricsRoutes,
];

/** The private listener as a function of requests. */
export function createAdmin(deps: Deps): Handler {
  return serve<'admin'>('admin', adminRoutes, deps);
}
