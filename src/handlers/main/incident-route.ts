/**
 * Routes below one incident. Whoever may not see it is told that it is not there, whatever else is wrong with what
 * they ask: what is wrong with it is told to the owner alone.
 */
import type { Deps } from '../../core/deps.ts';
import { Fault } from '../../core/faults.ts';
import { ownedBy, requireActive, standing } from '../../core/owned.ts';
import type { LiveSession } from '../../store/accounts.ts';
import { answerOf } from '../kit/errors.ts';
import { productRoute, type Route, type RouteSpec } from '../kit/route.ts';
import type { SignedIn } from '../kit/session.ts';

/** Refusals that say what is wrong with a body or a query. */
const OF_FORM: ReadonlySet<number> = new Set([400, 413]);

const isOfForm = (thrown: unknown) => thrown instanceof Fault && OF_FORM.has(answerOf(thrown.kind).status);

/** @throws Fault what the account is told about the incident instead of what is wrong with the request */
export type Standing = (deps: Deps, live: LiveSession, incidentId: string) => Promise<unknown>;

const isThere: Standing = (deps, live, incidentId) => standing(deps, ownedBy(live, incidentId));

const isActive: Standing = (deps, live, incidentId) => requireActive(deps, ownedBy(live, incidentId));

/**
 * A route of the product whose `id` names an incident. The incident is looked at only where something is wrong, so
 * that what is right costs no query more.
 * @param mustHold what must hold for the account to be told what is wrong; by itself that the incident is the
 *   account's, and active where the route refuses one that is being deleted
 */
export function incidentRoute<Params extends { readonly id: string }>(
  spec: RouteSpec<SignedIn, Params>,
  mustHold: Standing = spec.faults.includes('incident_deleting') ? isActive : isThere,
): Route<'main'> {
  return productRoute({
    ...spec,
    async reply(call) {
      try {
        return await spec.reply(call);
      } catch (thrown) {
        if (isOfForm(thrown)) await mustHold(call.deps, call.who.live, call.params.id);
        throw thrown;
      }
    },
  });
}
