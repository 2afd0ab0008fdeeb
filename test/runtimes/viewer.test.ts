import { sharedTargets } from '../support/shared-doors.ts';
import { viewerSuite } from './viewer.ts';

for (const target of sharedTargets) viewerSuite(target);
