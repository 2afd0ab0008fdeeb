import type { Migration } from '../migrate.ts';
import { pastes } from './0001_pastes.ts';
import { accounts } from './0002_accounts.ts';
import { secretKey } from './0003_secret_key.ts';
import { registrationPasswords } from './0004_registration_passwords.ts';
import { incidents } from './0005_incidents.ts';
import { sharing } from './0006_sharing.ts';
import { log } from './0007_log.ts';
import { lettingGo } from './0008_letting_go.ts';
import { coordination } from './0009_coordination.ts';
import { objects } from './0010_objects.ts';
import { webhooks } from './0011_webhooks.ts';
import { growth } from './0012_growth.ts';
import { sessionUse } from './0013_session_use.ts';

/** Every migration in the order in which they are applied. Append only. */
export const migrations: readonly Migration[] = [
  pastes,
  accounts,
  secretKey,
  registrationPasswords,
  incidents,
  sharing,
  log,
  lettingGo,
  coordination,
  objects,
  webhooks,
  growth,
  sessionUse,
];
