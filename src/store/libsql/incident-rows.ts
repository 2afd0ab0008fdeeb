/** Incidents, check-ins and streams as rows. */
import type {
  Checkin,
  DeletionState,
  Incident,
  IncidentStatus,
  MediaType,
  Stream,
  StreamStatus,
} from '../incidents.ts';
import type { Row } from './rows.ts';
import { Sql } from './script.ts';

/** Every column of `incidents`. */
export const INCIDENT = new Sql(
  'id, owner_account_id, status, deletion_state, client_label, notes, incident_mode, capture_profile, ' +
    'escalation_policy, sharing_state, created_at, updated_at',
  [],
);

/** Reads the columns of an incident. */
export function incidentOf(row: Row): Incident {
  const ownerAccountId = row.optionalText('owner_account_id');
  const clientLabel = row.optionalText('client_label');
  const notes = row.optionalText('notes');
  const incidentMode = row.optionalText('incident_mode');
  const captureProfile = row.optionalText('capture_profile');
  const escalationPolicy = row.optionalText('escalation_policy');
  const sharingState = row.optionalText('sharing_state');
  return {
    id: row.text('id'),
    ...(ownerAccountId !== undefined && { ownerAccountId }),
    createdAt: row.number('created_at'),
    updatedAt: row.number('updated_at'),
    status: row.text('status') as IncidentStatus,
    ...(clientLabel !== undefined && { clientLabel }),
    ...(notes !== undefined && { notes }),
    deletionState: row.text('deletion_state') as DeletionState,
    ...(incidentMode !== undefined && { incidentMode }),
    ...(captureProfile !== undefined && { captureProfile }),
    ...(escalationPolicy !== undefined && { escalationPolicy }),
    ...(sharingState !== undefined && { sharingState }),
  };
}

/** What is shown of a check-in: not who wrote it. */
export const CHECKIN = new Sql(
  'id, incident_id, created_at, battery_percent, network, latitude, longitude, accuracy_meters',
  [],
);

/** Reads the columns of a check-in. */
export function checkinOf(row: Row): Checkin {
  const batteryPercent = row.optionalNumber('battery_percent');
  const network = row.optionalText('network');
  const latitude = row.optionalNumber('latitude');
  const longitude = row.optionalNumber('longitude');
  const accuracyMeters = row.optionalNumber('accuracy_meters');
  return {
    id: row.text('id'),
    incidentId: row.text('incident_id'),
    createdAt: row.number('created_at'),
    ...(batteryPercent !== undefined && { batteryPercent }),
    ...(network !== undefined && { network }),
    ...(latitude !== undefined && { latitude }),
    ...(longitude !== undefined && { longitude }),
    ...(accuracyMeters !== undefined && { accuracyMeters }),
  };
}

/** Every column of `streams`. */
export const STREAM = new Sql(
  'id, incident_id, media_type, label, status, expected_chunk_count, chunk_count, total_bytes, created_at, ' +
    'updated_at, completed_at, failed_at, failure_reason',
  [],
);

/** Reads the columns of a stream. */
export function streamOf(row: Row): Stream {
  const label = row.optionalText('label');
  const expectedChunkCount = row.optionalNumber('expected_chunk_count');
  const completedAt = row.optionalNumber('completed_at');
  const failedAt = row.optionalNumber('failed_at');
  const failureReason = row.optionalText('failure_reason');
  return {
    id: row.text('id'),
    incidentId: row.text('incident_id'),
    mediaType: row.text('media_type') as MediaType,
    ...(label !== undefined && { label }),
    status: row.text('status') as StreamStatus,
    ...(expectedChunkCount !== undefined && { expectedChunkCount }),
    createdAt: row.number('created_at'),
    updatedAt: row.number('updated_at'),
    ...(completedAt !== undefined && { completedAt }),
    ...(failedAt !== undefined && { failedAt }),
    ...(failureReason !== undefined && { failureReason }),
    chunkCount: row.number('chunk_count'),
    totalBytes: row.number('total_bytes'),
  };
}
