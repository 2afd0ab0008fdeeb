import { everyTarget } from '../support/both-doors.ts';
import { uploadSuite } from './uploads.ts';

for (const target of everyTarget) uploadSuite(target);
