/** The audit and its log, as JSON for an admin: ids, times and outcomes, signatures and hashes. */
import * as v from 'valibot';
import { checkpointFacts, listAudit, logFacts } from '../../core/operator-log.ts';
import type { AuditEntry } from '../../store/audit.ts';
import { json } from '../kit/reply.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import { adminApi } from '../kit/session.ts';
import { timestamp } from '../kit/time.ts';

const CLASS = 'admin_json';
const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const EntryView = v.strictObject({
  id: v.string(),
  at: time,
  listener: v.picklist(['main', 'admin', 'local']),
  actor_kind: v.picklist(['account', 'visitor', 'viewer', 'admin', 'operator', 'worker']),
  actor_account_id: v.optional(v.string()),
  action: v.string(),
  route_class: v.optional(v.string()),
  subject_account_id: v.optional(v.string()),
  subject_id: v.optional(v.string()),
  incident_id: v.optional(v.string()),
  outcome: v.string(),
});

function entryView(entry: AuditEntry): v.InferOutput<typeof EntryView> {
  return {
    id: entry.id,
    at: timestamp(entry.at),
    listener: entry.listener,
    actor_kind: entry.actorKind,
    ...(entry.actorAccountId !== undefined && { actor_account_id: entry.actorAccountId }),
    action: entry.action,
    ...(entry.routeClass !== undefined && { route_class: entry.routeClass }),
    ...(entry.subjectAccountId !== undefined && { subject_account_id: entry.subjectAccountId }),
    ...(entry.subjectId !== undefined && { subject_id: entry.subjectId }),
    ...(entry.incidentId !== undefined && { incident_id: entry.incidentId }),
    outcome: entry.outcome,
  };
}

export const audit = adminRoute({
  id: 'audit.list',
  method: 'GET',
  path: '/admin/api/audit',
  limit: CLASS,
  gate: adminApi,
  params: noParams,
  summary: 'What was done and refused, newest first; cursor and limit page through it.',
  answers: {
    200: {
      description: 'A page of the audit.',
      schema: v.strictObject({ entries: v.array(EntryView), cursor: v.optional(v.string()) }),
    },
  },
  faults: ['invalid_cursor', 'invalid_limit'],
  async reply({ deps, request }) {
    const { searchParams } = new URL(request.url);
    const page = await listAudit(deps, searchParams.get('cursor'), searchParams.get('limit'));
    return json(200, {
      entries: page.entries.map(entryView),
      ...(page.cursor !== undefined && { cursor: page.cursor }),
    });
  },
});

const CheckpointView = v.strictObject({
  size: count,
  root_hash: v.string(),
  note: v.string(),
  verifier_key: v.string(),
  created_at: time,
  timestamped: v.boolean(),
});

export const state = adminRoute({
  id: 'log.read',
  method: 'GET',
  path: '/admin/api/log',
  limit: CLASS,
  gate: adminApi,
  params: noParams,
  summary: 'The key that checkpoints are checked with, how long the log is, and its newest checkpoint.',
  answers: {
    200: {
      description: 'The log.',
      schema: v.strictObject({
        verifier_key: v.optional(v.string()),
        entries: count,
        checkpoint: v.optional(CheckpointView),
      }),
    },
  },
  faults: [],
  async reply({ deps }) {
    const { verifier, entries, latest } = await logFacts(deps);
    return json(200, {
      ...(verifier !== undefined && { verifier_key: verifier }),
      entries,
      ...(latest !== undefined && { checkpoint: checkpointFacts(latest) }),
    });
  },
});

export const logRoutes = [audit, state];
