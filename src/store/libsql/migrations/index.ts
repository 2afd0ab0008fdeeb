import type { Migration } from '../migrate.ts';
import { pastes } from './0001_pastes.ts';
import { accounts } from './0002_accounts.ts';

/** Every migration in the order in which they are applied. Append only. */
export const migrations: readonly Migration[] = [pastes, accounts];
