/** The decision to delete an incident as it looks on the wire, on both doors. */
import * as v from 'valibot';
import type { Deletion } from '../../store/incidents.ts';
import { timestamp } from './time.ts';

const time = v.pipe(v.string(), v.isoTimestamp());

export const DeletionView = v.strictObject({
  decision_id: v.string(),
  incident_id: v.string(),
  source: v.picklist(['account_request', 'admin_request', 'retention_policy']),
  reason_code: v.optional(v.string()),
  actor_account_id: v.optional(v.string()),
  allow_open: v.boolean(),
  state: v.picklist(['deletion_pending', 'deleting', 'deletion_failed', 'deleted']),
  item_count: v.pipe(v.number(), v.integer(), v.minValue(0)),
  error_code: v.optional(v.string()),
  requested_at: time,
  updated_at: time,
  started_at: v.optional(time),
  completed_at: v.optional(time),
});

export const DeletionAnswer = v.strictObject({ deletion: DeletionView });

export function deletionView(deletion: Deletion): v.InferOutput<typeof DeletionView> {
  return {
    decision_id: deletion.id,
    incident_id: deletion.incidentId,
    source: deletion.source,
    ...(deletion.reasonCode !== undefined && { reason_code: deletion.reasonCode }),
    ...(deletion.actorAccountId !== undefined && { actor_account_id: deletion.actorAccountId }),
    allow_open: deletion.allowOpen,
    state: deletion.state,
    item_count: deletion.itemCount,
    ...(deletion.errorCode !== undefined && { error_code: deletion.errorCode }),
    requested_at: timestamp(deletion.requestedAt),
    updated_at: timestamp(deletion.updatedAt),
    ...(deletion.startedAt !== undefined && { started_at: timestamp(deletion.startedAt) }),
    ...(deletion.completedAt !== undefined && { completed_at: timestamp(deletion.completedAt) }),
  };
}
