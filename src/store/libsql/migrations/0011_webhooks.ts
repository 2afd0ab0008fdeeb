/**
 * Events of pastes that are told to somebody else's server, and how that goes.
 *
 * Append-only: an applied migration is never edited, a new one is added.
 */
import type { Migration } from '../migrate.ts';

export const webhooks: Migration = {
  id: '0011_webhooks',
  statements: [
    `CREATE TABLE webhook_state (
      one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
      -- The events that are written down, with commas between them; '' where nobody wants any.
      events TEXT NOT NULL,
      -- Places in the queue.
      most INTEGER NOT NULL,
      waiting INTEGER NOT NULL CHECK (waiting >= 0),
      delivered INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      given_up INTEGER NOT NULL,
      dropped INTEGER NOT NULL,
      last_success_at INTEGER,
      last_failure_at INTEGER,
      last_failure TEXT
    ) STRICT`,
    `INSERT INTO webhook_state (one, events, most, waiting, delivered, failed, given_up, dropped)
      VALUES (1, '', 100000, 0, 0, 0, 0, 0)`,

    `CREATE TABLE webhook_outbox (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      -- msg_ and 32 hex digits.
      id TEXT NOT NULL CHECK (length(id) = 36),
      event TEXT NOT NULL CHECK
        (event IN ('paste.created', 'paste.read', 'paste.burned', 'paste.expired', 'paste.deleted')),
      -- The paste as it was then; it may be gone by now.
      ref TEXT NOT NULL CHECK (length(ref) = 32),
      size INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      -- When it happened.
      at INTEGER NOT NULL,
      -- Not before. NULL while an earlier event of the same paste waits.
      due_at INTEGER,
      -- Attempts that have begun.
      attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0)
    ) STRICT`,
    'CREATE INDEX webhook_outbox_due ON webhook_outbox (due_at, seq) WHERE due_at IS NOT NULL',
    'CREATE INDEX webhook_outbox_by_paste ON webhook_outbox (ref, seq)',

    // The bound, the counts and the order of a paste's events, so that no verb can forget them.
    `CREATE TRIGGER webhook_outbox_taken_in AFTER INSERT ON webhook_outbox BEGIN
      UPDATE webhook_state SET waiting = waiting + 1;
      DELETE FROM webhook_outbox WHERE seq = NEW.seq AND
        (SELECT waiting > CASE NEW.event WHEN 'paste.read' THEN most / 2 ELSE most END FROM webhook_state);
      UPDATE webhook_state SET dropped = dropped + 1
        WHERE NOT EXISTS (SELECT 1 FROM webhook_outbox WHERE seq = NEW.seq);
      UPDATE webhook_outbox SET due_at = NEW.at WHERE seq = NEW.seq AND
        NOT EXISTS (SELECT 1 FROM webhook_outbox AS e WHERE e.ref = NEW.ref AND e.seq < NEW.seq);
    END`,
    `CREATE TRIGGER webhook_outbox_let_go AFTER DELETE ON webhook_outbox BEGIN
      UPDATE webhook_state SET waiting = waiting - 1;
      UPDATE webhook_outbox SET due_at = at WHERE due_at IS NULL AND
        seq = (SELECT min(seq) FROM webhook_outbox WHERE ref = OLD.ref);
    END`,
  ],
};
