/** Where an audited action comes from, on the main door. */
import type { Origin } from '../../core/audit.ts';
import type { LimitClass } from '../../core/settings.ts';
import type { SignedIn } from '../kit/session.ts';

/** By whoever is signed in. */
export function originOf({ live }: SignedIn, routeClass: LimitClass): Origin {
  return { listener: 'main', routeClass, actorKind: 'account', actorAccountId: live.account.id };
}

/** By somebody unknown. */
export function visitorOrigin(routeClass: LimitClass): Origin {
  return { listener: 'main', routeClass, actorKind: 'visitor' };
}
