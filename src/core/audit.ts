/** Audit entries: who did what to whom, as ids, and what came of it. */
import type { AuditAction, AuditEntry } from '../store/audit.ts';
import type { Deps } from './deps.ts';
import { newId } from './ids.ts';

/** Where something was asked, and by whom as far as is known. */
export interface Origin {
  readonly listener: AuditEntry['listener'];
  /** The route's limit class; absent for commands on the machine itself. */
  readonly routeClass?: string;
  readonly actorKind: AuditEntry['actorKind'];
  readonly actorAccountId?: string;
}

export interface Subject {
  readonly subjectAccountId?: string;
  readonly subjectId?: string;
  readonly incidentId?: string;
}

/** An entry of now, to be written with the change that it records. */
export function auditEntry(
  deps: Pick<Deps, 'now' | 'random'>,
  origin: Origin,
  action: AuditAction,
  outcome: string,
  subject: Subject = {},
): AuditEntry {
  return { id: newId('aud', deps), at: deps.now(), ...origin, action, outcome, ...subject };
}
