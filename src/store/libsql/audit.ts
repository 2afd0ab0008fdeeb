/**
 * The audit, and how a verb decides: the audit row of a change is written if the change may happen, before it
 * happens, and everything else of the batch happens only if that row is there. So the decision is one statement,
 * no change lacks its row and no row its change.
 */
import type { AuditAction, AuditEntry, AuditStore } from '../audit.ts';
import type { Db } from '../db.ts';
import { allRows, type Row } from './rows.ts';
import { type Answer, read, type Script, Sql, sql, write } from './script.ts';

const COLUMNS = new Sql(
  'id, at, listener, actor_kind, actor_account_id, action, route_class, subject_account_id, subject_id, ' +
    'incident_id, outcome',
  [],
);

function insertIf(
  entry: AuditEntry,
  outcome: string,
  condition: Sql,
  subjectAccount: Sql,
  incident: Sql,
): Sql {
  return sql`INSERT INTO audit (${COLUMNS})
    SELECT ${entry.id}, ${entry.at}, ${entry.listener}, ${entry.actorKind}, ${entry.actorAccountId ?? null},
      ${entry.action}, ${entry.routeClass ?? null}, ${subjectAccount}, ${entry.subjectId ?? null},
      ${incident}, ${outcome}
    WHERE ${condition}`;
}

const subjectOf = (entry: AuditEntry): Sql => sql`${entry.subjectAccountId ?? null}`;
const incidentOf = (entry: AuditEntry): Sql => sql`${entry.incidentId ?? null}`;

/**
 * Adds the decision to a script: the audit row, if `condition` holds now.
 *
 * @param subjectAccount an expression for the account that it is about, where only the database knows it.
 * @param incident likewise for the incident.
 * @returns the condition for every change that belongs to it.
 */
export function decide(
  script: Script,
  entry: AuditEntry,
  condition: Sql,
  subjectAccount: Sql = subjectOf(entry),
  incident: Sql = incidentOf(entry),
): Sql {
  script.step('decision', insertIf(entry, entry.outcome, condition, subjectAccount, incident));
  return sql`EXISTS (SELECT 1 FROM audit WHERE id = ${entry.id})`;
}

/**
 * Adds the row of a refusal, if nothing was decided. It comes last: the changes look for a row of this id.
 * @param incident as for {@link decide}
 */
export function refuse(
  script: Script,
  entry: AuditEntry,
  outcome: 'denied' | 'conflict',
  when = sql`true`,
  incident: Sql = incidentOf(entry),
): void {
  const undecided = sql`NOT EXISTS (SELECT 1 FROM audit WHERE id = ${entry.id}) AND ${when}`;
  script.step('refusal', insertIf(entry, outcome, undecided, subjectOf(entry), incident));
}

/** Whether the condition of {@link decide} held. */
export function decided(answer: Answer): boolean {
  return answer('decision')?.changes === 1;
}

function entryOf(row: Row): AuditEntry {
  const actorAccountId = row.optionalText('actor_account_id');
  const routeClass = row.optionalText('route_class');
  const subjectAccountId = row.optionalText('subject_account_id');
  const subjectId = row.optionalText('subject_id');
  const incidentId = row.optionalText('incident_id');
  return {
    id: row.text('id'),
    at: row.number('at'),
    listener: row.text('listener') as AuditEntry['listener'],
    actorKind: row.text('actor_kind') as AuditEntry['actorKind'],
    action: row.text('action') as AuditAction,
    outcome: row.text('outcome'),
    ...(actorAccountId !== undefined && { actorAccountId }),
    ...(routeClass !== undefined && { routeClass }),
    ...(subjectAccountId !== undefined && { subjectAccountId }),
    ...(subjectId !== undefined && { subjectId }),
    ...(incidentId !== undefined && { incidentId }),
  };
}

/** The audit on libSQL. */
export function auditStore(db: Db): AuditStore {
  return {
    async append(entry) {
      await write(db, insertIf(entry, entry.outcome, sql`true`, subjectOf(entry), incidentOf(entry)));
    },

    async list(before, limit) {
      const where = before === undefined ? sql`true` : sql`id < ${before}`;
      const found = await read(
        db,
        sql`SELECT ${COLUMNS} FROM audit WHERE ${where} ORDER BY id DESC LIMIT ${limit}`,
      );
      return allRows(found).map(entryOf);
    },
  };
}
