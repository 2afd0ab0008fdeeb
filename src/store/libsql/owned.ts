/**
 * What an incident allows its owner: conditions for a decision, and the one look that names the refusal. What
 * somebody else owns, what nobody owns, what was deleted and what never was are one answer, `incident_not_found`.
 */
import type { Owned } from '../owned.ts';
import { firstRow } from './rows.ts';
import { type Answer, type Script, Sql, sql } from './script.ts';

/** A condition on a row of `incidents`: it is this one, this account's, and not deleted. */
export const isOwned = ({ incidentId, accountId }: Owned): Sql =>
  sql`id = ${incidentId} AND owner_account_id = ${accountId} AND deletion_state <> 'deleted'`;

/** A condition on a row of `incidents`: nothing has begun to delete it. */
export const isActive: Sql = new Sql(`deletion_state = 'active'`, []);

/** The condition that the incident is there for this account, also while it is being deleted. */
export const ownedIncident = (owned: Owned): Sql =>
  sql`EXISTS (SELECT 1 FROM incidents WHERE ${isOwned(owned)})`;

/** The condition that this account's incident can be added to and changed. */
export const ownedActive = (owned: Owned): Sql =>
  sql`EXISTS (SELECT 1 FROM incidents WHERE ${isOwned(owned)} AND ${isActive})`;

/** As {@link ownedActive}, and not closed: recording goes on. */
export const ownedOpen = (owned: Owned): Sql =>
  sql`EXISTS (SELECT 1 FROM incidents WHERE ${isOwned(owned)} AND ${isActive} AND status = 'open')`;

/** The condition that this account's incident is on its way out. */
export const ownedDeleting = (owned: Owned): Sql =>
  sql`EXISTS (SELECT 1 FROM incidents WHERE ${isOwned(owned)} AND NOT ${isActive})`;

/** Adds a look at the incident to a script, for {@link gone}, {@link inactive} and {@link notOpen}. */
export function lookAtStanding(script: Script, owned: Owned): void {
  script.step('standing', sql`SELECT status, deletion_state FROM incidents WHERE ${isOwned(owned)}`);
}

/** `incident_not_found` where {@link ownedIncident} did not hold, undefined where it did. */
export function gone(answer: Answer): 'incident_not_found' | undefined {
  return firstRow(answer('standing')) === undefined ? 'incident_not_found' : undefined;
}

/** Why {@link ownedActive} did not hold; undefined where it did. */
export function inactive(answer: Answer): 'incident_not_found' | 'incident_deleting' | undefined {
  const state = firstRow(answer('standing'))?.text('deletion_state');
  if (state === undefined) return 'incident_not_found';
  return state === 'active' ? undefined : 'incident_deleting';
}

/** Why {@link ownedOpen} did not hold; undefined where it did. */
export function notOpen(
  answer: Answer,
): 'incident_not_found' | 'incident_deleting' | 'incident_closed' | undefined {
  const why = inactive(answer);
  if (why !== undefined) return why;
  return firstRow(answer('standing'))?.text('status') === 'open' ? undefined : 'incident_closed';
}
