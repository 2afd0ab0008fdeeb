/**
 * What keeps sums and the sweep's neighbours as fast with a million rows as with ten.
 *
 * Append-only: an applied migration is never edited, a new one is added.
 */
import type { Migration } from '../migrate.ts';

export const growth: Migration = {
  id: '0012_growth',
  statements: [
    // Pastes are created in the order of time, so that this costs a create a few bytes at the end of one page.
    'CREATE INDEX pastes_by_creation ON pastes (created_at)',

    // How many pastes wait to be burned.
    'ALTER TABLE totals ADD COLUMN burning INTEGER NOT NULL DEFAULT 0 CHECK (burning >= 0)',
    `UPDATE totals SET burning = (SELECT count(*) FROM pastes WHERE burn = 1) WHERE room = 'pastes'`,
    `CREATE TRIGGER pastes_burning AFTER INSERT ON pastes WHEN NEW.burn = 1 BEGIN
      UPDATE totals SET burning = burning + 1 WHERE room = 'pastes';
    END`,
    `CREATE TRIGGER pastes_burning_changed AFTER UPDATE OF burn ON pastes WHEN OLD.burn <> NEW.burn BEGIN
      UPDATE totals SET burning = burning - OLD.burn + NEW.burn WHERE room = 'pastes';
    END`,
    `CREATE TRIGGER pastes_burned AFTER DELETE ON pastes WHEN OLD.burn = 1 BEGIN
      UPDATE totals SET burning = burning - 1 WHERE room = 'pastes';
    END`,

    // The staging quota is a sum over what is staged. Without this it reads whatever waits to be erased as well.
    `CREATE INDEX loose_blobs_staged ON loose_blobs (blob) WHERE state = 'staged'`,
  ],
};
