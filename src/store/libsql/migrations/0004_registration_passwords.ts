/**
 * Each registration of a name and an address keeps its own password until its own link is followed: whoever
 * registered first must not have chosen the password of whoever proves the address.
 */
import type { Migration } from '../migrate.ts';

export const registrationPasswords: Migration = {
  id: '0004_registration_passwords',
  statements: [
    // Argon2id PHC string. NULL in tokens of before: those keep the password of the account.
    'ALTER TABLE email_verifications ADD COLUMN phc TEXT',
  ],
};
