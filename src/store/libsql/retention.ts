/** What time alone decides: closed incidents to delete, links and tombstones to forget. */
import type { Db } from '../db.ts';
import type { Due, RetentionStore } from '../letting-go.ts';
import { decide, decided } from './audit.ts';
import { nothingLeft } from './deletion-work.ts';
import { allRows, firstRow } from './rows.ts';
import { all, read, Script, Sql, sql } from './script.ts';

/** A part of a query that begins with FROM, and an order that its index has. */
interface Rule {
  readonly from: Sql;
  readonly id: string;
  readonly order: string;
}

const closedBy = (unchangedSince: number): Rule => ({
  from: sql`FROM incidents
    WHERE status = 'closed' AND deletion_state = 'active' AND updated_at <= ${unchangedSince}`,
  id: 'id',
  order: 'updated_at',
});

const expiredBy = (by: number): Sql =>
  sql`FROM viewer_tokens WHERE expires_at IS NOT NULL AND expires_at <= ${by}`;
const revokedBy = (by: number): Sql =>
  sql`FROM viewer_tokens WHERE revoked_at IS NOT NULL AND revoked_at <= ${by}`;

const tokensEndedBy = (by: number): Rule => ({
  from: sql`FROM (SELECT id ${expiredBy(by)} UNION SELECT id ${revokedBy(by)})`,
  id: 'id',
  order: 'id',
});

const tombstonesBy = (by: number): Rule => ({
  from: sql`FROM deletions WHERE state = 'deleted' AND completed_at <= ${by}`,
  id: 'incident_id',
  order: 'completed_at',
});

/** Retention on libSQL. */
export function retentionStore(db: Db): RetentionStore {
  async function first({ from, id, order }: Rule, limit: number): Promise<string[]> {
    const [column, by] = [new Sql(id, []), new Sql(order, [])];
    const found = await read(db, sql`SELECT ${column} AS id ${from} ORDER BY ${by} LIMIT ${limit}`);
    return allRows(found).map((row) => row.text('id'));
  }

  async function due(rule: Rule | undefined, limit: number): Promise<Due> {
    if (rule === undefined) return { count: 0, ids: [] };
    const count = firstRow(await read(db, sql`SELECT count(*) AS n ${rule.from}`))?.number('n') ?? 0;
    return { count, ids: await first(rule, limit) };
  }

  return {
    closedIncidents: (unchangedSince, limit) => first(closedBy(unchangedSince), limit),

    async pruneTokens(endedBy, limit, audit) {
      const script = new Script();
      const done = decide(
        script,
        audit,
        sql`EXISTS (SELECT 1 ${expiredBy(endedBy)}) OR EXISTS (SELECT 1 ${revokedBy(endedBy)})`,
      );
      for (const [step, ended] of [
        ['expired', sql`SELECT id ${expiredBy(endedBy)} ORDER BY expires_at LIMIT ${limit}`],
        ['revoked', sql`SELECT id ${revokedBy(endedBy)} ORDER BY revoked_at LIMIT ${limit}`],
      ] as const)
        script.step(step, sql`DELETE FROM viewer_tokens WHERE ${done} AND id IN (${ended})`);
      const answer = await script.run(db);
      return (answer('expired')?.changes ?? 0) + (answer('revoked')?.changes ?? 0);
    },

    tombstones: (endedBy, limit) => first(tombstonesBy(endedBy), limit),

    async pruneTombstone(incidentId, endedBy, audit) {
      const { from } = tombstonesBy(endedBy);
      const items = sql`SELECT 1 FROM deletion_items WHERE deletion_id IN
        (SELECT id FROM deletions WHERE incident_id = ${incidentId})`;
      const script = new Script();
      const done = decide(
        script,
        audit,
        all(
          sql`EXISTS (SELECT 1 ${from} AND incident_id = ${incidentId})`,
          sql`EXISTS (SELECT 1 FROM incidents WHERE id = ${incidentId} AND deletion_state = 'deleted')`,
          sql`NOT EXISTS (${items})`,
          nothingLeft(incidentId),
        ),
      );
      script.step('forget', sql`DELETE FROM deletions WHERE incident_id = ${incidentId} AND ${done}`);
      script.step('media', sql`DELETE FROM incident_media WHERE incident_id = ${incidentId} AND ${done}`);
      script.step('incident', sql`DELETE FROM incidents WHERE id = ${incidentId} AND ${done}`);
      return decided(await script.run(db));
    },

    async preview({ closedIncidents, tokens, tombstones }, limit) {
      return {
        closedIncidents: await due(
          closedIncidents === undefined ? undefined : closedBy(closedIncidents),
          limit,
        ),
        tokens: await due(tokens === undefined ? undefined : tokensEndedBy(tokens), limit),
        tombstones: await due(tombstones === undefined ? undefined : tombstonesBy(tombstones), limit),
      };
    },
  };
}
