import { sharedTargets } from '../support/shared-doors.ts';
import { uploadSuite } from './uploads.ts';

for (const target of sharedTargets) uploadSuite(target);
