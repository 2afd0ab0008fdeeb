/**
 * What carries deletions out, and what is decided about incidents that nobody owns.
 *
 * Append-only: an applied migration is never edited, a new one is added.
 */
import type { Migration } from '../migrate.ts';

export const lettingGo: Migration = {
  id: '0008_letting_go',
  statements: [
    // Who works on it: a fresh name for each claim, so that whoever was too slow finds out. NULL: nobody.
    'ALTER TABLE deletions ADD COLUMN lease TEXT CHECK (lease IS NULL OR length(lease) = 32)',
    // How often it came to nothing.
    'ALTER TABLE deletions ADD COLUMN failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0)',
    `CREATE INDEX deletions_ended ON deletions (completed_at) WHERE state = 'deleted'`,
    'CREATE INDEX deletion_items_by_state ON deletion_items (deletion_id, state)',

    // Decisions about incidents without an owner. No foreign keys: an event outlives what it speaks of.
    `CREATE TABLE reassignments (
      -- lra_ and a ULID.
      id TEXT NOT NULL PRIMARY KEY,
      incident_id TEXT NOT NULL,
      action TEXT NOT NULL CHECK (action IN ('assign_owner', 'keep_unowned')),
      new_owner_account_id TEXT,
      actor_account_id TEXT NOT NULL,
      reason_code TEXT NOT NULL CHECK (reason_code IN
        ('owner_verified', 'owner_request', 'operator_review', 'keep_admin_only', 'unknown_owner',
          'other_controlled')),
      source TEXT NOT NULL CHECK (source IN ('admin_api', 'admin_dashboard')),
      created_at INTEGER NOT NULL,
      completed_at INTEGER NOT NULL,
      CHECK ((new_owner_account_id IS NOT NULL) = (action = 'assign_owner'))
    ) STRICT`,
    'CREATE INDEX reassignments_by_incident ON reassignments (incident_id, id)',
    `CREATE TRIGGER reassignments_are_not_changed BEFORE UPDATE ON reassignments BEGIN
      SELECT RAISE(ABORT, 'what was decided about an incident is append-only');
    END`,
    `CREATE TRIGGER reassignments_are_not_removed BEFORE DELETE ON reassignments BEGIN
      SELECT RAISE(ABORT, 'what was decided about an incident is append-only');
    END`,
  ],
};
