/** The first admin, from the form that is there until there is one. */
import { bootstrap } from '../../core/bootstrap.ts';
import type { Deps } from '../../core/deps.ts';
import type { Reply } from '../kit/reply.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import { bootstrapPage, plainPage } from '../pages/session.ts';
import { type Blame, refusedAt, refusePage } from './refusal.ts';
import { FORM_ANSWERS, formBody, pageReply, seeOther } from './reply.ts';
import { sessionCookie, visitorForm } from './web.ts';

const FIELDS = ['bootstrap_secret', 'username', 'password'] as const;

const BLAME: Blame<(typeof FIELDS)[number]> = {
  bootstrap_closed: {},
  bootstrap_secret_invalid: { field: 'bootstrap_secret', sentence: 'Bootstrap secret is invalid.' },
  invalid_username: { field: 'username' },
  username_conflict: { field: 'username' },
  invalid_password: { field: 'password' },
};

/** Why nobody can become the first admin here. */
export async function bootstrapClosed(deps: Deps): Promise<Reply> {
  const [sentence, way] = (await deps.store.accounts.adminExists())
    ? (['There is an admin already, so bootstrap is closed.', ['/admin', 'Sign in']] as const)
    : (['Bootstrap is not enabled.', undefined] as const);
  return pageReply(403, plainPage('Bootstrap Closed', sentence, way));
}

export const bootstrapAdmin = adminRoute({
  id: 'dashboard.bootstrap',
  method: 'POST',
  path: '/admin/bootstrap',
  limit: 'admin_login',
  gate: visitorForm(FIELDS),
  params: noParams,
  summary: 'Create the first admin with the bootstrap secret, and sign it in.',
  body: formBody('bootstrap_secret, username, password.'),
  answers: FORM_ANSWERS,
  faults: [
    'bootstrap_closed',
    'bootstrap_secret_invalid',
    'invalid_username',
    'invalid_password',
    'username_conflict',
    'service_busy',
  ],
  refuse: refusePage,
  async reply({ deps, visitor, who: { form } }) {
    const { bootstrap_secret: secret, username, password } = form;
    try {
      const opened = await bootstrap(deps, { secret, username, password });
      return seeOther('/admin', sessionCookie(visitor, opened));
    } catch (thrown) {
      const { status, trouble, kind } = refusedAt(thrown, 'bootstrap', BLAME);
      if (kind === 'bootstrap_closed') return bootstrapClosed(deps);
      return pageReply(status, bootstrapPage({ username }, trouble));
    }
  },
});

export const bootstrapRoutes = [bootstrapAdmin];
