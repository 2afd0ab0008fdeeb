import { everyTarget } from '../support/both-doors.ts';
import { accountSuite } from './accounts.ts';

for (const target of everyTarget) accountSuite(target);
