/**
 * What must not compile. Each line below is an error that the type checker must find: where it no longer does, the
 * unused expectation is an error of its own, and `npm run check` fails.
 */
import type { Deps } from '../../src/core/deps.ts';
import { adminRoutes } from '../../src/handlers/admin.ts';
import { adminRoute, anyone, mainRoute, noParams, type Route } from '../../src/handlers/kit/route.ts';
import { serve } from '../../src/handlers/kit/serve.ts';
import { routeTable } from '../../src/handlers/kit/table.ts';
import { mainRoutes } from '../../src/handlers/main.ts';

const spec = {
  id: 'types.sample',
  method: 'GET',
  path: '/sample',
  limit: 'paste_read',
  gate: anyone,
  params: noParams,
  summary: 'A route that is never served.',
  answers: {},
  faults: [],
  reply: async () => ({ status: 200, headers: {}, body: new Uint8Array(0) }),
} as const;

export function neverCalled(deps: Deps): unknown[] {
  const main = mainRoute(spec);
  const admin = adminRoute(spec);
  // @ts-expect-error a route of the main door in the admin door's table
  const inAdmin: readonly Route<'admin'>[] = [...adminRoutes, main];
  // @ts-expect-error a route of the admin door in the main door's table
  const inMain: readonly Route<'main'>[] = [...mainRoutes, admin];
  return [
    inAdmin,
    inMain,
    // @ts-expect-error the admin door serves the main table
    serve<'admin'>('admin', mainRoutes, deps),
    // @ts-expect-error the main door serves the admin table
    serve<'main'>('main', adminRoutes, deps),
    // @ts-expect-error the same without a type argument: the listener's name decides
    serve('admin', [main], deps),
    // @ts-expect-error both tables behind one door
    serve('main', [...mainRoutes, ...adminRoutes], deps),
    // @ts-expect-error a table is compiled for its own listener
    routeTable('admin', [main], ''),
    // @ts-expect-error a route without a gate
    mainRoute({ ...spec, gate: undefined }),
  ];
}
