/** Which secret key this database belongs to, without holding anything of it. */
import type { Migration } from '../migrate.ts';

export const secretKey: Migration = {
  id: '0003_secret_key',
  statements: [
    `CREATE TABLE secret_key (
      -- One row at most.
      one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
      -- HMAC of a fixed text under a subkey: another key gives another value.
      check_value TEXT NOT NULL CHECK (length(check_value) = 64)
    ) STRICT`,
  ],
};
