import { sharedTargets } from '../support/shared-doors.ts';
import { incidentSuite } from './incidents.ts';

for (const target of sharedTargets) incidentSuite(target);
