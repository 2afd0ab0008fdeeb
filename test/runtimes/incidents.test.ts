import { everyTarget } from '../support/both-doors.ts';
import { incidentSuite } from './incidents.ts';

for (const target of everyTarget) incidentSuite(target);
