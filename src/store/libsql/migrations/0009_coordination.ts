/**
 * What several processes of one deployment share: counts of requests, leases, and mail that one of them wrote and
 * another one sends.
 *
 * Append-only: an applied migration is never edited, a new one is added.
 */
import type { Migration } from '../migrate.ts';

export const coordination: Migration = {
  id: '0009_coordination',
  statements: [
    `CREATE TABLE rate_limits (
      -- Listener, class and a hashed peer.
      key TEXT NOT NULL PRIMARY KEY,
      hits INTEGER NOT NULL CHECK (hits > 0),
      -- The window's end.
      ends_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX rate_limits_by_end ON rate_limits (ends_at)',

    `CREATE TABLE leases (
      name TEXT NOT NULL PRIMARY KEY,
      -- A fresh name for each process.
      owner TEXT NOT NULL CHECK (length(owner) = 32),
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,

    `CREATE TABLE mail_outbox (
      id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32),
      -- The message under a key that the database does not hold, bound to the id.
      sealed BLOB NOT NULL,
      created_at INTEGER NOT NULL,
      -- Not before; moved on when an attempt begins.
      due_at INTEGER NOT NULL,
      -- Attempts that have begun.
      attempts INTEGER NOT NULL CHECK (attempts >= 0)
    ) STRICT`,
    'CREATE INDEX mail_outbox_due ON mail_outbox (due_at, id)',
    'CREATE INDEX mail_outbox_by_age ON mail_outbox (created_at)',
  ],
};
