/** The request to delete an incident, which both doors take in one form. */
import * as v from 'valibot';
import type { DeletionForm } from '../../core/deletion.ts';
import { JSON_FAULTS, readOptionalFields, type Timing } from './body.ts';
import { DeletionAnswer } from './deletion-view.ts';
import type { RouteNote } from './route.ts';

/** What a route that takes it says of itself. */
export const DELETION_REQUEST = {
  body: {
    description: 'Why, as a word for machines, and whether an open incident is meant too.',
    types: [],
    json: v.strictObject({ reason_code: v.optional(v.string()), allow_open: v.optional(v.boolean()) }),
  },
  answers: { 202: { description: 'Decided; the bytes go afterwards.', schema: DeletionAnswer } },
  faults: [...JSON_FAULTS, 'invalid_reason_code', 'incident_not_found', 'incident_deletion_invalid_state'],
} as const satisfies Partial<RouteNote>;

/** What is asked for, unchecked. @throws Fault one of {@link JSON_FAULTS} */
export async function readDeletionForm(request: Request, deps: Timing): Promise<DeletionForm> {
  const fields = await readOptionalFields(request, deps, ['reason_code', 'allow_open']);
  return { reasonCode: fields.reason_code, allowOpen: fields.allow_open };
}
