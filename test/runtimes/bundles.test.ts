import { everyTarget } from '../support/both-doors.ts';
import { bundleSuite } from './bundles.ts';

for (const target of everyTarget) bundleSuite(target);
