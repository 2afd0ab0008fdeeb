/** Every reader of bytes that strangers wrote. */
import { ageReaders } from './ages.ts';
import { answerReaders } from './answers.ts';
import { backupReaders } from './backups.ts';
import { timestampReader } from './bundle-timestamps.ts';
import { bundleReaders } from './bundles.ts';
import { operatorReaders } from './operators.ts';
import type { Reader } from './reader.ts';
import { requestReaders } from './requests.ts';
import { sealedReaders } from './sealed.ts';
import { settingsReaders } from './settings.ts';

export const readers: readonly Reader[] = [
  ...sealedReaders,
  ...requestReaders,
  ...settingsReaders,
  ...operatorReaders,
  ...ageReaders,
  ...answerReaders,
  ...bundleReaders,
  timestampReader,
  ...backupReaders,
];
