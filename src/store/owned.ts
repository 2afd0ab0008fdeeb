/** An incident, and the account that must own it for a verb to see it. */
export interface Owned {
  readonly incidentId: string;
  readonly accountId: string;
}
