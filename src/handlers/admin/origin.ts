/** Where an audited action comes from, on the private door. */
import type { Origin } from '../../core/audit.ts';
import type { LimitClass } from '../../core/settings.ts';
import type { SignedIn } from '../kit/session.ts';

/** By the admin who is signed in. */
export function adminOrigin(
  { live }: Pick<SignedIn, 'live'>,
  routeClass: LimitClass,
): Origin & { readonly actorAccountId: string } {
  return { listener: 'admin', routeClass, actorKind: 'admin', actorAccountId: live.account.id };
}

/** By somebody unknown. */
export function visitorOrigin(routeClass: LimitClass): Origin {
  return { listener: 'admin', routeClass, actorKind: 'visitor' };
}
