import { sharedTargets } from '../support/shared-doors.ts';
import { bundleSuite } from './bundles.ts';

for (const target of sharedTargets) bundleSuite(target);
