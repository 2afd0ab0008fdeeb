import { everyTarget } from '../support/both-doors.ts';
import { sharingSuite } from './sharing.ts';

for (const target of everyTarget) sharingSuite(target);
