import { everyTarget } from '../support/both-doors.ts';
import { viewerSuite } from './viewer.ts';

for (const target of everyTarget) viewerSuite(target);
