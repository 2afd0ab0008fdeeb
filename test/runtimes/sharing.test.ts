import { sharedTargets } from '../support/shared-doors.ts';
import { sharingSuite } from './sharing.ts';

for (const target of sharedTargets) sharingSuite(target);
